"""Parse the HTML of a mail into its elements."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from html.parser import HTMLParser

_VOID = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
)


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
    def label(self) -> str:
        """Return the start tag in short, to say where something is."""
        named = self.attributes.get("class")
        return f'<{self.tag} class="{named}">' if named else f"<{self.tag}>"


def elements_of(html: str) -> Sequence[HtmlElement]:
    """Return the elements of a document in order. Errors in it are tolerated."""
    parser = _Parser()
    parser.feed(html)
    parser.close()
    return parser.elements


@lru_cache(maxsize=1024)  # most elements of a mail have the same style as others
def declarations(css: str) -> Sequence[tuple[str, str]]:
    """Return the declarations of a style: property and value."""
    pairs = (declaration.partition(":")[::2] for declaration in css.split(";") if ":" in declaration)
    return [(name.strip().lower(), value.strip().lower().removesuffix("!important").strip()) for name, value in pairs]


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
