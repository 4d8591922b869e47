"""A subscriber's references in the formats of reference managers.

One pure parser per format.

`ReferenceFile` parses a file of a named or detected format into a Page: papers, and rejects with place, field
and remedy. `FormatDetector` only names the format. A paper given by its identifier alone has no title. The
content is untrusted. This package knows nothing about subscribers or the store.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from digestd.errors import BadInput, SourceFailed
from digestd.sources.imports import (
    bibtex,
    csl_json,
    endnote_xml,
    identifier_list,
    medline,
    opml,
    orcid,
    pasted_abstracts,
    pubmed_xml,
    refer,
    ris,
    web_of_science,
    zotero,
)
from digestd.sources.imports.unreadable import binary_name, remedy
from digestd.sources.source import Page

BYTES_MAX = 1024 * 1024
ENTRIES_MAX = 5_000
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
    "orcid": ImportFormat("ORCID JSON", orcid.matches, orcid.read),
    "csl-json": ImportFormat("CSL-JSON", csl_json.matches, csl_json.read),
    "bibtex": ImportFormat("BibTeX", bibtex.matches, bibtex.read),
    "ris": ImportFormat("RIS", ris.FORMAT.matches, ris.FORMAT.read),
    "medline": ImportFormat("PubMed (.nbib)", medline.FORMAT.matches, medline.FORMAT.read),
    "wos": ImportFormat("Web of Science", web_of_science.FORMAT.matches, web_of_science.FORMAT.read),
    "refer": ImportFormat("EndNote (.enw)", refer.FORMAT.matches, refer.FORMAT.read),
    "endnote-xml": ImportFormat("EndNote XML", endnote_xml.matches, endnote_xml.read),
    "pubmed-xml": ImportFormat("PubMed XML", pubmed_xml.matches, pubmed_xml.read),
    "ids": ImportFormat("arXiv ids and DOIs", identifier_list.matches, identifier_list.read),
    "abstracts": ImportFormat("pasted abstracts", pasted_abstracts.matches, pasted_abstracts.read),
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
        """Parse a complete file.

        Raises SourceFailed, with the remedy, if it is too large or in no known format.
        """
        del cursor
        text = _readable(body)
        page = IMPORT_FORMATS[self.form or detect_format(text)].read(text)
        if len(page.sightings) + len(page.rejects) > ENTRIES_MAX:
            raise SourceFailed(f"the file holds more than {ENTRIES_MAX:,} entries; split it")
        return page


@dataclass(frozen=True, slots=True)
class FormatDetector:
    """A parser that only detects the format.

    `next` of its page is a key of IMPORT_FORMATS.
    """

    def parse(self, body: bytes, cursor: str | None = None) -> Page:
        """Detect the format.

        Raises SourceFailed, with the remedy, if the file is too large or empty.
        """
        del cursor
        return Page(next=detect_format(_readable(body)))


def detect_format(text: str) -> str:
    """Return the name of the format that a text looks like."""
    return next(name for name, form in IMPORT_FORMATS.items() if form.matches(text))


def _readable(body: bytes) -> str:
    if len(body) > BYTES_MAX:
        raise SourceFailed("the file is larger than 1 MiB; split it, or leave the abstracts out")
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
    return re.sub(r"\r\n?", "\n", text)


__all__ = [
    "BYTES_MAX",
    "ENTRIES_MAX",
    "IMPORT_FORMATS",
    "FormatDetector",
    "ImportFormat",
    "ReferenceFile",
    "detect_format",
]
