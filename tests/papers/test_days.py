"""Test days of real sources over time: late, stale, missed and back-filled."""

from datetime import UTC, datetime, timedelta

import pytest

from digestd.store import papers
from digestd.store.database import Database, open_database
from tests.papers.http_server import HttpServer, says
from tests.papers.ingester import Ingester
from tests.papers.source_simulator import SourceSimulator
from tests.support.install import Clock

pytestmark = pytest.mark.slow

RSS, API, HF = "arxiv-rss:cs.LG", "arxiv:cs.LG", "hf-daily"
DAY = timedelta(days=1)
MON = datetime(2026, 11, 23, 8, tzinfo=UTC)
TUE = MON + DAY


@pytest.fixture
def clock() -> Clock:
    return Clock(MON)


@pytest.fixture
def world(web: HttpServer, clock: Clock) -> SourceSimulator:
    made = SourceSimulator(clock)
    made.open(web)
    return made


@pytest.fixture
def ingester(db: Database, web: HttpServer, clock: Clock, world: SourceSimulator) -> Ingester:
    return Ingester(db, web, clock)


def requested_paths(ingester: Ingester) -> list[str]:
    """Return the requests since the last look, without queries."""
    found = [one.path.partition("?")[0] for one in ingester.web.requests]
    ingester.web.requests.clear()
    return found


async def test_ingest_day_is_fresh_and_weekend_quiet(ingester: Ingester, clock: Clock) -> None:
    await ingester.ingest(RSS)
    for _ in range(6):
        clock.go(DAY)
        await ingester.ingest(RSS)
    assert ingester.states(RSS) == {
        "2026-11-23": "fresh", "2026-11-24": "fresh", "2026-11-25": "fresh", "2026-11-26": "fresh",
        "2026-11-27": "quiet", "2026-11-28": "quiet", "2026-11-29": "quiet",
    }  # fmt: skip
    assert set(requested_paths(ingester)) == {"/atom/cs.LG"}
    assert ingester.days(RSS)["2026-11-26"].expected == 12
    assert ingester.days(RSS)["2026-11-27"].expected == 0, "Thanksgiving's evening brings none"


async def test_ingest_backfills_day_when_feed_is_stale(
    ingester: Ingester, clock: Clock, world: SourceSimulator
) -> None:
    world.served[TUE.date()] = MON.date()
    world.down.add("/oai")
    await ingester.ingest(RSS)
    clock.now = TUE.replace(hour=6)
    assert [one.state for one in await ingester.ingest(RSS)] == ["late"]
    clock.now = TUE.replace(hour=9)
    (stale,) = await ingester.ingest(RSS)
    assert (stale.state, stale.days) == ("stale", {"2026-11-24": "stale"})
    assert "could not be fetched by arxiv-oai:cs.LG" in str(stale.note)
    assert ingester.days(RSS)["2026-11-24"].note == "due since 2026-11-24 05:30 UTC; the source answers with 2026-11-23"
    world.down.clear()
    (found,) = await ingester.ingest(RSS)
    assert (found.state, found.new, ingester.states(RSS)["2026-11-24"]) == ("fresh", 12, "fresh")
    requested_paths(ingester)
    await ingester.ingest(RSS)
    assert requested_paths(ingester) == ["/atom/cs.LG"], "nobody else is asked once the day is here"
    world.served.clear()
    (again,) = await ingester.ingest(RSS)
    assert (again.new, ingester.days(RSS)["2026-11-24"].items) == (0, 12)


async def test_ingest_detects_old_batch_under_new_date(
    ingester: Ingester, clock: Clock, world: SourceSimulator
) -> None:
    world.served[TUE.date()] = MON.date()
    world.redated = True
    world.down.add("/oai")
    await ingester.ingest(RSS)
    clock.now = TUE.replace(hour=9)
    assert [one.state for one in await ingester.ingest(RSS)] == ["stale"]
    assert "under a new date" in ingester.days(RSS)["2026-11-24"].note
    world.served.clear()
    assert [one.state for one in await ingester.ingest(RSS)] == ["fresh"]
    assert ingester.days(RSS)["2026-11-24"].note == ""


async def test_ingest_backfills_day_when_feed_is_down(ingester: Ingester, clock: Clock, world: SourceSimulator) -> None:
    await ingester.ingest(RSS)
    world.down.add("/atom/cs.LG")
    clock.now = TUE.replace(hour=6)
    (down,) = await ingester.ingest(RSS)
    assert (down.state, ingester.states(RSS)["2026-11-24"]) == ("broken", "broken")
    clock.now = TUE.replace(hour=9)
    (partly,) = await ingester.ingest(RSS)
    assert (partly.state, partly.new) == ("partial", 12), "the feed is still down, and that is said"
    assert ingester.states(RSS)["2026-11-24"] == "fresh"


async def test_ingest_lagging_api_index_is_late(ingester: Ingester, clock: Clock, world: SourceSimulator) -> None:
    await ingester.ingest(API)
    assert ingester.states(API)["2026-11-23"] == "fresh"
    frozen = world.announced
    clock.now = TUE.replace(hour=7)
    world.announced = lambda by: [day for day in frozen(by) if day < TUE.date()]  # type: ignore[method-assign]  # it lags
    assert [one.state for one in await ingester.ingest(API)] == ["late"]
    clock.now = TUE.replace(hour=11)
    assert [one.state for one in await ingester.ingest(API)] == ["stale"]
    world.announced = frozen  # type: ignore[method-assign]  # it has caught up
    assert [one.state for one in await ingester.ingest(API)] == ["fresh"]


async def test_ingest_dated_sources_catch_up_alone(ingester: Ingester, clock: Clock) -> None:
    await ingester.ingest(API, HF)
    clock.go(7 * DAY)
    api, hf = await ingester.ingest(API, HF)
    assert (api.new, hf.new) == (12 * 4, 12), "Friday's of Hugging Face are not arXiv's, who kept Thanksgiving"
    fresh = {"2026-11-23", "2026-11-24", "2026-11-25", "2026-11-26", "2026-11-30"}
    since_monday = {day: state for day, state in ingester.states(API).items() if day >= "2026-11-23"}
    assert {day for day, state in since_monday.items() if state == "fresh"} == fresh
    assert set(since_monday.values()) == {"fresh", "quiet"}
    assert ingester.states(HF)["2026-11-27"] == "fresh"
    assert ingester.states(HF)["2026-11-28"] == "quiet"


async def test_ingest_names_days_older_than_a_week(ingester: Ingester, clock: Clock, world: SourceSimulator) -> None:
    clock.now = datetime(2026, 11, 3, 8, tzinfo=UTC)
    await ingester.ingest(RSS)
    clock.now = TUE
    (back,) = await ingester.ingest(RSS)
    states = ingester.states(RSS)
    assert back.state == "fresh"
    assert {states[f"2026-11-{day:02}"] for day in (4, 5, 6, 9, 10, 11, 12, 13, 16)} == {"partial"}
    assert {states[f"2026-11-{day:02}"] for day in (17, 18, 19, 20, 23, 24)} == {"fresh"}
    assert {states[f"2026-11-{day:02}"] for day in (7, 8, 14, 15, 21, 22)} == {"quiet"}
    (more,) = await ingester.ingest(RSS, since=datetime(2026, 11, 4, tzinfo=UTC))
    assert more.new == 9 * 12
    with ingester.db.read() as session:
        news = papers.candidates(session, TUE - 7 * DAY, TUE)
    assert len(news) == 6 * 12, "what was announced more than a week ago is no news"
    assert set(ingester.states(RSS).values()) == {"fresh", "quiet"}


async def test_ingest_long_backfill_continues_next_run(
    ingester: Ingester, clock: Clock, world: SourceSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("digestd.papers.source_runner.PAGES_MAX_SINCE", 8)
    clock.now = TUE
    since = datetime(2026, 11, 2, tzinfo=UTC)
    (first,) = await ingester.ingest(RSS, since=since)
    assert first.requests == 8
    assert "more pages than the limit of one run" in str(first.note)
    states = ingester.states(RSS)
    assert (states["2026-11-23"], states["2026-11-03"]) == ("fresh", "partial")
    requested_paths(ingester)
    (second,) = await ingester.ingest(RSS, since=since)
    assert second.note is None
    assert set(ingester.states(RSS).values()) == {"fresh", "quiet"}
    assert first.new + second.new == 12 * 17


async def test_ingest_reports_gap_of_feed_without_history(ingester: Ingester, clock: Clock) -> None:
    def feed(*numbers: int) -> bytes:
        items = "".join(f"<item><guid>https://example.org/{n}</guid><title>Lakes {n}</title></item>" for n in numbers)
        return f"<rss version='2.0'><channel><title>L</title>{items}</channel></rss>".encode()

    spec = "feed:https://example.org/lakes.xml"
    ingester.web.paths["/lakes.xml"] = says(feed(1, 2, 3))
    await ingester.ingest(spec)
    clock.go(5 * DAY)
    ingester.web.paths["/lakes.xml"] = says(feed(3, 4, 5))
    await ingester.ingest(spec)
    assert set(ingester.states(spec).values()) <= {"fresh", "quiet"}, (
        "it still showed what was known, so nothing is lost"
    )
    clock.go(5 * DAY)
    ingester.web.paths["/lakes.xml"] = says(feed(7, 8, 9))
    await ingester.ingest(spec)
    gap = ingester.days(spec)["2026-12-01"]
    assert (gap.state, gap.note) == ("partial", "not fetched in time, and the source shows only its newest papers")
    assert ingester.states(spec)["2026-12-03"] == "fresh"


async def test_ingest_knows_christmas_and_warns_of_new_year(
    sqlite_url: str, web: HttpServer, clock: Clock, world: SourceSimulator
) -> None:
    db = open_database(sqlite_url)
    ingester = Ingester(db, web, clock)
    world.first = datetime(2026, 12, 21, tzinfo=UTC).date()
    clock.now = datetime(2026, 12, 23, 9, tzinfo=UTC)
    notes = []
    while clock.now < datetime(2027, 1, 6, tzinfo=UTC):
        (report,) = await ingester.ingest(RSS)
        assert report.error is None, (clock.now, report.error)
        notes.append(report.note)
        clock.go(DAY)
    states = ingester.states(RSS)
    assert set(states.values()) == {"fresh", "quiet"}
    fresh = {day for day, state in states.items() if state == "fresh"}
    assert fresh == {"2026-12-23", "2026-12-24", "2026-12-25", "2026-12-29", "2026-12-31", "2027-01-04", "2027-01-05"}
    assert notes[:9] == [None] * 9
    assert all("holidays of 2027 are not known" in str(note) for note in notes[9:]), notes
    db.close()
