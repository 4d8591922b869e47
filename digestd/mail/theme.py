"""The operator's look: accent colour, logo, intro line and footer, the same in mails, pages and icon.

The style sheets are written in the default colours, which `Theme.recolour` replaces.
"""

import struct
from dataclasses import dataclass
from pathlib import Path

from digestd.errors import BadSetting

ACCENT, DEEP_ACCENT = "#9a3f1d", "#7d3014"
"""The accent on a light ground, and while it is pressed."""
DARK_ACCENT, DARK_DEEP_ACCENT = "#eda583", "#f5bfa4"
"""The same on a dark ground."""
SHEET, DARK_SHEET = "#fffefa", "#1f1d1a"
MIN_CONTRAST = 4.5
"""WCAG 2.2, 1.4.3: contrast of text. Text on a button has the colour of the sheet."""
LOGO_BYTES = 20_000
LOGO_PIXELS = 1_200
_PNG = b"\x89PNG\r\n\x1a\n"
_HEX_DIGITS = frozenset("0123456789abcdef")
_STEP = 0.05
_SIZE_AT = 16
"""Width and height stand here, first in the header chunk (PNG specification, 11.2.1)."""


@dataclass(frozen=True, slots=True)
class Theme:
    """The look of an installation.

    Attributes:
        accent: The colour of links and buttons on a light ground, as `#rrggbb`.
        intro: A line at the top of each digest, or empty.
        footer: A line at the foot of mails and pages, or empty.
        logo: A PNG, or empty.
    """

    accent: str = ACCENT
    intro: str = ""
    footer: str = ""
    logo: bytes = b""

    def recolour(self, style: str) -> str:
        """Return a style sheet or picture with the default accents replaced.

        On a dark ground the accent is lightened until text in it can be read.
        """
        if self.accent == ACCENT:
            return style
        dark = lighter_until(self.accent, DARK_SHEET, MIN_CONTRAST + 1.5)
        colours = {
            ACCENT: self.accent,
            DEEP_ACCENT: darker(self.accent, 0.2),
            DARK_ACCENT: dark,
            DARK_DEEP_ACCENT: lighter_until(dark, DARK_SHEET, contrast(dark, DARK_SHEET) + 1.5),
        }
        for default, colour in colours.items():
            style = style.replace(default, colour)
        return style


def check_accent(accent: str) -> str:
    """Return an accent in lower case that can be read on the sheet. Raises BadSetting."""
    try:
        accent = parse_colour(accent)
    except ValueError as error:
        raise BadSetting(f"DIGESTD_THEME_ACCENT: {error}") from None
    found = contrast(accent, SHEET)
    if found < MIN_CONTRAST:
        raise BadSetting(
            f"DIGESTD_THEME_ACCENT: {accent} has a contrast of {found:.1f} on {SHEET}, and text needs {MIN_CONTRAST}; "
            "choose a darker colour"
        )
    return accent


def read_logo(file: str) -> bytes:
    """Return the PNG in a file, or nothing for no file. Raises BadSetting."""
    if not file:
        return b""
    name = "DIGESTD_THEME_LOGO_FILE"
    try:
        with Path(file).open("rb") as opened:
            data = opened.read(LOGO_BYTES + 1)
    except OSError as error:
        raise BadSetting(f"{name}: cannot read {file}: {error.strerror}") from error
    if not data.startswith(_PNG) or len(data) < _SIZE_AT + 8:
        raise BadSetting(f"{name}: {file} is not a PNG picture; mail programs show no other kind everywhere")
    if len(data) > LOGO_BYTES:
        raise BadSetting(f"{name}: {file} has more than {LOGO_BYTES // 1_000} kB, and every mail carries it; shrink it")
    width, height = struct.unpack_from(">II", data, _SIZE_AT)
    if not (0 < width <= LOGO_PIXELS and 0 < height <= LOGO_PIXELS):
        raise BadSetting(f"{name}: {file} has {width} × {height} pixels; at most {LOGO_PIXELS} each are shown well")
    return data


def parse_colour(text: str) -> str:
    """Return a colour in lower case. Raises ValueError for another form."""
    colour = text.strip().lower()
    if len(colour) != 7 or colour[0] != "#" or not _HEX_DIGITS.issuperset(colour[1:]):
        raise ValueError("must be a colour like #9a3f1d")
    return colour


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours, 1 to 21 (WCAG 2.2, definition of contrast ratio)."""
    lighter, darker_one = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker_one + 0.05)


def luminance(colour: str) -> float:
    """Return the relative luminance of an sRGB colour, 0 to 1 (WCAG 2.2)."""
    red, green, blue = (
        channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4
        for channel in (value / 255 for value in _channels(colour))
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def darker(colour: str, share: float) -> str:
    """Return a colour mixed with a share of black."""
    return _mixed(colour, 0, share)


def lighter_until(colour: str, ground: str, ratio: float) -> str:
    """Return a colour mixed with as much white as it needs for a contrast with a dark ground."""
    share = 0.0
    while contrast(mixed := _mixed(colour, 255, share), ground) < ratio and share < 1:
        share += _STEP
    return mixed


def _channels(colour: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(colour.removeprefix("#")))


def _mixed(colour: str, other: int, share: float) -> str:
    return "#" + bytes(round(value + (other - value) * min(share, 1)) for value in _channels(colour)).hex()
