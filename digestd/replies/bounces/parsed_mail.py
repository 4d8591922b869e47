"""A mail that came in, taken apart within bounds: strangers write these, and nothing they write may matter.

The parser of the standard library does the work under its oldest policy, which keeps headers as
they came: the newer ones interpret them, and stumble over what is not well-formed.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.errors import HeaderDefect, MisplacedEnvelopeHeaderDefect, MissingHeaderBodySeparatorDefect
from email.message import Message
from email.policy import compat32
from email.utils import parseaddr
from typing import TypeAlias

from digestd.errors import BadInput

BYTES_MAX = 1024 * 1024
"""A bounce with a whole digest in it has a few hundred kilobytes."""
PARTS_MAX = 60
HEADERS_MAX = 200
HEADER_MAX = 1_000
STAMPS_MAX, STAMP_MAX = 20, 8_000
"""Authentication-Results fields that are looked at, and the characters of one; a longer one must not be cut."""
TEXT_MAX = 64 * 1024
LINE_MAX = 500
_HEADER_END = re.compile(rb"\n\r?\n")
_STRAY = re.compile(rb"\r(?!\n)|\0")
_DEFECTS = (HeaderDefect, MisplacedEnvelopeHeaderDefect, MissingHeaderBodySeparatorDefect)
_SYSTEMS = frozenset({"mailer-daemon", "postmaster", "mail-daemon", "mdaemon", "mail.daemon", "mailerdaemon", "daemon"})

Parsed: TypeAlias = "Message[str, str]"


class Unreadable(BadInput):
    """This is no mail that can be taken apart within bounds."""


@dataclass(frozen=True, slots=True)
class Fields:
    """Header fields: names in lower case, values unfolded and cut."""

    pairs: tuple[tuple[str, str], ...] = ()

    def first(self, name: str) -> str:
        """The first value of a field; empty if there is none."""
        return next(iter(self.all(name)), "")

    def all(self, *names: str) -> list[str]:
        """The values of these fields, in their order."""
        return [value for name, value in self.pairs if name in names]


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a mail that is no container: its type, its own fields, and how it reads as text."""

    type: str
    fields: Fields
    text: str


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail: `kind` is its own content type, with `report` of a multipart/report.

    `returned` holds the fields of the mail that came back in it, `groups` those of each block of
    a machine-readable part. `stamps` are the values of its Authentication-Results fields, topmost first; one that is
    too long stands as an empty value, which nothing can be read from. There is only such a value if the server that
    stamped the mail may have read other header fields in it than we do.
    """

    kind: str
    report: str
    fields: Fields
    parts: tuple[Part, ...]
    groups: tuple[tuple[str, Fields], ...]
    returned: Fields
    stamps: tuple[str, ...] = ()

    @property
    def is_from_a_system(self) -> bool:
        """Whether a mail system wrote it, not a person or a person's helper."""
        local = parseaddr(self.fields.first("from"))[1].rpartition("@")[0].lower()
        return local in _SYSTEMS or bool(self.fields.first("x-failed-recipients"))

    @property
    def words(self) -> str:
        """Its readable parts, one after the other."""
        return "\n".join(part.text for part in self.parts if part.type == "text/plain")[:TEXT_MAX]


def read_mail(raw: bytes) -> Mail:
    """Take a mail apart. Raises Unreadable for what is too large, too deep or no mail at all."""
    if len(raw) > BYTES_MAX:
        raise Unreadable(f"the mail has more than {BYTES_MAX} bytes")
    try:
        message = message_from_bytes(raw, policy=compat32)
        return _mail(message, ("",) if _is_ambiguous(raw, message) else tuple(_stamps(message)))
    except (RecursionError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise Unreadable(f"the mail cannot be taken apart ({type(error).__name__})") from None


def _is_ambiguous(raw: bytes, message: Parsed) -> bool:
    """Return True if another reader may find other header fields, or another `From`, than `Fields` will hold.

    The standard library ends a line at a bare CR and the header at a line that is no field; we cut what is too long.
    """
    return (
        _STRAY.search(_HEADER_END.split(raw, maxsplit=1)[0]) is not None
        or any(isinstance(defect, _DEFECTS) for defect in message.defects)
        or len(message) > HEADERS_MAX
        or any(len(str(value)) > HEADER_MAX for value in message.get_all("from", []))
    )


def _mail(message: Parsed, stamps: tuple[str, ...]) -> Mail:
    parts: list[Part] = []
    groups: list[tuple[str, Fields]] = []
    returned = Fields()
    for part in _walk(message):
        kind = part.get_content_type()
        if kind in {"message/delivery-status", "message/feedback-report"}:
            groups.extend((kind, block) for block in _blocks(part))
        elif kind in {"message/rfc822", "message/global"}:
            returned = returned if returned.pairs else _inner(part)
        elif kind in {"text/rfc822-headers", "message/rfc822-headers", "message/global-headers"}:
            returned = returned if returned.pairs else _fields_of_text(_text(part))
        elif not part.is_multipart():
            parts.append(Part(kind, _fields(part), _text(part) if kind.startswith("text/") else ""))
    report = message.get_param("report-type", "")
    return Mail(
        kind=message.get_content_type(),
        report=report.lower() if isinstance(report, str) else "",
        fields=_fields(message),
        parts=tuple(parts),
        groups=tuple(groups),
        returned=returned,
        stamps=stamps,
    )


def _walk(message: Parsed) -> Iterator[Parsed]:
    """The parts, depth first, without looking into mails within the mail."""
    waiting = [message]
    for _ in range(PARTS_MAX):
        if not waiting:
            return
        part = waiting.pop()
        yield part
        if part.is_multipart() and part.get_content_maintype() == "multipart":
            waiting.extend(child for child in reversed(_children(part)))


def _children(part: Parsed) -> list[Parsed]:
    payload = part.get_payload()
    return [child for child in payload if isinstance(child, Message)] if isinstance(payload, list) else []


def _blocks(part: Parsed) -> list[Fields]:
    """The groups of fields of a report; some systems encode them, which the parser leaves to us."""
    blocks = [] if _is_encoded(part) else [_fields(child) for child in _children(part)]
    if not any(block.pairs for block in blocks):
        blocks = [_fields_of_text(block) for block in _plain(part).split("\n\n") if block.strip()]
    return [block for block in blocks if block.pairs][:PARTS_MAX]


def _inner(part: Parsed) -> Fields:
    children = _children(part)
    return _fields(children[0]) if children and not _is_encoded(part) else _fields_of_text(_plain(part))


def _is_encoded(part: Parsed) -> bool:
    return str(part.get("content-transfer-encoding", "")).strip().lower() in {"base64", "quoted-printable"}


def _plain(part: Parsed) -> str:
    """What an encoded mail or report within the mail reads as; the parser took its encoded lines for a mail."""
    if not part.is_multipart():
        return _text(part)
    outer: Parsed = Message(policy=compat32)
    outer["Content-Transfer-Encoding"] = str(part.get("content-transfer-encoding", ""))
    outer.set_payload("\n".join(str(child.get_payload()) for child in _children(part))[:BYTES_MAX])
    return _text(outer)


def _fields_of_text(text: str) -> Fields:
    return _fields(message_from_bytes(text[:TEXT_MAX].encode("utf-8", "replace"), policy=compat32))


def _fields(message: Parsed) -> Fields:
    pairs = [(name.lower()[:100], _unfolded(value)) for name, value in message.items()[:HEADERS_MAX]]
    return Fields(tuple(pairs))


def _stamps(message: Parsed) -> Iterator[str]:
    """Yield the Authentication-Results fields unfolded, none of them cut, plus an empty one if there are too many."""
    values = [str(value) for value in message.get_all("authentication-results", [])]
    for value in values[:STAMPS_MAX]:
        yield " ".join(value.split()) if len(value) <= STAMP_MAX else ""
    if len(values) > STAMPS_MAX:
        yield ""


def _unfolded(value: object) -> str:
    return " ".join(str(value)[:HEADER_MAX].split())


def _text(part: Parsed) -> str:
    """The text of a part; of a wrong charset or encoding, whatever can be read of it."""
    payload = part.get_payload(decode=True)
    if not isinstance(payload, bytes):
        return ""
    try:
        charset = part.get_content_charset("utf-8")
        text = payload[:TEXT_MAX].decode(charset, "replace")
    except (LookupError, ValueError):
        text = payload[:TEXT_MAX].decode("latin-1")
    return "\n".join(line[:LINE_MAX] for line in encodable(text).splitlines())


def encodable(text: str) -> str:
    """Return a text without lone surrogates, which UTF-7 can hold and no other encoding."""
    return text.encode("utf-8", "replace").decode()
