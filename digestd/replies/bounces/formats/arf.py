"""Parse complaints in the abuse reporting format (RFC 5965, RFC 6430).

Outlook.com's Junk Mail Reporting Program (JMRP) returns the mail itself, with the recipient in
`X-HmXmrOriginalRecipient`.

Reports about DKIM or DMARC use the same format (RFC 6591) but are no complaints; neither is `not-spam`.
"""

from digestd.domain.bounce import BounceKind
from digestd.replies.bounces.parsed_mail import ParsedMail
from digestd.replies.bounces.report import BounceReport

_TYPE = "message/feedback-report"
_COMPLAINTS = frozenset({"abuse", "fraud", "virus", "opt-out", "opt-out-list", "miscategorized"})
_JMRP_RECIPIENT = "x-hmxmroriginalrecipient"
_IGNORED = frozenset({"not-spam", "auth-failure", "dmarc", "dkim"})


def parse(mail: ParsedMail) -> BounceReport | None:
    """Return the complaint, or kind None for other feedback types."""
    if any(fields.first(_JMRP_RECIPIENT) for fields in (mail.fields, mail.returned_headers)):
        return BounceReport(BounceKind.COMPLAINT)
    groups = [fields for kind, fields in mail.report_groups if kind == _TYPE]
    if not groups:
        return None
    feedback_types = {value.split(";")[0].strip().lower() for group in groups for value in group.all("feedback-type")}
    envelopes = tuple(value for group in groups for value in group.all("original-mail-from", "original-envelope-id"))
    if feedback_types & _COMPLAINTS:
        return BounceReport(BounceKind.COMPLAINT, "", envelopes)
    return BounceReport(None) if feedback_types & _IGNORED else None
