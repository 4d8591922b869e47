"""Lint a mail before it is sent: find what receivers reject, clip or block.

An error is a reason not to send: the mail would be refused, unlawful, unreadable, or tell strangers who reads it. How
our templates look (contrast, alternative texts, TeX that is left) is tested in `tests/mail/test_looks.py`.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import Message
from email.policy import compat32
from enum import StrEnum
from functools import cached_property
from html.parser import HTMLParser
from typing import NamedTuple, TypeAlias
from urllib.parse import urlsplit

CLIP_LIMIT = 102 * 1024
"""Bytes of encoded HTML above which Gmail clips a mail, and with it the link to unsubscribe."""
HEADER_LINE_MAX = 998
"""Octets of a line without CRLF (RFC 5322 section 2.1.1)."""
_ONCE = ("From", "To", "Date", "Message-ID", "Subject", "MIME-Version")
_LIST = ("List-Id", "List-Unsubscribe")
_COMPLAINT = ("CFBL-Address", "CFBL-Feedback-ID")
_SIGNED = (
    *("from", "to", "reply-to", "subject", "date", "message-id", "mime-version", "content-type", "feedback-id"),
    *("list-", "cfbl-"),
)
"""Beginnings of headers that the DKIM signature must cover if the mail has them (RFC 6376 section 5.4, RFC 8058,
RFC 9477)."""
_LOADING = ("src", "srcset", "background", "poster", "data")
_ACTIVE = frozenset(["script", "iframe", "object", "embed", "applet", "form", "input", "button", "video", "audio"])
_REMOTE = ("http://", "https://", "//")
_CSS_LOAD = re.compile(r"url\(\s*['\"]?(?:https?:)?//|@import", re.IGNORECASE)
_URL = re.compile(r"https?://[^\s<>\"]+", re.IGNORECASE)
_MAILTO = re.compile(r"mailto:[^\s@?]+@[A-Za-z0-9.-]+(?:\?\S*)?", re.ASCII)
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\ufffe\uffff\ud800-\udfff]")
_VOID = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
)
_NOT_SHOWN = frozenset({"head", "style", "script", "title", "template"})
_HIDING = re.compile(r"(?:^|;)\s*(?:display\s*:\s*none|visibility\s*:\s*hidden)\b", re.IGNORECASE)
_SLOT_MARK = "\ue000"
_TEMPLATE = re.compile(r"\{\{.{0,80}?\}\}|\{%.{0,80}?%\}|\{\{|\{%|%\([a-z_]+\)[sd]|\[object Object\]", re.DOTALL)
_NOTHING = ("None", "Undefined")


class Severity(StrEnum):
    """The severity of a finding."""

    ERROR = "error"
    WARNING = "warning"


class Finding(NamedTuple):
    """A fault of a mail: the rule, how bad, where, and what to do. It holds no address and no token."""

    rule: str
    severity: Severity
    where: str
    message: str


@dataclass(frozen=True, slots=True)
class LintContext:
    """The expectations that a mail is checked against.

    Attributes:
        is_digest: Whether it goes to a list, so that it must have list headers and a link to unsubscribe.
        is_signed: Whether digestd signs it with DKIM. A relay may sign it later.
        reports_complaints: Whether it should have the headers of RFC 9477.
        home: The URL of our pages, without TLS only on this machine. Empty if there are none.
        is_invented: Whether its content is ours, so that remains of syntax come from a template.
    """

    is_digest: bool
    is_signed: bool = False
    reports_complaints: bool = False
    home: str = ""
    is_invented: bool = False

    def is_ours(self, link: str) -> bool:
        return bool(self.home) and link.startswith(self.home)


def lint(message: bytes, context: LintContext) -> tuple[Finding, ...]:
    """Return the findings of all rules, the same ones once.

    Args:
        message: The mail with CRLF line ends, as it is sent.
        context: The expectations.
    """
    mail = _Mail(message)
    found = {(one.rule, one.message): one for rule in RULES for one in rule(mail, context)}
    return tuple(sorted(found.values(), key=lambda one: one.severity))


_CompatMessage: TypeAlias = "Message[str, str]"


def _subparts(part: _CompatMessage) -> list[_CompatMessage]:
    payload = part.get_payload()
    return [one for one in payload if isinstance(one, Message)] if isinstance(payload, list) else []


def _without_logo(part: _CompatMessage) -> _CompatMessage:
    """Return the HTML of a part that carries the logo too."""
    inner = _subparts(part) if part.get_content_type() == "multipart/related" else []
    return inner[0] if [one.get_content_type() for one in inner] == ["text/html", "image/png"] else part


class _Mail:
    """A parsed mail."""

    def __init__(self, message: bytes) -> None:
        self.header_lines = message.partition(b"\r\n\r\n")[0].split(b"\r\n")
        self.parsed: _CompatMessage = message_from_bytes(message, policy=compat32)
        self._parts = [_without_logo(part) for part in _subparts(self.parsed)]

    def header(self, name: str) -> str:
        """Return a header on one line, empty if there is none."""
        return _one_line(str(self.parsed.get(name, "")))

    def count(self, name: str) -> int:
        return len(self.parsed.get_all(name, []))

    @property
    def part_types(self) -> list[str]:
        return [part.get_content_type() for part in self._parts]

    @cached_property
    def text(self) -> str:
        return self._decoded("text/plain")

    @cached_property
    def html(self) -> str:
        return self._decoded("text/html")

    @cached_property
    def elements(self) -> Sequence["_Element"]:
        """Return the elements of the HTML part, in order."""
        parser = _Parser()
        parser.feed(self.html)
        parser.close()
        return parser.elements

    @property
    def html_size(self) -> int:
        """Return the bytes of the HTML part as encoded."""
        return sum(len(str(part.get_payload())) for part in self._parts if part.get_content_type() == "text/html")

    @property
    def subject(self) -> str:
        """Return the subject, decoded (RFC 2047)."""
        return str(make_header(decode_header(self.header("Subject"))))

    @property
    def unsubscribe_links(self) -> list[str]:
        return [link.strip(" <>") for link in self.header("List-Unsubscribe").split(",") if link]

    @cached_property
    def words(self) -> Sequence[tuple[str, str]]:
        """Return what people read: each place with its text."""
        lines = [(f"text part, line {number}", line) for number, line in enumerate(self.text.splitlines(), 1)]
        elements = [(f"HTML, {one.label}", one.text) for one in self.elements if one.tag != "style"]
        return [("Subject", self.subject), *lines, *elements]

    def _decoded(self, content_type: str) -> str:
        for part in self._parts:
            payload = part.get_payload(decode=True)
            if part.get_content_type() == content_type and isinstance(payload, bytes):
                return payload.decode("utf-8", "replace").replace("\r\n", "\n")
        return ""


@dataclass(eq=False)
class _Element:
    """An element. `text`: its own text; `is_shown`: nothing hides it; `is_readable`: text in it or inside is shown."""

    tag: str
    attributes: Mapping[str, str]
    is_shown: bool
    text: str = ""
    is_readable: bool = False

    @property
    def label(self) -> str:
        """Return the start tag in short, to say where something is."""
        named = self.attributes.get("class")
        return f'<{self.tag} class="{named}">' if named else f"<{self.tag}>"


class _Parser(HTMLParser):
    """Collects the elements. Errors are tolerated."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[_Element] = []
        self._open: list[_Element] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: text or "" for name, text in attrs}
        is_hidden = tag in _NOT_SHOWN or _HIDING.search(attributes.get("style", "")) is not None
        is_shown = not is_hidden and (not self._open or self._open[-1].is_shown)
        self.elements.append(_Element(tag, attributes, is_shown))
        if tag not in _VOID:
            self._open.append(self.elements[-1])

    def handle_endtag(self, tag: str) -> None:
        for place in range(len(self._open) - 1, -1, -1):
            if self._open[place].tag == tag:
                del self._open[place:]
                return

    def handle_data(self, data: str) -> None:
        if self._open:
            self._open[-1].text += data
            if data.strip() and self._open[-1].is_shown:
                for around in self._open:
                    around.is_readable = True


def _check_size(mail: _Mail, _context: LintContext) -> Iterator[Finding]:
    if mail.html_size > CLIP_LIMIT:
        yield _error(
            "size",
            "HTML",
            f"{mail.html_size // 1024} KB of HTML are over {CLIP_LIMIT // 1024} KB, where Gmail clips a mail; "
            "shorten the template",
        )


def _check_parts(mail: _Mail, _context: LintContext) -> Iterator[Finding]:
    wanted = ["text/plain", "text/html"]
    if mail.parsed.get_content_type() != "multipart/alternative" or mail.part_types != wanted:
        yield _error("parts", "mail", "is not a text part followed by an HTML part; report this as a bug")
    if not mail.text.strip():
        yield _error("parts", "text part", "is empty; repair the template *.txt.j2")
    if not any(one.is_readable for one in mail.elements):
        yield _error("parts", "HTML", "shows no text; repair the template *.html.j2")


def _check_header_lines(mail: _Mail, _context: LintContext) -> Iterator[Finding]:
    for line in mail.header_lines:
        if len(line) > HEADER_LINE_MAX:
            name = line.partition(b":")[0].decode("ascii", "replace")[:40]
            yield _error(
                "header-length",
                f"header {name}",
                f"a line has {len(line)} octets, and servers refuse more than {HEADER_LINE_MAX}; shorten its value",
            )


def _check_headers(mail: _Mail, context: LintContext) -> Iterator[Finding]:
    needed = [*_ONCE, "Feedback-ID", *(_LIST * context.is_digest), *(_COMPLAINT * context.reports_complaints)]
    if any(link.startswith("http") for link in mail.unsubscribe_links):
        needed.append("List-Unsubscribe-Post")
    for name in needed:
        if not mail.header(name):
            yield _error("headers", f"header {name}", f"{name} is missing; report this as a bug")
    for name in (*_ONCE, *_LIST):
        if mail.count(name) > 1:
            yield _error("headers", f"header {name}", f"{name} occurs twice; report this as a bug")


def _check_signature(mail: _Mail, context: LintContext) -> Iterator[Finding]:
    if not context.is_signed:
        return
    tags = dict(tag.strip().partition("=")[::2] for tag in mail.header("DKIM-Signature").split(";"))
    covered = "".join(tags.get("h", "").split()).lower().split(":")
    missing = [name for name in mail.parsed if name.lower().startswith(_SIGNED) and name.lower() not in covered]
    if missing:
        yield _error(
            "dkim",
            "header DKIM-Signature",
            f"does not cover {', '.join(missing)}, so receivers may ignore one-click unsubscribe; report this as a bug",
        )
    if "l" in tags:
        yield _error("dkim", "header DKIM-Signature", "has the tag l=, so others can append text; remove it")
    domain, sender = tags.get("d", "").lower(), mail.header("From").rpartition("@")[2].rstrip(">").lower()
    if domain and sender != domain and not sender.endswith(f".{domain}") and not domain.endswith(f".{sender}"):
        yield Finding(
            "dkim",
            Severity.WARNING,
            "header DKIM-Signature",
            f"{domain} signs, but mail comes from {sender}, so DMARC fails; set DIGESTD_DKIM_DOMAIN to the From domain",
        )


def _check_links(mail: _Mail, context: LintContext) -> Iterator[Finding]:
    """Check the links that the templates and settings make; those of papers are made safe when they are shown."""
    places = {one.attributes.get("id") or one.attributes.get("name") for one in mail.elements}
    for one in mail.elements:
        link = one.attributes.get("href", "")
        is_ours = context.is_ours(link) or "://" not in link
        is_place = link[:1] == "#" and link[1:] in places
        if one.tag == "a" and is_ours and not is_place and (fault := _link_fault(link, context.home)):
            yield _error("links", f"HTML, {one.label}", f"the link {_shortened(link)!r} {fault}")
    for link in _URL.findall(mail.text):
        if context.is_ours(link) and (fault := _link_fault(link.rstrip(".,;)"), context.home)):
            yield _error("links", "text part", f"the link {_shortened(link)!r} {fault}")


def _link_fault(link: str, home: str) -> str:
    """Return what is wrong with a link, or nothing."""
    if _MAILTO.fullmatch(link):
        return ""
    try:
        parts = urlsplit(link)
        is_sound = bool(parts.hostname) and parts.port != 0 and not any(c.isspace() or c in '"<>' for c in link)
    except ValueError:
        is_sound = False
    if not is_sound or parts.scheme not in ("http", "https"):
        return "leads nowhere; write a full URL with https"
    is_local = parts.hostname in _LOOPBACK and parts.hostname == urlsplit(home).hostname
    return "" if parts.scheme == "https" or is_local else "is not encrypted; write it with https"


def _check_remote(mail: _Mail, _context: LintContext) -> Iterator[Finding]:
    for one in mail.elements:
        names = (*_LOADING, "href") if one.tag == "link" else _LOADING
        loads = [one.attributes.get(name, "").strip().lower() for name in names]
        if any(value.startswith(_REMOTE) for value in loads) or _CSS_LOAD.search(one.attributes.get("style", "")):
            message = "loads something from the web, which tells others who reads the mail; put it into the mail"
            yield _error("remote", f"HTML, {one.label}", message)
        if one.tag in _ACTIVE:
            message = "is removed or blocked by mail programs; use a link to a page instead"
            yield _error("active", f"HTML, {one.label}", f"<{one.tag}> {message}")
    if any(_CSS_LOAD.search(one.text) for one in mail.elements if one.tag == "style"):
        yield _error("remote", "HTML, <style>", "a style loads something from the web; remove it")


def _check_characters(mail: _Mail, _context: LintContext) -> Iterator[Finding]:
    for where, text in (("Subject", mail.subject), ("text part", mail.text), ("HTML", mail.html)):
        for sign in sorted(set(_CONTROL.findall(text))):
            message = f"contains the control character U+{ord(sign):04X}; remove it from the template"
            yield _error("characters", where, message)


def _check_remains(mail: _Mail, context: LintContext) -> Iterator[Finding]:
    """Check that every value was filled in; in an invented mail also that no syntax is left, which a title may hold."""
    _, mark, rest = (mail.html + mail.text).partition(_SLOT_MARK)
    if mark:
        name = rest.partition(_SLOT_MARK)[0][:40]
        yield _error("remains", "mail", f"the value {name!r} was not filled in; print it without filters")
    attributes = [(f"HTML, {one.label}", value) for one in mail.elements for value in one.attributes.values() if value]
    for where, text in (*mail.words, *attributes) if context.is_invented else ():
        for one in [*_TEMPLATE.findall(text), *_nothing_in(text.strip())]:
            message = f"contains {_one_line(one)[:40]!r}, which a template should have replaced; check its syntax"
            yield _error("remains", where, message)


def _nothing_in(text: str) -> Iterator[str]:
    """Yield the word for a missing value that a text is, or that stands in the place of its value."""
    for word in _NOTHING:
        before = text.removesuffix(word)
        if before != text and (not before or before.rstrip().endswith((":", "=", "/"))):
            yield word


def _check_unsubscribe(mail: _Mail, context: LintContext) -> Iterator[Finding]:
    if not context.is_digest:
        return
    wanted = {link.partition("?")[0].removeprefix("mailto:") for link in mail.unsubscribe_links}
    targets = {one.attributes.get("href", "") for one in mail.elements if one.tag == "a" and one.is_readable}
    if not any(link in target for link in wanted for target in targets):
        yield _error("unsubscribe", "HTML", _UNSUBSCRIBE.format("HTML part"))
    if not any(link in mail.text for link in wanted):
        yield _error("unsubscribe", "text part", _UNSUBSCRIBE.format("text part"))


_UNSUBSCRIBE = "the {} shows no link to unsubscribe, which the law requires; print frame.unsubscribe in the template"


def _error(rule: str, where: str, message: str) -> Finding:
    return Finding(rule, Severity.ERROR, where, message)


def _shortened(link: str) -> str:
    """Return the beginning of a link, without what may be secret: a token, an address."""
    scheme, colon, rest = link.partition("://")
    return f"{scheme}{colon}{rest.partition('/')[0]}/…"[:80] if colon else link.partition("@")[0][:20]


def _one_line(text: str) -> str:
    return " ".join(text.split())


_Rule: TypeAlias = Callable[[_Mail, LintContext], Iterator[Finding]]
RULES: Sequence[_Rule] = (
    _check_size,
    _check_parts,
    _check_header_lines,
    _check_headers,
    _check_signature,
    _check_links,
    _check_remote,
    _check_characters,
    _check_remains,
    _check_unsubscribe,
)
"""A rule yields its findings."""
