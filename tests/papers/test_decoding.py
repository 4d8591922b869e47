"""Test that anything a hijacked parser returns is a valid page or one error."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digestd.domain.paper import ABSTRACT_MAX, PaperId, Sighting, Words
from digestd.domain.sighting_record import FIELDS
from digestd.fetching.page_validation import decode
from digestd.fetching.parser_main import encode
from digestd.sources.source import Page, Reject
from tests.papers.odd_sources import FULL

HEAD = [1, 0, None, None, None]
RECORD: dict[str, Any] = {"title": 1, "abstract": 1, "ids": ["arxiv:2611.00001"], "authors": ["A"]}
DEEP = b"[" * 100_000
ODD: list[Any] = [None, True, -1, 10**30, 1e999, 0.5, "", "x", [], [None], [[]], {}, {"a": None}, {"A!": 1}]


def packed(*lines: Any) -> bytes:
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


def changed(**values: Any) -> dict[str, Any]:
    return RECORD | values


def test_decode_returns_the_encoded_page() -> None:
    assert decode(*encode(FULL)) == FULL


def test_decode_reads_record_of_required_fields() -> None:
    assert decode(packed(HEAD, {"title": 1, "ids": ["x:y"]}), b"a") == Page((Sighting((PaperId("x:y"),), Words("a")),))


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"\n",
        b"{",
        DEEP,
        DEEP + b"\n",
        packed([]),
        packed(5),
        packed("x"),
        packed(None),
        packed({}),
        packed({"failed": 5}),
        packed({"failed": ["x"]}),
        packed([1, 0, None, None, None]),
        packed([0, 1, None, None, None], ["a", "b"]),
        packed([0, 1, None, None, None], {"a": 1, "b": 2, "c": 3}),
        packed([0, 1, None, None, None], ["a", "b", 3]),
        packed([10**9, 0, None, None, None]),
        packed([-1, 0, None, None, None]),
        packed([True, 0, None, None, None]),
        packed(["1", 0, None, None, None]),
        packed([0, 0, 5, None, None]),
        packed([0, 0, "x" * 2_000_000, None, None]),
        packed([0, 0, None, "x", None]),
        packed([0, 0, None, 10**30, None]),
        packed([0, 0, None, None, 5]),
        packed([0, 0, None, None, "0000-99-99"]),
        packed([0, 0, None, None]),
        b"[0,0,null," + b"9" * 5_000 + b",null]\n",
        b"[" + b"0," * 3_000_000 + b"0]\n",
        packed(HEAD, changed())[:-1],
    ],
    ids=lambda frame: repr(frame[:24]),
)
def test_decode_refuses_invalid_frame(frame: bytes) -> None:
    with pytest.raises((ValueError, TypeError, RecursionError)):
        decode(frame, b"ab")


@pytest.mark.parametrize(
    "values",
    [
        {"title": "x"},
        {"title": -1},
        {"title": None},
        {"title": 1.5},
        {"ids": []},
        {"ids": "arxiv:1"},
        {"ids": [5]},
        {"ids": ["no scheme"]},
        {"ids": ["merged:1"]},
        {"ids": ["doi:10.1/\ud800"]},
        {"ids": ["doi:10.1/a\nb"]},
        {"ids": ["x:" + "y" * 1_000]},
        {"ids": ["x:y"] * 2_000},
        {"authors": "A"},
        {"authors": [1]},
        {"authors": [["A"]]},
        {"categories": {"a": 1}},
        {"published": "2026-11-20T00:00:00"},
        {"published": "0001-01-01T00:00:00+00:00"},
        {"published": 5},
        {"published": ["2026"]},
        {"version": "1"},
        {"version": 10**30},
        {"version": True},
        {"announced": "archive"},
        {"announced": ["new"]},
        {"announced": None},
        {"links": []},
        {"links": {"Bad name": "https://example.org"}},
        {"links": {f"a{n}": "https://example.org" for n in range(100)}},
        {"signals": {"upvotes": "5"}},
        {"signals": {"upvotes": float("nan")}},
        {"signals": {"upvotes": float("inf")}},
        {"signals": {"upvotes": -1}},
        {"signals": {"upvotes": True}},
        {"signals": {"upvotes": {"a": 1}}},
        {"day": "tomorrow"},
        {"day": 20261120},
        {"withdrawn": 1},
        {"withdrawn": None},
        {"day": None},
        {"unknown": 1},
        {"words": {"title": "x"}},
    ],
    ids=lambda values: repr(values)[:40],
)
def test_decode_refuses_record_with_wrong_field(values: dict[str, Any]) -> None:
    with pytest.raises((ValueError, TypeError)):
        decode(packed(HEAD, changed(**values)), b"ab")


def test_decode_cleans_and_cuts_text() -> None:
    title, abstract = "a\x00b\x1b[31m\ud800".encode("utf-8", "surrogatepass"), b"x" * 100_000
    record = changed(title=len(title), abstract=len(abstract), authors=["Z\noë\x07", "Z oë", ""])
    page = decode(packed(HEAD, record), title + abstract)
    assert isinstance(page, Page)
    words = page.sightings[0].words
    assert words.title == "a b [31m"
    assert words.abstract == "x" * ABSTRACT_MAX
    assert words.authors == ("Z oë", "Z oë")


def test_decode_writes_names_without_tex() -> None:
    record = changed(authors=[r"Paul Erd\H{o}s", r"M{\"u}ller, K."], abstract=0)
    page = decode(packed(HEAD, record), b"a")
    assert isinstance(page, Page)
    assert page.sightings[0].words.authors == ("Paul Erdős", "Müller, K.")


def test_decode_drops_invalid_link() -> None:
    links = {"code": "javascript:alert(1)", "pdf": "https://example.org/a.pdf", "discussion": 5}
    page = decode(packed(HEAD, changed(url="file:///etc/passwd", links=links)), b"ab")
    assert isinstance(page, Page)
    assert page.sightings[0].url is None
    assert page.sightings[0].links == {"pdf": "https://example.org/a.pdf"}


def test_message_is_one_printable_line() -> None:
    assert decode(packed({"failed": "bad\n\x1b]0;title\x07" + "x" * 5_000}), b"") == "bad ]0;title " + "x" * 487
    page = decode(packed([0, 1, None, None, None], ["line\n1", "a\x1b", "b" * 5_000]), b"")
    assert page == Page(rejects=(Reject("line 1", "a", "b" * 500),))


@given(st.dictionaries(st.sampled_from(FIELDS), st.sampled_from(ODD)), st.binary(max_size=8))
def test_decode_refuses_or_reads_any_record(record: dict[str, Any], texts: bytes) -> None:
    try:
        assert isinstance(decode(packed(HEAD, record), texts), Page)
    except (ValueError, TypeError):
        return


@given(st.binary(max_size=200), st.binary(max_size=20))
def test_decode_refuses_or_reads_any_bytes(frame: bytes, texts: bytes) -> None:
    try:
        decode(frame, texts)
    except (ValueError, TypeError, RecursionError):
        return
