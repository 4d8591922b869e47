"""A subscriber with a library at a provider on this machine.

Also the parts that sync it.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from time import monotonic

import pytest

from digestd.domain.interest import Interest, Kind, Stance, values
from digestd.domain.library import Library
from digestd.domain.subscriber import Cause, Subscriber
from digestd.fetching import library_reader as asking
from digestd.fetching.fetch import Client
from digestd.security.addresses import address_key
from digestd.security.keys import Keys
from digestd.sources.imports import zotero
from digestd.store import libraries as kept
from digestd.store import subscribers
from digestd.store.database import Database
from digestd.subscribers import libraries as library_sync
from digestd.subscribers.libraries import LibrarySync
from digestd.subscribers.subscriber_record import parse
from tests.libraries.library_servers import KEY, Zotero
from tests.papers.http_server import AT_ONCE, HttpServer, serve_http

ADA = "ada@example.org"
LAKES, PONDS, RIVERS = "arxiv:2611.00001", "doi:10.5555/ponds", "doi:10.5555/rivers"


@dataclass
class SyncSetup:
    """The parts that sync libraries; its clock runs and can be moved forward."""

    by: LibrarySync
    zotero: Zotero
    ada: int
    shift: list[timedelta] = field(default_factory=list)

    @property
    def site(self) -> HttpServer:
        return self.zotero.site

    async def link(self, written: str = "", key: str = KEY) -> Library:
        """Link Ada's library, and return it."""
        await library_sync.link_zotero(self.by, self.ada, key, written)
        return self.libraries[-1]

    async def sync(self, **later: float) -> int:
        self.advance(**later)
        return await library_sync.sync_due(self.by)

    def advance(self, **later: float) -> None:
        self.shift.append(timedelta(**later))

    @property
    def now(self) -> datetime:
        return self.by.clock()

    @property
    def libraries(self) -> list[Library]:
        with self.by.db.read() as session:
            return kept.of(session, self.ada)

    @property
    def subscriber(self) -> Subscriber:
        with self.by.db.read() as session:
            found = subscribers.by_key(session, self.ada)
        assert found is not None
        return found

    @property
    def likes(self) -> set[str]:
        return set(values(self.subscriber.interests, Kind.PAPER, Stance.LIKED))

    def want(self, *papers: str, stance: Stance = Stance.LIKED) -> None:
        own = tuple(Interest(Kind.PAPER, paper, stance) for paper in papers)
        with self.by.db.write() as session:
            subscribers.update_many(session, [replace(self.subscriber, interests=own)], self.now)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove the delay between requests, which providers on this machine do not need."""
    monkeypatch.setattr(zotero, "SECONDS", 0.02)
    monkeypatch.setattr(asking, "LIMITS", replace(asking.LIMITS, backoff=AT_ONCE))


@pytest.fixture
async def setup(db: Database, keys: Keys, now: datetime) -> AsyncIterator[SyncSetup]:
    key = address_key(keys, ADA)
    with db.write() as session:
        ada = subscribers.insert_many(session, {key: parse({"email": ADA}).as_new}, Cause.CLI, now)[key]
    shift: list[timedelta] = []
    began = monotonic()

    def clock() -> datetime:
        return now + timedelta(seconds=monotonic() - began) + sum(shift, timedelta())

    async with serve_http() as served:
        keeper = Zotero(served)
        by = LibrarySync(db, keys, Client("https://digest.example.org"), clock, keeper.base)
        yield SyncSetup(by, keeper, ada, shift)


def lakes(setup: SyncSetup) -> None:
    """Return two papers, and an item that is no paper."""
    setup.zotero.put("LAKES000", title="Lakes freeze", abstractNote="They do.", archiveID="arXiv:2611.00001")
    setup.zotero.put("PONDS000", title="Ponds", DOI="10.5555/ponds")
    setup.zotero.put("NOTE0000", itemType="note", title="")
    setup.zotero.put("TRASHED0", title="Old", DOI="10.5555/old")
    setup.zotero.trash("TRASHED0")
