"""Parse the HTML of a mail: its elements, their visible text and their colours in light and dark mode.

The cascade is as much of CSS as mails use: rules of one class or tag in `style` elements, without media query or for
dark mode, and `style` attributes. Of descendants (`.a .b`) the last one counts.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from html.parser import HTMLParser
from typing import NamedTuple

Colour = tuple[int, int, int]
"""Red, green and blue, 0 to 255."""
_VOID = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
)
_NOT_SHOWN = frozenset({"head", "style", "script", "title", "template"})
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_RULE = re.compile(r"([^{}]+)\{((?:[^{}]|\{[^{}]*\})*)\}")
_SELECTOR = re.compile(r"([a-z0-9]*)((?:\.[\w-]+)*)", re.IGNORECASE)
_OUTLOOK_DARK = re.compile(r"^\[data-ogs[bc]\]\s+")
"""Outlook on the web puts these attributes around a mail in dark mode."""
_HEX = re.compile(r"#([0-9a-f]{6}|[0-9a-f]{3})", re.IGNORECASE)
_RGB = re.compile(r"rgba?\(\s*(\d{1,3})[\s,]+(\d{1,3})[\s,]+(\d{1,3})\s*(?:[,/]\s*1(?:\.0*)?\s*)?\)")
_PIXELS = re.compile(r"(\d+(?:\.\d+)?)px")
_NAMES: Mapping[str, Colour] = {"black": (0, 0, 0), "white": (255, 255, 255)}
BLACK, WHITE = _NAMES["black"], _NAMES["white"]
_FONT_SIZE = 16.0
"""Pixels, unless a style says otherwise."""


class ColourScheme(StrEnum):
    """The colour schemes that a mail program may show a mail in."""

    LIGHT = "light"
    DARK = "dark"


class Look(NamedTuple):
    """How the text of an element is shown. `size`: of the font, in pixels."""

    colour: Colour
    background: Colour
    size: float
    is_bold: bool

    @property
    def contrast(self) -> float:
        """Return the contrast ratio of text and background, 1 to 21 (WCAG 2.2, definition of contrast ratio)."""
        lighter, darker = sorted((_luminance(self.colour), _luminance(self.background)), reverse=True)
        return (lighter + 0.05) / (darker + 0.05)


@dataclass(eq=False)
class HtmlElement:
    """An element. `text`: its own text, without that of elements inside it."""

    tag: str
    attributes: Mapping[str, str]
    parent: "HtmlElement | None"
    text: str = ""

    @property
    def ancestors(self) -> Iterator["HtmlElement"]:
        """Yield the element itself and those around it, from the inside."""
        here: HtmlElement | None = self
        while here is not None:
            yield here
            here = here.parent

    @property
    def is_shown(self) -> bool:
        """Return True unless a style or the kind of an element around it hides it."""
        return not any(one.tag in _NOT_SHOWN or _is_hidden(one) for one in self.ancestors)

    @property
    def label(self) -> str:
        """Return the start tag in short, to say where something is."""
        named = self.attributes.get("class")
        return f'<{self.tag} class="{named}">' if named else f"<{self.tag}>"


@dataclass(frozen=True)
class HtmlDocument:
    """The elements of a document in order, and the text of its style sheets."""

    elements: Sequence[HtmlElement]
    css: str
    _rules: Sequence["_StyleRule"] = field(repr=False)

    @classmethod
    def parse(cls, html: str) -> "HtmlDocument":
        """Parse a document. Errors in it are tolerated."""
        parser = _Parser()
        parser.feed(html)
        parser.close()
        css = _COMMENT.sub("", "\n".join(one.text for one in parser.elements if one.tag == "style"))
        return cls(parser.elements, css, tuple(_style_rules(css)))

    def look(self, element: HtmlElement, scheme: ColourScheme) -> Look:
        """Return how the text of an element is shown in a colour scheme."""
        styles = [self._style(one, scheme) for one in element.ancestors]
        sizes = (_PIXELS.match(one.get("font-size", "")) for one in styles)
        return Look(
            colour=_first_colour(styles, ("color",), BLACK),
            background=_first_colour(styles, ("background-color", "background"), WHITE),
            size=next((float(found[1]) for found in sizes if found), _FONT_SIZE),
            is_bold=next((one["font-weight"] for one in styles if "font-weight" in one), "") in _BOLD,
        )

    def _style(self, element: HtmlElement, scheme: ColourScheme) -> Mapping[str, str]:
        """Return the declarations that apply to an element."""
        matching = [rule for rule in self._rules if rule.matches(element, scheme)]
        style = {"background-color": element.attributes["bgcolor"]} if "bgcolor" in element.attributes else {}
        inline = declarations(element.attributes.get("style", ""))
        for important in (False, True):
            for found in (*(rule.style for rule in matching), inline):
                style |= {name: value for name, value, is_important in found if is_important is important}
        return style


@lru_cache(maxsize=1024)  # most elements of a mail have the same style as others
def declarations(css: str) -> Sequence[tuple[str, str, bool]]:
    """Return the declarations of a style: property, value, and whether it is important."""
    found = []
    for declaration in css.split(";"):
        name, colon, value = declaration.partition(":")
        bare = value.strip().lower()
        if colon:
            found.append((name.strip().lower(), bare.removesuffix("!important").strip(), bare.endswith("!important")))
    return found


_BOLD = frozenset({"bold", "bolder", "600", "700", "800", "900"})


class _StyleRule(NamedTuple):
    """A rule for one tag, some classes, or both."""

    tag: str
    classes: frozenset[str]
    is_dark: bool
    style: Sequence[tuple[str, str, bool]]

    def matches(self, element: HtmlElement, scheme: ColourScheme) -> bool:
        return (
            (not self.is_dark or scheme is ColourScheme.DARK)
            and self.tag in ("", element.tag)
            and self.classes <= set(element.attributes.get("class", "").split())
        )


class _Parser(HTMLParser):
    """Collects the elements."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[HtmlElement] = []
        self._open: list[HtmlElement] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = HtmlElement(tag, {name: text or "" for name, text in attrs}, self._open[-1] if self._open else None)
        self.elements.append(element)
        if tag not in _VOID:
            self._open.append(element)

    def handle_endtag(self, tag: str) -> None:
        for place in range(len(self._open) - 1, -1, -1):
            if self._open[place].tag == tag:
                del self._open[place:]
                return

    def handle_data(self, data: str) -> None:
        if self._open:
            self._open[-1].text += data


def _style_rules(css: str) -> Iterator[_StyleRule]:
    for selectors, body in _RULE.findall(css):
        is_dark = "prefers-color-scheme: dark" in " ".join(selectors.replace(":", ": ").split())
        if not selectors.strip().startswith("@"):
            yield from _rules_of(selectors, body, is_dark=False)
        elif is_dark:
            for inner, style in _RULE.findall(body):
                yield from _rules_of(inner, style, is_dark=True)


def _rules_of(selectors: str, body: str, *, is_dark: bool) -> Iterator[_StyleRule]:
    for selector in map(str.strip, selectors.split(",")):
        ours = _OUTLOOK_DARK.sub("", selector)
        if ours and (found := _SELECTOR.fullmatch(ours.split()[-1])) and not re.search(r"[\[>+~#:*]", ours):
            classes = frozenset(found[2].split(".")[1:])
            yield _StyleRule(found[1].lower(), classes, is_dark or ours != selector, declarations(body))


def _is_hidden(element: HtmlElement) -> bool:
    return any(
        (name, value) in {("display", "none"), ("visibility", "hidden")}
        for name, value, _ in declarations(element.attributes.get("style", ""))
    )


def _first_colour(styles: Sequence[Mapping[str, str]], names: Sequence[str], default: Colour) -> Colour:
    """Return the colour that the innermost element sets."""
    found = (_colour(style[name]) for style in styles for name in names if name in style)
    return next((colour for colour in found if colour is not None), default)


@lru_cache(maxsize=256)
def _colour(value: str) -> Colour | None:
    """Return a colour as hex, rgb() or one of two names; None if it says nothing (inherit, transparent)."""
    if found := _HEX.match(value):
        digits = found[1] if len(found[1]) == 6 else "".join(digit * 2 for digit in found[1])
        return int(digits[:2], 16), int(digits[2:4], 16), int(digits[4:], 16)
    if found := _RGB.match(value):
        return int(found[1]), int(found[2]), int(found[3])
    return _NAMES.get(value)


def _luminance(colour: Colour) -> float:
    """Return the relative luminance of an sRGB colour, 0 to 1 (WCAG 2.2)."""
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in (one / 255 for one in colour)
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
