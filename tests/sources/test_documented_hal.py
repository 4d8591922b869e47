"""Test HAL against a server that answers as its documentation says, over real HTTP."""

from datetime import UTC, datetime, timedelta

import pytest

from digestd.papers.source_check import sample_source
from digestd.sources import parse_source
from tests.papers.http_server import Answerer, HttpServer, says
from tests.papers.ingester import CLIENT, Ingester, redirect
from tests.papers.makers import everything, paper
from tests.sources.documented.hal import Hal, deposit, parse_condition
from tests.sources.documented.service import MisspeltSource, Record, RefusedError, RunningClock

pytestmark = pytest.mark.slow

SPEC = "hal:domain_s:1.info.info-ai"
MANY = 225


def lake(docid: int, released: str = "2026-11-23 10:00:00", **fields: object) -> Record:
    """Return a deposit on artificial intelligence."""
    own: Record = {
        "title_s": [f"Ice on lake {docid}"],
        "abstract_s": [f"We measure the ice of lake {docid} each winter."],
        "authFullName_s": [f"Ada Lake{docid}", "Bo Li"],
        "domain_s": ["0.info", "1.info.info-ai"],
    }
    return deposit(docid, released, **(own | fields))  # type: ignore[arg-type]


ODD = [
    lake(
        9001,
        title_s=["Comment les lacs gèlent", "How lakes freeze"],
        en_title_s=["How lakes freeze"],
        fr_title_s=["Comment les lacs gèlent"],
        en_subTitle_s=["Seen from the <i>shore</i>"],
        subTitle_s=["Vu de la rive", "Seen from the <i>shore</i>"],
        abstract_s=["Les lacs gèlent.", "Lakes freeze at T &lt; 0."],
        en_abstract_s=["Lakes freeze at T &lt; 0."],
        authFullName_s=["Zoë Ångström", "Bo Li", "Bo Li"],
        doiId_s="10.5555/Lakes.2026.1",
        arxivId_s="2611.00001",
        pubmedId_s="70000001",
        journalTitle_s="Journal of Invented Lakes",
        domainAllCode_s=["info", "info.info-ai"],
        keyword_s=["ice", "lakes"],
        instStructName_s=["Université des Lacs", "Université des Lacs", "Institut des Étangs"],
        fileMain_s="https://hal.science/hal-00009001/document",
        language_s=["en"],
        produced="2026-11",
    ),
    lake(9002, halId_s="tel-00009002", docType_s="THESE", abstract_s=None, authFullName_s=["Ada Étang"], version_i=3),
    lake(9003, halId_s="in2p3-00009003", docType_s="COMM", conferenceTitle_s="Rivers 2026", authFullName_s=None),
    lake(9004, halId_s="ijn_00009004", docType_s="COUV", bookTitle_s="All Lakes", produced="2026"),
    lake(9005, submitted="2026-11-02 09:00:00", released="2026-11-23 18:00:00"),
]
LEFT_OUT = [
    lake(8001, released="2026-11-10 10:00:00"),
    lake(8002, produced="2019-03-01"),
    lake(8003, domain_s=["0.sdu"]),
    lake(8004, docType_s="IMG"),
    lake(8005, docType_s="SOFTWARE"),
    lake(8006, submitted="2026-11-23 09:00:00", released="2026-11-24 22:00:00"),
]


@pytest.fixture
def hal(web: HttpServer, clock: RunningClock) -> Hal:
    many = [lake(docid, f"2026-11-{20 + docid % 4} 08:00:00") for docid in range(1, MANY + 1)]
    return Hal(web, clock, deposits=[*LEFT_OUT, *ODD, *many])


async def test_hal_fetch_finds_every_deposit_once(ingester: Ingester, hal: Hal) -> None:
    (report,) = await ingester.ingest(SPEC)
    assert (report.state, report.new, report.fetched, report.error) == ("fresh", MANY + 5, MANY + 5, None)
    assert ingester.count() == MANY + 5
    assert [query["cursorMark"][0] for query in hal.asked] == ["*", *list(hal.marks)[:2]]
    assert set(ingester.states(SPEC).values()) <= {"fresh", "quiet"}


async def test_hal_fetch_reads_every_form(ingester: Ingester, hal: Hal) -> None:
    hal.deposits = ODD
    await ingester.ingest(SPEC)
    lakes, thesis, talk, chapter, moderated = (paper(ingester.db, f"hal:{one['halId_s']}") for one in ODD)
    assert lakes == paper(ingester.db, "arxiv:2611.00001") == paper(ingester.db, "doi:10.5555/lakes.2026.1")
    assert lakes.words.title == "How lakes freeze: Seen from the shore"
    assert (lakes.words.abstract, lakes.words.authors) == (
        "Lakes freeze at T < 0.",
        ("Zoë Ångström", "Bo Li", "Bo Li"),
    )
    assert lakes.published == datetime(2026, 11, 23, tzinfo=UTC)
    assert lakes.facts.venue == "Journal of Invented Lakes"
    assert lakes.facts.affiliations == ("Université des Lacs", "Institut des Étangs")
    assert lakes.links == {"pdf": "https://hal.science/hal-00009001/document"}
    assert (thesis.words.abstract, thesis.words.authors) == ("", ("Ada Étang",))
    assert (talk.words.authors, talk.facts.venue) == ((), "Rivers 2026")
    assert (chapter.facts.venue, chapter.url) == ("All Lakes", "https://hal.science/hal-00009004")
    assert (moderated.published, moderated.archived) == (datetime(2026, 11, 2, tzinfo=UTC), False)
    assert ingester.days(SPEC)["2026-11-23"].items == len(ODD)


async def test_hal_second_fetch_finds_only_new_deposits(ingester: Ingester, hal: Hal, clock: RunningClock) -> None:
    await ingester.ingest(SPEC)
    clock.now += timedelta(days=1)
    hal.deposits += [lake(7001, "2026-11-24 12:00:00"), lake(7002, "2026-11-25 06:00:00")]
    (report,) = await ingester.ingest(SPEC)
    assert (report.state, report.new, report.updated) == ("fresh", 3, 0)
    assert paper(ingester.db, "hal:hal-00008006").published == datetime(2026, 11, 23, tzinfo=UTC)
    (report,) = await ingester.ingest(SPEC)
    assert (report.state, report.new, report.updated) == ("quiet", 0, 0)


async def test_hal_fetch_obeys_retry_after(ingester: Ingester, hal: Hal, clock: RunningClock) -> None:
    hal.between = [lambda: hal.instead.append(says(status=429, Retry_After=1800))]
    (report,) = await ingester.ingest(SPEC)
    assert (report.state, report.new) == ("partial", 100)
    assert "api.archives-ouvertes.fr is rate-limited until 2026-11-24 07:30" in str(report.error)
    asked = len(ingester.web.requests)
    await ingester.ingest(SPEC)
    assert len(ingester.web.requests) == asked
    clock.now += timedelta(minutes=31)
    (report,) = await ingester.ingest(SPEC)
    assert (report.state, report.new, ingester.count()) == ("fresh", MANY + 5 - 100, MANY + 5)


@pytest.mark.parametrize(
    "broken",
    [
        [says(b'{"response": {"numFound": 230, "docs": [{"halId_s": "hal-0')],
        [says(b"<!DOCTYPE html><title>Maintenance</title>", Content_Type="text/html")],
        [says(b'{"error": {"msg": "Error. See help : /docs"}}')],
        [says(status=503)] * 2,
        [says(status=500, Retry_After=0)] * 2,
    ],
    ids=["truncated", "html", "error", "503", "500"],
)
async def test_hal_broken_page_loses_nothing(ingester: Ingester, hal: Hal, broken: list[Answerer]) -> None:
    hal.between = [lambda: hal.instead.extend(broken)]
    (report,) = await ingester.ingest(SPEC)
    assert (report.state, report.new) == ("partial", 100)
    (report,) = await ingester.ingest(SPEC)
    assert (report.state, report.new, ingester.count()) == ("fresh", MANY + 5 - 100, MANY + 5)


async def test_hal_deposit_moved_while_paging_is_not_lost(ingester: Ingester, hal: Hal) -> None:
    """A deposit is deleted and one comes online between two pages."""
    hal.between = [lambda: hal.deposits.remove(hal.deposits[len(LEFT_OUT + ODD)])]
    hal.between += [lambda: hal.deposits.append(lake(7001))]
    (report,) = await ingester.ingest(SPEC)
    assert (report.new, report.error) == (MANY + 6, None)


async def test_hal_deposit_without_title_is_reported(ingester: Ingester, hal: Hal) -> None:
    hal.deposits.append(lake(7001, title_s=None))
    (report,) = await ingester.ingest(SPEC)
    assert (report.state, report.new, report.rejected) == ("fresh", MANY + 5, 1)
    assert [reject.field for reject in report.rejects] == ["title"]


@pytest.mark.parametrize("search", ["domain_s:(1.info", "domain:1.info", "title_t:lakes AND"])
@pytest.mark.usefixtures("hal")
async def test_hal_invalid_search_fails_with_remedy(ingester: Ingester, search: str) -> None:
    (report,) = await ingester.ingest(f"hal:{search}")
    assert (report.state, ingester.count()) == ("broken", 0)
    assert "HAL says: “Error. See help : /docs" in str(report.error)
    assert "correct the search as in https://api.archives-ouvertes.fr/docs/search" in str(report.error)


@pytest.mark.parametrize(
    ("search", "found"),
    [("lake 225", 1), ('title_t:"Ice on lake 225"', 1), ("docType_s:(THESE OR COMM)", 2), ("Ada NOT docType_s:ART", 2)],
)
@pytest.mark.usefixtures("hal")
async def test_hal_search_selects_deposits(ingester: Ingester, search: str, found: int) -> None:
    (report,) = await ingester.ingest(f"hal:{search}")
    assert (report.new, report.error) == (found, None)


@pytest.mark.parametrize(
    "wrong",
    [
        ("q=", "query="),
        ("&fq=", "&filter="),
        ("releasedDate_tdate", "releaseDate_tdate"),
        ("T00%3A00%3A00Z", ""),
        ("docType_s%3A", "type_s%3A"),
        ("fl=halId_s", "fl=hal_id"),
        ("rows=100", "rows=20000"),
        ("sort=docid", "sort=halId_s"),
        ("sort=docid+asc", "sort=docid"),
        ("cursorMark=%2A", "cursorMark=0"),
    ],
)
@pytest.mark.usefixtures("hal")
async def test_hal_wrong_parameter_is_refused(ingester: Ingester, wrong: tuple[str, str]) -> None:
    (report,) = await ingester.ingest(MisspeltSource(parse_source(SPEC), ingester.web, wrong))
    assert (report.state, ingester.count()) == ("broken", 0)
    assert "HAL says" in str(report.error)


async def test_hal_source_check_stores_nothing(ingester: Ingester, hal: Hal, clock: RunningClock) -> None:
    before = everything(ingester.db)
    checked = await sample_source(ingester.db, redirect(parse_source(SPEC), ingester.web), CLIENT, clock)
    assert (len(checked.page.sightings), checked.page.total, checked.concerns) == (100, MANY + 5, ())
    assert len(hal.asked) == 1
    assert everything(ingester.db) == before


@pytest.mark.parametrize(
    "text", ["", "title_s:", "title_s:[2026 TO *]", "releasedDate_tdate:[NOW TO]", "OR lakes", '"a']
)
def test_documented_search_refuses_other_syntax(text: str) -> None:
    if text:
        with pytest.raises(RefusedError):
            parse_condition(text)
    else:
        assert parse_condition(text)({})
