"""Test that answers of any shape raise nothing but SourceFailed."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from digestd.domain.paper import paper_id
from digestd.errors import SourceFailed
from digestd.sources import parse_source
from digestd.sources.source import Page

SAMPLES = Path(__file__).parent / "samples"
SPECS = {
    "biorxiv": "biorxiv:neuroscience+cell biology",
    "chemrxiv": "chemrxiv",
    "crossref": "crossref:1234-5679",
    "dblp": "dblp:stream:conf/lakes:",
    "europepmc": "europepmc:lakes",
    "hal": "hal:lakes",
    "medrxiv": "medrxiv",
    "openalex": "openalex:T19001",
    "openreview": "openreview:Lakes.example/2026/Conference",
    "zenodo": "zenodo:lakes",
}
LISTS = {
    "biorxiv": ["collection"],
    "chemrxiv": ["message", "items"],
    "crossref": ["message", "items"],
    "dblp": ["result", "hits", "hit"],
    "europepmc": ["resultList", "result"],
    "hal": ["response", "docs"],
    "medrxiv": ["collection"],
    "openalex": ["results"],
    "openreview": ["notes"],
    "zenodo": ["hits", "hits"],
}
"""The path of the list of records in each sample."""
PUBMED, PAGE = parse_source("pubmed:lakes"), "0/2/1/MCID_invented"
XML = (SAMPLES / "pubmed.xml").read_bytes()
ODD = st.sampled_from(["", " ", "\x00", "\ud800", "10.1/", "NA", "2026", "-1", "9" * 400, "<", "&#0;", "a\u2028b"])
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | ODD
SHAPES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
)
MANY = settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])


def paths(value: object, here: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
    """Yield the path of every part of a document."""
    parts: list[tuple[object, object]] = []
    if isinstance(value, dict):
        parts = list(value.items())
    elif isinstance(value, list):
        parts = list(enumerate(value))
    return [here] + [path for key, part in parts for path in paths(part, (*here, key))]


def replaced(value: object, path: tuple[object, ...], by: object) -> object:
    """Return the document with another part at a path."""
    if not path:
        return by
    if isinstance(value, dict):
        return {key: replaced(part, path[1:], by) if key == path[0] else part for key, part in value.items()}
    assert isinstance(value, list)
    return [replaced(part, path[1:], by) if key == path[0] else part for key, part in enumerate(value)]


def is_sound(parse: Callable[[bytes, str | None], Page], body: bytes, cursor: str | None = None) -> Page | None:
    """Return True if there is no page, or every identifier and text in it is valid."""
    try:
        page = parse(body, cursor)
    except SourceFailed:
        return None
    for sighting in page.sightings:
        assert [paper_id(name) for name in sighting.ids] == list(sighting.ids)
        said = repr((sighting.ids, sighting.url, sighting.links)) + sighting.words.title + sighting.words.abstract
        assert "\x00" not in said.encode().decode()
        assert "".join(sighting.ids).isprintable()
    return page


@pytest.mark.parametrize("kind", sorted(SPECS))
@MANY
@given(data=st.data())
def test_source_accepts_any_type_in_any_place(kind: str, data: st.DataObject) -> None:
    sample = json.loads((SAMPLES / f"{kind}.json").read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        sample = replaced(sample, data.draw(st.sampled_from(paths(sample))), data.draw(SHAPES))
    is_sound(parse_source(SPECS[kind]).parse, json.dumps(sample).encode())


@pytest.mark.parametrize("kind", sorted(SPECS))
def test_source_ignores_order_and_repetition(kind: str) -> None:
    sample = json.loads((SAMPLES / f"{kind}.json").read_bytes())
    source = parse_source(SPECS[kind])
    records: object = sample
    for key in LISTS[kind]:
        assert isinstance(records, dict)
        records = records[key]
    assert isinstance(records, list)
    once = source.parse(json.dumps(sample).encode()).sightings
    for other in (records[::-1], records + records, records[1:] + records[:1]):
        again = source.parse(json.dumps(replaced(sample, tuple(LISTS[kind]), other)).encode()).sightings
        assert sorted(set(map(repr, again))) == sorted(map(repr, once))


@pytest.mark.parametrize("kind", sorted(SPECS))
def test_source_refuses_answer_without_its_list(kind: str) -> None:
    key = "hits" if kind == "dblp" else LISTS[kind][-1]  # dblp sends hits without `hit` if there are none
    renamed = (SAMPLES / f"{kind}.json").read_bytes().replace(b'"%s":' % key.encode(), b'"renamed":')
    for body in (b"{}", b"[]", renamed):
        with pytest.raises(SourceFailed, match="the answer"):
            parse_source(SPECS[kind]).parse(body)


@pytest.mark.parametrize("kind", sorted(SPECS))
def test_source_refuses_records_of_other_format(kind: str) -> None:
    body = re.sub(rb'"(?:en_)?title(?:_s)?":', b'"headline":', (SAMPLES / f"{kind}.json").read_bytes())
    with pytest.raises(SourceFailed, match=r"records cannot be read .*title"):
        parse_source(SPECS[kind]).parse(body)


@MANY
@given(shape=SHAPES, by=SHAPES)
def test_pubmed_search_reads_or_refuses_any_json(shape: object, by: object) -> None:
    found = {"esearchresult": {"count": "3", "querykey": "1", "webenv": "MCID_x", "errorlist": {"fieldsnotfound": []}}}
    is_sound(PUBMED.parse, json.dumps(shape).encode())
    for path in paths(found):
        is_sound(PUBMED.parse, json.dumps(replaced(found, path, by)).encode())


@MANY
@given(start=st.integers(0, len(XML)), length=st.integers(0, 400), by=st.binary(max_size=20) | st.just(b"<a>"))
def test_pubmed_reads_or_refuses_any_bytes(start: int, length: int, by: bytes) -> None:
    is_sound(PUBMED.parse, XML[:start] + by + XML[start + length :], PAGE)
