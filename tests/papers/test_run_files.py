"""Test files as sources: nothing is sent over the network."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from digestd.domain.paper import PaperId
from digestd.fetching.fetch import Client
from digestd.papers.ingest import ingest, ingest_files
from digestd.resources import sample
from digestd.sources import parse_source, parse_sources
from digestd.store import papers
from digestd.store.database import Database
from digestd.store.papers import sources as stored_sources


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """Return a database of one kind: an ingest on each is in test_run."""
    return sqlite_url


async def test_ingest_without_sources_opens_no_socket(db: Database, now: datetime) -> None:
    report = await ingest(db, parse_sources("none"), Client("https://x.example.org"), lambda: now)
    assert report.sources == ()
    assert not report.broken


async def test_ingest_rereads_file_only_if_changed(db: Database, now: datetime, tmp_path: Path) -> None:
    file = tmp_path / "my papers.jsonl"
    file.write_bytes(b'{"title": "One"}\n{"titel": "Two"}\n')
    sources, client = [parse_source(f"jsonl:{file}")], Client("https://x.example.org")
    (first,) = (await ingest(db, sources, client, lambda: now)).sources
    assert (first.state, first.new, first.rejected) == ("partial", 1, 1)
    assert first.rejects[0].where == "line 2"
    (second,) = (await ingest(db, sources, client, lambda: now)).sources
    assert (second.state, second.fetched) == ("partial", 0), "it is as it was"
    file.write_bytes(b'{"title": "One"}\n{"title": "Two and more"}\n')
    (third,) = (await ingest(db, sources, client, lambda: now)).sources
    assert (third.state, third.new, third.unchanged) == ("fresh", 1, 1)


@pytest.mark.parametrize(
    ("good", "state", "day"), [(0, "broken", "broken"), (1, "partial", "partial"), (2, "partial", "partial")]
)
async def test_ingest_file_with_mostly_bad_lines_is_broken(
    db: Database, now: datetime, tmp_path: Path, good: int, state: str, day: str
) -> None:
    file = tmp_path / "papers.jsonl"
    lines = [f'{{"title": "Lakes {n}"}}' for n in range(good)]
    file.write_text("\n".join(lines))
    source, client = parse_source(f"jsonl:{file}"), Client("https://x.example.org")
    await ingest(db, [source], client, lambda: now - timedelta(days=1))
    file.write_text("\n".join([*lines, *['{"titel": "x"}'] * 3]))
    for _ in range(2):
        report = await ingest(db, [source], client, lambda: now)
        (found,) = report.sources
        assert (report.broken, found.state, found.new, found.rejected) == (True, state, 0, 3)
        assert found.error == f"3 of {3 + good} records were refused; correct the file"
        with db.read() as session:
            assert stored_sources.recent_coverage(session, now.date())[0].state == day


async def test_ingest_missing_file_is_broken(db: Database, now: datetime) -> None:
    (report,) = (
        await ingest(db, [parse_source("jsonl:/no/such")], Client("https://x.example.org"), lambda: now)
    ).sources
    assert (report.state, report.error) == ("broken", "cannot read /no/such: No such file or directory")


def test_sample_day_has_no_rejects(db: Database, now: datetime) -> None:
    files = [(Path(name).stem, sample(name)) for name in ("preprints.jsonl", "community.jsonl")]
    report = ingest_files(db, files, now)
    assert [source.rejected for source in report.sources] == [0, 0]
    with db.read() as session:
        found = papers.candidates(session, now - timedelta(days=1), now)
    assert len(found) < sum(source.fetched for source in report.sources), "two sources name the same paper"
    assert any(paper.signals.get("upvotes") for paper in found)
    assert all(PaperId(paper.id) and paper.plain_title for paper in found)
