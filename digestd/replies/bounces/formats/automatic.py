"""Automatic answers (RFC 3834): out of office, receipts, and challenges that ask the sender to prove himself.

They go to the return path like bounces do, and say nothing of the address.
"""

import re

from digestd.replies.bounces.parsed_mail import Mail
from digestd.replies.bounces.report import Finding

_NOTHING = Finding(None)
_MARKS = (
    "x-autoreply", "x-autorespond", "x-autoresponse", "x-auto-reply-from", "x-mail-autoreply", "x-boxtrapper",
    "x-auto-response-suppress", "x-tmda-fingerprint", "x-challenge",
)  # fmt: skip
_PRECEDENCE = frozenset({"auto_reply", "auto-reply", "junk"})
_REPORTS = frozenset({"disposition-notification"})
_SUBJECT = re.compile(
    r"out of (the )?office|auto(matic)?[ -]?(reply|response|answer)|abwesen|absence du bureau|fuera de (la )?oficina"
    r"|(please )?(confirm|verify) (your|this) (e-?mail|message|address)|sender (verification|confirmation)"
    r"|your (e-?mail|message) requires (verification|confirmation)|challenge[ -]response",
    re.IGNORECASE,
)


def read(mail: Mail) -> Finding | None:
    """A finding of nothing for an automatic answer; None for any other mail."""
    fields = mail.fields
    submitted = fields.first("auto-submitted").lower()
    if submitted and not submitted.startswith("no"):
        return _NOTHING
    if any(fields.first(mark) for mark in _MARKS) or mail.report in _REPORTS:
        return _NOTHING
    if fields.first("precedence").lower() in _PRECEDENCE or _SUBJECT.search(fields.first("subject")):
        return _NOTHING
    return None
