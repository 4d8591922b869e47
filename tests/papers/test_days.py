"""Test days of real sources over time: late, stale, missed and back-filled."""

from datetime import UTC, datetime, timedelta

import pytest

from digestd.store import papers
from digestd.store.database import Database, open_database
from tests.papers.desk import Desk
from tests.papers.site import Site, says
from tests.papers.world import World
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
def world(web: Site, clock: Clock) -> World:
    made = World(clock)
    made.open(web)
    return made


@pytest.fixture
def desk(db: Database, web: Site, clock: Clock, world: World) -> Desk:
    return Desk(db, web, clock)


def asked(desk: Desk) -> list[str]:
    """Return the requests since the last look, without queries."""
    found = [one.path.partition("?")[0] for one in desk.web.asked]
    desk.web.asked.clear()
    return found


async def test_ingest_day_is_fresh_and_weekend_quiet(desk: Desk, clock: Clock) -> None:
    await desk.ask(RSS)
    for _ in range(6):
        clock.go(DAY)
        await desk.ask(RSS)
    assert desk.states(RSS) == {
        "2026-11-23": "fresh", "2026-11-24": "fresh", "2026-11-25": "fresh", "2026-11-26": "fresh",
        "2026-11-27": "quiet", "2026-11-28": "quiet", "2026-11-29": "quiet",
    }  # fmt: skip
    assert set(asked(desk)) == {"/atom/cs.LG"}
    assert desk.days(RSS)["2026-11-26"].expected == 12
    assert desk.days(RSS)["2026-11-27"].expected == 0, "Thanksgiving's evening brings none"


async def test_ingest_backfills_day_when_feed_is_stale(desk: Desk, clock: Clock, world: World) -> None:
    world.served[TUE.date()] = MON.date()
    world.down.add("/oai")
    await desk.ask(RSS)
    clock.now = TUE.replace(hour=6)
    assert [one.state for one in await desk.ask(RSS)] == ["late"]
    clock.now = TUE.replace(hour=9)
    (stale,) = await desk.ask(RSS)
    assert (stale.state, stale.days) == ("stale", {"2026-11-24": "stale"})
    assert "could not be fetched by arxiv-oai:cs.LG" in str(stale.note)
    assert desk.days(RSS)["2026-11-24"].note == "due since 2026-11-24 05:30 UTC; the source answers with 2026-11-23"
    world.down.clear()
    (found,) = await desk.ask(RSS)
    assert (found.state, found.new, desk.states(RSS)["2026-11-24"]) == ("fresh", 12, "fresh")
    asked(desk)
    await desk.ask(RSS)
    assert asked(desk) == ["/atom/cs.LG"], "nobody else is asked once the day is here"
    world.served.clear()
    (again,) = await desk.ask(RSS)
    assert (again.new, desk.days(RSS)["2026-11-24"].items) == (0, 12)


async def test_ingest_detects_old_batch_under_new_date(desk: Desk, clock: Clock, world: World) -> None:
    world.served[TUE.date()] = MON.date()
    world.redated = True
    world.down.add("/oai")
    await desk.ask(RSS)
    clock.now = TUE.replace(hour=9)
    assert [one.state for one in await desk.ask(RSS)] == ["stale"]
    assert "under a new date" in desk.days(RSS)["2026-11-24"].note
    world.served.clear()
    assert [one.state for one in await desk.ask(RSS)] == ["fresh"]
    assert desk.days(RSS)["2026-11-24"].note == ""


async def test_ingest_backfills_day_when_feed_is_down(desk: Desk, clock: Clock, world: World) -> None:
    await desk.ask(RSS)
    world.down.add("/atom/cs.LG")
    clock.now = TUE.replace(hour=6)
    (down,) = await desk.ask(RSS)
    assert (down.state, desk.states(RSS)["2026-11-24"]) == ("broken", "broken")
    clock.now = TUE.replace(hour=9)
    (partly,) = await desk.ask(RSS)
    assert (partly.state, partly.new) == ("partial", 12), "the feed is still down, and that is said"
    assert desk.states(RSS)["2026-11-24"] == "fresh"


async def test_ingest_lagging_api_index_is_late(desk: Desk, clock: Clock, world: World) -> None:
    await desk.ask(API)
    assert desk.states(API)["2026-11-23"] == "fresh"
    frozen = world.announced
    clock.now = TUE.replace(hour=7)
    world.announced = lambda by: [day for day in frozen(by) if day < TUE.date()]  # type: ignore[method-assign]  # it lags
    assert [one.state for one in await desk.ask(API)] == ["late"]
    clock.now = TUE.replace(hour=11)
    assert [one.state for one in await desk.ask(API)] == ["stale"]
    world.announced = frozen  # type: ignore[method-assign]  # it has caught up
    assert [one.state for one in await desk.ask(API)] == ["fresh"]


async def test_ingest_dated_sources_catch_up_alone(desk: Desk, clock: Clock) -> None:
    await desk.ask(API, HF)
    clock.go(7 * DAY)
    api, hf = await desk.ask(API, HF)
    assert (api.new, hf.new) == (12 * 4, 12), "Friday's of Hugging Face are not arXiv's, who kept Thanksgiving"
    fresh = {"2026-11-23", "2026-11-24", "2026-11-25", "2026-11-26", "2026-11-30"}
    since_monday = {day: state for day, state in desk.states(API).items() if day >= "2026-11-23"}
    assert {day for day, state in since_monday.items() if state == "fresh"} == fresh
    assert set(since_monday.values()) == {"fresh", "quiet"}
    assert desk.states(HF)["2026-11-27"] == "fresh"
    assert desk.states(HF)["2026-11-28"] == "quiet"


async def test_ingest_names_days_older_than_a_week(desk: Desk, clock: Clock, world: World) -> None:
    clock.now = datetime(2026, 11, 3, 8, tzinfo=UTC)
    await desk.ask(RSS)
    clock.now = TUE
    (back,) = await desk.ask(RSS)
    states = desk.states(RSS)
    assert back.state == "fresh"
    assert {states[f"2026-11-{day:02}"] for day in (4, 5, 6, 9, 10, 11, 12, 13, 16)} == {"partial"}
    assert {states[f"2026-11-{day:02}"] for day in (17, 18, 19, 20, 23, 24)} == {"fresh"}
    assert {states[f"2026-11-{day:02}"] for day in (7, 8, 14, 15, 21, 22)} == {"quiet"}
    (more,) = await desk.ask(RSS, since=datetime(2026, 11, 4, tzinfo=UTC))
    assert more.new == 9 * 12
    with desk.db.read() as session:
        news = papers.candidates(session, TUE - 7 * DAY, TUE)
    assert len(news) == 6 * 12, "what was announced more than a week ago is no news"
    assert set(desk.states(RSS).values()) == {"fresh", "quiet"}


async def test_ingest_long_backfill_continues_next_run(
    desk: Desk, clock: Clock, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("digestd.papers.source_visit.PAGES_MAX_SINCE", 8)
    clock.now = TUE
    since = datetime(2026, 11, 2, tzinfo=UTC)
    (first,) = await desk.ask(RSS, since=since)
    assert first.requests == 8
    assert "more pages than one run may ask for" in str(first.note)
    states = desk.states(RSS)
    assert (states["2026-11-23"], states["2026-11-03"]) == ("fresh", "partial")
    asked(desk)
    (second,) = await desk.ask(RSS, since=since)
    assert second.note is None
    assert set(desk.states(RSS).values()) == {"fresh", "quiet"}
    assert first.new + second.new == 12 * 17


async def test_ingest_reports_gap_of_feed_without_history(desk: Desk, clock: Clock) -> None:
    def feed(*numbers: int) -> bytes:
        items = "".join(f"<item><guid>https://example.org/{n}</guid><title>Lakes {n}</title></item>" for n in numbers)
        return f"<rss version='2.0'><channel><title>L</title>{items}</channel></rss>".encode()

    spec = "feed:https://example.org/lakes.xml"
    desk.web.paths["/lakes.xml"] = says(feed(1, 2, 3))
    await desk.ask(spec)
    clock.go(5 * DAY)
    desk.web.paths["/lakes.xml"] = says(feed(3, 4, 5))
    await desk.ask(spec)
    assert set(desk.states(spec).values()) <= {"fresh", "quiet"}, "it still showed what was known, so nothing is lost"
    clock.go(5 * DAY)
    desk.web.paths["/lakes.xml"] = says(feed(7, 8, 9))
    await desk.ask(spec)
    gap = desk.days(spec)["2026-12-01"]
    assert (gap.state, gap.note) == ("partial", "nobody asked in time, and the source shows only its newest papers")
    assert desk.states(spec)["2026-12-03"] == "fresh"


async def test_ingest_knows_christmas_and_warns_of_new_year(
    sqlite_url: str, web: Site, clock: Clock, world: World
) -> None:
    db = open_database(sqlite_url)
    desk = Desk(db, web, clock)
    world.first = datetime(2026, 12, 21, tzinfo=UTC).date()
    clock.now = datetime(2026, 12, 23, 9, tzinfo=UTC)
    notes = []
    while clock.now < datetime(2027, 1, 6, tzinfo=UTC):
        (report,) = await desk.ask(RSS)
        assert report.error is None, (clock.now, report.error)
        notes.append(report.note)
        clock.go(DAY)
    states = desk.states(RSS)
    assert set(states.values()) == {"fresh", "quiet"}
    fresh = {day for day, state in states.items() if state == "fresh"}
    assert fresh == {"2026-12-23", "2026-12-24", "2026-12-25", "2026-12-29", "2026-12-31", "2027-01-04", "2027-01-05"}
    assert notes[:9] == [None] * 9
    assert all("holidays of 2027 are not known" in str(note) for note in notes[9:]), notes
    db.close()
