"""A mail as its writer meant it: who they say they are, and the lines that are their own."""

import re
from dataclasses import dataclass
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.utils import getaddresses

from digestd.replies.bounces.formats import automatic
from digestd.replies.bounces.parsed_mail import TEXT_MAX, Fields, Mail, encodable
from digestd.replies.commands.authentication import NOBODY, Authentication, read_authentication
from digestd.replies.commands.html_text import lines_of_html

LINES_MAX = 40
SUBJECT_MAX = 300
RECIPIENTS_MAX = 20
_BULK = frozenset({"bulk", "list", "junk", "auto_reply", "auto-reply"})
_LISTS = ("list-id", "list-unsubscribe", "list-post", "list-help", "mailing-list", "x-mailing-list")
_ROBOTS = re.compile(r"(no-?reply|do-?not-?reply|bounces?|root|.*-(request|owner|bounces)|owner-.*)", re.IGNORECASE)
_BARE = re.compile(r"[^\s<>,;:\"@]{1,64}@[^\s<>,;:\"@]{1,255}")
_ANGLED = re.compile(r"([^<>]{0,500})<([^\s<>,;:\"@]{1,64}@[^\s<>,;:\"@]{1,255})>")
_QUOTED = re.compile(r'"(?:[^"\\]|\\.){0,200}"')
_MESSAGE_ID = re.compile(r"<[!#-;=?-~]{1,250}>")
_QUOTE_HEAD = re.compile(
    r"-{2,}\s*(original|ursprüngliche|forwarded|weitergeleitete|reply|antwort)"
    r"|(on|am|le|el|op|il)\b.*\d|_{5,}$|(from|von|de|sent|gesendet|betreff|subject)\s*:\s",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Letter:
    """`sender`: the one address it says it is from, empty where it says none or several; never proof of anything.

    `automatic`: a machine wrote it or passed it to many, so nothing may answer it (RFC 3834 section 2).
    `id`: its Message-ID, empty where that cannot stand in a header of ours. `recipients`: the addresses in its `To`
    and `Cc`, lower-case. `authentication`: what the server that received it says of the sender.
    """

    sender: str
    subject: str
    lines: tuple[str, ...]
    automatic: bool
    id: str = ""
    recipients: tuple[str, ...] = ()
    authentication: Authentication = NOBODY


@dataclass(frozen=True, slots=True)
class Incoming:
    """A letter that came in: the addresses it was sent to, the Message-IDs it speaks of, and its own fingerprint."""

    letter: Letter
    to: tuple[str, ...]
    ids: tuple[str, ...]
    fingerprint: str


def read_letter(mail: Mail) -> Letter:
    """The letter in a mail that was taken apart within bounds."""
    fields = mail.fields
    sender = _sender(fields)
    return Letter(
        sender=sender,
        subject=_subject(fields.first("subject")),
        lines=tuple(_own(_lines(mail)))[:LINES_MAX],
        automatic=_is_automatic(mail, sender),
        id=fields.first("message-id") if _MESSAGE_ID.fullmatch(fields.first("message-id")) else "",
        recipients=_recipients(fields),
        authentication=read_authentication(mail.stamps),
    )


def is_within_limits(letter: Letter) -> bool:
    """Return True if `read_letter` could have returned this letter: its texts fit where replies quote them."""
    texts = (letter.subject, *letter.lines)
    return (
        (not letter.sender or _BARE.fullmatch(letter.sender) is not None)
        and (not letter.id or _MESSAGE_ID.fullmatch(letter.id) is not None)
        and len(letter.subject) <= SUBJECT_MAX
        and len(letter.lines) <= LINES_MAX
        and len(letter.recipients) <= RECIPIENTS_MAX
        and all(len(text) <= TEXT_MAX and text == " ".join(encodable(text).split()) for text in texts)
    )


def _sender(fields: Fields) -> str:
    """`From` is read strictly: what two readers could take for two addresses is none."""
    said = fields.all("from")
    if len(said) != 1:
        return ""
    value = said[0].strip()
    if _BARE.fullmatch(value):
        return value
    angled = _ANGLED.fullmatch(value)
    if angled is None:
        return ""
    name = _QUOTED.sub("", angled[1]).strip()
    is_one = name.lower() == angled[2].lower() or not any(mark in name for mark in '@,;:"')
    return angled[2] if is_one else ""


def _recipients(fields: Fields) -> tuple[str, ...]:
    """Return the addresses that `To` and `Cc` name."""
    named = [address.lower() for _, address in getaddresses(fields.all("to", "cc")) if address]
    return tuple(dict.fromkeys(named))[:RECIPIENTS_MAX]


def _subject(raw: str) -> str:
    try:
        text = str(make_header(decode_header(raw[:SUBJECT_MAX])))
    except (HeaderParseError, LookupError, ValueError):
        text = raw
    return " ".join(encodable(text[:SUBJECT_MAX]).split())


def _lines(mail: Mail) -> list[str]:
    plain = [line for part in mail.parts if part.type == "text/plain" for line in part.text.splitlines()]
    if any(line.strip() for line in plain):
        return plain
    return [line for part in mail.parts if part.type == "text/html" for line in lines_of_html(part.text)]


def _own(lines: list[str]) -> list[str]:
    """Up to a signature (RFC 3676 section 4.3) or to where the mail that is answered begins."""
    own: list[str] = []
    for line in lines:
        text = " ".join(line.split())
        if text == "--" or _QUOTE_HEAD.match(text):
            break
        if text and not text.startswith((">", "|")):
            own.append(text)
    return own


def _is_automatic(mail: Mail, sender: str) -> bool:
    fields = mail.fields
    return (
        mail.is_from_a_system
        or automatic.read(mail) is not None
        or fields.first("precedence").lower() in _BULK
        or any(fields.first(name) for name in _LISTS)
        or "<>" in fields.all("return-path")
        or mail.kind == "multipart/report"
        or _ROBOTS.fullmatch(sender.partition("@")[0]) is not None
    )
