"""Bounces in free words: what qmail, old Exchange, Exim and many others write, recognised by flufl.bounce.

Only mail systems are listened to: a person's answer may quote anything. flufl.bounce gets a mail
made anew of the readable text alone, bounded in size and line length, as its patterns were not
made for hostile lines.
"""

import re
from email.message import Message
from email.policy import compat32

from flufl.bounce import all_failures

from digestd.domain.bounce import BounceKind
from digestd.domain.bounce_status import kind_of, status_in
from digestd.replies.bounces.parsed_mail import Mail
from digestd.replies.bounces.report import Finding

_PASSED_ON = ("from", "subject", "x-failed-recipients", "to", "x-mailer")
_WORDS_MAX = 16 * 1024
_COPY = re.compile(
    r"^-{2,} *(below|original|returned|this is a copy|the header)|^-+ ?(original message|returned mail|start of)"
    r"|^(your message reads|original message follows)",
    re.IGNORECASE | re.MULTILINE,
)


def read(mail: Mail) -> Finding | None:
    """What the mail system says in its words; None where none is recognised."""
    if not mail.is_from_a_system:
        return None
    words = _own(mail.words[:_WORDS_MAX])
    try:
        delayed, failed = all_failures(_bounded(mail))
    except Exception:  # whatever a detector stumbles over, it has not understood the mail
        return None
    if failed or (mail.fields.first("x-failed-recipients") and not delayed):
        return Finding(kind_of("", words), status_in(words))
    return Finding(BounceKind.DELAYED, status_in(words)) if delayed else None


def _own(words: str) -> str:
    """Without the copy of our mail below: that has words of its own."""
    copy = _COPY.search(words)
    return words[: copy.start()] if copy else words


def _bounded(mail: Mail) -> "Message[str, str]":
    made: Message[str, str] = Message(policy=compat32)
    for name in _PASSED_ON:
        for value in mail.fields.all(name)[:1]:
            made[name] = value
    made.set_type(mail.kind if mail.kind.startswith("text/") else "text/plain")
    made.set_payload(mail.words[:_WORDS_MAX].encode("ascii", "replace").decode())
    return made
