"""Test five days offline.

One run fetches all of them, and subscribers get one digest.
"""

import email
import email.policy
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from digestd.sources.arxiv.api import ARXIV_PACE
from tests.digests.topic_papers import archive, digests, reader
from tests.papers.http_server import HttpServer
from tests.papers.ingester import Ingester
from tests.papers.source_simulator import SourceSimulator
from tests.support.install import Install, install

pytestmark = pytest.mark.slow

RSS, API, HF = "arxiv-rss:cs.LG", "arxiv:cs.LG", "hf-daily"
TUE = datetime(2026, 11, 17, 8, tzinfo=UTC)
OFFLINE = ["2026-11-18", "2026-11-19", "2026-11-20", "2026-11-23", "2026-11-24"]
ARXIV = {"/atom/cs.LG", "/oai", "/api/query"}


@pytest.fixture
def house(tmp_path: Path, database_url: str) -> Iterator[Install]:
    """Create an installation with one subscriber."""
    made = install(tmp_path, database_url, TUE - timedelta(days=1))
    archive(made)
    made.people([reader(size=25)])
    yield made
    made.db.close()


async def test_ingest_catches_up_after_five_days_offline(house: Install, web: HttpServer) -> None:
    world = SourceSimulator(house.clock, each=5, page=8)
    world.open(web)
    ingester = Ingester(house.db, web, house.clock)
    for back in (1, 0):
        house.clock.now = TUE - timedelta(days=back)
        await ingester.ingest(RSS, API, HF)
        house.plan()
        await house.deliver()
    assert [one.period for one in digests(house)] == ["2026-11-16", "2026-11-17"]
    web.requests.clear()

    house.clock.now = TUE + timedelta(days=7)
    before = ingester.count()
    reports = await ingester.ingest(RSS, API, HF)
    assert [one.state for one in reports] == ["fresh", "quiet", "fresh"]
    assert all(one.error is None and one.note is None for one in reports)
    for source in (RSS, API):
        days = ingester.days(source)
        assert {day: (days[day].state, days[day].items) for day in OFFLINE} == dict.fromkeys(OFFLINE, ("fresh", 5))
        assert {str(days[day].state) for day in ("2026-11-21", "2026-11-22")} == {"quiet"}
    assert ingester.count() - before == 5 * world.each

    paths = Counter(one.path.partition("?")[0] for one in web.requests)
    assert paths == {"/atom/cs.LG": 1, "/oai": 3, "/api/query": 1, "/api/daily_papers": 11}
    to_arxiv = sum(count for path, count in paths.items() if path in ARXIV)
    assert to_arxiv * ARXIV_PACE.seconds < 60, "at arXiv's rate limit the whole absence takes less than a minute"

    house.plan()
    report = await house.deliver()
    assert report.accepted == 1
    *_, last = digests(house)
    assert (last.period, last.covers_from) == ("2026-11-24", "2026-11-18")
    assert len(digests(house)) == 3, "one digest for five days"
    assert {name.removeprefix("arxiv:2611.")[:2] for name in last.names} == {day[-2:] for day in OFFLINE}
    mails = [path.read_bytes() for path in (house.folder / "outbox" / "new").iterdir()]
    assert len(mails) == 3
    assert all(email.message_from_bytes(mail, policy=email.policy.default)["To"] for mail in mails)
    house.plan()
    assert len(digests(house)) == 3
    assert house.broken == {}
