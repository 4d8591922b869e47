"""BibTeX and BibLaTeX, parsed by the source `bibtex`."""

import re

from digestd.sources.bibtex import read_entries
from digestd.sources.source import Page

_ENTRY = re.compile(r"^[ \t]*@[A-Za-z]+[ \t]*[{(]", re.MULTILINE)


def matches(text: str) -> bool:
    """Return True if an entry begins anywhere in the text."""
    return _ENTRY.search(text) is not None


def read(text: str) -> Page:
    """Parse the entries."""
    return read_entries(text.encode("utf-8", "replace"), needs_title=False)
