"""Complaints by way of the reader's provider: abuse reporting format (RFC 5965, types of RFC 6430).

A report about DKIM or DMARC comes in the same form (RFC 6591) and is no complaint; neither is `not-spam`.
"""

from digestd.domain.bounce import BounceKind
from digestd.replies.bounces.parsed_mail import Mail
from digestd.replies.bounces.report import Finding

_TYPE = "message/feedback-report"
_COMPLAINTS = frozenset({"abuse", "fraud", "virus", "opt-out", "opt-out-list", "miscategorized"})
_NONE = frozenset({"not-spam", "auth-failure", "dmarc", "dkim"})


def read(mail: Mail) -> Finding | None:
    """The complaint; a finding of nothing for a report that is none; None for any other mail."""
    groups = [fields for kind, fields in mail.groups if kind == _TYPE]
    if not groups:
        return None
    said = {value.split(";")[0].strip().lower() for group in groups for value in group.all("feedback-type")}
    envelopes = tuple(value for group in groups for value in group.all("original-mail-from", "original-envelope-id"))
    if said & _COMPLAINTS:
        return Finding(BounceKind.COMPLAINT, "", envelopes)
    return Finding(None) if said & _NONE else None
