"""A cold start: own references become liked papers.

Nothing changes for anybody else.
"""

import asyncio
import json
from datetime import UTC, datetime

import pytest

from digestd.domain.interest import Kind, Stance, values
from digestd.domain.paper import PaperId, Sighting, Words
from digestd.domain.subscriber import Cause, Subscriber
from digestd.errors import NotFound, SourceFailed
from digestd.papers.page_store import store_page
from digestd.papers.paper_import import import_papers
from digestd.security.addresses import address_key
from digestd.security.keys import Keys
from digestd.sources.imports import ReferenceFile
from digestd.sources.source import Page
from digestd.store import papers, references, subscribers
from digestd.store.database import Database
from digestd.subscribers.reference_import import ReferenceImportReport, import_references, read_references
from digestd.subscribers.subscriber_record import ITEMS_MAX, parse

pytestmark = pytest.mark.slow

ADA = "ada@example.org"


@pytest.fixture
def ada(db: Database, keys: Keys, now: datetime) -> int:
    key = address_key(keys, ADA)
    record = parse({"email": ADA, "topics": ["ice"], "dislikes": ["2611.00009"]})
    with db.write() as session:
        return subscribers.insert_many(session, {key: record.as_new}, Cause.CLI, now)[key]


def known(db: Database, key: int) -> Subscriber:
    with db.read() as session:
        found = subscribers.by_key(session, key)
    assert found is not None
    return found


def likes(db: Database, key: int) -> tuple[str, ...]:
    return values(known(db, key).interests, Kind.PAPER, Stance.LIKED)


def started(db: Database, key: int, text: str, now: datetime) -> ReferenceImportReport:
    return import_references(db, key, ReferenceFile().parse(text.encode()), now)


BIB = """@article{a, title={Lakes freeze}, author={Rue, Ann}, abstract={They do.}, eprint={2611.00001}, year={2025}}
@article{b, title={Ponds}, author={Rue, Bo}, year={2026}}
@article{c, author={Nobody}}
"""


def test_import_references_likes_newest_and_reports_bad(db: Database, ada: int, now: datetime) -> None:
    done = started(db, ada, BIB, now)
    assert (done.added, done.unchanged) == (2, 0)
    assert [(one.where, one.field) for one in done.refused] == [("c (line 3)", "title")]
    ponds, lakes = likes(db, ada)
    assert lakes == "arxiv:2611.00001"
    assert ponds.startswith("feed:")
    assert values(known(db, ada).interests, Kind.TOPIC) == ("ice",)
    again = started(db, ada, BIB, now)
    assert (again.added, again.unchanged) == (0, 2)


def test_unknown_reference_is_private_until_reported(db: Database, ada: int, now: datetime) -> None:
    started(db, ada, BIB, now)
    name = PaperId("arxiv:2611.00001")
    with db.read() as session:
        assert papers.count(session) == 0
        own = references.of(session, ada)
    assert own[name].words == Words("Lakes freeze", "They do.", ("Ann Rue",))
    announced = Sighting((PaperId("arxiv:2611.00001"),), Words("Lakes, properly", "They freeze."), version=1)
    store_page(db, "arxiv-rss:cs.LG", [announced], now)
    with db.read() as session:
        assert references.resolved(session, ada, [name])[name] == papers.find(session, name)
        news = papers.find(session, name)
    assert news is not None
    assert not news.archived
    assert news.words == Words("Lakes, properly", "They freeze.")


def test_import_references_never_changes_public_papers(db: Database, ada: int, now: datetime) -> None:
    lines = [{"id": "2611.00001", "title": "Lakes"}, {"id": "doi:10.5555/rivers", "title": "Rivers"}]
    import_papers(db, [json.dumps(line).encode() for line in lines], now)
    hostile = "@article{a, title={Bought}, eprint={2611.00001}, doi={10.5555/rivers}, url={https://evil.example.org/}}"
    started(db, ada, hostile, now)
    with db.read() as session:
        found = papers.by_ids(session, [PaperId("arxiv:2611.00001"), PaperId("doi:10.5555/rivers")])
    assert {paper.words.title for paper in found.values()} == {"Lakes", "Rivers"}
    assert likes(db, ada) == ("arxiv:2611.00001",)


def test_known_doi_is_liked_under_its_public_id(db: Database, ada: int, now: datetime) -> None:
    line = {"id": "2611.00001", "doi": "10.5555/lakes", "title": "Lakes"}
    import_papers(db, [json.dumps(line).encode()], now)
    started(db, ada, "https://doi.org/10.5555/lakes", now)
    assert likes(db, ada) == ("arxiv:2611.00001",)


def test_bare_ids_are_liked_until_their_paper_arrives(db: Database, ada: int, now: datetime) -> None:
    done = started(db, ada, "2611.00001\n2611.00009\n", now)
    assert (done.added, done.unchanged) == (1, 1)
    assert likes(db, ada) == ("arxiv:2611.00001",)
    with db.read() as session:
        assert papers.count(session) == 0


def test_full_list_leaves_the_oldest_out(db: Database, ada: int, now: datetime) -> None:
    room = ITEMS_MAX[Kind.PAPER]
    many = tuple(
        Sighting((PaperId(f"arxiv:2611.{n:05}"),), Words(""), datetime(2000 + n // 300, 1, 1, tzinfo=UTC))
        for n in range(10, 12 + room)
    )
    done = import_references(db, ada, Page(many), now)
    assert done.added == room
    assert (done.refused, done.beyond) == ((), 2)
    assert not {"arxiv:2611.00298", "arxiv:2611.00299"} & set(likes(db, ada))


def test_abstracts_with_the_doi_of_their_volume_are_several(db: Database, ada: int, now: datetime) -> None:
    volume = "@misc{{{0}, title={{{0} in the north}}, author={{{1}}}, doi={{10.5555/volume}}}}\n"
    text = volume.format("Snow", "Rue, Ann") + volume.format("Eels", "Li, Bo") + volume.format("Eels", "B. Li")
    assert started(db, ada, text, now).added == 2
    assert started(db, ada, text, now).added == 0


def test_import_references_rejects_unknown_subscribers(db: Database, now: datetime) -> None:
    with pytest.raises(NotFound):
        started(db, 99, "2611.00001", now)


def test_read_references_uses_the_confined_process() -> None:
    form, page = asyncio.run(read_references(BIB.encode()))
    assert (form, page) == ("bibtex", ReferenceFile().parse(BIB.encode()))
    assert asyncio.run(read_references(b"2611.00001", "ids"))[0] == "ids"
    with pytest.raises(SourceFailed, match="is empty"):
        asyncio.run(read_references(b""))


def test_read_references_reads_whole_libraries_in_bounds() -> None:
    counts: list[int] = []
    library = "".join(f"@article{{k{n}, title={{{{Lakes}} {n}}}, doi={{10.5555/{n}}}}}\n" for n in range(20_000))
    form, page = asyncio.run(read_references(library.encode(), "", counts.append))
    assert (form, len(page.sightings), page.rejects) == ("bibtex", 20_000, ())
    assert counts == sorted(counts)
    assert counts[-1] > 19_000
    with pytest.raises(SourceFailed, match="takes too long to read, or too much memory; split it"):
        asyncio.run(read_references(b"[" + b'{"a":[]},' * 2_000_000 + b"{}]"))
