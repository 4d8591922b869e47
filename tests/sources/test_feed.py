"""Test feeds: RSS, RDF, Atom and JSON Feed."""

import json
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digestd.domain.paper import Sighting
from digestd.errors import SourceFailed
from digestd.sources import parse_source
from digestd.text.markup import html_to_text

SAMPLES = Path(__file__).parent / "samples"
FEED = parse_source("feed:https://journal.example.org/lakes.rdf")


def sample(name: str) -> tuple[Sighting, ...]:
    return FEED.parse((SAMPLES / name).read_bytes()).sightings


def rss(*items: str) -> bytes:
    head = "<title>T</title><link>https://lakes.example.org/</link>"
    return f'<rss version="2.0"><channel>{head}{"".join(items)}</channel></rss>'.encode()


def item(title: str = "T", **parts: str) -> str:
    inner = "".join(f"<{name}>{value}</{name}>" for name, value in parts.items())
    return f"<item><title>{title}</title>{inner}</item>"


def one(**parts: str) -> Sighting:
    (found,) = FEED.parse(rss(item(**parts))).sightings
    return found


def test_feed_parses_rdf_with_dublin_core_and_prism() -> None:
    lakes, ponds = sample("feed.rdf.xml")
    assert lakes.ids == ("doi:10.5555/lakes.1",)
    assert lakes.words.title == "On lakes with H2O where $a<b and c>d$"
    assert lakes.words.abstract == "We let lakes freeze. The rest & the sea do not."
    assert lakes.words.authors == ("Zoë Ångström", "Bo Li")
    assert lakes.words.categories == ("Hydrology", "Journal of Invented Lakes")
    assert lakes.published == datetime(2026, 11, 23, tzinfo=UTC)
    assert lakes.url == "https://journal.example.org/lakes/1?utm_source=rss&utm_medium=feed#top"
    assert (ponds.ids, ponds.published, ponds.words.authors) == (("doi:10.5555/lakes.2",), None, ("Bo Li", "Ann Rue"))


def test_feed_parses_rss_with_relative_links() -> None:
    lakes, ponds = sample("feed.xml")
    assert lakes.ids[0].startswith("feed:")
    assert (lakes.words.title, lakes.words.abstract) == ("Lakes & rivers", "We compare both.")
    assert lakes.words.authors == ("Zoë Ångström", "Bo Li")
    assert lakes.published == datetime(2026, 11, 24, 5, tzinfo=UTC)
    assert lakes.links == {
        "pdf": "https://lakes.example.org/notes/lakes.pdf",
        "discussion": "https://lakes.example.org/notes/lakes/comments",
    }
    assert ponds.ids == ("arxiv:2611.40001",)


def test_feed_parses_atom() -> None:
    old, new = sample("feed.atom.xml")
    assert (old.words.title, old.words.abstract, old.words.authors) == (
        "Old shores",
        "They stand.",
        ("Ann Rue", "A. Dee"),
    )
    assert (old.published, old.url) == (datetime(2026, 11, 23, 7, tzinfo=UTC), "https://shores.example.org/notes/1")
    assert (new.ids, new.words.abstract) == (("doi:10.5555/shores.2",), "They move.")


def test_feed_parses_json_feed_leniently() -> None:
    warm, cold = sample("feed.json")
    assert (warm.words.abstract, warm.words.authors, warm.words.categories) == (
        "They are warm.",
        ("Zoë Ångström",),
        ("Water",),
    )
    assert warm.published == datetime(2026, 11, 24, 7, tzinfo=UTC)
    assert (cold.ids, cold.published, cold.words.authors) == (("doi:10.5555/springs.2",), None, ("Bo Li",))


def test_feed_ignores_guid_and_tracking_parameters() -> None:
    first = one(link="https://lakes.example.org/1?id=3&amp;utm_source=a", guid="1")
    assert one(link="https://lakes.example.org/1/?utm_medium=b&amp;id=3#x", guid="2").ids == first.ids
    assert one(link="https://lakes.example.org/1?id=4", guid="1").ids != first.ids


def test_feed_entries_sharing_a_link_get_hashes() -> None:
    link = "https://lakes.example.org/all"
    found = FEED.parse(rss(item("A", link=link), item("B", link=link))).sightings
    assert len({sighting.ids for sighting in found}) == 2
    home = FEED.parse(rss(item("A", link="https://lakes.example.org/"))).sightings
    assert home[0].ids == found[0].ids == one(title="A").ids


@pytest.mark.parametrize(
    ("parts", "name"),
    [
        ({"guid": "10.5555/X.1"}, "doi:10.5555/x.1"),
        ({"guid": "doi:10.5555/x.1", "link": "https://arxiv.org/abs/2611.00001"}, "doi:10.5555/x.1"),
        ({"guid": "info:doi/10.5555/x.1"}, "doi:10.5555/x.1"),
        ({"link": "https://arxiv.org/pdf/2611.00001v3"}, "arxiv:2611.00001"),
        ({"guid": "https://doi.org/10.48550/arXiv.2611.00001"}, "arxiv:2611.00001"),
        ({"link": "https://p.example.org/doi/full/10.5555/x.1?af=R"}, "doi:10.5555/x.1"),
        ({"link": "https://p.example.org/content/10.1101/2026.11.20.123456v2?rss=1"}, "doi:10.1101/2026.11.20.123456"),
        ({"link": "https://p.example.org/article/10.5555%2Fx.1/abstract"}, "doi:10.5555/x.1"),
        ({"link": "https://p.example.org/10.5555/x.1.full"}, "doi:10.5555/x.1"),
    ],
)
def test_feed_finds_doi_or_arxiv_id_in_any_field(parts: dict[str, str], name: str) -> None:
    assert one(**parts).ids[0] == name


def test_feed_links_in_text_are_no_identifiers() -> None:
    found = one(description="see https://doi.org/10.5555/other", link="https://lakes.example.org/1")
    assert found.ids[0].startswith("feed:")


def test_feed_rejects_entry_without_title() -> None:
    page = FEED.parse(rss(item(""), item("A"), item("<![CDATA[<p></p>]]>"), item("B")))
    assert [(r.where, r.field) for r in page.rejects] == [("entry 1", "title"), ("entry 3", "title")]


@pytest.mark.parametrize("date", ["", "soon", "0000-00-00", "Tue, 99 Nov 2026 06:00:00 GMT", "1066-10-14T00:00:00Z"])
def test_feed_ignores_invalid_date(date: str) -> None:
    assert one(pubDate=date).published is None


def test_feed_links_are_web_addresses_only() -> None:
    found = one(link="javascript:alert(1)", comments="data:text/html,x")
    assert (found.url, found.links) == (None, {})


def test_feed_malformed_xml_is_read_and_reported() -> None:
    page = FEED.parse(rss(item("Fish & ships"), item("A"), item("B")))
    assert [s.words.title for s in page.sightings] == ["Fish & ships", "A", "B"]
    assert "malformed XML" in page.rejects[0].message


def test_feed_drops_incomplete_last_entry() -> None:
    page = FEED.parse(rss(item("A"), item("B"), item("C and more"))[:-30])
    assert [s.words.title for s in page.sightings] == ["A", "B"]
    assert "ends early" in page.rejects[0].message


def test_feed_reads_declared_encoding() -> None:
    body = '<?xml version="1.0" encoding="iso-8859-1"?>' + rss(item("Ångström")).decode()
    assert FEED.parse(body.encode("iso-8859-1")).sightings[0].words.title == "Ångström"
    assert FEED.parse(body.replace("iso-8859-1", "utf-8").encode("iso-8859-1")).sightings[0].words.title == "Ångström"


@pytest.mark.parametrize(
    "body", [b"", b"/etc/passwd", b"<html><body>no</body></html>", b"{}", b'{"items": 3}', b"[]", b"{"]
)
def test_feed_refuses_other_documents(body: bytes) -> None:
    with pytest.raises(SourceFailed):
        FEED.parse(body)


def test_feed_reads_at_most_5000_items() -> None:
    items = [{"title": f"T{number}"} for number in range(5_001)]
    page = FEED.parse(json.dumps({"version": "https://jsonfeed.org/version/1.1", "items": items}).encode())
    assert len(page.sightings) == 5_000
    assert "5000 items" in page.rejects[0].message


def test_feed_spec_drops_fragment() -> None:
    assert parse_source("feed:https://lakes.example.org/rss#top").name == "feed:https://lakes.example.org/rss"


@pytest.mark.parametrize(
    ("marked", "words"),
    [
        ("H<sub>2</sub>O", "H2O"),
        ("<p>One</p><p>two</p>", "One two"),
        ("&lt;p&gt;x&lt;/p&gt; AT&amp;amp;T", "x AT&T"),
        ("<img src=x onerror=alert(1)>y", "y"),
        ("a<script>b</script>c<!-- d -->e", "a c e"),
        ("&lt;script&gt;b&lt;/script&gt;c", "c"),
        ("read <a href='https://x", "read"),
        ("$n<m$ and $a<b and c>d$, 1 < 2", "$n<m$ and $a<b and c>d$, 1 < 2"),
    ],
)
def test_html_to_text_keeps_mathematics(marked: str, words: str) -> None:
    assert " ".join(html_to_text(marked).split()) == words


@given(st.lists(st.sampled_from(["<", ">", "&lt;", "&gt;", "&amp;", "script", "p", "a ", "=", "'", "/", "!--", "x"])))
def test_html_to_text_removes_every_script(parts: list[str]) -> None:
    assert "<script>" not in html_to_text("".join(parts))


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["items", "id", "url", "title", "authors", "author", "tags", "attachments", "date_published"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@given(_JSON, st.lists(_JSON, max_size=3))
def test_feed_reads_or_refuses_any_json(whole: object, items: list[object]) -> None:
    for found in (whole, {"items": items}, {"items": [{"title": "T", "url": item} for item in items]}):
        try:
            FEED.parse(json.dumps(found).encode())
        except SourceFailed:
            continue


_PIECES = [
    *("<rss>", "<channel>", "<item>", "</item>", "<title>", "</title>", "<link>", "</link>", "<guid>", "&", "<feed>"),
    *("<entry>", "http://[", "<author>", "<dc:date>", "x", "<content type='xhtml'>", "<rdf:RDF>", "]]>", "<![CDATA["),
    *("\x00", "é", "<!--"),
]


@given(st.lists(st.sampled_from(_PIECES)))
def test_feed_reads_or_refuses_any_xml(parts: list[str]) -> None:
    with suppress(SourceFailed):
        FEED.parse("".join(parts).encode())
