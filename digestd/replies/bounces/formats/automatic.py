"""Recognise automatic replies (RFC 3834), read receipts and challenges.

They go to the return path like bounces, but say nothing about the address. Mail systems (Exim, DragonFly) mark bounces
as automatic replies too, so their mails count as such only by other signs.
"""

import re

from digestd.replies.bounces.parsed_mail import ParsedMail
from digestd.replies.bounces.report import BounceReport

_IGNORED = BounceReport(None)
_AUTO_REPLY_HEADERS = (
    "x-autoreply", "x-autorespond", "x-autoresponse", "x-auto-reply-from", "x-mail-autoreply", "x-boxtrapper",
    "x-tmda-fingerprint", "x-challenge",
)  # fmt: skip
_PRECEDENCE = frozenset({"auto_reply", "auto-reply", "junk"})
_REPORT_TYPES = frozenset({"disposition-notification"})
_SUBJECT = re.compile(
    r"out[- ]of[- ](the )?office|on vacation|auto(matic)?[ -]?(reply|response|answer)|automatische[ _]antwort|abwesen"
    r"|\S{0,30}ponse[ _]automatique|absence du bureau|respuesta[ _]autom|fuera de (la )?oficina"
    r"|risposta[ _]autom|resposta[ _]autom"
    r"|(please )?(confirm|verify) (your|this) (e-?mail|message|address)|sender (verification|confirmation)"
    r"|your (e-?mail|message) requires (verification|confirmation)|challenge[ -]response",
    re.IGNORECASE,
)


def parse(mail: ParsedMail) -> BounceReport | None:
    """Return a report of kind None for an automatic reply; None for any other mail."""
    fields, subject = mail.fields, mail.fields.first("subject")
    if any(fields.first(name) for name in _AUTO_REPLY_HEADERS):
        return _IGNORED
    if mail.is_from_mail_system:  # its subject may quote ours
        return _IGNORED if _SUBJECT.match(subject) else None
    submitted = fields.first("auto-submitted").lower()
    is_automatic = (
        (submitted and not submitted.startswith("no"))
        or fields.first("x-auto-response-suppress")
        or mail.report_type in _REPORT_TYPES
        or fields.first("precedence").lower() in _PRECEDENCE
        or _SUBJECT.search(subject)
    )
    return _IGNORED if is_automatic else None
