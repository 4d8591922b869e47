"""Test the JSON lines that `paper import` reads."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from digestd.errors import BadRecord
from digestd.sources.jsonl import JsonlFile, read_line

BODY = (Path(__file__).parent / "samples" / "jsonl.jsonl").read_bytes()


def refused(record: object) -> BadRecord:
    with pytest.raises(BadRecord) as caught:
        read_line(json.dumps(record).encode())
    return caught.value


def test_jsonl_reads_every_key() -> None:
    paper = JsonlFile(Path("/p")).parse(BODY).sightings[1]
    assert paper.ids == ("arxiv:2611.30001", "doi:10.5555/all")
    assert paper.words.title == "All there is"
    assert paper.words.authors == ("Zoë Ångström", "Bo Li")
    assert paper.published == datetime(2026, 11, 20, tzinfo=UTC)
    assert paper.url == "https://example.org/p/1"
    assert paper.signals == {"upvotes": 3.0, "stars": 1.5}
    assert set(paper.links) == {"code", "pdf", "discussion", "project"}
    assert (paper.venue, paper.affiliations) == ("Journal of All", ("ETH",))
    assert paper.summary == "Some of it."


def test_jsonl_drops_markup_and_tex_of_names() -> None:
    found = read_line(
        json.dumps({
            "title": "On <b>oaks</b> &lt;i&gt;Quercus&lt;/i&gt; R&amp;D",
            "abstract": "1<p<2, a<b and c>d &amp;lt;i&amp;gt;x&amp;lt;/i&amp;gt; if q<p.<br/>H<sub>2</sub>O & so",
            "authors": [r"P. Erd\H{o}s"],
        }).encode()
    )  # fmt: skip
    assert found is not None
    assert found.words.title == "On oaks Quercus R&D"
    assert found.words.abstract == "1<p<2, a<b and c>d x if q<p. H2O & so"
    assert found.words.authors == ("P. Erdős",)


def test_jsonl_id_comes_from_doi_or_title_and_author() -> None:
    only_title, _, by_doi, other = JsonlFile(Path("/p")).parse(BODY).sightings
    assert only_title.ids[0].startswith("feed:")
    assert by_doi.ids == ("arxiv:2611.30002",)
    assert other.ids == ("openreview:AbC_d",)
    again = read_line(b'{"title": "ONLY  a title"}')
    assert again is not None
    assert again.ids == only_title.ids


@pytest.mark.parametrize(
    ("record", "field", "said"),
    [
        ({"titel": "x"}, "titel", "did you mean 'title'"),
        ({"title": "x", "day": "2026-11-24"}, "day", "known are title"),
        ({"abstract": "x"}, "title", "is missing"),
        ({"title": "  "}, "title", "is missing"),
        ({"title": 3}, "title", "must be text"),
        ({"title": "x", "id": "2401.1"}, "id", "no arXiv id, DOI or scheme:value"),
        ({"title": "x", "id": "merged:3"}, "id", "digestd's own"),
        ({"title": "x", "doi": "11.1/2"}, "doi", "not a DOI"),
        ({"title": "x", "authors": "A, B"}, "authors", "list of texts"),
        ({"title": "x", "categories": [1]}, "categories", "list of texts"),
        ({"title": "x", "published": "yesterday"}, "published", "2026-11-24"),
        ({"title": "x", "published": 20261124}, "published", "must be text"),
        ({"title": "x", "url": "javascript:alert(1)"}, "url", "http"),
        ({"title": "x", "links": {"code": "ftp://x.example.org"}}, "links.code", "http"),
        ({"title": "x", "links": {"kode": "https://x.example.org"}}, "links.kode", "did you mean 'code'"),
        ({"title": "x", "links": []}, "links", "must be an object"),
        ({"title": "x", "signals": {"upvotes": "3"}}, "signals.upvotes", "number"),
        ({"title": "x", "signals": {"upvotes": True}}, "signals.upvotes", "number"),
        ({"title": "x", "signals": {"upvotes": -1}}, "signals.upvotes", "number"),
        ({"title": "x", "signals": {"upvotes": float("nan")}}, "signals.upvotes", "number"),
        ({"title": "x", "signals": {"upvotes": 10**400}}, "signals.upvotes", "number"),
        ({"title": "x", "signals": {"Up Votes": 1}}, "signals.Up Votes", "named like"),
        (["title"], "line", "not a JSON object"),
    ],
)
def test_jsonl_rejects_line_with_field_and_remedy(record: object, field: str, said: str) -> None:
    error = refused(record)
    assert error.field == field
    assert said in error.message
    assert "\n" not in error.message


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"{", "not a JSON object"),
        (b'{"title": "\xff"}', "not UTF-8"),
        (b"[" * 200_000, "not a JSON object"),
        (b'{"title": "' + b"x" * 1_000_001 + b'"}', "longer than"),
    ],
)
def test_jsonl_rejects_invalid_json(line: bytes, said: str) -> None:
    with pytest.raises(BadRecord, match=said):
        read_line(line)


def test_jsonl_accepts_empty_lines_and_bom() -> None:
    assert read_line(b" \r\n") is None
    found = read_line(b'\xef\xbb\xbf{"title": "x"}\r\n')
    assert found is not None
    assert found.words.title == "x"


def test_jsonl_hostile_title_is_one_short_line() -> None:
    found = read_line(json.dumps({"title": "a\r\nBcc: x\u2028\x00" + "y" * 10_000}).encode())
    assert found is not None
    assert found.words.title.startswith("a Bcc: x yyy")
    assert len(found.words.title) == 1_000


def test_jsonl_keeps_other_lines() -> None:
    page = JsonlFile(Path("/p")).parse(b'{"title": "a"}\n{"titel": "b"}\n{"title": "c"}')
    assert [sighting.words.title for sighting in page.sightings] == ["a", "c"]
    assert [(r.where, r.field) for r in page.rejects] == [("line 2", "titel")]
