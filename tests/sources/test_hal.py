"""Test HAL: deposits that match a search."""

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from digestd.sources import parse_source

BODY = (Path(__file__).parent / "samples" / "hal.json").read_bytes()
SINCE = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
HAL = parse_source("hal:domain_s:0.sdu")


def deposit(**said: object) -> dict[str, object]:
    return {"halId_s": "hal-1", "title_s": ["T"], "submittedDate_s": "2026-11-22 10:00:00", **said}


def answer(*deposits: dict[str, object], found: object = 1, mark: str | None = None) -> bytes:
    said = {"response": {"numFound": found, "docs": deposits}, **({"nextCursorMark": mark} if mark else {})}
    return json.dumps(said).encode()


def only(**said: object) -> Any:
    (sighting,) = HAL.parse(answer(deposit(**said))).sightings
    return sighting


def test_hal_parses_every_field() -> None:
    lakes = HAL.parse(BODY).sightings[0]
    assert lakes.ids == ("hal:hal-09000001", "arxiv:2611.00001", "doi:10.5555/lakes.2026.1", "pmid:70000001")
    assert lakes.words.title == "How lakes freeze: Seen from the shore"
    assert lakes.words.abstract == "Lakes freeze at T < 0."
    assert lakes.words.authors == ("Zoë Ångström", "Bo Li")
    assert lakes.words.categories == ("sdu", "sdu.stu", "ice", "lakes")
    assert (lakes.published, lakes.day) == (datetime(2026, 11, 22, tzinfo=UTC), date(2026, 11, 22))
    assert lakes.url == "https://hal.science/hal-09000001"
    assert lakes.links == {"pdf": "https://hal.science/hal-09000001/document"}
    assert (lakes.venue, lakes.affiliations) == (
        "Journal of Invented Lakes",
        ("Université des Lacs", "Institut des Étangs"),
    )


def test_hal_new_version_replaces() -> None:
    thesis, talk = HAL.parse(BODY).sightings[1:]
    assert (thesis.version, thesis.announced, thesis.words.title) == (3, "replace", "Les étangs")
    assert (talk.version, talk.announced, talk.venue) == (1, "new", "Rivers 2026")
    assert talk.url == "https://hal.science/hal-09000003"


def test_hal_takes_texts_and_lists() -> None:
    found = only(title_s="Lakes", abstract_s="They freeze.", authFullName_s="Ada Lake")
    assert (found.words.title, found.words.abstract, found.words.authors) == ("Lakes", "They freeze.", ("Ada Lake",))


def test_hal_selects_by_day_online() -> None:
    request = HAL.requests(SINCE, None)
    assert request is not None
    query = parse_qs(urlsplit(request.url).query)
    assert query["q"] == ["domain_s:0.sdu"]
    assert query["fq"] == [
        "releasedDate_tdate:[2026-11-21T00:00:00Z TO *]",
        "producedDate_tdate:[2025-11-21T00:00:00Z TO *]",
        "-docType_s:(IMG OR PHOTO OR VIDEO OR SON OR MAP OR SOFTWARE)",
    ]
    assert (query["cursorMark"], query["sort"]) == (["*"], ["docid asc"])


def test_hal_follows_cursor_until_it_repeats() -> None:
    assert HAL.parse(answer(deposit(), found=3, mark="Ab+/=")).next == "1@Ab+/="
    assert HAL.parse(answer(deposit(), found=9, mark="Ab"), "1@Ab").next is None
    assert HAL.parse(answer(found=3), "1@Ab").next == "1@Ab"
    assert HAL.parse(answer(found=0)).next is None


def test_hal_day_is_that_of_going_online() -> None:
    moderated = only(releasedDate_s="2026-11-25 09:00:00", producedDate_s="2026")
    assert (moderated.day, moderated.published) == (date(2026, 11, 25), datetime(2026, 11, 25, tzinfo=UTC))
    assert only(releasedDate_s=None).day == date(2026, 11, 22)


@pytest.mark.parametrize("name", ["tel-1", "in2p3-09000001", "ijn_09000002"])
def test_hal_reads_ids_of_every_archive(name: str) -> None:
    assert only(halId_s=name).ids == (f"hal:{name}",)


def test_hal_rejects_deposit_without_id() -> None:
    page = HAL.parse(answer(deposit(), deposit(halId_s="../x")))
    assert [reject.field for reject in page.rejects] == ["halId_s"]
