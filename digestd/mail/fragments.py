"""Fragments: parts of a mail that are rendered and encoded once, with slots for what differs per mail.

A template prints a slot where a value will stand: the value that it is given is `slot("view")`, a marker that no
text from outside can contain (`words.clean` and `words.safe_url` drop its character, and `Templates` refuses it).
The rendered text is cut at the markers. What lies between them is encoded once; a mail encodes only its own values
and joins the pieces. Values are never searched for markers, so a value cannot become a slot.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import attrgetter
from typing import NamedTuple, TypeVar

from markupsafe import escape

from digestd.errors import BadSetting
from digestd.mail.quoted_printable import SOFT_BREAK, quoted_printable_fragment

MARK = "\ue000"
"""Begins and ends a slot: a character for private use."""
_T = TypeVar("_T")
_SLOT = re.compile(f"{MARK}([a-z0-9]+){MARK}")


def slot(name: str) -> str:
    """Return the marker that stands for a value until a mail is assembled."""
    return f"{MARK}{name}{MARK}"


class Value(NamedTuple):
    """What fills a slot: as HTML and as text, and both as quoted-printable. Make it with `value` or `token_value`."""

    html: str
    text: str
    encoded_html: bytes
    encoded_text: bytes


def value(plain: str, text: str | None = None) -> Value:
    """Return plain text as a value. `text`: what the text format has instead, as the same in short lines."""
    html, text = str(escape(plain)), plain if text is None else text
    encoded = quoted_printable_fragment(text)
    return Value(html, text, encoded if html == text else quoted_printable_fragment(html), encoded)


def token_value(token: str) -> Value:
    """Return a token as a value: at most 75 letters that neither HTML nor quoted-printable changes."""
    encoded = token.encode("ascii") + SOFT_BREAK
    return Value(token, token, encoded, encoded)


class Format(NamedTuple):
    """One of the two formats of a mail: the end of its templates' names, and what it takes of a value."""

    suffix: str
    own: Callable[[Value], str]
    encoded: Callable[[Value], bytes]


HTML = Format(".html.j2", attrgetter("html"), attrgetter("encoded_html"))
TEXT = Format(".txt.j2", attrgetter("text"), attrgetter("encoded_text"))


class Fragment:
    """A rendered part in one format: texts, and between each two of them a slot.

    Raises:
        BadSetting: the template changed a slot, as by cutting it.
    """

    def __init__(self, rendered: str, form: Format) -> None:
        parts = _SLOT.split(rendered)
        self._texts, self._names, self._form = parts[::2], parts[1::2], form
        if any(MARK in text for text in self._texts):
            raise BadSetting("a template changes a value that is filled in later; print it as it is")

    def fill(self, values: Mapping[str, Value]) -> str:
        """Return the text with a value in each slot."""
        own = self._form.own
        return "".join(_interleaved(self._texts, [own(values[name]) for name in self._names]))

    def encode(self, values: Mapping[str, Value]) -> Sequence[bytes]:
        """Return the text with a value in each slot, in pieces of quoted-printable."""
        encoded = self._form.encoded
        return _interleaved(self._encoded, [encoded(values[name]) for name in self._names])

    @cached_property
    def _encoded(self) -> Sequence[bytes]:
        return [quoted_printable_fragment(text) for text in self._texts]


@dataclass(frozen=True)
class Body:
    """The text or the HTML of one mail: fragments in order, each with the values of its slots."""

    parts: Sequence[tuple[Fragment, Mapping[str, Value]]]

    def __str__(self) -> str:
        return "".join([fragment.fill(values) for fragment, values in self.parts])

    @cached_property
    def encoded(self) -> Sequence[bytes]:
        """The body as quoted-printable (RFC 2045 section 6.7), in pieces; its last line ends."""
        pieces: list[bytes] = []
        for fragment, values in self.parts:
            pieces += fragment.encode(values)
        if pieces and pieces[-1].endswith(SOFT_BREAK):
            pieces.append(b"\r\n")
        return pieces

    @property
    def size(self) -> int:
        """How many bytes it takes in a mail."""
        return sum(map(len, self.encoded))


def _interleaved(texts: Sequence[_T], values: Sequence[_T]) -> list[_T]:
    """Return texts and values in turn; there is one text more than values."""
    row = [texts[-1]] * (len(texts) + len(values))
    row[::2], row[1::2] = texts, values
    return row
