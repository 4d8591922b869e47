"""Fragments: parts of a mail that are rendered and encoded once, with slots.

A template is given `slot("view")` in place of a value: a marker that no outside text can contain
(`sanitise.clean` and `sanitise.safe_url` drop its character, and `Templates` rejects it). The rendered text is split at
the markers. The texts between them are encoded once; a mail encodes only its own values and joins the pieces. Values
are never searched for markers, so a value cannot become a slot.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import attrgetter
from typing import NamedTuple

from markupsafe import escape

from digestd.errors import BadSetting
from digestd.mail.mime import SOFT_BREAK, quoted_printable_fragment

MARK = "\ue000"
"""Begins and ends a slot: a private-use character."""
_SLOT = re.compile(f"{MARK}([a-z0-9]+){MARK}")


def slot(name: str) -> str:
    """Return the marker that stands for a value until a mail is assembled."""
    return f"{MARK}{name}{MARK}"


class Value(NamedTuple):
    """The value of a slot as HTML and text, and both as quoted-printable.

    Create it with `value`, `token_value` or `part_value`.
    """

    html: str
    text: str
    encoded_html: bytes
    encoded_text: bytes


def value(plain: str, text: str | None = None) -> Value:
    """Return plain text as a value.

    `text`: a variant for the text part, such as the same in wrapped lines.
    """
    html, text = str(escape(plain)), plain if text is None else text
    encoded = quoted_printable_fragment(text)
    return Value(html, text, encoded if html == text else quoted_printable_fragment(html), encoded)


def token_value(token: str) -> Value:
    """Return a token of up to 75 characters, which no encoding changes, as a value."""
    encoded = token.encode("ascii") + SOFT_BREAK
    return Value(token, token, encoded, encoded)


class BodyFormat(NamedTuple):
    """A format of a mail: suffix of its templates, and selectors of a value."""

    suffix: str
    plain: Callable[[Value], str]
    encoded: Callable[[Value], bytes]


HTML = BodyFormat(".html.j2", attrgetter("html"), attrgetter("encoded_html"))
TEXT = BodyFormat(".txt.j2", attrgetter("text"), attrgetter("encoded_text"))


class Fragment:
    """A part in one format, rendered from a template: texts with slots between them.

    Raises:
        BadSetting: The template changed a slot, for example by truncating it.
    """

    def __init__(self, rendered: str, form: BodyFormat, template: str) -> None:
        parts = _SLOT.split(rendered)
        self._texts, self._names, self._form = parts[::2], parts[1::2], form
        if any(MARK in text for text in self._texts):
            raise BadSetting(f"template {template} changes a value that is filled in later; print it without filters")

    def fill(self, values: Mapping[str, Value]) -> str:
        plain = self._form.plain
        return self._format % tuple([plain(values[name]) for name in self._names])

    def encode(self, values: Mapping[str, Value]) -> bytes:
        """Return the text with its slots filled, as quoted-printable."""
        encoded = self._form.encoded
        return self._encoded_format % tuple([encoded(values[name]) for name in self._names])

    @cached_property
    def _format(self) -> str:
        return "%s".join([text.replace("%", "%%") for text in self._texts])

    @cached_property
    def _encoded_format(self) -> bytes:
        return b"%b".join([quoted_printable_fragment(text).replace(b"%", b"%%") for text in self._texts])


def part_value(html: Fragment, text: Fragment, values: Mapping[str, Value]) -> Value:
    """Return a part with its slots filled as a value, for a slot on a line of its own."""
    return Value(html.fill(values), text.fill(values), html.encode(values), text.encode(values))


@dataclass(frozen=True)
class Body:
    """The text or HTML part of one mail: fragments with the values of their slots."""

    parts: Sequence[tuple[Fragment, Mapping[str, Value]]]

    def __str__(self) -> str:
        return "".join([fragment.fill(values) for fragment, values in self.parts])

    @cached_property
    def encoded(self) -> Sequence[bytes]:
        """Return the body in pieces of quoted-printable (RFC 2045 section 6.7).

        The last line ends with CRLF.
        """
        pieces = [fragment.encode(values) for fragment, values in self.parts]
        if pieces and pieces[-1].endswith(SOFT_BREAK):
            pieces.append(b"\r\n")
        return pieces

    @property
    def size(self) -> int:
        """Return the encoded size in bytes."""
        return sum(map(len, self.encoded))
