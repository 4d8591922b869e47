"""Test OpenAlex: works of topics, authors and institutions."""

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from digestd.sources import parse_source
from digestd.sources.openalex import PAGE_SIZE

BODY = (Path(__file__).parent / "samples" / "openalex.json").read_bytes()
SINCE = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
OPENALEX = parse_source("openalex:T19001+T19002+I1000001+preprint+article")


def work(**said: object) -> dict[str, object]:
    own = {"id": "https://openalex.org/W1", "type": "article", "title": "T", "publication_date": "2026-11-20"}
    return {**own, "created_date": "2026-11-21", **said}


def answer(*works: dict[str, object], count: object = 1) -> bytes:
    return json.dumps({"meta": {"count": count}, "results": works}).encode()


def only(**said: object) -> Any:
    (sighting,) = OPENALEX.parse(answer(work(**said))).sightings
    return sighting


def test_openalex_parses_every_field() -> None:
    lakes = OPENALEX.parse(BODY).sightings[0]
    assert lakes.ids == ("doi:10.5555/lakes.2026.1", "pmid:70000001")
    assert lakes.words.title == "How Lacus lakes freeze & thaw"
    assert lakes.words.abstract == "Lakes freeze from above. Lakes thaw."
    assert lakes.words.authors == ("Zoë Ångström", "The Frozen Lakes Consortium")
    assert lakes.words.categories == ("Lake Ice Dynamics", "Limnology")
    assert (lakes.published, lakes.day) == (datetime(2026, 11, 20, tzinfo=UTC), date(2026, 11, 22))
    assert lakes.url == "https://doi.org/10.5555/lakes.2026.1"
    assert lakes.links == {"pdf": "https://lakes.example.org/1.pdf"}
    assert (lakes.venue, lakes.affiliations) == (
        "Journal of Invented Lakes",
        ("University of the Lakes", "Pond Institute https://ror.org/012345678"),
    )


def test_openalex_flags_retracted_works_and_drops_insecure_links() -> None:
    ponds = OPENALEX.parse(BODY).sightings[1]
    assert (ponds.ids, ponds.withdrawn, ponds.announced) == (("arxiv:2611.00001",), True, "replace")
    assert (ponds.url, ponds.links, ponds.venue) == ("https://arxiv.org/abs/2611.00001", {}, "")


def test_openalex_work_without_identifier_links_to_openalex() -> None:
    thesis = OPENALEX.parse(BODY).sightings[2]
    assert (thesis.ids, thesis.url) == (("openalex:W7000000003",), "https://openalex.org/W7000000003")
    assert thesis.published == datetime(2026, 11, 23, tzinfo=UTC)


def test_openalex_skips_what_is_no_paper() -> None:
    assert len(OPENALEX.parse(BODY).sightings) == 3
    assert OPENALEX.parse(answer(work(is_paratext=True), work(type="erratum"))).sightings == ()


def test_openalex_selects_by_ids_types_and_date() -> None:
    request = OPENALEX.requests(SINCE, None)
    assert request is not None
    query = parse_qs(urlsplit(request.url).query)
    assert query["filter"] == [
        "topics.id:T19001|T19002,authorships.institutions.lineage:I1000001,from_publication_date:2026-10-24,"
        "type:preprint|article"
    ]
    assert (query["page"], query["per_page"]) == (["1"], [str(PAGE_SIZE)])
    assert "api_key" not in request.url


def test_openalex_numbers_pages_until_all_are_read() -> None:
    assert OPENALEX.parse(answer(work(), count=101)).next == "2"
    assert OPENALEX.parse(answer(work(), count=101), "2").next is None
    assert OPENALEX.parse(answer(count=101)).next == "0"
    assert OPENALEX.requests(SINCE, "0") == OPENALEX.requests(SINCE, None)
    assert OPENALEX.parse(answer(count=0)).next is None


def test_openalex_says_when_there_are_too_many_works() -> None:
    page = OPENALEX.parse(answer(work(), count=20_000))
    assert [reject.field for reject in page.rejects] == ["count"]
    assert OPENALEX.parse(answer(work(), count=20_000), "100").next is None
    empty = OPENALEX.parse(answer(count=20_000), "5")
    assert (empty.rejects, empty.next) == ((), "5")


@pytest.mark.parametrize(
    ("index", "abstract"),
    [
        ({"b": [1], "a": [0], "c": [7]}, "a b c"),
        ({"a": [-1, 0, 10**12, True, "x", None], "b": 1, "c": None}, "a b"),
        ({"Abstract": [0], "interpretation": [1]}, "Abstract interpretation"),
        ({"<p>T": [0], "&lt;": [1], "0</p>": [2]}, "T < 0"),
        ({}, ""),
    ],
)
def test_openalex_rebuilds_abstract(index: object, abstract: str) -> None:
    assert only(abstract_inverted_index=index).words.abstract == abstract
