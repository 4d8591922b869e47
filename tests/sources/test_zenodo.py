"""Test Zenodo: publications that match a search."""

import json
from datetime import UTC, date, datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from digestd.sources import parse_source

BODY = (Path(__file__).parent / "samples" / "zenodo.json").read_bytes()
SINCE = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
ZENODO = parse_source("zenodo:lakes")


def record(**said: object) -> dict[str, object]:
    own = {"doi": "10.5281/zenodo.1", "created": "2026-11-22T10:00:00+00:00"}
    return {**own, "metadata": {"title": "T", "publication_date": "2026-11-22"}, **said}


def answer(*records: dict[str, object], total: object = 1) -> bytes:
    return json.dumps({"hits": {"hits": records, "total": total}}).encode()


def test_zenodo_parses_every_field() -> None:
    lakes = ZENODO.parse(BODY).sightings[0]
    assert lakes.ids == ("doi:10.5281/zenodo.90000002", "doi:10.5281/zenodo.90000001")
    assert (lakes.words.title, lakes.words.abstract) == ("How lakes freeze", "Lakes freeze & thaw. Every year.")
    assert lakes.words.authors == ("Zoë Ångström", "Bo Li")
    assert lakes.words.categories == ("ice", "lakes", "limnology")
    assert (lakes.published, lakes.day) == (datetime(2026, 11, 21, tzinfo=UTC), date(2026, 11, 22))
    assert lakes.url == "https://doi.org/10.5281/zenodo.90000002"
    assert lakes.links == {"pdf": "https://zenodo.org/api/records/90000002/files/Lakes.PDF/content"}
    assert (lakes.venue, lakes.affiliations) == ("Journal of Invented Lakes", ("University of the Lakes",))


def test_zenodo_new_version_replaces() -> None:
    ponds = ZENODO.parse(BODY).sightings[1]
    assert (ponds.version, ponds.announced, ponds.venue) == (3, "replace", "Ponds 2026")


def test_zenodo_requests_newest_publications() -> None:
    request = ZENODO.requests(SINCE, None)
    assert request is not None
    query = {key: value[0] for key, value in parse_qs(urlsplit(request.url).query).items()}
    assert query["q"] == "(lakes) AND publication_date:[2025-11-23 TO *]"
    assert (query["type"], query["sort"], query["size"], query["page"]) == ("publication", "mostrecent", "25", "1")


def test_zenodo_pages_back_to_the_last_run() -> None:
    page = ZENODO.parse(answer(record(), total=60))
    assert page.next == "2@2026-11-22"
    request = ZENODO.requests(SINCE, page.next)
    assert request is not None
    assert "page=2" in request.url
    old = ZENODO.parse(answer(record(created="2026-11-21T23:00:00+00:00"), total=60))
    assert ZENODO.requests(SINCE, old.next) is None
    assert ZENODO.parse(answer(record(), total=60), "3@2026-11-22").next is None
    assert ZENODO.parse(answer(total=60)).next == "0"
