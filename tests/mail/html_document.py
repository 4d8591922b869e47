"""Parse the HTML of a mail: its elements, their visible text and their colours in light and dark mode.

The cascade is as much of CSS as mails use: selectors of tags, classes and descendants in `style` elements, for all
media or for dark mode, and `style` attributes.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property, lru_cache
from html.parser import HTMLParser
from typing import NamedTuple

from digestd.mail.theme import contrast

Colour = tuple[int, int, int]
"""Red, green and blue, 0 to 255."""
_VOID = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
)
_NOT_SHOWN = frozenset({"head", "style", "script", "title", "template"})
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_BRACE = re.compile(r"([{}])")
_SELECTOR = re.compile(r"([a-z0-9]*)((?:\.[\w-]+)*)", re.IGNORECASE)
_OUTLOOK_DARK = re.compile(r"^\[data-ogs[bc]\]\s+")
"""Outlook on the web puts these attributes around a mail in dark mode."""
_HEX = re.compile(r"#([0-9a-f]{6}|[0-9a-f]{3})", re.IGNORECASE)
_RGB = re.compile(r"rgba?\(\s*(\d{1,3})[\s,]+(\d{1,3})[\s,]+(\d{1,3})\s*(?:[,/]\s*1(?:\.0*)?\s*)?\)")
_PIXELS = re.compile(r"(\d{1,4}(?:\.\d{1,4})?)px")
_NAMES: Mapping[str, Colour] = {"black": (0, 0, 0), "white": (255, 255, 255)}
BLACK, WHITE = _NAMES["black"], _NAMES["white"]
_FONT_SIZE = 16.0
"""Pixels, unless a style says otherwise."""


class ColourScheme(StrEnum):
    """The colour schemes that a mail program may show a mail in."""

    LIGHT = "light"
    DARK = "dark"


class Look(NamedTuple):
    """The look of an element's text. `size`: of the font, in pixels."""

    colour: Colour
    background: Colour
    size: float
    is_bold: bool

    @property
    def contrast(self) -> float:
        """Return the contrast ratio of text and background, 1 to 21 (WCAG 2.2, definition of contrast ratio)."""
        return contrast(f"#{bytes(self.colour).hex()}", f"#{bytes(self.background).hex()}")


@dataclass(eq=False)
class HtmlElement:
    """An element. `text`: its own text, without that of elements inside it."""

    tag: str
    attributes: Mapping[str, str]
    parent: "HtmlElement | None"
    text: str = ""

    @cached_property
    def classes(self) -> frozenset[str]:
        """Return the classes of the element."""
        return frozenset(self.attributes.get("class", "").split())

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


class HtmlDocument:
    """A parsed document. Errors in it are tolerated.

    Attributes:
        elements: Its elements in order.
        css: The text of its style sheets, without comments.
    """

    def __init__(self, html: str) -> None:
        parser = _Parser()
        parser.feed(html)
        parser.close()
        self.elements: Sequence[HtmlElement] = parser.elements
        self.css = _COMMENT.sub("", "\n".join(one.text for one in parser.elements if one.tag == "style"))
        self._rules = sorted(_style_rules(self.css), key=lambda rule: rule.specificity)
        self._styles: dict[tuple[HtmlElement, ColourScheme], Mapping[str, str]] = {}

    def look(self, element: HtmlElement, scheme: ColourScheme) -> Look:
        """Return how the text of an element is shown in a colour scheme."""
        styles = [self._style(one, scheme) for one in element.ancestors]
        sizes = (_PIXELS.search(one.get("font-size", "")) for one in styles)
        return Look(
            colour=_first_colour(styles, ("color",), BLACK),
            background=_first_colour(styles, ("background-color", "background"), WHITE),
            size=next((float(found[1]) for found in sizes if found), _FONT_SIZE),
            is_bold=next((one["font-weight"] for one in styles if "font-weight" in one), "") in _BOLD,
        )

    def _style(self, element: HtmlElement, scheme: ColourScheme) -> Mapping[str, str]:
        """Return the declarations that apply to an element."""
        key = (element, scheme)
        if key not in self._styles:
            self._styles[key] = self._cascade(element, scheme)
        return self._styles[key]

    def _cascade(self, element: HtmlElement, scheme: ColourScheme) -> Mapping[str, str]:
        matching = [rule.style for rule in self._rules if rule.matches(element, scheme)]
        inline = declarations(element.attributes.get("style", ""))
        style = {"background-color": element.attributes["bgcolor"]} if "bgcolor" in element.attributes else {}
        for important in (False, True):
            for found in (*matching, inline):
                style |= {name: value for name, value, is_important in found if is_important is important}
        return style


@lru_cache(maxsize=1024)  # most elements of a mail have the same style as others
def declarations(css: str) -> Sequence[tuple[str, str, bool]]:
    """Return the declarations of a style: property, value, and whether it is important."""
    found: list[tuple[str, str, bool]] = []
    for declaration in css.split(";"):
        name, colon, value = declaration.partition(":")
        bare = value.strip().lower()
        if colon:
            named = (name.strip().lower(), bare.removesuffix("!important").strip(), bare.endswith("!important"))
            found += _longhand(*named)
    return found


def _longhand(name: str, value: str, is_important: bool) -> Sequence[tuple[str, str, bool]]:
    """Return the size and weight of the shorthand `font`, and any other declaration itself."""
    if name != "font":
        return [(name, value, is_important)]
    weight = next((word for word in value.split() if word in _BOLD), "normal")
    return [("font-size", value, is_important), ("font-weight", weight, is_important)]


_BOLD = frozenset({"bold", "bolder", "600", "700", "800", "900"})


class _Compound(NamedTuple):
    """A selector of one element: a tag or none, and classes."""

    tag: str
    classes: frozenset[str]

    def matches(self, element: HtmlElement) -> bool:
        return self.tag in ("", element.tag) and self.classes <= element.classes


class _StyleRule(NamedTuple):
    """A rule for an element and those around it, from the outside."""

    compounds: Sequence[_Compound]
    is_dark: bool
    style: Sequence[tuple[str, str, bool]]

    @property
    def specificity(self) -> tuple[int, int]:
        """Return the number of classes and of tags (CSS Selectors 4, section 17)."""
        return sum(len(one.classes) for one in self.compounds), sum(bool(one.tag) for one in self.compounds)

    def matches(self, element: HtmlElement, scheme: ColourScheme) -> bool:
        if (self.is_dark and scheme is not ColourScheme.DARK) or not self.compounds[-1].matches(element):
            return False
        around = element.ancestors
        return all(any(one.matches(here) for here in around) for one in reversed(self.compounds))


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
    for selectors, body in _blocks(css):
        query = " ".join(selectors.replace(":", ": ").split())
        is_dark = "prefers-color-scheme: dark" in query
        if not query.startswith("@"):
            yield from _rules_of(selectors, body, is_dark=False)
        elif is_dark or query in ("@media all", "@media screen"):
            for inner, style in _blocks(body):
                yield from _rules_of(inner, style, is_dark=is_dark)


def _blocks(css: str) -> Iterator[tuple[str, str]]:
    """Yield what stands before each pair of braces, and what stands in it, with the braces inside it."""
    depth, before, inside = 0, "", ""
    for piece in _BRACE.split(css):
        depth += (piece == "{") - (piece == "}")
        if piece == "}" and depth <= 0:
            yield before, inside
            depth, before, inside = 0, "", ""
        elif depth == 0:
            before += piece
        elif inside or piece != "{":
            inside += piece


def _rules_of(selectors: str, body: str, *, is_dark: bool) -> Iterator[_StyleRule]:
    for selector in map(str.strip, selectors.split(",")):
        ours = _OUTLOOK_DARK.sub("", selector)
        parts = [_SELECTOR.fullmatch(part) for part in ours.split()]
        compounds = [_Compound(one[1].lower(), frozenset(one[2].split(".")[1:])) for one in parts if one]
        if compounds and len(compounds) == len(parts):
            yield _StyleRule(compounds, is_dark or ours != selector, declarations(body))


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
