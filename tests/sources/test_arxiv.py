"""Test arXiv's API and its announcement feed."""

from datetime import UTC, date, datetime
from pathlib import Path

from digestd.sources import parse_source
from digestd.sources.arxiv.api import PAGE_SIZE
from digestd.sources.source import AnnouncementSource, BackfillSource

SAMPLES = Path(__file__).parent / "samples"
SINCE = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
API = parse_source("arxiv:cs.LG+stat.ML")
RSS = parse_source("arxiv-rss:cs.LG+stat.ML")


def feed(total: int, start: int, *entries: str) -> bytes:
    return f"""<feed xmlns="http://www.w3.org/2005/Atom" xmlns:opensearch="http://a9.com/-/spec/opensearch/1.1/">
        <opensearch:totalResults>{total}</opensearch:totalResults>
        <opensearch:startIndex>{start}</opensearch:startIndex>{"".join(entries)}</feed>""".encode()


def entry(number: str, published: str = "2026-11-23T00:00:00Z", title: str = "T", comment: str = "") -> str:
    return f"""<entry><id>http://arxiv.org/abs/{number}</id><title>{title}</title><summary>S</summary>
        <published>{published}</published>
        <arxiv:comment xmlns:arxiv="http://arxiv.org/schemas/atom">{comment}</arxiv:comment></entry>"""


def test_arxiv_api_parses_every_field() -> None:
    first, old = API.parse((SAMPLES / "arxiv.xml").read_bytes()).sightings
    assert first.ids == ("arxiv:2611.00001", "doi:10.5555/lakes.1")
    assert first.version == 2
    assert first.words.title == "On lakes where $a<b$ and $c>d$"
    assert first.words.abstract == "We let $n < m$ lakes freeze. The rest & the sea do not."
    assert first.words.authors == ("Zoë Ångström", "Bo Li")
    assert first.words.categories == ("cs.LG", "stat.ML")
    assert first.published == datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
    assert first.url == "https://arxiv.org/abs/2611.00001"
    assert first.links == {"pdf": "https://arxiv.org/pdf/2611.00001"}
    assert old.ids == ("arxiv:math/0309136",)


def test_arxiv_api_next_page_starts_after_last_entry() -> None:
    page = API.parse((SAMPLES / "arxiv.xml").read_bytes())
    assert page.next == "4@2003-09-07T10:00:00+00:00"
    assert API.parse(feed(2, 0, entry("2611.00001v1"), entry("2611.00002v1"))).next is None


def test_arxiv_api_requests_newest_submissions_first() -> None:
    request = API.requests(SINCE, None)
    assert request is not None
    assert request.url == (
        "https://export.arxiv.org/api/query?search_query=cat%3Acs.LG+OR+cat%3Astat.ML"
        f"&sortBy=submittedDate&sortOrder=descending&start=0&max_results={PAGE_SIZE}"
    )


def test_arxiv_api_stops_at_announced_submissions() -> None:
    assert API.requests(SINCE, "500@2026-11-18T00:00:00+00:00") is not None
    assert API.requests(SINCE, "500@2026-11-01T00:00:00+00:00") is None


def test_arxiv_api_requests_empty_page_again() -> None:
    cursor = "500@2026-11-23T00:00:00+00:00"
    assert API.parse(feed(900, 500), cursor).next == cursor


def test_arxiv_api_rejects_bad_entry_with_reason() -> None:
    page = API.parse(feed(2, 0, entry("2611.00001v1"), entry("2611.00002v1", published="soon")))
    assert [sighting.ids for sighting in page.sightings] == [("arxiv:2611.00001",)]
    assert [(r.where, r.field) for r in page.rejects] == [("http://arxiv.org/abs/2611.00002v1", "published")]


def test_arxiv_api_truncated_feed_keeps_complete_entries() -> None:
    body = feed(3, 0, entry("2611.00001v1"), entry("2611.00002v1"))
    page = API.parse(body[:-60])
    assert [sighting.ids for sighting in page.sightings] == [("arxiv:2611.00001",)]
    assert "malformed XML" in page.rejects[0].message


def test_arxiv_rss_reads_announce_type() -> None:
    new, replaced = RSS.parse((SAMPLES / "arxiv-rss.xml").read_bytes()).sightings
    assert (new.announced, new.version, new.ids) == ("new", 1, ("arxiv:2611.10001",))
    assert new.words.abstract == "We freeze $k < 3$ lakes at once."
    assert new.words.authors == ("Zoë Ångström", "Bo Li")
    assert new.words.categories == ("cs.LG", "physics.ao-ph")
    assert new.published == datetime(2026, 11, 24, 5, 0, tzinfo=UTC)
    assert (replaced.announced, replaced.version) == ("replace-cross", 4)
    assert replaced.ids == ("arxiv:2610.00007", "doi:10.5555/lakes.7")
    assert replaced.published is None


def test_arxiv_rss_and_atom_agree() -> None:
    rss = RSS.parse((SAMPLES / "arxiv-rss.xml").read_bytes())
    assert RSS.parse((SAMPLES / "arxiv-rss.atom.xml").read_bytes()) == rss


def test_arxiv_rss_full_feed_warns_of_missing_papers() -> None:
    items = "".join(
        f"<item><guid>oai:arXiv.org:2611.{n:05}v1</guid><title>T</title><pubDate>2026-11-24</pubDate></item>"
        for n in range(2_000)
    )
    page = RSS.parse(f"<rss><channel>{items}</channel></rss>".encode())
    assert len(page.sightings) == 2_000
    assert "split the categories" in page.rejects[0].message


def item(number: str, kind: str = "new", dated: str = "Tue, 24 Nov 2026 00:00:00 -0500", abstract: str = "A.") -> str:
    return f"""<item><guid>oai:arXiv.org:{number}</guid><title>T {number}</title><pubDate>{dated}</pubDate>
        <description>arXiv:{number} Announce Type: {kind} Abstract: {abstract}</description></item>"""


def channel(*items: str, dated: str = "Tue, 24 Nov 2026 00:00:00 -0500") -> bytes:
    return f"""<rss><channel><title>cs.LG</title><pubDate>{dated}</pubDate>{"".join(items)}</channel></rss>""".encode()


def test_arxiv_api_day_is_that_of_the_announcement() -> None:
    page = API.parse(feed(2, 0, entry("2611.00001v1", "2026-11-23T18:59:59Z"), entry("2611.00002v1", "2026-11-23")))
    assert [sighting.day for sighting in page.sightings] == [date(2026, 11, 24)] * 2
    later = API.parse(feed(1, 0, entry("2611.00001v1", "2026-11-23T19:00:00Z"))).sightings
    assert [sighting.day for sighting in later] == [date(2026, 11, 25)]
    assert page.total == 2


def test_arxiv_rss_day_is_that_of_its_items() -> None:
    monday = "Mon, 23 Nov 2026 00:00:00 -0500"
    page = RSS.parse(channel(item("2611.00001v1", dated=monday), dated="Tue, 24 Nov 2026 00:00:00 -0500"))
    assert page.day == date(2026, 11, 23)
    assert [sighting.day for sighting in page.sightings] == [date(2026, 11, 23)]


def test_arxiv_rss_empty_feed_states_its_day() -> None:
    assert RSS.parse(channel()).day == date(2026, 11, 24)
    atom = b"""<feed xmlns="http://www.w3.org/2005/Atom"><updated>2026-11-24T03:00:00Z</updated></feed>"""
    assert RSS.parse(atom).day == date(2026, 11, 23), "late in the evening in New York"
    assert RSS.parse(b"<rss><channel><pubDate>one of these days</pubDate></channel></rss>").day is None


def test_arxiv_rss_detects_withdrawn_paper() -> None:
    gone = API.parse(feed(1, 0, entry("2611.00001v2", comment="This paper has been withdrawn by the authors")))
    assert [sighting.withdrawn for sighting in gone.sightings] == [True]
    feed_says = RSS.parse(channel(item("2611.00001v2", "replace", abstract="This paper has been withdrawn.")))
    assert [sighting.withdrawn for sighting in feed_says.sightings] == [True]
    assert not any(s.withdrawn for s in API.parse(feed(1, 0, entry("2611.00001v1", comment="12 pages"))).sightings)


def test_arxiv_announcement_time_by_interface() -> None:
    assert isinstance(RSS, AnnouncementSource)
    assert isinstance(API, AnnouncementSource)
    assert RSS.announcement_time(date(2026, 11, 24)) == datetime(2026, 11, 24, 5, 30, tzinfo=UTC)
    assert API.announcement_time(date(2026, 11, 24)) == datetime(2026, 11, 24, 7, 0, tzinfo=UTC)
    assert RSS.announcement_time(date(2026, 7, 14)) == datetime(2026, 7, 14, 4, 30, tzinfo=UTC)
    assert RSS.announcement_time(date(2026, 11, 27)) is API.announcement_time(date(2026, 11, 28)) is None


def test_arxiv_rss_backfills_by_oai() -> None:
    assert isinstance(RSS, BackfillSource)
    request = RSS.backfill(date(2026, 11, 19), date(2026, 11, 23)).requests(SINCE, None)
    assert request is not None
    assert request.url.startswith("https://oaipmh.arxiv.org/oai?")
    assert "from=2026-11-19" in request.url
    assert "until=2026-11-23" in request.url
