"""Fragments: parts of a mail that are rendered and encoded once, with slots.

A template is given `slot("view")` in place of a value: a marker that no outside text can contain
(`sanitise.clean` and `sanitise.safe_url` drop its character, and `Templates` rejects it). The rendered text is split at
the markers. The texts between them are encoded once; a mail encodes only its own values and joins the pieces. Values
are never searched for markers, so a value cannot become a slot.
"""

import re
from binascii import a2b_qp
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import itemgetter
from typing import Any, NamedTuple

from markupsafe import escape

from digestd.errors import BadSetting
from digestd.mail.mime import SOFT_BREAK, quoted_printable_fragment

MARK = "\ue000"
"""Begins and ends a slot: a private-use character."""
_SLOT = re.compile(f"{MARK}([a-z0-9 ]+){MARK}")
_MARKUP = re.compile("[&<>\"']")


def slot(name: str) -> str:
    """Return the marker that stands for a value until a mail is assembled."""
    return f"{MARK}{name}{MARK}"


class Value(NamedTuple):
    """The value of a slot in HTML and in text, as quoted-printable."""

    html: bytes
    text: bytes


def value(plain: str, text: str | None = None) -> Value:
    """Return plain text as a value.

    `text`: a variant for the text part, such as the same in wrapped lines.
    """
    html = str(escape(plain)) if _MARKUP.search(plain) else plain
    encoded = quoted_printable_fragment(plain if text is None else text)
    return Value(encoded if html == (plain if text is None else text) else quoted_printable_fragment(html), encoded)


class Fragment:
    """A part in one format, rendered from a template: texts with slots between them.

    Raises:
        BadSetting: The template changed a slot, for example by truncating it.
    """

    def __init__(self, rendered: str, template: str) -> None:
        parts = _SLOT.split(rendered)
        self._texts, names = parts[::2], parts[1::2]
        if any(MARK in text for text in self._texts):
            raise BadSetting(f"template {template} changes a value that is filled in later; print it without filters")
        self._chosen: Callable[[Any], Any] = itemgetter(*names) if names else lambda _: ()

    def fill(self, values: Mapping[str, str]) -> str:
        """Return the text with its slots filled."""
        filled: str = self._format % self._chosen(values)
        return filled

    def encode(self, values: Mapping[str, bytes]) -> bytes:
        """Return the text with its slots filled, as quoted-printable like the values."""
        filled: bytes = self._encoded_format % self._chosen(values)
        return filled

    @cached_property
    def _format(self) -> str:
        return "%s".join([text.replace("%", "%%") for text in self._texts])

    @cached_property
    def _encoded_format(self) -> bytes:
        return b"%b".join([quoted_printable_fragment(text).replace(b"%", b"%%") for text in self._texts])


@dataclass(frozen=True)
class Body:
    """The text or HTML part of one mail: encoded fragments."""

    pieces: Sequence[bytes]

    def __str__(self) -> str:
        return a2b_qp(b"".join(self.pieces)).decode().replace("\r\n", "\n")

    @property
    def encoded(self) -> Sequence[bytes]:
        """Return the body in pieces of quoted-printable (RFC 2045 section 6.7).

        The last line ends with CRLF.
        """
        is_open = self.pieces and self.pieces[-1].endswith(SOFT_BREAK)
        return [*self.pieces, b"\r\n"] if is_open else self.pieces

    @property
    def size(self) -> int:
        """Return the encoded size in bytes."""
        return sum(map(len, self.encoded))
