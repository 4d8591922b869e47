"""Libraries that people keep elsewhere: what to ask for, and how to read it; one file a keeper, one line here. Pure.

Of each sighting the first identifier is what the keeper calls the entry, as `entry:…`; `day` is when it was put there,
and an entry that was taken out is `withdrawn`.
"""

from collections.abc import Callable, Mapping
from typing import Protocol

from digestd.domain.library import Keeper
from digestd.sources.libraries import orcid, zotero
from digestd.sources.source import Page, RateLimit, Request


class LibrarySource(Protocol):
    """One library as it is to be read."""

    @property
    def rate_limit(self) -> RateLimit:
        """How often its keeper may be asked."""

    @property
    def is_complete(self) -> bool:
        """Whether the answers list all there is, so that what they do not name is gone."""

    def request(self, cursor: str | None) -> Request:
        """The request for the page at `cursor`; None is the first."""

    def parse(self, body: bytes, cursor: str | None = None) -> Page:
        """Read the answer to it. Raises SourceFailed where it is none."""

    def next_cursor(self, cursor: str | None, headers: Mapping[str, str]) -> str | None:
        """The cursor that follows, by the headers of the answer; None at the end."""


LIBRARY_SOURCES: Mapping[Keeper, Callable[[str, str, int], LibrarySource]] = {
    Keeper.ZOTERO: zotero.ZoteroLibrary,
    Keeper.ORCID: orcid.OrcidLibrary,
}
"""How to read a library, by its keeper: of the address of the keeper's API, the place, and the version read last."""

LIBRARY_ID_PARSERS: Mapping[Keeper, Callable[[str], str]] = {
    Keeper.ZOTERO: zotero.parse_library_id,
    Keeper.ORCID: orcid.parse_library_id,
}
"""Which library somebody means by what they typed. Raises BadRecord with the remedy."""

__all__ = ["LIBRARY_ID_PARSERS", "LIBRARY_SOURCES", "LibrarySource"]
