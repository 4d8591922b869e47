"""An import changes no public paper, whatever it claims."""

from datetime import datetime, timedelta

import numpy as np
from sqlalchemy import select
from sqlmodel import SQLModel

from digestd.digests.planning_day import RankingOptions, read_planning_day
from digestd.digests.shard import rank_shard, read_shard_profiles
from digestd.domain.interest import Kind, values
from digestd.domain.paper import PaperId, Sighting, Words
from digestd.papers.page_store import store_page
from digestd.store import due, papers
from tests.digests.one_engine import database_url  # noqa: F401  # a fixture
from tests.digests.topic_papers import paper, shelf
from tests.references.conftest import ADA, BEA, bibtex, bring, known
from tests.support.install import Install

PUBLIC = ("paper", "paper_alias", "revision", "sighting", "signal", "merge", "similarity_key",
          "do_not_merge", "text_model",
          "coverage", "seen_papers", "feedback")  # fmt: skip
FUTURE = PaperId("arxiv:2601.99999")


def public(installed: Install) -> dict[str, list[object]]:
    """Return everything known about public papers."""
    with installed.db.read() as session:
        connection, tables = session.connection(), SQLModel.metadata.tables
        return {name: [tuple(row) for row in connection.execute(select(tables[name]))] for name in PUBLIC}


def arxiv(words: Words, now: datetime) -> Sighting:
    """Return what arXiv announces today."""
    return Sighting((FUTURE,), words, published=now, version=1, day=now.date(), url="https://arxiv.org/abs/2601.99999")


def test_import_gives_a_paper_of_today_no_link_or_abstract(installed: Install) -> None:
    installed.papers(
        [{"id": "feed:0123456789abcdef01234567", "title": "Alpine lakes freeze late", "authors": ["Ann Rue"]}]
    )
    before = public(installed)
    bring(installed, bibtex(title="Alpine lakes freeze late", author="Rue, Ann", eprint=""))
    assert public(installed) == before
    installed.plan()
    assert public(installed)["sighting"] == before["sighting"]


def test_import_of_a_known_identifier_changes_nothing(installed: Install) -> None:
    installed.papers([paper("strong00", doi="10.5555/known"), {"id": "2611.00001", "title": "Lakes"}])
    before = public(installed)
    bring(installed, bibtex(title="Bought", doi="10.5555/known", eprint="2611.00001", archiveprefix="arXiv"))
    assert public(installed) == before
    likes = values(known(installed, ADA).interests, Kind.PAPER)
    assert likes in {("arxiv:2611.00001",), ("shelf:strong00",)}


def test_claimed_future_id_does_not_touch_the_paper(installed: Install) -> None:
    bring(
        installed,
        bibtex(title="Advertisement", doi="", eprint=str(FUTURE).removeprefix("arxiv:"), archiveprefix="arXiv"),
    )
    assert values(known(installed, ADA).interests, Kind.PAPER) == (FUTURE,)
    installed.clock.go(timedelta(hours=1))
    words = Words("Frozen rivers", "Rivers freeze from below.", ("Bo Rue",), ("geo.ice",))
    store_page(installed.db, "arxiv-rss:geo", [arxiv(words, installed.clock.now)], installed.clock.now)
    with installed.db.read() as session:
        found = papers.find(session, FUTURE)
        assert found is not None
        assert papers.names(session, found.key) == [FUTURE]
    assert (found.words, found.archived, found.withdrawn) == (words, False, False)
    assert (found.first_seen, found.url) == (installed.clock.now, "https://arxiv.org/abs/2601.99999")
    assert "canary" not in repr(public(installed)).casefold()


def test_importer_likes_the_public_paper_once_it_arrives(installed: Install) -> None:
    bring(installed, bibtex(title="Advertisement", doi="10.5555/ad", eprint="2601.99999", archiveprefix="arXiv"))
    installed.papers(shelf("strong", 2))
    installed.plan()
    words = Words("Frozen rivers", "Rivers freeze from below.", ("Bo Rue",))
    store_page(installed.db, "arxiv-rss:geo", [arxiv(words, installed.clock.now)], installed.clock.now)
    day = read_planning_day(installed.db, installed.clock.now, RankingOptions())
    with installed.db.read() as session:
        public_key = papers.aliases(session, [FUTURE])[FUTURE]
        found = read_shard_profiles(session, day, [due.by_key(session, known(installed, ADA).key)])
        shard = rank_shard(session, day, [due.by_key(session, known(installed, who).key) for who in (ADA, BEA)])
    assert [(one.key, one.seed.title, one.seed.is_private) for one in found.named[0]] == [
        (public_key, "Frozen rivers", False)
    ]
    place = day.places[public_key]
    assert shard.own[:, place].tolist() == [True, False]
    assert np.isfinite(shard.ranked.total).all()


def test_entered_ids_create_and_alias_nothing(installed: Install) -> None:
    installed.papers([paper("strong00")])
    before = public(installed)
    ids = ["merged:1", "split:1", "doi:10.5555/other", "arxiv:2601.00009", "feed:0123456789abcdef01234567"]
    installed.people([{"email": ADA, "likes": ids[:3], "dislikes": ids[3:]}])
    installed.plan()
    after = public(installed)
    assert {name: after[name] for name in PUBLIC if name not in {"text_model", "seen_papers"}} == {
        name: before[name] for name in PUBLIC if name not in {"text_model", "seen_papers"}
    }
