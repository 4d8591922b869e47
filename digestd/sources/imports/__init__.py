"""A subscriber's references in the formats of reference managers.

Pure parsers, grouped by what the formats are made of.

`ReferenceFile` parses a file of a named or detected format into a Page: papers, and rejects with place, field
and remedy. `FormatDetector` only names the format. A paper given by its identifier alone has no title. The
content is untrusted. This package knows nothing about subscribers or the store.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from digestd.errors import BadInput, SourceFailed
from digestd.sources.imports import json_formats, opml, plain_text, tagged, zotero
from digestd.sources.imports.reference import ENTRIES_MAX
from digestd.sources.imports.unreadable import binary_name, remedy
from digestd.sources.source import Page

BYTES_MAX = 20_000_000
_UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True)
class ImportFormat:
    """A format of references.

    `label` for people, `matches` tells if a text looks like it, `read` parses it.

    `read` raises SourceFailed for another format.
    """

    label: str
    matches: Callable[[str], bool]
    read: Callable[[str], Page]


IMPORT_FORMATS: Mapping[str, ImportFormat] = {
    "opml": ImportFormat("OPML", opml.matches, opml.read),
    "zotero": ImportFormat("Zotero JSON", zotero.matches, zotero.read),
    "csl-json": ImportFormat("CSL-JSON", json_formats.is_json, json_formats.read_csl),
    "bibtex": ImportFormat("BibTeX", plain_text.is_bibtex, plain_text.read_bibtex),
    "ris": ImportFormat("RIS", tagged.RIS.matches, tagged.RIS.read),
    "medline": ImportFormat("PubMed (.nbib)", tagged.MEDLINE.matches, tagged.MEDLINE.read),
    "ids": ImportFormat("arXiv ids and DOIs", plain_text.is_identifier_list, plain_text.read_identifier_list),
    "abstracts": ImportFormat("pasted abstracts", bool, plain_text.read_abstracts),
}
"""In the order in which a text is tried; the last takes what no other matches."""


@dataclass(frozen=True, slots=True)
class ReferenceFile:
    """A parser of files in the named format, or in the one detected."""

    form: str = ""

    def __post_init__(self) -> None:
        if self.form and self.form not in IMPORT_FORMATS:
            raise BadInput(f"there is no format {self.form[:40]!r}; known are {', '.join(IMPORT_FORMATS)}")

    def parse(self, body: bytes, cursor: str | None = None) -> Page:
        """Parse a complete file. Raises SourceFailed, with the remedy, if it is too large or in no known format."""
        del cursor
        text = _readable(body)
        page = IMPORT_FORMATS[self.form or detect_format(text)].read(text)
        if len(page.sightings) + len(page.rejects) > ENTRIES_MAX:
            raise SourceFailed(f"the file holds more than {ENTRIES_MAX:,} entries; split it")
        return page


@dataclass(frozen=True, slots=True)
class FormatDetector:
    """A parser that only detects the format. `next` of its page is a key of IMPORT_FORMATS."""

    def parse(self, body: bytes, cursor: str | None = None) -> Page:
        """Detect the format. Raises SourceFailed, with the remedy, if the file is too large or empty."""
        del cursor
        return Page(next=detect_format(_readable(body)))


def detect_format(text: str) -> str:
    """Return the name of the format that a text looks like."""
    return next(name for name, form in IMPORT_FORMATS.items() if form.matches(text))


def _readable(body: bytes) -> str:
    if len(body) > BYTES_MAX:
        raise SourceFailed("the file is larger than 20 MB; split it, or leave the abstracts out")
    if name := binary_name(body):
        raise SourceFailed(remedy(name))
    text = _text(body)
    if not text.strip():
        raise SourceFailed("the file is empty")
    return text


def _text(body: bytes) -> str:
    encoding = "utf-16" if body.startswith(_UTF_16_MARKS) else "utf-8-sig"
    if encoding == "utf-8-sig" and b"\0" in body[:2]:  # ASCII in UTF-16 without a mark
        encoding = "utf-16-be" if body[:1] == b"\0" else "utf-16-le"
    try:
        text = body.decode(encoding)
    except UnicodeDecodeError as error:
        raise SourceFailed(f"the file is not UTF-8 (at byte {error.start}); save it as UTF-8 first") from error
    return text.replace("\r\n", "\n").replace("\r", "\n")


__all__ = [
    "BYTES_MAX",
    "ENTRIES_MAX",
    "IMPORT_FORMATS",
    "FormatDetector",
    "ImportFormat",
    "ReferenceFile",
    "detect_format",
]
