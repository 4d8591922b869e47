"""Build the bytes of a multipart/alternative mail (RFC 5322, RFC 2046).

Bodies are quoted-printable (RFC 2045 section 6.7). Lines have at most 76 ASCII characters and end with CRLF. None
starts with a dot or `From `, which relays change.
"""

import base64
import binascii
import hashlib
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from functools import lru_cache
from string import ascii_letters, digits
from typing import TypeAlias
from urllib.parse import quote

from digestd.errors import BadInput
from digestd.text.sanitise import clean

SOFT_BREAK = b"=\r\n"
_SENTINEL = "="
"""Encoded as three characters that no soft line break splits."""
_ENCODED_SENTINEL = len(b"=3D\r\n")
_PLAIN_FRAGMENT = re.compile(r"(?!\.|From )[ -<>-~]{1,75}", re.ASCII)
"""Most links, numbers and short texts: they fit one line, and the encoding changes none of their characters."""
_OVERLONG_LINE = re.compile(rb"^([^\r\n]{74,75})(=20|=09)(?=\r\n)", re.MULTILINE)
"""Lines that `b2a_qp` makes longer than 76 characters by encoding a space or tab at the end."""
_RISKY_START = re.compile(rb"^(?:\.{1,24}|From )", re.MULTILINE)
BodyContent: TypeAlias = str | Sequence[bytes]
"""A body as text, or in pieces of quoted-printable (see `quoted_printable_fragment`)."""
SUBJECT_MAX = 200
DISPLAY_NAME_MAX = 60
HEADER_LINE_MAX = 998
_FOLD_COLUMNS = 75
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,255}", re.ASCII)
_URL = re.compile(r"https?://[!#-;=?-~]{1,800}", re.ASCII)
_MESSAGE_ID = re.compile(r"<[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,200}@[A-Za-z0-9.-]{1,255}>", re.ASCII)
_ANSWERED_ID = re.compile(r"<[!#-;=?-~]{1,250}>", re.ASCII)
_FEEDBACK_ID = re.compile(r"(?:[A-Za-z0-9._-]{0,40}:){3}[A-Za-z0-9]{5,15}", re.ASCII)
_WORD = re.compile(r"[A-Za-z0-9:.-]{1,255}", re.ASCII)
"""A host, or the id of a complaint."""
_PLAIN_PHRASE = re.compile(r"[A-Za-z0-9 !#$%&'*+/=?^_`{|}~-]+", re.ASCII)
_HEADER_LINE = re.compile(rb"[^\x00-\x20\x7f:][^\x00-\x1f\x7f]{0,%d}" % (HEADER_LINE_MAX - 1))
_FOLDED_LINE = re.compile(rb"(?= *[^ ]) [^\x00-\x1f\x7f]{0,%d}" % (HEADER_LINE_MAX - 1))
_PLAIN_PART_HEADERS, _HTML_PART_HEADERS = (
    f'\r\nContent-Type: text/{kind}; charset="utf-8"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n'.encode()
    for kind in ("plain", "html")
)
_LOGO_PART_HEADERS = (
    b"\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\nContent-ID: <logo>\r\n"
    b"Content-Disposition: inline\r\n\r\n"
)


@dataclass(frozen=True, slots=True)
class NamedAddress:
    """A display name and an address (RFC 5322 section 3.4)."""

    name: str
    address: str


@dataclass(frozen=True, slots=True)
class Headers:
    """The headers that every mail has.

    Attributes:
        date: With a time zone.
        message_id: With angle brackets.
        answers: The Message-ID that this mail answers, or empty.
        feedback_id: The group of mails that Gmail counts complaints for, or empty: `campaign:…:…:sender`.
        complaint_address: The address in CFBL-Address that complaints are reported to (RFC 9477), or empty.
        complaint_id: The delivery in CFBL-Feedback-ID, for such a report.
    """

    from_: NamedAddress
    to: str
    reply_to: str
    subject: str
    date: datetime
    message_id: str
    answers: str = ""
    feedback_id: str = ""
    complaint_address: str = ""
    complaint_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestHeaders(Headers):
    """The headers of a digest, with list and unsubscribe (RFC 2369, 2919, 8058).

    Attributes:
        list_id: The host in List-Id, e.g. `digest.example.org`.
        unsubscribe_url, view_url, home_url: Absolute, or all empty without a web address.
        owner: The address in List-Owner.
        unsubscribe_mailbox: The address at which any mail unsubscribes, or empty.
    """

    list_name: str
    list_id: str
    unsubscribe_url: str
    view_url: str
    home_url: str
    owner: str
    unsubscribe_mailbox: str = ""


def compose_digest(headers: DigestHeaders, text: BodyContent, html: BodyContent, logo: bytes = b"") -> bytes:
    """Return a digest as bytes.

    Args:
        headers: Its headers.
        text: The plain body, as text or in pieces of quoted-printable.
        html: The HTML body, likewise.
        logo: A PNG that the HTML body shows as `cid:logo`, or nothing.

    Raises:
        BadInput: An address, URL or id is not valid in a header.
    """
    if not headers.unsubscribe_url:
        return _assemble(_headers_without_web(headers), headers.message_id, text, html, logo)
    unsubscribe = f"<{_checked(_URL, headers.unsubscribe_url)}>"
    if headers.unsubscribe_mailbox:
        unsubscribe += f", {_mailto(headers.unsubscribe_mailbox, 'unsubscribe')}"
    archive = [_header("List-Archive", f"<{_checked(_URL, headers.view_url)}>")] if headers.view_url else []
    block = [
        *_common_headers(headers),
        _header("List-Unsubscribe", unsubscribe),
        *_list_headers(headers.list_name, headers.list_id, headers.home_url, headers.owner),
        *archive,
        _BULK,
        *_feedback(headers),
    ]
    return _assemble(block, headers.message_id, text, html, logo)


def compose_notice(headers: Headers, text: BodyContent, html: BodyContent, logo: bytes = b"") -> bytes:
    """Return a mail that belongs to no list: a confirmation, a goodbye, a reply."""
    block = [*_common_headers(headers), *_auto_submitted(headers), *_feedback(headers)]
    return _assemble(block, headers.message_id, text, html, logo)


def header_text(text: str, limit: int = SUBJECT_MAX) -> str:
    """Make untrusted text one visible line without encoded words (RFC 2047)."""
    text = unicodedata.normalize("NFC", clean(text, 4 * limit))
    text = " ".join(text.replace("=?", "= ?").split())
    if len(text) > limit:
        text = f"{text[: limit - 1].rstrip()}…"
    return text or "(untitled)"


def dot_stuff(message: bytes) -> bytes:
    """Double the leading dot of each line (RFC 5321 section 4.5.2)."""
    message = message.replace(b"\r\n.", b"\r\n..")
    return b"." + message if message.startswith(b".") else message


def quoted_printable(text: str) -> bytes:
    """Encode a complete text; the last line ends with CRLF."""
    text = f"{text}\r\n" if text.isprintable() and text else "\r\n".join([*text.splitlines(), ""])
    encoded = binascii.b2a_qp(text.encode("utf-8", "replace"), istext=True)
    if b"=20\r\n" in encoded or b"=09\r\n" in encoded:
        encoded = _OVERLONG_LINE.sub(rb"\1=\r\n\2", encoded)
    if b"\r\n." in encoded or b"From " in encoded or encoded.startswith(b"."):
        encoded = _safe_starts(encoded)
    return encoded


def quoted_printable_fragment(text: str) -> bytes:
    """Encode a part of a text, on lines of its own.

    It ends with a soft line break unless the part ends with a line end or is empty. Parts can therefore be encoded
    separately and joined in any order: decoding gives the joined text.
    """
    if not text:
        return b""
    if _PLAIN_FRAGMENT.fullmatch(text):
        return text.encode("ascii") + SOFT_BREAK
    encoded = quoted_printable(text + _SENTINEL)[:-_ENCODED_SENTINEL]
    return encoded if encoded.endswith(b"\r\n") else encoded + SOFT_BREAK


def _safe_starts(encoded: bytes) -> bytes:
    """Encode leading dots and `From `, with a soft line break after each."""
    while _RISKY_START.search(encoded):
        encoded = _RISKY_START.sub(
            lambda found: (b"=2E" * len(found[0]) if found[0].startswith(b".") else b"=46rom ") + b"=\r\n", encoded
        )
    return encoded


def _headers_without_web(headers: DigestHeaders) -> list[bytes]:
    """Return headers with `mailto:` links only (RFC 2369): no one-click, no archive."""
    return [
        *_common_headers(headers),
        _header("List-Unsubscribe", _mailto(headers.unsubscribe_mailbox, "unsubscribe")),
        _header("List-Id", _phrase("List-Id", headers.list_name, _checked(_WORD, headers.list_id))),
        _header("List-Help", _mailto(headers.reply_to, "help")),
        _header("List-Subscribe", _mailto(headers.reply_to, "subscribe")),
        _header("List-Owner", _mailto(headers.owner)),
        _BULK,
        *_feedback(headers),
    ]


def _feedback(headers: Headers) -> list[bytes]:
    """Return the headers by which mailbox providers report complaints: Gmail's own, and those of RFC 9477."""
    found = [_feedback_id(headers.feedback_id)] if headers.feedback_id else []
    if headers.complaint_address:
        complaint_id = _checked(_WORD, headers.complaint_id)
        found += [_complaint_address(headers.complaint_address), _header("CFBL-Feedback-ID", complaint_id)]
    return found


def _mailto(address: str, subject: str = "") -> str:
    return f"<mailto:{quote(_checked(_ADDRESS, address), safe='@+')}{f'?subject={subject}' if subject else ''}>"


def _auto_submitted(headers: Headers) -> list[bytes]:
    """Return the headers of an automatic mail or reply (RFC 3834 section 3.1)."""
    if not headers.answers:
        return [_AUTO_GENERATED]
    answered_id = _checked(_ANSWERED_ID, headers.answers)
    return [_header(name, answered_id) for name in ("In-Reply-To", "References")] + [_AUTO_REPLIED]


def _common_headers(headers: Headers) -> list[bytes]:
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
def _feedback_id(value: str) -> bytes:
    return _header("Feedback-ID", _checked(_FEEDBACK_ID, value))


@lru_cache(maxsize=64)
def _complaint_address(address: str) -> bytes:
    return _header("CFBL-Address", f"{_checked(_ADDRESS, address)}; report=arf")


@lru_cache(maxsize=64)
def _date(at: datetime) -> bytes:
    return _header("Date", format_datetime(at))


@lru_cache(maxsize=4096)  # many subscribers get the same first paper
def _subject(subject: str) -> bytes:
    return _header("Subject", _encoded("Subject", header_text(subject)))


@lru_cache(maxsize=64)
def _list_headers(name: str, list_id: str, home: str, owner: str) -> tuple[bytes, ...]:
    """Return the list headers that are the same for all subscribers."""
    home_url = f"<{_checked(_URL, home)}>"
    return (
        _header("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
        _header("List-Id", _phrase("List-Id", name, _checked(_WORD, list_id))),
        _header("List-Help", home_url),
        _header("List-Subscribe", home_url),
        _header("List-Owner", _mailto(owner)),
    )


def _checked(form: re.Pattern[str], value: str) -> str:
    """Return a value for a header unchanged. Raises BadInput instead of repairing it."""
    if not form.fullmatch(value):
        raise BadInput(f"{value[:80]!r} is not valid in a mail header; correct the address, URL or host")
    return value


def _phrase(header: str, name: str, address: str) -> str:
    """Return `Name <address>`, the name as atoms, quoted or as encoded words; `<address>` without a name."""
    if not name.strip():
        return f"<{address}>"
    name = header_text(name, DISPLAY_NAME_MAX)
    if not name.isascii():
        name = _encoded(header, name)
    elif not _PLAIN_PHRASE.fullmatch(name):
        name = '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
    fits = len(header) + len(name.rpartition("\n")[2]) + len(address) < 72
    return f"{name}{' ' if fits else chr(13) + chr(10) + ' '}<{address}>"


def _encoded(header: str, text: str) -> str:
    """Fold text at 75 columns; use encoded words (RFC 2047) only if it is not ASCII."""
    if not text.isascii():
        return "\r\n ".join(_encoded_words(text, _FOLD_COLUMNS - len(header) - len(": ")))
    folded, column = "", len(header) + 1
    for word in text.split(" "):
        fits = not folded or column + 1 + len(word) <= _FOLD_COLUMNS
        folded += f" {word}" if fits else f"\r\n {word}"
        column = (column if fits else 0) + 1 + len(word)
    return folded[1:]


def _encoded_words(text: str, columns: int) -> Iterator[str]:
    """Yield encoded words, the first one of at most `columns`, like email.header, which takes seven times as long.

    All are in Q or in B (RFC 2047 section 4), whichever is shorter for the text; the first if both are equal.
    """
    quoted, raw = [_QUOTED[letter] for letter in text], [letter.encode() for letter in text]
    is_q = sum(map(len, quoted)) <= _base64_length(sum(map(len, raw)))
    begin, length = 0, 0
    for end, letter in enumerate(quoted if is_q else raw):
        length += len(letter)
        if (length if is_q else _base64_length(length)) > columns - _WORD_CHROME:
            yield _encoded_word(quoted[begin:end], raw[begin:end], is_q)
            begin, length, columns = end, len(letter), _FOLD_COLUMNS - 1
    yield _encoded_word(quoted[begin:], raw[begin:], is_q)


def _encoded_word(quoted: Sequence[str], raw: Sequence[bytes], is_q: bool) -> str:
    return f"=?utf-8?q?{''.join(quoted)}?=" if is_q else f"=?utf-8?b?{base64.b64encode(b''.join(raw)).decode()}?="


_WORD_CHROME = len("=?utf-8?q??=")


def _base64_length(count: int) -> int:
    return -(-count // 3) * 4


class _Quoted(dict[str, str]):
    """Characters in the encoding Q."""

    def __missing__(self, letter: str) -> str:
        return "".join(f"={byte:02X}" for byte in letter.encode())


_QUOTED = _Quoted({letter: letter for letter in f"{ascii_letters}{digits}-!*+/"} | {" ": "_"})


def _assemble(block: Sequence[bytes], message_id: str, text: BodyContent, html: BodyContent, logo: bytes) -> bytes:
    boundary = f"=_{hashlib.sha256(message_id.encode()).hexdigest()[:32]}"
    delimiter = f"--{boundary}".encode()
    return b"".join(
        [
            *block,
            f'MIME-Version: 1.0\r\nContent-Type: multipart/alternative;\r\n boundary="{boundary}"\r\n\r\n'.encode(),
            delimiter,
            _PLAIN_PART_HEADERS,
            *_encoded_body(text),
            b"\r\n",
            delimiter,
            *(_with_logo(boundary, html, logo) if logo else [_HTML_PART_HEADERS, *_encoded_body(html)]),
            b"\r\n",
            delimiter,
            b"--\r\n",
        ]
    )


def _with_logo(outer: str, html: BodyContent, logo: bytes) -> Sequence[bytes]:
    """Return the HTML part and its picture as one part (multipart/related, RFC 2387)."""
    boundary = f"{outer}-related"
    delimiter = f"--{boundary}".encode()
    kind = f'\r\nContent-Type: multipart/related; type="text/html";\r\n boundary="{boundary}"\r\n\r\n'
    return [
        kind.encode(),
        delimiter,
        _HTML_PART_HEADERS,
        *_encoded_body(html),
        b"\r\n",
        delimiter,
        _LOGO_PART_HEADERS,
        b"\r\n".join(base64.encodebytes(logo).split()),
        b"\r\n",
        delimiter,
        b"--",
    ]


def _encoded_body(body: BodyContent) -> Sequence[bytes]:
    return [quoted_printable(body)] if isinstance(body, str) else body


def _header(name: str, value: str) -> bytes:
    """Return one header as bytes.

    Raises BadInput if a line is too long or would start another header.
    """
    line = f"{name}: {value}".encode("ascii")
    first, *folded = line.split(b"\r\n")
    if not (_HEADER_LINE.fullmatch(first) and all(map(_FOLDED_LINE.fullmatch, folded))):
        raise BadInput(f"the header {name}: {value[:100]} is malformed; please report this as a bug")
    return line + b"\r\n"


_AUTO_GENERATED = _header("Auto-Submitted", "auto-generated")


_AUTO_REPLIED = _header("Auto-Submitted", "auto-replied")


_BULK = _header("List-Post", "NO") + _AUTO_GENERATED + _header("Precedence", "bulk")
