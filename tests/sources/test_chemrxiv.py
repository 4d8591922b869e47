"""Test ChemRxiv, which is read at Crossref."""

from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from digestd.sources import parse_source

BODY = (Path(__file__).parent / "samples" / "chemrxiv.json").read_bytes()
SINCE = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
ALL = parse_source("chemrxiv")


def test_chemrxiv_reads_preprints_under_their_first_doi() -> None:
    water, ponds = ALL.parse(BODY).sightings
    assert water.ids == ("doi:10.26434/chemrxiv.19000001", "doi:10.26434/chemrxiv.19000001/v1")
    assert (water.version, water.announced) == (1, "new")
    assert water.words.abstract == "Water freezes upwards at T < 0."
    assert (water.words.categories, water.venue) == (("Physical Chemistry",), "")
    assert ponds.ids == (
        "doi:10.26434/chemrxiv-2026-lakes",
        "doi:10.26434/chemrxiv-2026-lakes-v2",
        "doi:10.5555/ponds.2026.2",
    )
    assert (ponds.version, ponds.announced) == (2, "replace")


def test_chemrxiv_keeps_the_subjects_asked_for() -> None:
    (ponds,) = parse_source("chemrxiv:Catalysis+Energy").parse(BODY).sightings
    assert ponds.words.title == "Catalysts in ponds"


def test_chemrxiv_selects_by_prefix() -> None:
    request = ALL.requests(SINCE, None)
    assert request is not None
    assert parse_qs(urlsplit(request.url).query)["filter"] == [
        "prefix:10.26434,type:posted-content,from-created-date:2026-11-22,from-pub-date:2025-11-22"
    ]
