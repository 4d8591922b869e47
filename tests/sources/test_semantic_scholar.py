"""Test Semantic Scholar: citation counts and recommendations."""

import json
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digestd.domain.paper import Paper, PaperId, Words
from digestd.errors import SourceFailed
from digestd.sources import parse_source
from digestd.sources.semantic_scholar import CitationCounts

SAMPLES = Path(__file__).parent / "samples"
SINCE = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
LIKE = parse_source("s2-recommend:2611.00001+10.5555/Lakes.1")


def paper(name: str, key: int = 1) -> Paper:
    words = Words(f"Our title {key}", "Our abstract.", ("Zoë Ångström",))
    return Paper(key, PaperId(name), 1, words, words.title, words.abstract, SINCE, SINCE)


def asking(*names: str) -> CitationCounts:
    return CitationCounts().for_papers([paper(name, key) for key, name in enumerate(names, start=1)])


def body(source: object, cursor: str | None = None) -> dict[str, object]:
    request = source.requests(SINCE, cursor)  # type: ignore[attr-defined]  # either of the two sources
    assert request is not None
    assert request.body is not None
    assert request.url.startswith("https://api.semanticscholar.org/")
    found = json.loads(request.body)
    assert isinstance(found, dict)
    return found


def test_citation_counts_asks_papers_with_arxiv_id_or_doi() -> None:
    source = asking("arxiv:2611.60001", "openreview:x", "doi:10.5555/lakes.2", "feed:00")
    assert body(source) == {"ids": ["ARXIV:2611.60001", "DOI:10.5555/lakes.2"]}


def test_citation_counts_without_papers_asks_nothing() -> None:
    assert asking().requests(SINCE, None) is None
    assert asking("feed:00").requests(SINCE, None) is None


def test_citation_counts_asks_500_papers_at_a_time() -> None:
    source = asking(*(f"arxiv:2611.{number:05}" for number in range(1, 1_102)))
    sizes, cursor = [], None
    while source.requests(SINCE, cursor) is not None:
        ids = body(source, cursor)["ids"]
        assert isinstance(ids, list)
        sizes.append(len(ids))
        cursor = source.parse(json.dumps([None] * len(ids)).encode(), cursor).next
        if cursor is None:
            break
    assert sizes == [500, 500, 101]


def test_citation_counts_are_signals_under_our_title() -> None:
    source = asking("arxiv:2611.60001", "doi:10.5555/lakes.2", "doi:10.5555/ponds.3")
    lakes, ponds = source.parse((SAMPLES / "s2-citations.json").read_bytes()).sightings
    assert (lakes.ids, lakes.announced) == (("arxiv:2611.60001",), "signals")
    assert lakes.signals == {"citations": 12.0, "influential_citations": 3.0}
    assert lakes.words == Words("Our title 1")
    assert (ponds.ids, ponds.signals["citations"]) == (("doi:10.5555/ponds.3",), 0.0)


def test_tldr_is_a_summary_under_our_title_and_authors() -> None:
    source = asking("arxiv:2611.60001", "doi:10.5555/lakes.2", "doi:10.5555/ponds.3")
    lakes, ponds = source.parse((SAMPLES / "s2-citations.json").read_bytes()).sightings
    assert lakes.summary == ""
    assert (ponds.summary, ponds.announced) == ("Ponds are small lakes.", "replace")
    assert ponds.words == Words("Our title 3", authors=("Zoë Ångström",))


def test_citation_counts_refuses_mismatched_answer() -> None:
    with pytest.raises(SourceFailed, match="2 papers were asked about and 1 answers came"):
        asking("arxiv:2611.60001", "arxiv:2611.60002").parse(b"[null]")
    other = json.dumps([{"externalIds": {"ArXiv": "2611.60009"}, "citationCount": 3}, {"citationCount": 1}]).encode()
    page = asking("arxiv:2611.60001", "arxiv:2611.60002").parse(other)
    assert [(r.where, r.field) for r in page.rejects] == [("arxiv:2611.60001", "externalIds")]
    assert [sighting.ids for sighting in page.sightings] == [("arxiv:2611.60002",)]


@pytest.mark.parametrize("count", [None, -1, "many", 1.5, True, [3], 10**12])
def test_citation_counts_ignores_missing_count(count: object) -> None:
    page = asking("arxiv:2611.60001").parse(json.dumps([{"citationCount": count}]).encode())
    assert (page.sightings, page.rejects) == ((), ())


def test_recommendations_parse_every_field() -> None:
    lakes, ponds = LIKE.parse((SAMPLES / "s2-recommend.json").read_bytes()).sightings
    assert lakes.ids == ("arxiv:2611.70001", "doi:10.5555/lakes.70001")
    assert lakes.words == Words(
        "Lakes that recommend themselves", "We let $n < m$ lakes freeze.", ("Zoë Ångström", "Bo Li"), ("arXiv.org",)
    )
    assert (lakes.published, lakes.announced) == (datetime(2026, 11, 20, tzinfo=UTC), "new")
    assert ponds.ids == ("s2:0000000000000000000000000000000000070002",)
    assert ponds.published == datetime(2026, 1, 1, tzinfo=UTC)
    assert ponds.url == "https://www.semanticscholar.org/paper/0000000000000000000000000000000000070002"


def test_recommendations_send_their_identifiers() -> None:
    assert LIKE.name == "s2-recommend:arxiv:2611.00001+doi:10.5555/lakes.1"
    assert body(LIKE) == {"positivePaperIds": ["ARXIV:2611.00001", "DOI:10.5555/lakes.1"], "negativePaperIds": []}
    assert LIKE.requests(SINCE, "1") is None


def test_recommendations_reject_record_without_id() -> None:
    found = {"recommendedPapers": [{"paperId": "a1", "title": "A"}, {"paperId": "b2", "title": "B"}, {"title": "C"}]}
    assert [r.field for r in LIKE.parse(json.dumps(found).encode()).rejects] == ["paperId"]


_KEYS = ["recommendedPapers", "paperId", "externalIds", "ArXiv", "DOI", "title", "abstract", "authors", "name", "year",
         "publicationDate", "venue", "citationCount", "error"]  # fmt: skip
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10) | st.just("10.5555/x"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_KEYS), inner, max_size=5),
    max_leaves=20,
)


@given(_JSON)
def test_semantic_scholar_reads_or_refuses_any_json(found: object) -> None:
    two = asking("arxiv:2611.60001", "doi:10.5555/lakes.2")
    for answer in (found, [found, None], [{"citationCount": found}, {"externalIds": found}]):
        with suppress(SourceFailed):
            two.parse(json.dumps(answer).encode())
    for answer in (found, {"recommendedPapers": [found, {"paperId": "a1", "title": "T", "year": found}]}):
        with suppress(SourceFailed):
            LIKE.parse(json.dumps(answer).encode())
