"""The lines of a mail that is HTML alone, up to where it quotes another."""

from html.parser import HTMLParser

_SILENT = frozenset({"script", "style", "head", "title", "blockquote"})
_BREAKS = frozenset({"br", "p", "div", "li", "tr", "h1", "h2", "h3", "table", "ul", "ol", "hr"})
_QUOTES = ("gmail_quote", "divrplyfwdmsg", "appendonsend", "moz-cite-prefix", "yahoo_quoted", "protonmail_quote")


def lines_of_html(html: str) -> list[str]:
    """What a reader sees, a line a paragraph; quotes are left out."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return "".join(reader.pieces).splitlines()


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self._silent: list[str] = []
        self._over = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """html.parser: what opens."""
        named = " ".join(value or "" for name, value in attrs if name in {"class", "id"}).lower()
        self._over = self._over or any(quote in named for quote in _QUOTES)
        if tag in _SILENT:
            self._silent.append(tag)
        if tag in _BREAKS:
            self.pieces.append("\n")

    def handle_endtag(self, tag: str) -> None:
        """html.parser: what closes."""
        if tag in self._silent:
            while self._silent.pop() != tag:
                pass
        if tag in _BREAKS:
            self.pieces.append("\n")

    def handle_data(self, data: str) -> None:
        """html.parser: text."""
        if not (self._silent or self._over):
            self.pieces.append(" ".join(data.split("\n")))
