"""Test OpenReview against a server that answers as its documentation says, over real HTTP."""

from datetime import UTC, datetime, timedelta

import pytest

from digestd.sources import parse_source
from tests.papers.http_server import Answerer, HttpServer, says
from tests.papers.ingester import Ingester
from tests.papers.makers import paper
from tests.sources.documented.openreview import Openreview, milliseconds, note, venue_group
from tests.sources.documented.service import MisspeltSource, Record, RunningClock

pytestmark = pytest.mark.slow

VENUE = "Lakes.example/2026/Conference"
SPEC = f"openreview:{VENUE}"
PAGE_SIZE = 100
"""Smaller than the real one, so that three pages are quickly stored."""
MANY = 2 * PAGE_SIZE + 40
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
HIDDEN = {"value": ["Ada Étang"], "readers": [VENUE]}


def one(number: int, content: Record | None = None, **fields: object) -> Record:
    """Return a public note that changed some seconds before noon: the higher its number, the longer."""
    return note(number, VENUE, NOON - timedelta(seconds=number), content, **fields)


ODD = [
    one(
        9001,
        {
            "title": "Sin&lt;ICE&gt; on Lakes",
            "abstract": "We freeze\n$n$ lakes.",
            "authors": [
                {"fullname": "Zoë Ångström", "username": "~Zoë_Ångström1", "institutions": [{"name": "ETH"}]},
                {"fullname": "Bo Li", "username": "bo@example.org"},
            ],
            "authorids": None,
            "html": "https://arxiv.org/abs/2611.00001v2",
            "venue": "Lakes 2026 Oral",
        },
        pdate=milliseconds(NOON - timedelta(days=1)),
    ),
    one(9002, {"abstract": None, "keywords": None, "pdf": "https://example.org/paper.pdf", "authors": HIDDEN}),
    one(9003, {"keywords": "ice, lakes", "_bibtex": "@article{x, doi = {10.5555/Lakes.9}}", "pdf": None}, odate=None),
]
LEFT_OUT = [
    one(8001, readers=[VENUE, f"{VENUE}/Reviewers"]),
    one(8002, ddate=milliseconds(NOON)),
    one(8003, {"venueid": f"{VENUE}/Rejected_Submission"}),
    one(8004, {"venueid": f"{VENUE}/Desk_Rejected_Submission"}),
    one(8005, {"venueid": "Rivers.example/2026/Conference"}),
]


@pytest.fixture
def openreview(web: HttpServer, clock: RunningClock, monkeypatch: pytest.MonkeyPatch) -> Openreview:
    monkeypatch.setattr("digestd.sources.openreview.PAGE_SIZE", PAGE_SIZE)
    notes = [*LEFT_OUT, *ODD, *map(one, range(1, MANY + 1))]
    status = {f"{name}_venue_id": f"{VENUE}/{name.title()}_Submission" for name in ("withdrawn", "rejected")}
    group = venue_group(VENUE, submission_venue_id=f"{VENUE}/Submission", **status)
    old: Record = {"id": "Lakes.example/2019/Conference", "content": {}}
    return Openreview(web, clock, notes=notes, groups=[group, venue_group("LJ"), old])


async def test_openreview_fetch_finds_every_note_once(ingester: Ingester, openreview: Openreview) -> None:
    (report,) = await ingester.ingest(SPEC)
    assert (report.state, report.new, report.updated, report.error) == ("fresh", MANY + 3, 0, None)
    assert ingester.count() == MANY + 3
    asked = [(query["content.venueid"], query.get("offset")) for query in openreview.asked]
    assert asked[:3] == [([VENUE], None), ([f"{VENUE}/Withdrawn_Submission"], None), ([VENUE], ["96"])]
    assert len(asked) <= 6


async def test_openreview_fetch_reads_every_form(ingester: Ingester, openreview: Openreview) -> None:
    openreview.notes = ODD
    await ingester.ingest(SPEC)
    ice, blind, old = (paper(ingester.db, f"openreview:Nt0000900{number}") for number in (1, 2, 3))
    assert ice == paper(ingester.db, "arxiv:2611.00001")
    assert (ice.words.title, ice.words.abstract) == ("Sin<ICE> on Lakes", "We freeze $n$ lakes.")
    assert (ice.words.authors, ice.words.categories) == (("Zoë Ångström", "Bo Li"), ("ice", "lakes"))
    assert (ice.published, ice.facts.venue) == (NOON - timedelta(days=1), "Lakes 2026 Oral")
    assert ice.links == {"pdf": f"https://openreview.net/pdf/{9001:040x}.pdf"}
    assert ice.url == "https://openreview.net/forum?id=Nt00009001"
    assert (blind.words.abstract, blind.words.authors, blind.words.categories) == ("", (), ())
    assert blind.links == {"pdf": "https://example.org/paper.pdf"}
    assert old == paper(ingester.db, "doi:10.5555/lakes.9")
    assert (old.words.categories, old.links) == (("ice", "lakes"), {})
    assert old.published == NOON - timedelta(days=60, seconds=9003)


async def test_openreview_second_fetch_finds_only_changes(
    ingester: Ingester, openreview: Openreview, clock: RunningClock
) -> None:
    await ingester.ingest(SPEC)
    before = len(openreview.asked)
    clock.now += timedelta(days=1)
    openreview.notes += [note(number, VENUE, clock.now) for number in (7001, 7002)]
    openreview.withdraw("Nt00000005")
    (report,) = await ingester.ingest(SPEC)
    assert (report.state, report.new, report.updated) == ("fresh", 2, 1)
    assert len(openreview.asked) == before + 2, "one page of changes, and the withdrawn"
    assert paper(ingester.db, "openreview:Nt00000005").withdrawn
    (report,) = await ingester.ingest(SPEC)
    assert (report.state, report.new, report.updated) == ("quiet", 0, 0)


async def test_openreview_note_that_leaves_while_paging_loses_none(ingester: Ingester, openreview: Openreview) -> None:
    """The authors of four papers of the first page withdraw before the next page is read."""

    def withdraw() -> None:
        for number in range(1, 5):
            openreview.withdraw(f"Nt{number:08}")

    openreview.between = [lambda: None, withdraw]
    (report,) = await ingester.ingest(SPEC)
    assert (report.new, ingester.count(), report.error) == (MANY + 3, MANY + 3, None)


async def test_openreview_fetch_obeys_rate_limit(
    ingester: Ingester, openreview: Openreview, clock: RunningClock
) -> None:
    openreview.allowed = 2
    (report,) = await ingester.ingest(SPEC)
    assert (report.state, report.new) == ("partial", PAGE_SIZE)
    assert "openreview.net is rate-limited until 2026-11-24 07:30" in str(report.error)
    asked = len(ingester.web.requests)
    await ingester.ingest(SPEC)
    assert len(ingester.web.requests) == asked
    openreview.allowed = 98
    clock.now += timedelta(minutes=31)
    (report,) = await ingester.ingest(SPEC)
    assert (report.state, ingester.count()) == ("fresh", MANY + 3)


@pytest.mark.parametrize(
    "broken",
    [
        [says(b'{"notes": [{"id": "Nt0')],
        [says(b"<!DOCTYPE html><title>Just a moment</title>", Content_Type="text/html")],
        [says(b'{"status": 400, "name": "Error", "message": "try again", "details": {}}')],
        [says(status=502)] * 2,
        [says(status=429)] * 2,
    ],
    ids=["truncated", "html", "error", "502", "429 without Retry-After"],
)
async def test_openreview_broken_page_loses_nothing(
    ingester: Ingester, openreview: Openreview, broken: list[Answerer]
) -> None:
    openreview.between = [lambda: None, lambda: openreview.instead.extend(broken)]
    (report,) = await ingester.ingest(SPEC)
    assert (report.state, report.new) == ("partial", PAGE_SIZE)
    (report,) = await ingester.ingest(SPEC)
    assert (report.state, ingester.count()) == ("fresh", MANY + 3)


async def test_openreview_note_without_title_is_reported(ingester: Ingester, openreview: Openreview) -> None:
    openreview.notes = [*ODD, one(1, {"title": None})]
    (report,) = await ingester.ingest(SPEC)
    assert (report.state, report.new, [reject.field for reject in report.rejects]) == ("partial", 3, ["title"])


@pytest.mark.parametrize(
    ("venue", "why"),
    [
        ("Lakes.example/2026/Conferenc", r"OpenReview knows no venue Lakes\.example/2026/Conferenc; take the id from"),
        ("LK", "OpenReview knows no venue LK; take the id from the address of the venue's page"),
        (f"{VENUE}/Submissions", f"no venue {VENUE}/Submissions; {VENUE} has {VENUE}/Submission, {VENUE}/Withdrawn"),
        ("Lakes.example/2019/Conference", "a venue of the old API"),
    ],
)
@pytest.mark.usefixtures("openreview")
async def test_openreview_unknown_venue_fails_with_remedy(ingester: Ingester, venue: str, why: str) -> None:
    (report,) = await ingester.ingest(f"openreview:{venue}")
    assert (report.state, ingester.count()) == ("broken", 0)
    assert why.replace("\\", "") in str(report.error)


@pytest.mark.parametrize("venue", ["LJ", "LJ/Rejected", f"{VENUE}/Submission"])
@pytest.mark.usefixtures("openreview")
async def test_openreview_venue_without_papers_is_quiet(ingester: Ingester, venue: str) -> None:
    (report,) = await ingester.ingest(f"openreview:{venue}")
    assert (report.state, report.error, report.fetched) == ("quiet", None, 0)


@pytest.mark.parametrize(
    ("wrong", "answer"),
    [
        (("content.venueid", "content.venueId"), "400"),
        (("content.venueid", "venueid"), "400"),
        (("tmdate%3Adesc", "cdate%3Adesc"), "400"),
        (("tmdate%3Adesc", "tmdate%3Adescending"), "400"),
        (("&sort=", "&order="), "400"),
        (("limit=100", "limit=all"), "400"),
        (("limit=", "page_size="), "400"),
        (("/notes?", "/submissions?"), "404"),
        ((VENUE.replace("/", "%2F"), ""), "400"),
    ],
)
@pytest.mark.usefixtures("openreview")
async def test_openreview_wrong_parameter_is_refused(ingester: Ingester, wrong: tuple[str, str], answer: str) -> None:
    ingester.web.paths["/submissions"] = says(status=404)
    (report,) = await ingester.ingest(MisspeltSource(parse_source(SPEC), ingester.web, wrong))
    assert (report.state, ingester.count()) == ("broken", 0)
    assert f"answers {answer}; check the source's spec" in str(report.error)
