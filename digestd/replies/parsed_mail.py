"""Parse an untrusted inbound mail within limits of size, depth and parts.

Uses the standard library's parser with the compat32 policy, which keeps headers as they are: the newer policies
interpret headers and fail on malformed ones.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes, message_from_string
from email.errors import HeaderDefect, MisplacedEnvelopeHeaderDefect, MissingHeaderBodySeparatorDefect
from email.message import Message
from email.policy import compat32
from email.utils import parseaddr
from html.parser import HTMLParser
from typing import TypeAlias

from digestd.errors import BadInput

BYTES_MAX = 1024 * 1024
"""A bounce that quotes a digest has a few hundred kilobytes."""
PARTS_MAX = 60
HEADERS_MAX = 200
HEADER_CHARS_MAX = 1_000
AUTH_RESULTS_MAX, AUTH_RESULT_CHARS_MAX = 20, 8_000
"""Limits for Authentication-Results: number of fields, and characters of one. A longer one is dropped, not cut."""
TEXT_CHARS_MAX = 64 * 1024
LINE_CHARS_MAX = 500
_DEFECTS = (HeaderDefect, MisplacedEnvelopeHeaderDefect, MissingHeaderBodySeparatorDefect)
_SYSTEM_LOCAL_PART = re.compile(
    r"(mailer|mail)[-_.]?daemon|m?daemon|post_?master|mail\.delivery(\.system)?|.*smtp_mail_service|imss|.*_for_smtp_gateways|microsoftexchange[0-9a-f]{32}",
    re.IGNORECASE,
)
_SYSTEM_NAME = re.compile(
    r"(mail|message|e-?mail) (delivery|deliver|system|delivery sub)( ?(system|service|agent|administrator))?"
    r"|mailer[- ]daemon|(system|mail) administrator|post ?master",
    re.IGNORECASE,
)
_BOUNDARY = re.compile(r"^--([^\s\"\\]{1,70})[ \t\r]*$", re.MULTILINE)

CompatMessage: TypeAlias = "Message[str, str]"


class UnreadableMail(BadInput):
    """The mail cannot be parsed within the limits."""


@dataclass(frozen=True, slots=True)
class HeaderFields:
    """Header fields: lower-case names, unfolded values, cut at HEADER_CHARS_MAX."""

    pairs: tuple[tuple[str, str], ...] = ()

    def first(self, name: str) -> str:
        return next(iter(self.all(name)), "")

    def all(self, *names: str) -> list[str]:
        return [value for name, value in self.pairs if name in names]


@dataclass(frozen=True, slots=True)
class LeafPart:
    """A part of a mail that is not a container. `text` is decoded, "" if not text."""

    type: str
    fields: HeaderFields
    text: str


@dataclass(frozen=True, slots=True)
class ParsedMail:
    """A parsed mail.

    Attributes:
        content_type: Content type of the mail itself.
        report_type: `report-type` parameter of a multipart/report, or "".
        parts: Parts that are no containers, in order.
        plain_text: Text of the text/plain parts, or else of the HTML parts, cut at TEXT_CHARS_MAX.
        report_groups: Content type and fields of each group in the machine-readable parts (RFC 3464, RFC 5965).
        returned_headers: Header fields of the first mail that is returned inside this one.
        authentication_results: Values of the Authentication-Results fields, topmost first. A field that is too long is
            "". If the server that added them may have read other header fields than we do, the only value is "".
    """

    content_type: str
    report_type: str
    fields: HeaderFields
    parts: tuple[LeafPart, ...]
    plain_text: str
    report_groups: tuple[tuple[str, HeaderFields], ...]
    returned_headers: HeaderFields
    authentication_results: tuple[str, ...] = ()

    @property
    def is_from_mail_system(self) -> bool:
        """Return True if the sender is a mail system such as MAILER-DAEMON."""
        name, address = parseaddr(self.fields.first("from"))
        name, local = name.strip(" \"'"), address.partition("@")[0].strip('"\\')
        return (
            (not address.strip("<>") and "<>" in self.fields.first("from"))
            or _SYSTEM_LOCAL_PART.fullmatch(local) is not None
            or any(_SYSTEM_NAME.fullmatch(one) for one in (name, local))
            or bool(self.fields.first("x-failed-recipients"))
        )


def parse_mail(raw: bytes) -> ParsedMail:
    """Parse a raw mail.

    Raises:
        UnreadableMail: The mail is too large, nested too deeply or not parseable.
    """
    if len(raw) > BYTES_MAX:
        raise UnreadableMail(f"the mail is larger than {BYTES_MAX} bytes")
    try:
        message = message_from_bytes(raw, policy=compat32)
        return _from_message(message, ("",) if _is_ambiguous(raw, message) else tuple(_authentication_results(message)))
    except (RecursionError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise UnreadableMail(f"the mail cannot be parsed ({type(error).__name__})") from None


def _is_ambiguous(raw: bytes, message: CompatMessage) -> bool:
    """Return True if another parser may see other header fields than we do.

    The standard library ends a line at a bare CR or LF, and the header at a line that is no field; we cut long headers.
    """
    end = b"\r\n" if raw.partition(b"\n")[0].endswith(b"\r") else b"\n"
    header = raw.partition(end * 2)[0].replace(end, b"")
    return (
        any(stray in header for stray in (b"\r", b"\n", b"\0"))
        or any(isinstance(defect, _DEFECTS) for defect in message.defects)
        or len(message) > HEADERS_MAX
        or any(len(str(value)) > HEADER_CHARS_MAX for value in message.get_all("from", []))
    )


def _from_message(message: CompatMessage, authentication_results: tuple[str, ...]) -> ParsedMail:
    parts: list[LeafPart] = []
    groups: list[tuple[str, HeaderFields]] = []
    returned = HeaderFields()
    for part in _walk_parts(message):
        kind = part.get_content_type()
        if kind in {"message/delivery-status", "message/feedback-report"}:
            groups.extend((kind, block) for block in _report_groups(part))
        elif kind in {"message/rfc822", "message/global"}:
            returned = returned if returned.pairs else _embedded_headers(part)
        elif kind in {"text/rfc822-headers", "message/rfc822-headers", "message/global-headers"}:
            returned = returned if returned.pairs else _parse_headers(_decode_text(part))
        elif part.get_content_maintype() == "multipart" and not part.is_multipart() and not _children(part):
            parts.append(LeafPart("text/plain", _header_fields(part), _decode_text(part)))
        elif not part.is_multipart():
            parts.append(LeafPart(kind, _header_fields(part), _decode_text(part) if kind.startswith("text/") else ""))
    report = message.get_param("report-type", "")
    return ParsedMail(
        content_type=message.get_content_type(),
        report_type=report.lower() if isinstance(report, str) else "",
        fields=_header_fields(message),
        parts=tuple(parts),
        plain_text=_plain_text(parts),
        report_groups=tuple(groups),
        returned_headers=returned,
        authentication_results=authentication_results,
    )


def _plain_text(parts: list[LeafPart]) -> str:
    texts = [part.text for part in parts if part.type == "text/plain"]
    texts = texts or ["\n".join(html_to_lines(part.text, quotes=True)) for part in parts if part.type == "text/html"]
    return "\n".join(texts)[:TEXT_CHARS_MAX]


def _walk_parts(message: CompatMessage) -> Iterator[CompatMessage]:
    """Yield up to PARTS_MAX parts, depth first, but none of embedded mails."""
    waiting = [message]
    for _ in range(PARTS_MAX):
        if not waiting:
            return
        part = waiting.pop()
        yield part
        if part.get_content_maintype() == "multipart":
            waiting.extend(child for child in reversed(_children(part)))


def _children(part: CompatMessage) -> list[CompatMessage]:
    payload = part.get_payload()
    if isinstance(payload, str) and part.get_content_maintype() == "multipart":
        payload = _split_by_actual_boundary(payload)
    return [child for child in payload if isinstance(child, Message)] if isinstance(payload, list) else []


def _split_by_actual_boundary(body: str) -> object:
    """Return the parts of a multipart whose header names another boundary than its body uses."""
    boundary = _BOUNDARY.search(body)
    if boundary is None:
        return None
    header = f'Content-Type: multipart/mixed; boundary="{boundary[1]}"\n\n'
    return message_from_string(header + body, policy=compat32).get_payload()


def _report_groups(part: CompatMessage) -> list[HeaderFields]:
    """Return the field groups of a report. Some systems encode them, which the standard parser ignores."""
    blocks = [] if _is_encoded(part) else [_header_fields(child) for child in _children(part)]
    if not any(block.pairs for block in blocks):
        blocks = [_parse_headers(block) for block in _decoded_body(part).split("\n\n") if block.strip()]
    return [block for block in blocks if block.pairs][:PARTS_MAX]


def _embedded_headers(part: CompatMessage) -> HeaderFields:
    children = _children(part)
    return _header_fields(children[0]) if children and not _is_encoded(part) else _parse_headers(_decoded_body(part))


def _is_encoded(part: CompatMessage) -> bool:
    return str(part.get("content-transfer-encoding", "")).strip().lower() in {"base64", "quoted-printable"}


def _decoded_body(part: CompatMessage) -> str:
    """Return the text of an embedded mail or report.

    The standard parser takes the lines of an encoded one for headers, so they are joined and decoded here.
    """
    if not part.is_multipart():
        return _decode_text(part)
    outer: CompatMessage = Message(policy=compat32)
    outer["Content-Transfer-Encoding"] = str(part.get("content-transfer-encoding", ""))
    outer.set_payload("\n".join(str(child.get_payload()) for child in _children(part))[:BYTES_MAX])
    return _decode_text(outer)


def _parse_headers(text: str) -> HeaderFields:
    return _header_fields(message_from_bytes(text[:TEXT_CHARS_MAX].encode("utf-8", "replace"), policy=compat32))


def _header_fields(message: CompatMessage) -> HeaderFields:
    pairs = [(name.lower()[:100], _unfold(value)) for name, value in message.items()[:HEADERS_MAX]]
    return HeaderFields(tuple(pairs))


def _authentication_results(message: CompatMessage) -> Iterator[str]:
    """Yield the unfolded Authentication-Results fields.

    A field that is too long becomes "", and one more "" marks that there are too many.
    """
    values = [str(value) for value in message.get_all("authentication-results", [])]
    for value in values[:AUTH_RESULTS_MAX]:
        yield " ".join(value.split()) if len(value) <= AUTH_RESULT_CHARS_MAX else ""
    if len(values) > AUTH_RESULTS_MAX:
        yield ""


def _unfold(value: object) -> str:
    return " ".join(replace_surrogates(str(value)[:HEADER_CHARS_MAX]).split())


def _decode_text(part: CompatMessage) -> str:
    """Return the text of a part, decoded leniently."""
    payload = part.get_payload(decode=True)
    if not isinstance(payload, bytes):
        return ""
    try:
        charset = part.get_content_charset("utf-8")
        text = payload[:TEXT_CHARS_MAX].decode(charset, "replace")
    except (LookupError, ValueError):
        text = payload[:TEXT_CHARS_MAX].decode("latin-1")
    return "\n".join(line[:LINE_CHARS_MAX] for line in replace_surrogates(text).splitlines())


def replace_surrogates(text: str) -> str:
    """Replace lone surrogates, which UTF-7 can encode, but no database accepts."""
    return text.encode("utf-8", "replace").decode()


_INVISIBLE_TAGS, _QUOTE_TAGS = frozenset({"script", "style"}), frozenset({"head", "title", "blockquote"})
_BLOCK_TAGS = frozenset({"br", "p", "div", "li", "tr", "h1", "h2", "h3", "table", "ul", "ol", "hr"})
_QUOTE_MARKERS = ("gmail_quote", "divrplyfwdmsg", "appendonsend", "moz-cite-prefix", "yahoo_quoted", "protonmail_quote")


def html_to_lines(html: str, *, quotes: bool = False) -> list[str]:
    """Return the visible text, one line per paragraph, with or without quoted mails."""
    extractor = _TextExtractor(quotes)
    extractor.feed(html)
    extractor.close()
    return "".join(extractor.pieces).splitlines()


class _TextExtractor(HTMLParser):
    """Collects the visible text, without quotes up to the quoted mail."""

    def __init__(self, quotes: bool) -> None:
        super().__init__(convert_charrefs=True)
        self._skipped_tags = _INVISIBLE_TAGS if quotes else _INVISIBLE_TAGS | _QUOTE_TAGS
        self._quote_markers = () if quotes else _QUOTE_MARKERS
        self.pieces: list[str] = []
        self._skipped: list[str] = []
        self._in_quote = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Handle an opening tag (called by html.parser)."""
        markers = " ".join(value or "" for name, value in attrs if name in {"class", "id"}).lower()
        self._in_quote = self._in_quote or any(quote in markers for quote in self._quote_markers)
        if tag in self._skipped_tags:
            self._skipped.append(tag)
        if tag in _BLOCK_TAGS:
            self.pieces.append("\n")

    def handle_endtag(self, tag: str) -> None:
        """Handle a closing tag (called by html.parser)."""
        if tag in self._skipped:
            while self._skipped.pop() != tag:
                pass
        if tag in _BLOCK_TAGS:
            self.pieces.append("\n")

    def handle_data(self, data: str) -> None:
        if not (self._skipped or self._in_quote):
            self.pieces.append(" ".join(data.split("\n")))
