"""Search of papers by words and by meaning."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import delete, select, text, update

from digestd.domain.interest import Verdict
from digestd.papers.embedding import embed_papers
from digestd.papers.search import QUERY_MAX, search_archive, search_papers
from digestd.ranking.arrays import Floats
from digestd.ranking.dense import Encoder, NoEncoder
from digestd.store import core, feedback, papers
from digestd.store.database import Database
from digestd.store.migrate import migrate
from digestd.store.papers import merges
from digestd.store.personal_data import prune
from digestd.subscribers.lookup import find
from tests.papers.makers import paper, seen, take
from tests.store.test_migrations import downgrade
from tests.support.install import install

BEES = seen("arxiv:1", title="Bees that dance", abstract="Studies of honey and of networks.", authors=["Ada Müller"])
CITIES = seen("arxiv:2", title="Cities of honey", abstract="A study of GPT-4 at night.", authors=["Bo Ek"])
GRAPHS = seen("arxiv:3", title="图神经网络综述", abstract="Über Ströme.", authors=["王小明"])


@dataclass(frozen=True)
class Subjects:
    """An encoder with one dimension a subject: bees and pollinators are one."""

    version: str = "subjects:1"
    dims: int = 3

    def encode(self, texts: Sequence[str]) -> Floats:
        marks = [[("ees" in text or "pollinat" in text), "Cities" in text, "图" in text] for text in texts]
        return np.array(marks, dtype=np.float32)


def names(db: Database, query: str, among: Collection[int] | None = None, encoder: Encoder | None = None) -> list[str]:
    """Return the names of what a search finds."""
    with db.read() as session:
        if among is None:
            return [one.id for one in search_archive(session, encoder or NoEncoder(), query)]
        found = search_papers(session, encoder or NoEncoder(), query, among, {})
        known = papers.names_of(session, found)
    return [known[one] for one in found]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("honey", ["arxiv:2", "arxiv:1"]),
        ("HONEY bee", ["arxiv:1"]),
        ("study", ["arxiv:2", "arxiv:1"]),
        ("the studies", ["arxiv:2", "arxiv:1"]),
        ("network", ["arxiv:1"]),
        ("work", []),
        ("hone", ["arxiv:2", "arxiv:1"]),
        ("dan", []),
        ("gpt-4", ["arxiv:2"]),
        ("müller", ["arxiv:1"]),
        ("MÜLLER dance", ["arxiv:1"]),
        ("神经网络", ["arxiv:3"]),
        ("王小明", ["arxiv:3"]),
        ("ströme", ["arxiv:3"]),
        ("100%_\\'\"", []),
        ("", []),
        ("honey whales", []),
    ],
)
def test_search_finds_papers_with_every_word(db: Database, now: datetime, query: str, found: list[str]) -> None:
    take(db, "s", BEES, CITIES, GRAPHS, now=now)
    keys = [paper(db, name).key for name in ("arxiv:1", "arxiv:2", "arxiv:3")]
    assert names(db, query) == names(db, query, keys) == found
    assert names(db, query, keys[:0]) == []


@pytest.mark.parametrize("query", ["трансформер", "ТРАНСФОРМЕР зима", "Иванова", "иванова", "バス", "データ", "신경망"])
def test_archive_search_reads_other_scripts(db: Database, now: datetime, query: str) -> None:
    abstract = "Зима: バスのデータ。 신경망은"
    foreign = [
        seen(f"arxiv:{n}", title=title, abstract=abstract, authors=["Вера Иванова"])
        for n, title in enumerate(("Трансформер", "О ТРАНСФОРМЕРАХ", "Выбор трансформера"), 4)
    ]
    take(db, "s", *foreign, BEES, now=now)
    assert sorted(names(db, query)) == ["arxiv:4", "arxiv:5", "arxiv:6"]


@pytest.mark.parametrize(
    "query",
    [
        "2401.00003v2",
        "arXiv: 2401.00003",
        "https://arxiv.org/pdf/2401.00003",
        "10.5555/Bees.3",
        "doi:10.5555/bees.3",
        " https://doi.org/10.5555/bees.3\ud800",
    ],
)
def test_search_finds_paper_by_identifier(db: Database, now: datetime, query: str) -> None:
    found = seen("arxiv:2401.00003", "doi:10.5555/bees.3", title="Bees", abstract="Not to mix up with 2401.00004.")
    take(db, "s", found, seen("arxiv:2401.00004", title="Bees", withdrawn=True), now=now)
    keys = [paper(db, name).key for name in ("arxiv:2401.00003", "arxiv:2401.00004")]
    assert names(db, query) == names(db, query, keys) == ["arxiv:2401.00003"]
    assert names(db, query, keys[1:]) == []
    assert names(db, "2401.00004") == ["arxiv:2401.00003"], "it is mentioned there, and the other is withdrawn"


@pytest.mark.parametrize("query", ["bees \ud800 dance", "\udcff", "bees\0 dance"])
def test_search_ignores_what_is_no_text(db: Database, now: datetime, query: str) -> None:
    take(db, "s", BEES, now=now)
    embed_papers(db, Subjects())
    assert names(db, query, encoder=Subjects()) == ["arxiv:1"] * ("bees" in query)


def test_search_of_own_papers_ignores_accents_and_reads_notes(db: Database, now: datetime) -> None:
    take(db, "s", BEES, CITIES, now=now)
    bees, cities = (paper(db, name).key for name in ("arxiv:1", "arxiv:2"))
    assert names(db, "muller", [bees, cities]) == ["arxiv:1"]
    with db.read() as session:
        notes = {bees: "to read on Monday"}
        assert search_papers(session, NoEncoder(), "read honey", [bees, cities], notes) == [bees]


HOSTILE = (
    *('"', "'", "'\\", "*", "^honey", "hone*", ":*", "#0", "_honey", "title:honey", "NEAR(honey, bees)", "AND OR NOT"),
    *(
        "honey & !bees | <-> x",
        'honey" OR "x',
        "honey' | 'x",
        "{words}: honey",
        "-honey",
        "\0",
        "²",
        "İ",
        "\u0308",
        "🐝",
    ),
    *("honey " * 5_000, "x" * 5_000, "图神经网络综述" * 100, "é" * 300, "the of and", "เครือข่ายประสาท", "𠮷", "ا ل ن"),
)


@pytest.mark.parametrize("query", HOSTILE)
def test_search_reads_no_syntax_in_queries(db: Database, now: datetime, query: str) -> None:
    """Both searches find the same, which depends on the words alone; a paper may have no word at all."""
    take(db, "s", BEES, CITIES, GRAPHS, seen("arxiv:4", title="???", abstract="", authors=[]), now=now)
    keys = [paper(db, name).key for name in ("arxiv:1", "arxiv:2", "arxiv:3", "arxiv:4")]
    found = names(db, query)
    assert found == names(db, query, keys)
    wanted = set(re.findall(r"[a-z]+", query.lower())) - {"the", "of", "and", "or", "not", "near"}
    if len(query) < QUERY_MAX and query.isascii() and wanted == {"honey"}:
        assert found == ["arxiv:2", "arxiv:1"]


@pytest.mark.parametrize("query", ["络", "述", "prasat", "ประสาท"])
def test_search_finds_ends_of_runs_without_spaces(db: Database, now: datetime, query: str) -> None:
    take(db, "s", seen("arxiv:4", title="网络GPT综述", abstract="เครือข่ายประสาท", authors=["Prasat"]), BEES, now=now)
    assert names(db, query) == ["arxiv:4"]


@pytest.mark.parametrize("query", ["muller", "strome", "gpt", "optimiz", "dances", "图", "综述"])
def test_archive_search_is_by_folded_words(db: Database, now: datetime, query: str) -> None:
    take(db, "s", BEES, CITIES, GRAPHS, seen("arxiv:4", title="Optimization"), now=now)
    assert len(names(db, query)) == 1


def test_index_follows_what_is_stored(db: Database, now: datetime) -> None:
    """Upgrades index what is there; revised, merged and deleted texts leave and enter by themselves."""
    take(db, "s", BEES, CITIES, now=now)
    downgrade(db, "0013")
    migrate(db)
    assert names(db, "honey") == ["arxiv:2", "arxiv:1"]
    take(db, "s", seen("arxiv:1", title="Wasps that dance", version=2), seen("arxiv:5", title="Honey, too"), now=now)
    assert (names(db, "wasps"), names(db, "bees")) == (["arxiv:1"], [])
    with db.write() as session:
        merges.merge(session, paper(db, "arxiv:2").key, paper(db, "arxiv:5").key, ("operator", "same"), now)
    assert names(db, "honey") == ["arxiv:2"]
    with db.write() as session:
        [merging] = merges.of_paper(session, paper(db, "arxiv:2").key)
        merges.undo(session, merging, now)
    with db.read() as session:
        assert len(search_archive(session, NoEncoder(), "honey")) == 2
    with db.write() as session:
        old = core.revision.c.id.not_in(select(core.paper.c.revision_id))
        assert session.connection().execute(delete(core.revision).where(old)).rowcount == 1
        if db.is_sqlite:
            check = "INSERT INTO revision_words (revision_words, rank) VALUES ('integrity-check', 1)"
            session.connection().execute(text(check))


def test_texts_of_a_release_without_index_are_indexed_by_night(db: Database, now: datetime) -> None:
    take(db, "s", BEES, CITIES, now=now)
    with db.write() as session:
        session.connection().execute(update(core.revision).values(words=None))
        session.connection().execute(text("UPDATE revision SET authors = '3' WHERE title LIKE '%Bees%'"))
    assert names(db, "honey") == []
    prune(db, now, keep_deliveries=0, keep_papers=0)
    assert names(db, "honey") == ["arxiv:2"]  # the other has damaged authors


def test_search_adds_papers_of_the_same_meaning(db: Database, now: datetime) -> None:
    flowers = seen("arxiv:4", title="Flowers", abstract="They need pollinators.")
    take(db, "s", BEES, CITIES, GRAPHS, flowers, now=now)
    keys = [paper(db, f"arxiv:{n}").key for n in range(1, 5)]
    assert names(db, "bees", encoder=Subjects()) == names(db, "bees", keys, Subjects()) == ["arxiv:1"]
    embed_papers(db, Subjects())
    assert names(db, "bees", encoder=Subjects()) == names(db, "bees", keys, Subjects()) == ["arxiv:1", "arxiv:4"]
    assert names(db, "bees", keys[1:], Subjects()) == ["arxiv:4"]


def test_archive_search_leaves_out_withdrawn_and_merged(db: Database, now: datetime) -> None:
    take(db, "s", BEES, CITIES, now=now)
    take(db, "s", seen("arxiv:4", title="Bees again", withdrawn=True), seen("arxiv:5", title="Bees, merged"), now=now)
    embed_papers(db, Subjects())
    with db.write() as session:
        merges.merge(session, paper(db, "arxiv:2").key, paper(db, "arxiv:5").key, ("operator", "same"), now)
    assert names(db, "bees", encoder=Subjects()) == ["arxiv:1"]


def test_papers_of_reader_are_sent_or_saved(tmp_path: Path, database_url: str, now: datetime) -> None:
    made = install(tmp_path, database_url, now)
    made.papers([{"id": f"made:{n}", "title": f"Bees, part {n}"} for n in (1, 2, 3, 4)])
    made.people([{"email": "ada@example.net", "topics": ["bees"], "size": 1}, {"email": "bo@example.net", "size": 2}])
    made.plan()
    with made.db.write() as session:
        ada, bo = (find(session, made.app.keys, f"{name}@example.net").key for name in ("ada", "bo"))
        sent = feedback.papers_of_reader(session, ada)
        assert len(sent) == 1
        saved, unsaved = sorted({1, 2, 3, 4} - sent)[:2]
        for paper in (saved, unsaved):
            feedback.add(session, ada, paper, Verdict.SAVED, now)
        feedback.withdraw(session, ada, [unsaved], Verdict.SAVED, now)
        theirs = feedback.papers_of_reader(session, ada)
        assert theirs == {*sent, saved}
        assert len(feedback.papers_of_reader(session, bo)) == 2
        assert set(search_papers(session, NoEncoder(), "bees", theirs, {})) == theirs
