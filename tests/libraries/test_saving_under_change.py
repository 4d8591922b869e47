"""Nothing is added to a library after it was stopped or changed meanwhile, nor for a database that may be a copy."""

import asyncio
import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from digestd.domain.library import Library, LibraryState, SavingProblem
from digestd.security.tokens import Purpose, make_token
from digestd.store import libraries as kept
from digestd.store import personal_data
from digestd.store.ledger import restore
from digestd.subscribers import libraries as library_sync
from digestd.subscribers.confirmed_actions import renew_as_requested
from digestd.subscribers.libraries import stop_saving, unlink
from tests.libraries.conftest import SyncSetup
from tests.libraries.library_servers import KEY
from tests.libraries.test_saving import ICE, bring, link, many, save, saving, titles, told, unsave
from tests.papers.http_server import says

TITLE = "Ice on α ponds"


@pytest.fixture
def setup(setup: SyncSetup) -> SyncSetup:
    setup.zotero.may_write = True
    return setup


def while_read(setup: SyncSetup, act: Callable[[], object]) -> None:
    """Do something when the library is read next, before it answers."""
    path = "/users/12/items/top"
    answer = setup.site.paths[path]

    async def late(request: Any, writer: Any) -> None:
        setup.site.paths[path] = answer
        await asyncio.to_thread(act)
        await answer(request, writer)

    setup.site.paths[path] = late


def damage(setup: SyncSetup, saving: str) -> None:
    with setup.by.db.write() as session:
        session.connection().execute(text("UPDATE library SET saving = :saving"), {"saving": saving})


async def test_save_while_reading_adds_what_is_there_not_again(setup: SyncSetup) -> None:
    setup.zotero.put("MINE2345", title="My own words", DOI="10.5555/ice")
    bring(setup, ICE)
    await library_sync.link_zotero(setup.by, setup.ada, KEY, "", "")
    while_read(setup, lambda: save(setup, ICE["id"]))
    for _ in range(3):
        await setup.sync(minutes=30)
    assert setup.zotero.added == []
    save(setup, *many(setup, 1))
    await setup.sync(minutes=30)
    assert titles(setup) == ["Paper 0"]


@pytest.mark.parametrize("how", ["stop", "unlink", "renew"])
async def test_library_left_while_read_gets_nothing(setup: SyncSetup, how: str) -> None:
    bring(setup, ICE)
    library = await link(setup)
    save(setup, ICE["id"])
    db, link_to_renew = setup.by.db, make_token(setup.by.keys, Purpose.RENEW, setup.ada, setup.now, 1)
    acts: dict[str, Callable[[], object]] = {
        "stop": lambda: stop_saving(db, setup.ada, library.key),
        "unlink": lambda: unlink(db, setup.ada, library.key, setup.now, keep=True),
        "renew": lambda: renew_as_requested(db, setup.by.keys, link_to_renew, setup.now, shelf=False),
    }
    setup.zotero.put("LAKES234", title="Lakes freeze")
    while_read(setup, acts[how])
    for _ in range(3):
        await setup.sync(hours=25)
    assert setup.zotero.added == []
    assert [one.saving for one in setup.libraries] == ([] if how == "unlink" else [None])


async def test_planner_does_not_undo_stopping(setup: SyncSetup, monkeypatch: pytest.MonkeyPatch) -> None:
    if setup.by.db.is_sqlite:
        pytest.skip("SQLite has one writer at a time")
    library = await link(setup)
    has_read, may_write = threading.Event(), threading.Event()

    def stuck(_: Library) -> bool:
        has_read.set()
        return not may_write.wait(2)

    monkeypatch.setattr(Library, "is_saving_stuck", property(stuck))
    planner = threading.Thread(target=told, args=(setup,))
    planner.start()
    has_read.wait(5)
    reader = threading.Thread(target=stop_saving, args=(setup.by.db, setup.ada, library.key))
    reader.start()
    reader.join(0.5)
    may_write.set()
    planner.join(5)
    reader.join(5)
    assert setup.libraries[0].saving is None


async def test_restored_database_reads_but_adds_nothing(setup: SyncSetup) -> None:
    bring(setup, ICE)
    await link(setup)
    save(setup, ICE["id"])
    with setup.by.db.write() as session:
        restore.mark_restored(session, setup.now, setup.now)
    setup.zotero.put("PONDS234", title="Ponds", DOI="10.5555/ponds")
    assert await setup.sync() == 1
    assert (setup.likes, setup.zotero.added) == ({"doi:10.5555/ponds"}, [])
    with setup.by.db.write() as session:
        restore.clear_restored(session)
    await setup.sync(minutes=30)
    assert titles(setup) == [TITLE]


@pytest.mark.parametrize("saving", ["{broken", "[7]", '{"through": "x"}'])
async def test_damaged_saving_stops_no_other_library(setup: SyncSetup, saving: str) -> None:
    if not setup.by.db.is_sqlite and saving == "{broken":
        pytest.skip("PostgreSQL stores no such JSON")
    bring(setup, ICE)
    await link(setup)
    damage(setup, saving)
    save(setup, ICE["id"])
    assert told(setup) == set()
    assert await setup.sync(hours=25) == 1
    assert (setup.libraries[0].state, setup.libraries[0].saving) == (LibraryState.LINKED, None)
    damage(setup, saving)
    with setup.by.db.write() as session:
        (row,) = personal_data.export(session, setup.ada)["library"]
        assert row["saving"] == (saving if saving == "{broken" else json.loads(saving))
        kept.forget(session, setup.ada)
    assert setup.libraries == []


async def test_new_saves_wait_for_the_next_try_too(setup: SyncSetup) -> None:
    names = many(setup, 6)
    await link(setup)
    write = setup.site.paths["/users/12/items"]
    setup.site.paths["/users/12/items"] = says(b"", 500)
    for name in names:
        save(setup, name)
        await setup.sync(seconds=1)
    assert (setup.libraries[0].failures, saving(setup).problem) == (1, None)
    setup.site.paths["/users/12/items"] = write
    await setup.sync(minutes=16)
    assert len(titles(setup)) == 6


async def test_new_key_goes_on_with_what_waited(setup: SyncSetup) -> None:
    (earlier,) = many(setup, 1)
    bring(setup, ICE)
    save(setup, earlier)
    await link(setup)
    save(setup, ICE["id"])
    setup.zotero.may_write = False
    await setup.sync()
    assert saving(setup).problem is SavingProblem.KEY
    setup.zotero.may_write = True
    await link(setup)
    assert titles(setup) == [TITLE]
    stop_saving(setup.by.db, setup.ada, setup.libraries[0].key)
    save(setup, earlier)
    await link(setup)
    assert titles(setup) == [TITLE], "it did not wait: saving was stopped"


async def test_problem_ends_when_nothing_waits(setup: SyncSetup) -> None:
    bring(setup, ICE)
    await link(setup)
    save(setup, ICE["id"])
    setup.zotero.may_write = False
    await setup.sync()
    assert saving(setup).problem is SavingProblem.KEY
    unsave(setup, ICE["id"])
    await setup.sync(hours=25)
    assert saving(setup).problem is None


async def test_added_paper_is_no_like_of_its_own(setup: SyncSetup) -> None:
    bring(setup, ICE)
    await link(setup)
    save(setup, ICE["id"])
    await setup.sync()
    setup.zotero.put("PONDS234", title="Ponds", DOI="10.5555/ponds")
    for _ in range(2):
        await setup.sync(hours=25)
        await setup.link()
    assert (titles(setup), setup.likes) == ([TITLE], {"doi:10.5555/ponds"})


async def test_groups_of_authors_have_one_name(setup: SyncSetup) -> None:
    people = {"Ai Weiwei": "Weiwei", "Erik Jan van den Berg Jr.": "van den Berg, Jr."}
    groups = ["ATLAS Collaboration", "Google DeepMind", "Meta AI", "The Pierre Auger Collaboration"]
    bring(setup, ICE | {"authors": [*people, *groups]})
    await link(setup)
    save(setup, ICE["id"])
    await setup.sync()
    makers = setup.zotero.added[0]["creators"]
    assert [one.get("name", one.get("lastName")) for one in makers] == [*people.values(), *groups]
    assert [one["name"] for one in makers if "name" in one] == groups
