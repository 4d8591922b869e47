"""Test Hugging Face's trending papers against a server that answers as its documentation says, over real HTTP."""

from datetime import UTC, datetime, timedelta

import pytest

from digestd.sources import parse_source
from tests.papers.http_server import Answerer, HttpServer, says
from tests.papers.ingester import Ingester
from tests.papers.makers import paper
from tests.sources.documented.hugging_face import HuggingFace
from tests.sources.documented.hugging_face import paper as listed
from tests.sources.documented.service import MisspeltSource, RunningClock

pytestmark = pytest.mark.slow

SPEC = "hf-trending"
TOP = 100
ODD = [
    listed(
        901,
        "2026-11-23",
        {
            "authors": [
                {"name": "Zoë Ångström", "hidden": False, "user": {"_id": "0", "fullname": "Z", "name": "zoe"}},
                {"name": "A Guess", "hidden": True},
                {"name": "Bo Li"},
            ],
            "ai_summary": "Lakes freeze from the top.",
            "ai_keywords": ["ice"],
            "githubRepo": "https://github.com/example/lakes",
            "githubStars": 4100,
            "projectPage": "https://lakes.example.org",
            "organization": {"_id": "1", "name": "lakes", "fullname": "Institute of Lakes"},
            "upvotes": 321,
        },
    ),
    listed(902, "2026-11-23", {"summary": None, "upvotes": 0}, {"numComments": 0}),
    listed(903, "2024-03-01", {"id": "2403.00903", "authors": []}),
]


@pytest.fixture
def hub(web: HttpServer, clock: RunningClock) -> HuggingFace:
    papers = [*ODD, *(listed(number, f"2026-11-{10 + number % 14}") for number in range(1, 140))]
    trends = {"2611.00901": 1000.0, "2611.00902": 999.0, "2403.00903": 998.0}
    return HuggingFace(web, clock, papers=papers, trends=trends | {f"2611.{n:05}": float(n) for n in range(1, 131)})


async def test_hf_trending_fetch_finds_the_hundred_first(ingester: Ingester, hub: HuggingFace) -> None:
    (report,) = await ingester.ingest(SPEC)
    assert (report.state, report.new, report.requests, report.error) == ("fresh", TOP, 1, None)
    assert hub.asked == [{"sort": ["trending"], "limit": ["100"]}]
    least = 130 - (TOP - len(ODD)) + 1
    assert paper(ingester.db, f"arxiv:2611.{least:05}").words.title == f"Ice on lake {least}"
    with pytest.raises(AssertionError):
        paper(ingester.db, f"arxiv:2611.{least - 1:05}")


async def test_hf_trending_fetch_reads_every_form(ingester: Ingester, hub: HuggingFace) -> None:
    await ingester.ingest(SPEC)
    lakes, bare, old, usual = (
        paper(ingester.db, f"arxiv:{name}") for name in ("2611.00901", "2611.00902", "2403.00903", "2611.00130")
    )
    assert lakes.words.authors == ("Zoë Ångström", "Bo Li")
    assert lakes.signals == {"upvotes": 321.0, "comments": 2.0, "stars": 4100.0}
    assert lakes.links == {
        "code": "https://github.com/example/lakes",
        "project": "https://lakes.example.org",
        "discussion": "https://huggingface.co/papers/2611.00901",
        "pdf": "https://arxiv.org/pdf/2611.00901",
    }
    assert lakes.facts.affiliations == ("Institute of Lakes",)
    assert (bare.words.abstract, bare.signals) == ("", {"upvotes": 0.0, "comments": 0.0})
    assert (old.words.authors, old.archived, old.published) == ((), True, datetime(2024, 3, 1, 9, 30, tzinfo=UTC))
    assert (usual.words.abstract, usual.archived) == ("We measure the ice of lake 130 each winter.", False)
    assert usual.url == "https://arxiv.org/abs/2611.00130"


async def test_hf_trending_second_fetch_adds_new_and_votes(
    ingester: Ingester, hub: HuggingFace, clock: RunningClock
) -> None:
    await ingester.ingest(SPEC)
    clock.now += timedelta(hours=6)
    hub.papers += [listed(701, "2026-11-24"), listed(702, "2026-11-24")]
    hub.trends |= {"2611.00701": 5000.0, "2611.00702": 0.5}
    inner = ODD[0]["paper"]
    assert isinstance(inner, dict)
    hub.papers[0] = {**ODD[0], "paper": inner | {"upvotes": 400}}
    (report,) = await ingester.ingest(SPEC)
    assert (report.state, report.new) == ("fresh", 1)
    assert paper(ingester.db, "arxiv:2611.00901").signals["upvotes"] == 400
    assert ingester.count() == TOP + 1


async def test_hf_trending_obeys_rate_limit(ingester: Ingester, hub: HuggingFace, clock: RunningClock) -> None:
    hub.used, hub.window = hub.allowed, clock()
    (report,) = await ingester.ingest(SPEC)
    assert (report.state, ingester.count()) == ("broken", 0)
    assert "huggingface.co is rate-limited until 2026-11-24 07:05" in str(report.error)
    asked = len(ingester.web.requests)
    await ingester.ingest(SPEC)
    assert len(ingester.web.requests) == asked
    clock.now += timedelta(minutes=6)
    (report,) = await ingester.ingest(SPEC)
    assert (report.state, report.new) == ("fresh", TOP)


async def test_hf_trending_stops_when_its_window_is_used_up(
    ingester: Ingester, hub: HuggingFace, clock: RunningClock
) -> None:
    """The last request of a window is answered, and says that none is left."""
    hub.used, hub.window = hub.allowed - 1, clock()
    assert [report.state for report in await ingester.ingest(SPEC)] == ["fresh"]
    (report,) = await ingester.ingest(SPEC)
    assert "is rate-limited until 2026-11-24 07:05" in str(report.error)
    assert len(ingester.web.requests) == 1


@pytest.mark.parametrize(
    "broken",
    [
        [says(b'[{"paper": {"id": "2611.0')],
        [says(b"<!DOCTYPE html><title>504</title>", Content_Type="text/html")],
        [says(b'{"error": "Internal Error - We are working hard to fix this as soon as possible!"}')],
        [says(status=504)] * 2,
    ],
    ids=["truncated", "html", "error", "504"],
)
async def test_hf_trending_broken_answer_loses_nothing(
    ingester: Ingester, hub: HuggingFace, broken: list[Answerer]
) -> None:
    hub.instead = broken.copy()
    (report,) = await ingester.ingest(SPEC)
    assert (report.state, ingester.count()) == ("broken", 0)
    (report,) = await ingester.ingest(SPEC)
    assert (report.state, report.new) == ("fresh", TOP)


async def test_hf_trending_malformed_paper_is_reported(ingester: Ingester, hub: HuggingFace) -> None:
    hub.papers.append(listed(704, "2026-11-24", {"title": None}))
    hub.trends["2611.00704"] = 2000.0
    (report,) = await ingester.ingest(SPEC)
    assert (report.new, [reject.field for reject in report.rejects]) == (TOP - 1, ["title"])


@pytest.mark.parametrize(
    "wrong",
    [("sort=trending", "sort=trend"), ("sort=", "order="), ("limit=100", "limit=101"), ("limit=", "per_page=")],
)
@pytest.mark.usefixtures("hub")
async def test_hf_trending_wrong_parameter_is_refused(ingester: Ingester, wrong: tuple[str, str]) -> None:
    (report,) = await ingester.ingest(MisspeltSource(parse_source(SPEC), ingester.web, wrong))
    assert (report.state, ingester.count()) == ("broken", 0)
    assert "answers 400; check the source's spec" in str(report.error)


async def test_hf_daily_and_trending_meet_in_one_paper(ingester: Ingester, hub: HuggingFace) -> None:
    hub.papers = hub.papers[:20]
    await ingester.ingest("hf-daily", SPEC)
    assert ingester.count() == 20
    dated = [query["date"][0] for query in hub.asked if "date" in query]
    assert dated == sorted(dated, reverse=True)
    assert max(dated) <= "2026-11-23"
