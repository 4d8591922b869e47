"""A whole mail: its headers, and the two bodies between their edges."""

import hashlib
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.header import Header
from email.utils import format_datetime
from functools import lru_cache
from typing import TypeAlias
from urllib.parse import quote

from digestd.errors import BadInput
from digestd.mail.quoted_printable import quoted_printable

Content: TypeAlias = str | Sequence[bytes]
"""A body as text, or in pieces that are encoded already (see `body.quoted_printable_fragment`)."""

SUBJECT_MAX = 200
NAME_MAX = 60
LINE_MAX = 998
_COLUMNS = 75
_UNSEEN = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    r"\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\uffff\ud800-\udfff\U000e0000-\U000e0fff]"
)
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,255}", re.ASCII)
_URL = re.compile(r"https?://[!#-;=?-~]{1,800}", re.ASCII)
_MESSAGE_ID = re.compile(r"<[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,200}@[A-Za-z0-9.-]{1,255}>", re.ASCII)
_ANSWERED = re.compile(r"<[!#-;=?-~]{1,250}>", re.ASCII)
_HOST = re.compile(r"[A-Za-z0-9.-]{1,255}", re.ASCII)
_PLAIN_PHRASE = re.compile(r"[A-Za-z0-9 !#$%&'*+/=?^_`{|}~-]+", re.ASCII)
_LEADING_DOT = re.compile(rb"\n\.")
_ROW = re.compile(rb"[^\x00-\x20\x7f:][^\x00-\x1f\x7f]{0,%d}" % (LINE_MAX - 1))
_FOLDED_ROW = re.compile(rb"(?= *[^ ]) [^\x00-\x1f\x7f]{0,%d}" % (LINE_MAX - 1))
_PLAIN, _HTML = (
    f'\r\nContent-Type: text/{kind}; charset="utf-8"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n'.encode()
    for kind in ("plain", "html")
)


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A name for people and an address (RFC 5322 section 3.4)."""

    name: str
    address: str


@dataclass(frozen=True, slots=True)
class Headers:
    """What every mail says of itself. `date` is aware; `message_id` has its angle brackets.

    `answers`: the Message-ID of the mail that this one answers, empty where it answers none.
    """

    from_: Mailbox
    to: str
    reply_to: str
    subject: str
    date: datetime
    message_id: str
    answers: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestHeaders(Headers):
    """What a digest says besides: of the list it belongs to, and how to leave it in one click.

    `list_id` is the host of List-Id, e.g. `digest.example.org`. The URLs are absolute, or all of them empty in an
    install without a web address. `unsubscribe_mailbox`: where a mail leaves the list by itself, if there is such a
    place.
    """

    list_name: str
    list_id: str
    unsubscribe_url: str
    view_url: str
    home_url: str
    owner: str
    unsubscribe_mailbox: str = ""


def compose_digest(headers: DigestHeaders, text: Content, html: Content) -> bytes:
    """Return a digest as bytes.

    Args:
        headers: what the mail says about itself.
        text: the plain body, as text or already as quoted-printable in pieces.
        html: the HTML body, likewise.

    Raises:
        BadInput: an address, URL or id cannot stand in a header.
    """
    if not headers.unsubscribe_url:
        return _assemble(_by_mail_alone(headers), headers.message_id, text, html)
    unsubscribe = f"<{_checked(_URL, headers.unsubscribe_url)}>{_by_mail(headers)}"
    archive = f"<{_checked(_URL, headers.view_url)}>"
    block = [
        *_common(headers),
        _header("List-Unsubscribe", unsubscribe),
        *_of_list(headers.list_name, headers.list_id, headers.home_url, headers.owner),
        _header("List-Archive", archive),
        _OF_BULK,
    ]
    return _assemble(block, headers.message_id, text, html)


def _by_mail(headers: DigestHeaders) -> str:
    """The other way to leave (RFC 2369); none is named where nobody reads what arrives there."""
    return f", {_mailto(headers.unsubscribe_mailbox, 'unsubscribe')}" if headers.unsubscribe_mailbox else ""


def _by_mail_alone(headers: DigestHeaders) -> list[bytes]:
    """Without a web address there is no one click (RFC 8058) and no archive; a mail does the rest (RFC 2369)."""
    return [
        *_common(headers),
        _header("List-Unsubscribe", _mailto(headers.unsubscribe_mailbox, "unsubscribe")),
        _header("List-Id", _phrase("List-Id", headers.list_name, _checked(_HOST, headers.list_id))),
        _header("List-Help", _mailto(headers.reply_to, "help")),
        _header("List-Subscribe", _mailto(headers.reply_to, "subscribe")),
        _header("List-Owner", _mailto(headers.owner)),
        _OF_BULK,
    ]


def _mailto(address: str, subject: str = "") -> str:
    return f"<mailto:{quote(_checked(_ADDRESS, address), safe='@+')}{f'?subject={subject}' if subject else ''}>"


def compose_notice(headers: Headers, text: Content, html: Content) -> bytes:
    """A mail to one person that belongs to no list: a confirmation, a goodbye, a reply."""
    return _assemble([*_common(headers), *_answering(headers)], headers.message_id, text, html)


def _answering(headers: Headers) -> list[bytes]:
    """What an automatic answer says of itself (RFC 3834 section 3.1)."""
    if not headers.answers:
        return [_OF_MACHINE]
    answered = _checked(_ANSWERED, headers.answers)
    return [_header(name, answered) for name in ("In-Reply-To", "References")] + [_OF_ANSWER]


def header_text(text: str, limit: int = SUBJECT_MAX) -> str:
    """Untrusted words made safe for a header: one visible line that no reader takes for an encoded word."""
    text = unicodedata.normalize("NFC", _UNSEEN.sub(" ", text[: 4 * limit]))
    text = " ".join(text.replace("=?", "= ?").split())
    if len(text) > limit:
        text = f"{text[: limit - 1].rstrip()}…"
    return text or "(untitled)"


def dot_stuffed(message: bytes) -> bytes:
    """The message with each line's leading dot doubled (RFC 5321 section 4.5.2)."""
    if _LEADING_DOT.search(message):  # ours never has: looking costs a third of replacing nothing
        message = message.replace(b"\r\n.", b"\r\n..")
    return b"." + message if message.startswith(b".") else message


def _common(headers: Headers) -> list[bytes]:
    return [
        _from(headers.from_.name, headers.from_.address),
        _header("To", _checked(_ADDRESS, headers.to)),
        _reply_to(headers.reply_to),
        _date(headers.date),
        _header("Message-ID", _checked(_MESSAGE_ID, headers.message_id)),
        _subject(headers.subject),
    ]


@lru_cache(maxsize=64)
def _from(name: str, address: str) -> bytes:
    return _header("From", _phrase("From", name, _checked(_ADDRESS, address)))


@lru_cache(maxsize=64)
def _reply_to(address: str) -> bytes:
    return _header("Reply-To", _checked(_ADDRESS, address))


@lru_cache(maxsize=64)
def _date(at: datetime) -> bytes:
    return _header("Date", format_datetime(at))


@lru_cache(maxsize=4096)  # few first papers, many readers
def _subject(subject: str) -> bytes:
    return _header("Subject", _encoded("Subject", header_text(subject)))


@lru_cache(maxsize=64)
def _of_list(name: str, list_id: str, home: str, owner: str) -> tuple[bytes, ...]:
    """What a digest says of its list, whoever gets it."""
    front = f"<{_checked(_URL, home)}>"
    return (
        _header("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
        _header("List-Id", _phrase("List-Id", name, _checked(_HOST, list_id))),
        _header("List-Help", front),
        _header("List-Subscribe", front),
        _header("List-Owner", _mailto(owner)),
    )


def _checked(form: re.Pattern[str], value: str) -> str:
    """A value that goes into a header as it is: it is refused rather than repaired."""
    if not form.fullmatch(value):
        raise BadInput(f"{value[:80]!r} cannot stand in a mail header; correct the address, URL or host")
    return value


def _phrase(header: str, name: str, address: str) -> str:
    """`Name <address>`: the name as atoms, quoted, or in encoded words; no name, no phrase."""
    if not name.strip():
        return f"<{address}>"
    name = header_text(name, NAME_MAX)
    if not name.isascii():
        name = _encoded(header, name)
    elif not _PLAIN_PHRASE.fullmatch(name):
        name = '"' + re.sub(r'(["\\])', r"\\\1", name) + '"'
    fits = len(header) + len(name.rpartition("\n")[2]) + len(address) < 72
    return f"{name}{' ' if fits else chr(13) + chr(10) + ' '}<{address}>"


def _encoded(header: str, text: str) -> str:
    """Text folded at 75 columns; encoded words (RFC 2047) only if it is not ASCII."""
    if not text.isascii():
        return Header(text, "utf-8", maxlinelen=_COLUMNS, header_name=header).encode(linesep="\r\n")
    folded, column = "", len(header) + 1
    for word in text.split(" "):
        fits = not folded or column + 1 + len(word) <= _COLUMNS
        folded += f" {word}" if fits else f"\r\n {word}"
        column = (column if fits else 0) + 1 + len(word)
    return folded[1:]


def _assemble(block: Sequence[bytes], message_id: str, text: Content, html: Content) -> bytes:
    boundary = f"=_{hashlib.sha256(message_id.encode()).hexdigest()[:32]}"
    edge = f"--{boundary}".encode()
    return b"".join(
        [
            *block,
            f'MIME-Version: 1.0\r\nContent-Type: multipart/alternative;\r\n boundary="{boundary}"\r\n\r\n'.encode(),
            edge,
            _PLAIN,
            *_pieces(text),
            b"\r\n",
            edge,
            _HTML,
            *_pieces(html),
            b"\r\n",
            edge,
            b"--\r\n",
        ]
    )


def _pieces(body: Content) -> Sequence[bytes]:
    return [quoted_printable(body)] if isinstance(body, str) else body


def _header(name: str, value: str) -> bytes:
    """One header as bytes: it starts a line, no other of its lines starts one, and none is too long."""
    line = f"{name}: {value}".encode("ascii")
    if not (_ROW.fullmatch(line) or _folds(line)):
        raise BadInput(f"the header {name}: {value[:100]} does not hold together; this is an error in digestd")
    return line + b"\r\n"


def _folds(line: bytes) -> bool:
    first, *rows = line.split(b"\r\n")
    return bool(_ROW.fullmatch(first)) and all(_FOLDED_ROW.fullmatch(row) for row in rows)


_OF_MACHINE = _header("Auto-Submitted", "auto-generated")
_OF_ANSWER = _header("Auto-Submitted", "auto-replied")
_OF_BULK = _header("List-Post", "NO") + _OF_MACHINE + _header("Precedence", "bulk")
