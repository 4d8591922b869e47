"""Colours as `#rrggbb`: contrast, and darker and lighter ones."""

import re

_HEX = re.compile(r"#[0-9a-f]{6}")
_STEP = 0.05


def parse_colour(text: str) -> str:
    """Return a colour in lower case. Raises ValueError for another form."""
    colour = text.strip().lower()
    if not _HEX.fullmatch(colour):
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
