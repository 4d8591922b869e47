"""MIME: the bytes of one mail, ready for SMTP's DATA but for dot-stuffing.

A function of its arguments alone: the same mail is the same bytes in every attempt. Written
out directly, for speed and because stdlib's folding breaks what it must not touch (a long
List-Unsubscribe becomes an encoded word) and, before Python 3.11.10, lets an encoded word in a
title become a header (CVE-2024-6923). stdlib's parser is the oracle in the tests.

    headers   RFC 5322, 2047, 2369 and 8058 (lists), 2919 (List-Id), 3834 (Auto-Submitted)
    body      RFC 2046 multipart/alternative, text first; quoted-printable, lines ≤ 76 (RFC 2045)
"""

import binascii
import hashlib
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from email.header import Header
from email.utils import format_datetime
from functools import lru_cache
from urllib.parse import quote

from digestd.domain.mail import Body
from digestd.errors import BadInput

SUBJECT_MAX = 200
NAME_MAX = 60
LINE_MAX = 998
_UNSEEN = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    r"\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\uffff\ud800-\udfff\U000e0000-\U000e0fff]"
)
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,255}", re.ASCII)
_URL = re.compile(r"https?://[!#-;=?-~]{1,800}", re.ASCII)
_MESSAGE_ID = re.compile(r"<[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,200}@[A-Za-z0-9.-]{1,255}>", re.ASCII)
_HOST = re.compile(r"[A-Za-z0-9.-]{1,255}", re.ASCII)
_PLAIN_PHRASE = re.compile(r"[A-Za-z0-9 !#$%&'*+/=?^_`{|}~-]+", re.ASCII)
_RISKY_START = re.compile(rb"^(?:\.{1,24}|From )", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A name for people and an address (RFC 5322 section 3.4)."""

    name: str
    address: str


@dataclass(frozen=True, slots=True)
class Headers:
    """What every mail says of itself. `date` is aware; `message_id` has its angle brackets."""

    from_: Mailbox
    to: str
    reply_to: str
    subject: str
    date: datetime
    message_id: str


@dataclass(frozen=True, slots=True)
class DigestHeaders(Headers):
    """What a digest says besides: of the list it belongs to, and how to leave it in one click.

    `list_id` is the host of List-Id, e.g. `digest.example.org`; the URLs are absolute. `unsubscribe_mailbox`:
    where a mail leaves the list by itself, where there is such a place.
    """

    list_name: str
    list_id: str
    unsubscribe_url: str
    view_url: str
    home_url: str
    owner: str
    unsubscribe_mailbox: str = ""


def compose_digest(headers: DigestHeaders, text: str, html: str) -> bytes:
    """A digest. Raises BadInput where an address, URL or id cannot stand in a header."""
    owner = _checked(_ADDRESS, headers.owner)
    unsubscribe, home = _checked(_URL, headers.unsubscribe_url), _checked(_URL, headers.home_url)
    lines = [
        *_common(headers),
        ("List-Unsubscribe", f"<{unsubscribe}>{_by_mail(headers)}"),
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
        ("List-Id", _phrase("List-Id", headers.list_name, _checked(_HOST, headers.list_id))),
        ("List-Help", f"<{home}>"),
        ("List-Subscribe", f"<{home}>"),
        ("List-Owner", f"<mailto:{quote(owner, safe='@+')}>"),
        ("List-Archive", f"<{_checked(_URL, headers.view_url)}>"),
        ("List-Post", "NO"),
        ("Auto-Submitted", "auto-generated"),
        ("Precedence", "bulk"),
    ]
    return _assemble(lines, headers.message_id, text, html)


def _by_mail(headers: DigestHeaders) -> str:
    """The other way to leave (RFC 2369); none is named where nobody reads what arrives there."""
    if not headers.unsubscribe_mailbox:
        return ""
    return f", <mailto:{quote(_checked(_ADDRESS, headers.unsubscribe_mailbox), safe='@+')}?subject=unsubscribe>"


def compose_notice(headers: Headers, text: str, html: str) -> bytes:
    """A mail to one person that belongs to no list: a confirmation, a goodbye, a reply."""
    return _assemble([*_common(headers), ("Auto-Submitted", "auto-generated")], headers.message_id, text, html)


def header_text(text: str, limit: int = SUBJECT_MAX) -> str:
    """Untrusted words made safe for a header: one visible line that no reader takes for an encoded word."""
    text = unicodedata.normalize("NFC", _UNSEEN.sub(" ", text[: 4 * limit]))
    text = " ".join(text.replace("=?", "= ?").split())
    if len(text) > limit:
        text = f"{text[: limit - 1].rstrip()}…"
    return text or "(untitled)"


def dot_stuffed(message: bytes) -> bytes:
    """The message with each line's leading dot doubled (RFC 5321 section 4.5.2)."""
    if b"\n." in message:  # ours never has: looking costs a third of replacing nothing
        message = message.replace(b"\r\n.", b"\r\n..")
    return b"." + message if message.startswith(b".") else message


def _common(headers: Headers) -> list[tuple[str, str]]:
    return [
        ("From", _phrase("From", headers.from_.name, _checked(_ADDRESS, headers.from_.address))),
        ("To", _checked(_ADDRESS, headers.to)),
        ("Reply-To", _checked(_ADDRESS, headers.reply_to)),
        ("Date", format_datetime(headers.date)),
        ("Message-ID", _checked(_MESSAGE_ID, headers.message_id)),
        ("Subject", _encoded("Subject", header_text(headers.subject))),
    ]


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
    charset = "us-ascii" if text.isascii() else "utf-8"
    return Header(text, charset, maxlinelen=75, header_name=header).encode(linesep="\r\n")


def _assemble(lines: list[tuple[str, str]], message_id: str, text: str, html: str) -> bytes:
    boundary = "=_" + hashlib.sha256(message_id.encode()).hexdigest()[:32]
    head = _header_block(
        [*lines, ("MIME-Version", "1.0"), ("Content-Type", f'multipart/alternative;\r\n boundary="{boundary}"')]
    )
    edge = f"--{boundary}".encode()
    parts = [part for kind, body in (("plain", text), ("html", html)) for part in _part(edge, kind, body)]
    return b"".join([head, b"\r\n", *parts, edge, b"--\r\n"])


def _part(edge: bytes, kind: str, body: str) -> Iterable[bytes]:
    head = f'\r\nContent-Type: text/{kind}; charset="utf-8"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n'
    return edge, head.encode(), _encoded_body(body), b"\r\n"


def _encoded_body(body: str) -> bytes:
    """As `quoted_printable`, which knows nothing of other lines; what mails share is encoded once."""
    if not isinstance(body, Body):
        return quoted_printable(body)
    encoded: list[bytes] = []
    for n, piece in enumerate(body.pieces):
        encoded += [_known(piece)] if n % 2 else map(_known, piece.splitlines(keepends=True))
    return b"".join(encoded)


@lru_cache(maxsize=16_384)
def _known(lines: str) -> bytes:
    return quoted_printable(lines)


def quoted_printable(text: str) -> bytes:
    """The text in lines of at most 76 ASCII characters, CRLF, none of them starting with a dot or `From `."""
    text = "\r\n".join([*text.splitlines(), ""])
    encoded = binascii.b2a_qp(text.encode("utf-8", "replace"), istext=True)
    if b"\r\n." in encoded or b"From " in encoded or encoded.startswith(b"."):
        encoded = _safe_starts(encoded)
    return encoded


def _safe_starts(encoded: bytes) -> bytes:
    """Hide leading dots and `From ` from relays, with a soft line break after each to keep lines short."""
    while _RISKY_START.search(encoded):
        encoded = _RISKY_START.sub(
            lambda found: (b"=2E" * len(found[0]) if found[0].startswith(b".") else b"=46rom ") + b"=\r\n", encoded
        )
    return encoded


def _header_block(lines: list[tuple[str, str]]) -> bytes:
    """The headers as bytes; each starts a line of its own, and no other line starts one."""
    block = b"".join(f"{name}: {value}\r\n".encode("ascii") for name, value in lines)
    rows = block.split(b"\r\n")[:-1]
    names = [row.partition(b":")[0].decode() for row in rows if not row.startswith(b" ")]
    whole = all(row.strip() and len(row) <= LINE_MAX and not re.search(rb"[\x00-\x1f\x7f]", row) for row in rows)
    if not whole or names != [name for name, _ in lines]:
        raise BadInput(f"the headers of {lines[4][1][:100]} do not hold together; this is an error in digestd")
    return block
