"""Run the contract of a source over the registry."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from digestd.domain.paper import ABSTRACT_MAX, NAME_MAX, TITLE_MAX, Paper, PaperId, Words, paper_id
from digestd.errors import BadInput, SourceFailed
from digestd.sources import REGISTRY, parse_source, parse_sources
from digestd.sources.source import (
    EnrichmentSource,
    Page,
    Reject,
    Source,
    check_rejects,
    clean_line,
    make_words,
    parse_timestamp,
    web_url,
)

SAMPLES = Path(__file__).parent / "samples"
SPECS = {
    "acl-anthology": "acl-anthology:lakes",
    "arxiv": "arxiv:cs.LG+stat.ML",
    "arxiv-oai": "arxiv-oai:cs.LG+stat.ML",
    "arxiv-rss": "arxiv-rss:cs.LG",
    "bibtex": "bibtex:/p.bib",
    "biorxiv": "biorxiv:neuroscience+cell biology",
    "chemrxiv": "chemrxiv",
    "crossref": "crossref:1234-5679+2049-3630",
    "dblp": "dblp:stream:conf/lakes:",
    "europepmc": "europepmc:frozen lakes",
    "feed": "feed:https://journal.example.org/lakes.rdf",
    "github-stars": "github-stars",
    "hal": "hal:lakes",
    "hf-daily": "hf-daily",
    "hf-trending": "hf-trending",
    "jsonl": "jsonl:/p.jsonl",
    "medrxiv": "medrxiv",
    "openalex": "openalex:T19001+I1000001",
    "openreview": "openreview:Lakes.example/2026/Conference",
    "pubmed": "pubmed:frozen lakes[tiab]",
    "s2-citations": "s2-citations",
    "s2-recommend": "s2-recommend:arxiv:2611.00001+doi:10.5555/lakes.1",
    "zenodo": "zenodo:lakes",
}
CURSORS = {"pubmed": "0/2/1/MCID_invented"}
"""Of samples that are no first page: what was asked for."""
ENRICHING = {"s2-citations", "github-stars"}
SINCE = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)


def known(key: int, name: str, code: str = "") -> Paper:
    own = Words(f"Lakes {key}", "They freeze.")
    links = {"code": code} if code else {}
    return Paper(key, PaperId(name), 1, own, own.title, own.abstract, SINCE, SINCE, links=links)


PAPERS = [
    known(1, "arxiv:2611.60001", "https://github.com/example/lakes"),
    known(2, "doi:10.5555/lakes.2", "https://github.com/Example/Lakes.git"),
    known(3, "doi:10.5555/ponds.3"),
    known(4, "openreview:ponds4"),
]
"""What the sources that add to known papers are asked about."""


def reading(kind: str) -> Source:
    """Return the source of a type as an ingest run has it."""
    source = parse_source(SPECS[kind])
    return source.for_papers(PAPERS) if isinstance(source, EnrichmentSource) else source


def samples() -> list[tuple[str, Path]]:
    return [(path.name.split(".")[0], path) for path in sorted(SAMPLES.iterdir())]


@pytest.fixture(params=sorted(REGISTRY))
def source(request: pytest.FixtureRequest) -> Source:
    return parse_source(SPECS[request.param])


def test_sources_have_spec_and_sample() -> None:
    assert set(REGISTRY) == set(SPECS) == {kind for kind, _ in samples()}


def test_source_name_is_its_spec(source: Source) -> None:
    assert parse_source(source.name) == source
    assert source.name in SPECS.values()
    assert len(source.name) <= 200


def test_source_first_request_needs_no_cursor(source: Source) -> None:
    if isinstance(source, EnrichmentSource):
        assert source.requests(SINCE, None) is None
        source = source.for_papers(PAPERS)
    request = source.requests(SINCE, None)
    assert request is not None
    assert request.url.startswith(("https://", "file:///"))
    assert len(request.url) <= 2_000


def test_source_requests_are_pure(source: Source) -> None:
    assert source.requests(SINCE, None) == source.requests(SINCE, None)


@pytest.mark.parametrize(("kind", "path"), samples(), ids=lambda value: getattr(value, "name", ""))
def test_source_sample_gives_valid_sightings(kind: str, path: Path) -> None:
    page = reading(kind).parse(path.read_bytes(), CURSORS.get(kind))
    assert len(page.sightings) >= 2
    assert page.rejects == ()
    for sighting in page.sightings:
        assert [paper_id(name) for name in sighting.ids] == list(sighting.ids)
        assert 0 < len(sighting.words.title) <= TITLE_MAX
        assert len(sighting.words.abstract) <= ABSTRACT_MAX
        assert all(0 < len(name) <= NAME_MAX for name in sighting.words.authors)
        assert not {"\n", "\x00"} & set(sighting.words.title + sighting.words.abstract)
        assert sighting.published is None or sighting.published.tzinfo is UTC
        assert sighting.announced in {"new", "cross", "replace", "replace-cross", "signals"}
        assert (sighting.announced == "signals") == (kind in ENRICHING and not sighting.summary)
        assert all(web_url(url) for url in [sighting.url or "https://example.org", *sighting.links.values()])
        assert set(sighting.links) <= {"code", "pdf", "discussion", "project"}


@pytest.mark.parametrize(("kind", "path"), samples(), ids=lambda value: getattr(value, "name", ""))
def test_source_parse_is_pure(kind: str, path: Path) -> None:
    source = reading(kind)
    body, cursor = path.read_bytes(), CURSORS.get(kind)
    assert source.parse(body, cursor) == source.parse(body, cursor)


@pytest.mark.parametrize(("kind", "path"), samples(), ids=lambda value: getattr(value, "name", ""))
def test_source_truncated_answer_raises_only_source_failed(kind: str, path: Path) -> None:
    source = reading(kind)
    body, cursor = path.read_bytes(), CURSORS.get(kind)
    whole = source.parse(body, cursor).sightings
    for end in range(0, len(body), 97):
        try:
            page = source.parse(body[:end], cursor)
        except SourceFailed:
            continue
        assert list(page.sightings) == list(whole[: len(page.sightings)])


@pytest.mark.parametrize(
    "body",
    [b"<html><body>maintenance</body></html>", b"\xff\xfe\x00", b"<!DOCTYPE html><p>no", b"[" * 100_000, b"null", b"{"],
    ids=lambda body: ascii(body[:9]),
)
def test_source_web_page_or_noise_gives_no_paper(source: Source, body: bytes) -> None:
    try:
        page = source.parse(body)
    except SourceFailed:
        return
    assert page.sightings == ()
    assert page.rejects


def test_source_refuses_entity_bombs() -> None:
    for kind, root in (
        *(("arxiv", "feed"), ("arxiv-rss", "feed"), ("feed", "rss"), ("acl-anthology", "collection")),
        ("arxiv-oai", "OAI-PMH"),
    ):
        bomb = f'<!DOCTYPE {root} [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><{root}>&b;</{root}>'
        with pytest.raises(SourceFailed, match="DOCTYPE"):
            parse_source(SPECS[kind]).parse(bomb.encode())


def test_source_deep_nesting_is_linear() -> None:
    for kind, root, cursor in (
        *(("arxiv", "feed", None), ("arxiv-oai", "OAI-PMH", None), ("pubmed", "PubmedArticleSet", CURSORS["pubmed"])),
    ):
        with pytest.raises(SourceFailed):
            parse_source(SPECS[kind]).parse(f"<{root}>".encode() + b"<record>" * 200_000, cursor)


@pytest.mark.parametrize(
    ("spec", "named"),
    [
        ("arxive:cs.LG", "did you mean arxiv:CATEGORIES"),
        ("newspaper:cs.LG", "hf-daily"),
        ("", "arxiv:CATEGORIES"),
        ("arxiv:", "cs.LG"),
        ("arxiv:cs.LG OR 1", "cs.LG"),
        ("arxiv-rss:../../etc", "cs.LG"),
        ("hf-daily:x", "hf-daily takes nothing"),
        ("jsonl:", "jsonl: needs the path"),
        *((f"acl-anthology:{wrong}", "acl-anthology:emnlp") for wrong in ("", "ACL", "2026.acl", "a/b", "acl+emnlp")),
        *(
            (f"biorxiv:{wrong}", "cell biology")
            for wrong in ("../x", "a?b", "+", "+".join(["genetics s"] * 20 + ["x"]))
        ),
        *(
            (f"chemrxiv:{wrong}", "chemrxiv:Catalysis")
            for wrong in ("catalysis", "Ice,Energy", "Cata/lysis", "C" * 200)
        ),
        *((f"crossref:{wrong}", "1234-5679") for wrong in ("", "12345679", "1234-567y", "1234-5679+")),
        *((f"openalex:{wrong}", "openalex:T10102") for wrong in ("", "preprint", "T1+", "W123", "T1+x y!", "T1|T2")),
        *((f"openreview:{wrong}", "ICLR.cc/2027") for wrong in ("", "a b", "../x?", "/x", "x/")),
        *((f"s2-recommend:{wrong}", "s2-recommend") for wrong in ("", "openreview:x", "lakes", "2611.1,2611.2")),
        *((f"{kind}:a, b", "without commas") for kind in ("dblp", "europepmc", "hal", "pubmed", "zenodo")),
        *((f"pubmed:{wrong}", "2 to 180 characters") for wrong in ("", "a", "x" * 200, "a\x00b")),
        *(
            (f"feed:{wrong}", "not an address")
            for wrong in ("", "ftp://x.example/rss", "file:///etc/passwd", "x.example")
        ),
        *((f"feed:https://{who}@x.example/rss", "password") for who in ("me", "me:secret")),
        ("feed:https://x.example/a,b", "%2C"),
    ],
)
def test_parse_source_unknown_type_names_remedy(spec: str, named: str) -> None:
    with pytest.raises(BadInput, match=named):
        parse_source(spec)


def test_parse_sources_removes_duplicates_and_accepts_none() -> None:
    assert [s.name for s in parse_sources("hf-daily, arxiv:cs.LG,hf-daily")] == ["hf-daily", "arxiv:cs.LG"]
    assert parse_sources("none") == parse_sources("") == []


def test_arxiv_categories_accepts_archives_and_groups() -> None:
    assert parse_source("arxiv:hep-th+astro-ph.CO+physics.ao-ph+cond-mat.mes-hall+q-bio.NC+cs").name


def test_check_rejects_fails_if_most_records_are_rejected() -> None:
    reject = Reject("record 1", "id", "is not an arXiv id")
    with pytest.raises(SourceFailed, match="1 of 1 records cannot be read"):
        check_rejects(Page(rejects=(reject,)))
    assert check_rejects(Page()) == Page()


def test_clean_line_returns_one_line_within_limit() -> None:
    assert clean_line(" a\x00\u2028b\r\n\x85 c\ud800 ", 100) == "a b c"
    assert len(make_words("x" * 10_000).title) == TITLE_MAX
    assert make_words("t", authors=["", " ", "A", "A"]).authors == ("A", "A")
    assert make_words("t", categories=["b", "b"]).categories == ("b",)


@pytest.mark.parametrize(
    ("text", "hour"),
    [("2026-11-24T07:00:00Z", 7), ("2026-11-24T09:00:00+02:00", 7), ("2026-11-24", 0),
     ("Tue, 24 Nov 2026 00:00:00 -0500", 5), ("2026-11-24T07:00:00.123456Z", 7)],
)  # fmt: skip
def test_parse_timestamp_returns_utc(text: str, hour: int) -> None:
    found = parse_timestamp(text)
    assert (found.day, found.hour, found.tzinfo) == (24, hour, UTC)


@pytest.mark.parametrize("text", ["", "yesterday", "0001-01-01", "9999-12-31T23:59:59-12:00", "2026-13-01"])
def test_parse_timestamp_refuses_invalid_date(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_timestamp(text)
