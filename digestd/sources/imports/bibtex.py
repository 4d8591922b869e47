"""BibTeX and BibLaTeX, read as the source of that name reads them."""

import re
from pathlib import Path

from digestd.sources.bibtex import BibtexFile
from digestd.sources.source import Page

_ENTRY = re.compile(r"^[ \t]*@[A-Za-z]+[ \t]*[{(]", re.MULTILINE)


def matches(text: str) -> bool:
    """Whether an entry begins anywhere."""
    return _ENTRY.search(text) is not None


def read(text: str) -> Page:
    """Its entries."""
    return BibtexFile(Path()).parse(text.encode("utf-8", "replace"))
