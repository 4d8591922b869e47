"""Test the ACL Anthology: the volumes of a venue."""

from datetime import UTC, date, datetime
from pathlib import Path

from digestd.sources import parse_source
from digestd.sources.source import Page

BODY = (Path(__file__).parent / "samples" / "acl-anthology.xml").read_bytes()
SINCE = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
LAKES = parse_source("acl-anthology:lakes")


def test_acl_anthology_parses_every_field() -> None:
    lakes = LAKES.parse(BODY).sightings[0]
    assert lakes.ids == ("acl:2026.lakes-long.1", "doi:10.18653/v1/2026.lakes-long.1")
    assert lakes.words.title == "LakeLM: Models of $n$ Lakes"
    assert lakes.words.abstract == r"We model lakes $3\times$ faster. Code: https://lakes.example.org."
    assert lakes.words.authors == ("Zoë Ångström", "Bo Li", "Plato")
    assert (lakes.published, lakes.day) == (datetime(2026, 11, 1, tzinfo=UTC), date(2026, 11, 22))
    assert lakes.url == "https://aclanthology.org/2026.lakes-long.1/"
    assert lakes.links == {"pdf": "https://aclanthology.org/2026.lakes-long.1.pdf"}
    assert lakes.venue == "Proceedings of the 1st Conference on Lakes (Volume 1: Long Papers)"
    assert lakes.affiliations == ("University of the Lakes",)


def test_acl_anthology_flags_retracted_and_skips_removed_papers() -> None:
    page = LAKES.parse(BODY)
    assert [paper.withdrawn for paper in page.sightings] == [False, True, False]
    assert page.sightings[1].announced == "replace"


def test_acl_anthology_dates_early_proceedings_by_their_arrival() -> None:
    short = LAKES.parse(BODY).sightings[2]
    assert short.published == datetime(2026, 11, 20, tzinfo=UTC)


def test_acl_anthology_requests_the_year_and_the_last_in_winter() -> None:
    def paths(since: datetime) -> list[str]:
        found = [LAKES.requests(since, cursor) for cursor in (None, "1", "2")]
        return [request.url.rpartition("/")[2] for request in found if request]

    assert paths(SINCE) == ["2026.lakes.xml"]
    assert paths(datetime(2027, 1, 5, tzinfo=UTC)) == ["2027.lakes.xml", "2026.lakes.xml"]
    request = LAKES.requests(SINCE, None)
    assert request is not None
    assert (request.may_be_gone, request.fresh) == (True, False)


def test_acl_anthology_year_without_volumes_is_no_error() -> None:
    assert LAKES.parse(b"404: Not Found") == Page(next="1")
