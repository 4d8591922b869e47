"""Queries for papers in the store."""

from datetime import datetime, timedelta

from sqlalchemy import event

from digestd.domain.paper import PaperId
from digestd.store import papers
from digestd.store.database import Database
from tests.papers.makers import seen, take

DAY = timedelta(days=1)


def fill(db: Database, now: datetime, count: int = 5) -> None:
    """Store one paper a day up to now; older papers have more upvotes."""
    for n in range(count):
        take(db, "s", seen(f"arxiv:2611.{n:05}", title=f"T{n}", signals={"upvotes": n}), now=now - n * DAY)


def test_candidates_exclude_the_start_of_the_span(db: Database, now: datetime) -> None:
    fill(db, now)
    with db.read() as session:
        found = papers.candidates(session, now - 2 * DAY, now)
        assert [p.words.title for p in found] == ["T1", "T0"]
        assert papers.candidates(session, now, now + DAY) == []
        assert [p.signals for p in found] == [{"upvotes": 1}, {"upvotes": 0}]


def test_candidates_need_few_queries(db: Database, now: datetime) -> None:
    take(db, "s", *(seen(f"arxiv:2611.{n:05}", signals={"upvotes": n}) for n in range(300)), now=now)
    executed: list[str] = []

    def note(_conn: object, _cursor: object, statement: str, *_rest: object) -> None:
        executed.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    with db.read() as session:
        assert len(papers.candidates(session, now - DAY, now)) == 300
    event.remove(db.engine, "before_cursor_execute", note)
    assert len([statement for statement in executed if statement.startswith("SELECT")]) <= 2


def test_listing_is_newest_first_with_archived_papers(db: Database, now: datetime) -> None:
    fill(db, now)
    take(db, "import", seen("feed:x", title="Old", announced="archive"), now=now + DAY)
    with db.read() as session:
        assert [p.words.title for p in papers.listing(session, 3)] == ["Old", "T0", "T1"]
        assert [p.words.title for p in papers.listing(session, 9, since=now)] == ["Old", "T0"]
        assert papers.count(session) == 6


def test_find_papers_by_any_id_or_key(db: Database, now: datetime) -> None:
    take(db, "s", seen("arxiv:2611.00001", "doi:10.5555/d"), now=now)
    with db.read() as session:
        one = papers.find(session, PaperId("doi:10.5555/d"))
        assert one is not None
        assert papers.by_ids(session, [PaperId("arxiv:2611.00001"), PaperId("feed:no")]) == {"arxiv:2611.00001": one}
        assert papers.by_keys(session, [one.key, 999]) == {one.key: one}
        assert papers.find(session, PaperId("feed:no")) is None
        assert papers.revisions(session, [one.revision, 999]).keys() == {one.revision}


def test_find_papers_splits_long_lookups(db: Database, now: datetime) -> None:
    fill(db, now, 2)
    with db.read() as session:
        many = [PaperId(f"arxiv:2611.{n:05}") for n in range(70_000)]
        assert len(papers.by_ids(session, many)) == 2


def test_trending_is_ordered_by_upvotes(db: Database, now: datetime) -> None:
    """Comments and stars decide between equal upvotes, and then the time."""
    take(db, "s", seen("feed:much", title="much", signals={"upvotes": 60}), now=now - 2 * DAY)
    take(db, "s", seen("feed:less", title="less", signals={"upvotes": 20, "comments": 29}), now=now)
    take(db, "s", seen("feed:some", title="some", signals={"upvotes": 20, "comments": 30, "stars": 500}), now=now)
    take(db, "s", seen("feed:none", title="none"), now=now)
    take(db, "s", seen("feed:newer", title="newer"), now=now + timedelta(hours=1))
    take(db, "s", seen("feed:kept", title="kept", announced="archive", signals={"upvotes": 999}), now=now)
    take(db, "s", seen("feed:gone", title="gone", signals={"upvotes": 999}), now=now - 9 * DAY)
    with db.read() as session:
        assert [p.words.title for p in papers.trending(session, now - 3 * DAY, 9)] == [
            *("much", "some", "less", "newer", "none"),
        ]
        assert [p.words.title for p in papers.trending(session, now - 3 * DAY, 1)] == ["much"]


def test_texts_returns_the_newest_up_to_a_limit(db: Database, now: datetime) -> None:
    take(db, "s", seen("feed:a", title=r"$\beta$", abstract="Wet."), now=now)
    take(db, "s", seen("feed:b", title="Later"), now=now + DAY)
    with db.read() as session:
        assert list(papers.texts(session, 1)) == ["Later. "]
        assert list(papers.texts(session, 9)) == ["Later. ", "β. Wet."]


def test_archive_votes_use_the_newest_papers_before_the_window(db: Database, now: datetime) -> None:
    fill(db, now)
    with db.read() as session:
        assert papers.archive_votes(session, now - 2 * DAY, 2) == [2, 3]
        assert papers.archive_votes(session, now - 9 * DAY, 2) == []
