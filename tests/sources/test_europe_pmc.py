"""Test Europe PMC: entries that match a search."""

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from digestd.sources import parse_source
from digestd.text.markup import without_typesetting

BODY = (Path(__file__).parent / "samples" / "europepmc.json").read_bytes()
SINCE = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
EUROPE_PMC = parse_source('europepmc:"frozen lakes" AND SRC:PPR')


def entry(**said: object) -> dict[str, object]:
    own = {"id": "7", "source": "MED", "pmid": "7", "title": "T.", "firstIndexDate": "2026-11-22", "pubYear": "2026"}
    return {**own, **said}


def answer(*entries: dict[str, object], hits: object = 1, mark: object = None) -> bytes:
    found = {"hitCount": hits, "resultList": {"result": entries}}
    return json.dumps({**found, **({"nextCursorMark": mark} if mark else {})}).encode()


def only(**said: object) -> Any:
    (sighting,) = EUROPE_PMC.parse(answer(entry(**said))).sightings
    return sighting


def test_europe_pmc_parses_every_field() -> None:
    lakes = EUROPE_PMC.parse(BODY).sightings[0]
    assert lakes.ids == ("pmid:70000001", "doi:10.5555/lakes.2026.1", "pmcid:PMC7000001")
    assert lakes.words.title == "Why CO2 leaves frozen lakes"
    assert lakes.words.abstract == "Background: Lakes freeze. Methods: We looked at p < 0.05."
    assert lakes.words.authors == ("Zoë Ångström", "B Li", "Frozen Lakes Consortium")
    assert lakes.words.categories == ("Journal of invented lakes", "Ice", "Lakes")
    assert (lakes.published, lakes.day) == (datetime(2026, 11, 20, tzinfo=UTC), date(2026, 11, 22))
    assert (lakes.url, lakes.venue) == ("https://doi.org/10.5555/lakes.2026.1", "Journal of invented lakes")


def test_europe_pmc_reads_preprints() -> None:
    ponds = EUROPE_PMC.parse(BODY).sightings[1]
    assert ponds.ids == ("doi:10.1101/2026.11.01.700002",)
    assert ponds.words.abstract == "POND-MAP shows thawing ponds. They thaw."
    assert (ponds.words.authors, ponds.venue) == (("CD Wu", "A Rue"), "bioRxiv")


def test_europe_pmc_retraction_withdraws_its_article() -> None:
    page = EUROPE_PMC.parse(BODY)
    assert len(page.sightings) == 3
    assert (page.sightings[2].ids, page.sightings[2].withdrawn) == (("pmid:60000009",), True)
    assert page.sightings[2].words.title == "Lakes that boil"


@pytest.mark.parametrize(
    "said",
    [
        {"pubTypeList": {"pubType": ["Retracted Publication"]}},
        {"commentCorrectionList": {"commentCorrection": [{"id": "9", "source": "MED", "type": "Retraction in"}]}},
    ],
)
def test_europe_pmc_flags_retracted_articles(said: dict[str, object]) -> None:
    assert (only(**said).withdrawn, only(**said).announced) == (True, "replace")


@pytest.mark.parametrize("kind", ["Published Erratum", "correction", "Expression of Concern", "Retraction Notice"])
def test_europe_pmc_skips_notices(kind: str) -> None:
    assert EUROPE_PMC.parse(answer(entry(pubTypeList={"pubType": [kind]}))).sightings == ()
    assert EUROPE_PMC.parse(answer(entry(pubTypeList=None, pubType=f"{kind}; Correction"))).sightings == ()


def test_europe_pmc_entry_without_identifier_has_its_own() -> None:
    thesis = only(id="123", source="ETH", pmid=None)
    assert (thesis.ids, thesis.url) == (("europepmc:ETH/123",), "https://europepmc.org/article/ETH/123")


def test_europe_pmc_selects_by_day_of_indexing() -> None:
    request = EUROPE_PMC.requests(SINCE, None)
    assert request is not None
    query = parse_qs(urlsplit(request.url).query)
    assert query["query"] == [
        '("frozen lakes" AND SRC:PPR) AND FIRST_IDATE:[2026-11-21 TO 2036-11-20] '
        "AND FIRST_PDATE:[2025-11-21 TO 2036-11-20]"
    ]
    assert query["cursorMark"] == ["*"]


def test_europe_pmc_follows_cursor_until_it_repeats() -> None:
    page = EUROPE_PMC.parse(answer(entry(), hits=3, mark="Ab+/="))
    assert page.next == "1@Ab+/="
    request = EUROPE_PMC.requests(SINCE, page.next)
    assert request is not None
    assert parse_qs(urlsplit(request.url).query)["cursorMark"] == ["Ab+/="]
    assert EUROPE_PMC.parse(answer(entry(), hits=9, mark="Ab+/="), "1@Ab+/=").next is None
    assert EUROPE_PMC.parse(answer(hits=3), "1@Ab").next == "1@Ab"
    assert EUROPE_PMC.parse(answer(hits=0)).next is None


@pytest.mark.parametrize(
    ("marked", "plain"),
    [
        ("AbstractO_ST_ABSBackgroundC_ST_ABSLakes freeze.", "Background: Lakes freeze."),
        ("AO_SCPCAPBSTRACTC_SCPCAPLakes", "Lakes"),
        ("Ice. O_FIG O_LINKSMALLFIG SRC=x View larger version C_FIG", "Ice."),
        ("O_LIOne.C_LIO_LITwo.C_LI", "One. Two."),
        ("We use MO_SCPLOWUSEC_SCPLOW.", "We use MUSE."),
        ("C_elegans and H_2", "C_elegans and H_2"),
    ],
)
def test_typesetting_marks_are_removed(marked: str, plain: str) -> None:
    assert " ".join(without_typesetting(marked).split()) == plain
