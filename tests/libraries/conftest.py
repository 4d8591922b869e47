"""Somebody with a library at a keeper on this machine, and what reads it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from time import monotonic

import pytest

from digestd.domain.interest import Interest, Kind, Wish, values
from digestd.domain.library import Keeper, Library
from digestd.domain.subscriber import Cause, Status, Subscriber
from digestd.fetching import library_reader as asking
from digestd.fetching.fetch import Client
from digestd.security.links import Keys, address_key
from digestd.sources.libraries import zotero
from digestd.store import libraries as kept
from digestd.store import subscribers
from digestd.store.database import Database
from digestd.subscribers import library_sync
from digestd.subscribers.asking import new
from digestd.subscribers.library_sync import Libraries
from digestd.subscribers.record import parse
from tests.libraries.keepers import KEY, Zotero
from tests.papers.site import AT_ONCE, Site, site

ADA = "ada@example.org"
LAKES, PONDS, RIVERS = "arxiv:2611.00001", "doi:10.5555/ponds", "doi:10.5555/rivers"


@dataclass
class Desk:
    """Who reads libraries here; the clock runs, and can be moved on."""

    by: Libraries
    zotero: Zotero
    ada: int
    shift: list[timedelta] = field(default_factory=list)

    @property
    def site(self) -> Site:
        return self.zotero.site

    async def link(self, written: str = "", key: str = KEY) -> Library:
        """Link Ada's library; as it stands."""
        await library_sync.link_zotero(self.by, self.ada, key, written)
        return self.libraries[-1]

    async def sync(self, **later: float) -> int:
        """So much later, read what is due."""
        self.go(**later)
        return await library_sync.sync_due(self.by)

    def go(self, **later: float) -> None:
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
        return set(values(self.subscriber.interests, Kind.PAPER, Wish.LIKED))

    def want(self, *papers: str, wish: Wish = Wish.LIKED) -> None:
        """She says this of papers herself, and of no others."""
        own = tuple(Interest(Kind.PAPER, paper, wish) for paper in papers)
        with self.by.db.write() as session:
            subscribers.update_many(session, [replace(self.subscriber, interests=own)], self.now)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keepers on this machine need not be spared."""
    monkeypatch.setattr(zotero, "SECONDS", 0.02)
    monkeypatch.setattr(asking, "LIMITS", replace(asking.LIMITS, backoff=AT_ONCE))


@pytest.fixture
async def desk(db: Database, keys: Keys, now: datetime) -> AsyncIterator[Desk]:
    key = address_key(keys, ADA)
    with db.write() as session:
        ada = subscribers.insert_many(session, [new(parse({"email": ADA}), key, Status.ACTIVE)], Cause.CLI, now)[key]
    shift: list[timedelta] = []
    began = monotonic()

    def clock() -> datetime:
        return now + timedelta(seconds=monotonic() - began) + sum(shift, timedelta())

    async with site() as served:
        keeper = Zotero(served)
        bases = {Keeper.ZOTERO: keeper.base, Keeper.ORCID: served.url("/v3.0")}
        by = Libraries(db, keys, Client("https://digest.example.org"), clock, bases, timedelta(hours=24))
        yield Desk(by, keeper, ada, shift)


def lakes(desk: Desk) -> None:
    """Two papers, and what is none."""
    desk.zotero.put("LAKES000", title="Lakes freeze", abstractNote="They do.", archiveID="arXiv:2611.00001")
    desk.zotero.put("PONDS000", title="Ponds", DOI="10.5555/ponds")
    desk.zotero.put("NOTE0000", itemType="note", title="")
    desk.zotero.put("TRASHED0", title="Old", DOI="10.5555/old")
    desk.zotero.trash("TRASHED0")
