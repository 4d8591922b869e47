"""Parse free-text bounces of qmail, Exim, Exchange and others by flufl.bounce.

Only mail from mail systems is parsed, because a reply by a person may quote anything. flufl.bounce gets a new message
that holds only the plain text, bounded in size and line length: its patterns were not written for hostile input.

Source: https://fluflbounce.readthedocs.io/
"""

import re
from email.message import Message
from email.policy import compat32

from flufl.bounce import all_failures

from digestd.domain.bounce import BounceKind
from digestd.domain.bounce_status import kind_of, status_in
from digestd.replies.bounces.parsed_mail import ParsedMail
from digestd.replies.bounces.report import BounceReport

_HEADERS = ("from", "subject", "x-failed-recipients", "to", "x-mailer")
_TEXT_CHARS_MAX = 16 * 1024
_ORIGINAL = re.compile(
    r"^-{2,} *(below|original|returned|this is a copy|the header)|^-+ ?(original message|returned mail|start of)"
    r"|^(your message reads|original message follows)",
    re.IGNORECASE | re.MULTILINE,
)


def parse(mail: ParsedMail) -> BounceReport | None:
    """Return the failure that the text describes, or None if it is not recognised."""
    if not mail.is_from_mail_system:
        return None
    text = _without_original(mail.plain_text[:_TEXT_CHARS_MAX])
    try:
        delayed, failed = all_failures(_bounded_message(mail))
    except Exception:  # a detector that fails has not understood the mail
        return None
    if failed or (mail.fields.first("x-failed-recipients") and not delayed):
        return BounceReport(kind_of("", text), status_in(text))
    return BounceReport(BounceKind.DELAYED, status_in(text)) if delayed else None


def _without_original(text: str) -> str:
    """Cut off the copy of our own mail, whose words would be misread as a bounce."""
    copy = _ORIGINAL.search(text)
    return text[: copy.start()] if copy else text


def _bounded_message(mail: ParsedMail) -> "Message[str, str]":
    """Return a new message with the plain text and few headers, for flufl.bounce."""
    message: Message[str, str] = Message(policy=compat32)
    for name in _HEADERS:
        for value in mail.fields.all(name)[:1]:
            message[name] = value
    message.set_type(mail.content_type if mail.content_type.startswith("text/") else "text/plain")
    message.set_payload(mail.plain_text[:_TEXT_CHARS_MAX].encode("ascii", "replace").decode())
    return message
