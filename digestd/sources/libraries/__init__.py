"""Libraries at Zotero and ORCID: requests and parsing, one module per provider.

Pure.

The first identifier of each sighting is the provider's own, as `entry:…`; `day` is when the entry was added, and a
removed entry is `withdrawn`. `LIBRARY_SOURCES` creates a library source, `LIBRARY_ID_PARSERS` checks what a
subscriber types. This package knows nothing about subscribers or the store.
"""

from collections.abc import Callable, Mapping
from typing import Protocol

from digestd.domain.library import LibraryProvider
from digestd.sources.libraries import orcid, zotero
from digestd.sources.source import Page, RateLimit, Request


class LibrarySource(Protocol):
    """One library at a provider."""

    @property
    def rate_limit(self) -> RateLimit:
        """Return how often the provider may be asked."""

    @property
    def is_complete(self) -> bool:
        """Return True if the answers list every entry, so that unlisted ones are gone."""

    def request(self, cursor: str | None) -> Request:
        """Return the request for the page at `cursor`; None is the first."""

    def parse(self, body: bytes, cursor: str | None = None) -> Page:
        """Parse its answer. Raises SourceFailed if it is not an answer of the provider."""

    def next_cursor(self, cursor: str | None, headers: Mapping[str, str]) -> str | None:
        """Return the next cursor, given the answer's headers, or None at the end."""


LIBRARY_SOURCES: Mapping[LibraryProvider, Callable[[str, str, int], LibrarySource]] = {
    LibraryProvider.ZOTERO: zotero.ZoteroLibrary,
    LibraryProvider.ORCID: orcid.OrcidLibrary,
}
"""Creates a library source, given the provider's API URL, the library id and the version read last."""

LIBRARY_ID_PARSERS: Mapping[LibraryProvider, Callable[[str], str]] = {
    LibraryProvider.ZOTERO: zotero.parse_library_id,
    LibraryProvider.ORCID: orcid.parse_library_id,
}
"""Parses what a subscriber typed as a library id. Raises BadRecord with the remedy."""

__all__ = ["LIBRARY_ID_PARSERS", "LIBRARY_SOURCES", "LibrarySource"]
