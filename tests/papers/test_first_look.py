"""Test the first run of a source, which brings mostly its archive."""

from datetime import datetime, timedelta
from email.utils import format_datetime

import pytest

from digestd.store.database import Database
from digestd.store.papers import sources
from tests.papers.http_server import HttpServer, says
from tests.papers.ingester import Ingester
from tests.papers.makers import paper

pytestmark = pytest.mark.slow

FEED = "feed:https://journal.example.org/rss"


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """Return a database of one kind: an ingest on each is in test_run."""
    return sqlite_url


def rss(*items: tuple[str, datetime]) -> bytes:
    listed = "".join(
        f"<item><title>Lake {n}</title><link>https://journal.example.org/{n}</link>"
        f"<guid>https://doi.org/10.5555/lake.{n}</guid><pubDate>{format_datetime(at)}</pubDate></item>"
        for n, at in items
    )
    return f"<rss version='2.0'><channel><title>J</title>{listed}</channel></rss>".encode()


async def test_ingest_first_run_archives_old_papers(db: Database, web: HttpServer, now: datetime) -> None:
    old = now - timedelta(days=60)
    web.paths["/rss"] = says(rss(("1", old), ("2", now)))
    await Ingester(db, web, lambda: now).ingest(FEED)
    assert paper(db, "doi:10.5555/lake.1").archived
    assert not paper(db, "doi:10.5555/lake.2").archived
    web.paths["/rss"] = says(rss(("1", old), ("2", now), ("3", old)))
    await Ingester(db, web, lambda: now + timedelta(hours=1)).ingest(FEED)
    assert not paper(db, "doi:10.5555/lake.3").archived, "it came up only now, whatever date it bears"


async def test_ingest_outage_keeps_last_answer_time(db: Database, web: HttpServer, now: datetime) -> None:
    web.paths["/rss"] = says(rss(("1", now)))
    await Ingester(db, web, lambda: now).ingest(FEED)
    web.paths["/rss"] = says(b"", status=404)
    (report,) = await Ingester(db, web, lambda: now + timedelta(days=5)).ingest(FEED)
    assert report.error
    with db.read() as session:
        assert sources.newest_success(session, FEED) == now
