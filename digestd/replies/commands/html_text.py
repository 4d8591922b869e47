"""Convert an HTML mail to text lines, up to the quoted mail."""

from html.parser import HTMLParser

_SKIPPED_TAGS = frozenset({"script", "style", "head", "title", "blockquote"})
_BLOCK_TAGS = frozenset({"br", "p", "div", "li", "tr", "h1", "h2", "h3", "table", "ul", "ol", "hr"})
_QUOTE_MARKERS = ("gmail_quote", "divrplyfwdmsg", "appendonsend", "moz-cite-prefix", "yahoo_quoted", "protonmail_quote")


def html_to_lines(html: str) -> list[str]:
    """Return the visible text, one line per paragraph, without quotes."""
    extractor = _TextExtractor()
    extractor.feed(html)
    extractor.close()
    return "".join(extractor.pieces).splitlines()


class _TextExtractor(HTMLParser):
    """Collects the visible text before the quoted mail."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self._skipped: list[str] = []
        self._in_quote = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Handle an opening tag (called by html.parser)."""
        markers = " ".join(value or "" for name, value in attrs if name in {"class", "id"}).lower()
        self._in_quote = self._in_quote or any(quote in markers for quote in _QUOTE_MARKERS)
        if tag in _SKIPPED_TAGS:
            self._skipped.append(tag)
        if tag in _BLOCK_TAGS:
            self.pieces.append("\n")

    def handle_endtag(self, tag: str) -> None:
        """Handle a closing tag (called by html.parser)."""
        if tag in self._skipped:
            while self._skipped.pop() != tag:
                pass
        if tag in _BLOCK_TAGS:
            self.pieces.append("\n")

    def handle_data(self, data: str) -> None:
        """Collect visible text (called by html.parser)."""
        if not (self._skipped or self._in_quote):
            self.pieces.append(" ".join(data.split("\n")))
