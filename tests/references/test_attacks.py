"""An import changes no public paper, whatever it claims."""

from datetime import datetime, timedelta

import numpy as np
from sqlalchemy import select
from sqlmodel import SQLModel

from digestd.digests.planning_day import read_planning_day
from digestd.digests.shard import rank_shard, read_shard_profiles
from digestd.domain.interest import Kind, values
from digestd.domain.paper import PaperId, Sighting, Words
from digestd.papers.page_store import store_page
from digestd.ranking.dense import NoEncoder
from digestd.store import due, papers
from tests.digests.topic_papers import paper, shelf
from tests.references.conftest import ADA, BEA, bibtex, bring, known
from tests.support.install import Install

PUBLIC = ("paper", "paper_alias", "revision", "sighting", "signal", "merge", "similarity_key",
          "do_not_merge", "text_model",
          "coverage", "seen_papers", "feedback")  # fmt: skip
FUTURE = PaperId("arxiv:2601.99999")


def public(made: Install) -> dict[str, list[object]]:
    """Return everything known about public papers."""
    with made.db.read() as session:
        connection, tables = session.connection(), SQLModel.metadata.tables
        return {name: [tuple(row) for row in connection.execute(select(tables[name]))] for name in PUBLIC}


def arxiv(words: Words, now: datetime) -> Sighting:
    """Return what arXiv announces today."""
    return Sighting((FUTURE,), words, published=now, version=1, day=now.date(), url="https://arxiv.org/abs/2601.99999")


def test_import_gives_a_paper_of_today_no_link_or_abstract(made: Install) -> None:
    made.papers([{"id": "feed:0123456789abcdef01234567", "title": "Alpine lakes freeze late", "authors": ["Ann Rue"]}])
    before = public(made)
    bring(made, bibtex(title="Alpine lakes freeze late", author="Rue, Ann", eprint=""))
    assert public(made) == before
    made.plan()
    assert public(made)["sighting"] == before["sighting"]


def test_import_of_a_known_identifier_changes_nothing(made: Install) -> None:
    made.papers([paper("strong00", doi="10.5555/known"), {"id": "2611.00001", "title": "Lakes"}])
    before = public(made)
    bring(made, bibtex(title="Bought", doi="10.5555/known", eprint="2611.00001", archiveprefix="arXiv"))
    assert public(made) == before
    likes = values(known(made, ADA).interests, Kind.PAPER)
    assert likes in {("arxiv:2611.00001",), ("shelf:strong00",)}


def test_claimed_future_id_does_not_touch_the_paper(made: Install) -> None:
    bring(made, bibtex(title="Advertisement", doi="", eprint=str(FUTURE).removeprefix("arxiv:"), archiveprefix="arXiv"))
    assert values(known(made, ADA).interests, Kind.PAPER) == (FUTURE,)
    made.clock.go(timedelta(hours=1))
    words = Words("Frozen rivers", "Rivers freeze from below.", ("Bo Rue",), ("geo.ice",))
    store_page(made.db, "arxiv-rss:geo", [arxiv(words, made.clock.now)], made.clock.now)
    with made.db.read() as session:
        found = papers.find(session, FUTURE)
        assert found is not None
        assert papers.names(session, found.key) == [FUTURE]
    assert (found.words, found.archived, found.withdrawn) == (words, False, False)
    assert (found.first_seen, found.url) == (made.clock.now, "https://arxiv.org/abs/2601.99999")
    assert "canary" not in repr(public(made)).casefold()


def test_importer_likes_the_public_paper_once_it_arrives(made: Install) -> None:
    bring(made, bibtex(title="Advertisement", doi="10.5555/ad", eprint="2601.99999", archiveprefix="arXiv"))
    made.papers(shelf("strong", 2))
    made.plan()
    words = Words("Frozen rivers", "Rivers freeze from below.", ("Bo Rue",))
    store_page(made.db, "arxiv-rss:geo", [arxiv(words, made.clock.now)], made.clock.now)
    day = read_planning_day(made.db, made.clock.now, NoEncoder())
    with made.db.read() as session:
        public_key = papers.aliases(session, [FUTURE])[FUTURE]
        found = read_shard_profiles(session, day, [due.by_key(session, known(made, ADA).key)])
        shard = rank_shard(session, day, [due.by_key(session, known(made, who).key) for who in (ADA, BEA)])
    assert [(one.key, one.seed.title, one.seed.is_private) for one in found.named[0]] == [
        (public_key, "Frozen rivers", False)
    ]
    place = day.places[public_key]
    assert shard.own[:, place].tolist() == [True, False]
    assert np.isfinite(shard.ranked.total).all()


def test_entered_ids_create_and_alias_nothing(made: Install) -> None:
    made.papers([paper("strong00")])
    before = public(made)
    ids = ["merged:1", "split:1", "doi:10.5555/other", "arxiv:2601.00009", "feed:0123456789abcdef01234567"]
    made.people([{"email": ADA, "likes": ids[:3], "dislikes": ids[3:]}])
    made.plan()
    after = public(made)
    assert {name: after[name] for name in PUBLIC if name not in {"text_model", "seen_papers"}} == {
        name: before[name] for name in PUBLIC if name not in {"text_model", "seen_papers"}
    }
