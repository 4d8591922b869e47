"""A database whose public papers hold what subscribers imported is clean after the migration."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from alembic import command
from sqlalchemy import func, select, text
from sqlmodel import SQLModel

from digestd.domain.interest import Interest, Kind, values
from digestd.domain.paper import Paper, PaperId, Sighting, Words
from digestd.errors import BadInput
from digestd.ingest.deduplication import split_paper
from digestd.ingest.pages import take_in
from digestd.store import core, papers, references, subscribers
from digestd.store import migrate as migrations
from digestd.store.migrate import migrate
from tests.parts.install import Install
from tests.plan.shelf import TOPIC, shelf
from tests.references.conftest import ABSTRACT, ADA, AUTHOR, BEA, known

LIBRARY = "library"
FEED, FUTURE, MINE = PaperId("feed:0123456789abcdef01234567"), PaperId("arxiv:2601.99999"), PaperId("doi:10.5555/mine")
EVIL, RIVERS = PaperId("doi:10.5555/canaryevil"), PaperId("doi:10.5555/rivers")
LAKES = Words("Alpine lakes freeze late", "", ("Ann Rue", "Bo Lakeman"))
ENTRY = Words("Frozen rivers of the north", "Rivers freeze from below.", ("Cy Rue",))


def imported(made: Install, address: str, name: PaperId, words: Words) -> None:
    """Store what somebody imported as the code before the migration did."""
    told = Sighting((name,), words, announced="replace")
    take_in(made.db, LIBRARY, [told], made.clock.now)
    like(made, address, name)


def like(made: Install, address: str, name: PaperId) -> None:
    """Have somebody like a paper from now on."""
    who = known(made, address)
    wanted = (*who.interests, Interest(Kind.PAPER, name, since=made.clock.now))
    with made.db.write() as session:
        subscribers.update_many(session, [replace(who, interests=wanted)], made.clock.now)


def source(made: Install, spec: str, *sightings: Sighting) -> None:
    """Have a source report papers now."""
    take_in(made.db, spec, sightings, made.clock.now)


def upgrade(made: Install) -> None:
    """Go back to the schema before, as it was while these rows were written, and up again."""
    with made.db.write() as session:
        config = migrations._config()
        config.attributes["connection"] = session.connection()
        command.downgrade(config, "0020")
    assert migrate(made.db)


def found(made: Install, name: PaperId) -> Paper | None:
    """Return the public paper of a name."""
    with made.db.read() as session:
        return papers.find(session, name)


def names(made: Install, name: PaperId) -> list[PaperId]:
    """Return every identifier of a public paper."""
    paper = found(made, name)
    assert paper is not None
    with made.db.read() as session:
        return papers.names(session, paper.key)


def poison(made: Install) -> None:
    """Have Ada poison the papers in every way that was open, and bring the database up to date."""
    canary = Words(f"{TOPIC} canarytitle mine", ABSTRACT, (AUTHOR,))
    imported(made, ADA, MINE, canary)
    source(made, "feed:https://lakes.example.org/", Sighting((FEED,), LAKES, made.clock.now, day=made.clock.now.date()))
    made.clock.go(timedelta(minutes=1))
    imported(made, ADA, EVIL, replace(LAKES, abstract=ABSTRACT))
    made.clock.go(timedelta(minutes=1))
    imported(made, ADA, FUTURE, Words("Canaryadvertisement", ABSTRACT, (AUTHOR,)))
    made.clock.go(timedelta(minutes=1))
    rivers = Sighting((FUTURE,), ENTRY, made.clock.now, version=1, day=made.clock.now.date())
    source(made, "arxiv-rss:geo", rivers)
    made.papers(shelf("strong", 2))
    made.plan()
    upgrade(made)


def test_papers_say_what_their_sources_say(made: Install) -> None:
    poison(made)
    lakes, rivers = found(made, FEED), found(made, FUTURE)
    assert lakes is not None
    assert rivers is not None
    assert (lakes.id, lakes.words, lakes.url, lakes.archived) == (FEED, LAKES, None, False)
    assert (rivers.id, rivers.words, rivers.archived) == (FUTURE, ENTRY, False)
    assert rivers.plain_title == ENTRY.title
    assert (names(made, FEED), names(made, FUTURE)) == ([FEED], [FUTURE])
    assert found(made, EVIL) is None
    assert found(made, MINE) is None
    assert not made.unsafe


def test_no_public_row_holds_a_word_of_the_import(made: Install) -> None:
    poison(made)
    with made.db.read() as session:
        connection = session.connection()
        held = {
            name
            for name, table in SQLModel.metadata.tables.items()
            if "canary" in repr(connection.execute(select(table)).all()).casefold()
        }
        assert connection.execute(select(func.count()).where(core.sighting.c.source == LIBRARY)).scalar_one() == 0
    assert held <= {"reference", "interest", "delivery"}, "the picks are Ada's own"
    made.plan()


def test_words_become_references_of_whoever_brought_them(made: Install) -> None:
    poison(made)
    with made.db.read() as session:
        own = references.of(session, known(made, ADA).key)
        assert references.of(session, known(made, BEA).key) == {}
    assert set(own) == {MINE, EVIL}, "for the third a public paper stands"
    assert own[MINE].words == Words(f"{TOPIC} canarytitle mine", ABSTRACT, (AUTHOR,))
    assert own[EVIL].words.abstract == ABSTRACT
    assert set(values(known(made, ADA).interests, Kind.PAPER)) == {MINE, EVIL, FUTURE}


def test_likes_under_a_poisoned_name_follow_the_paper(made: Install) -> None:
    source(made, "feed:https://lakes.example.org/", Sighting((FEED,), LAKES, made.clock.now, day=made.clock.now.date()))
    made.clock.go(timedelta(minutes=1))
    imported(made, ADA, EVIL, replace(LAKES, abstract=ABSTRACT))
    assert found(made, FEED).id == EVIL  # type: ignore[union-attr]  # it is known
    made.clock.go(timedelta(minutes=1))
    like(made, BEA, EVIL)
    upgrade(made)
    assert values(known(made, BEA).interests, Kind.PAPER) == (FEED,)
    assert values(known(made, ADA).interests, Kind.PAPER) == (EVIL,)


def test_two_works_that_an_import_joined_are_parted(made: Install) -> None:
    source(made, "feed:https://lakes.example.org/", Sighting((FEED,), LAKES, made.clock.now, day=made.clock.now.date()))
    made.clock.go(timedelta(minutes=1))
    imported(made, ADA, RIVERS, LAKES)
    made.clock.go(timedelta(minutes=1))
    source(made, "crossref:north", Sighting((RIVERS,), ENTRY, made.clock.now, url="https://doi.org/10.5555/rivers"))
    assert found(made, FEED) == found(made, RIVERS), "the attack worked before"
    upgrade(made)
    lakes, rivers = found(made, FEED), found(made, RIVERS)
    assert lakes is not None
    assert rivers is not None
    assert lakes.key != rivers.key
    assert (lakes.words, rivers.words) == (LAKES, ENTRY)
    assert (names(made, FEED), names(made, RIVERS)) == ([FEED], [RIVERS])
    assert not rivers.archived
    made.plan()


def test_one_work_that_two_sources_report_stays_one(made: Install) -> None:
    source(made, "feed:https://lakes.example.org/", Sighting((FEED,), LAKES, made.clock.now, day=made.clock.now.date()))
    made.clock.go(timedelta(minutes=1))
    imported(made, ADA, RIVERS, LAKES)
    made.clock.go(timedelta(minutes=1))
    source(made, "crossref:north", Sighting((RIVERS,), replace(LAKES, abstract="They do."), made.clock.now))
    upgrade(made)
    lakes = found(made, RIVERS)
    assert lakes is not None
    assert lakes.words == replace(LAKES, abstract="They do.")
    assert names(made, FEED) == sorted([FEED, RIVERS])


def test_merging_with_an_import_cannot_be_split_any_more(made: Install) -> None:
    imported(made, ADA, EVIL, replace(LAKES, abstract=ABSTRACT))
    made.clock.go(timedelta(minutes=1))
    source(made, "feed:https://lakes.example.org/", Sighting((FEED,), LAKES, made.clock.now, day=made.clock.now.date()))
    upgrade(made)
    assert names(made, FEED) == [FEED]
    with pytest.raises(BadInput):
        split_paper(made.db, FEED, made.clock.now)


def test_words_of_nobody_known_go_to_nobody(made: Install) -> None:
    take_in(made.db, LIBRARY, [Sighting((MINE,), LAKES, announced="replace")], made.clock.now)
    made.clock.go(timedelta(days=1))
    like(made, BEA, MINE)
    upgrade(made)
    with made.db.read() as session:
        assert session.connection().execute(select(core.reference)).all() == []
    assert values(known(made, BEA).interests, Kind.PAPER) == (MINE,), "the like waits for a source"


def test_clean_database_is_left_as_it_is(made: Install) -> None:
    made.papers(shelf("strong", 2))
    made.plan()
    before = contents(made)
    upgrade(made)
    assert contents(made) == before


def contents(made: Install) -> dict[str, Sequence[object]]:
    """Return all that is stored."""
    with made.db.read() as session:
        connection = session.connection()
        return {
            name: connection.execute(select(table).order_by(*table.primary_key)).all()
            for name, table in SQLModel.metadata.tables.items()
        }


def test_old_digests_no_longer_show_the_words(made: Install, now: datetime) -> None:
    source(made, "feed:https://lakes.example.org/", Sighting((FEED,), LAKES, made.clock.now, day=made.clock.now.date()))
    made.clock.go(timedelta(minutes=1))
    imported(made, ADA, EVIL, replace(LAKES, abstract=ABSTRACT))
    with made.db.read() as session:
        poisoned = session.connection().execute(text("SELECT max(id) FROM revision")).scalar_one()
    upgrade(made)
    with made.db.read() as session:
        shown = papers.revisions(session, [poisoned])[poisoned]
    assert (shown.words, shown.url) == (LAKES, None)
