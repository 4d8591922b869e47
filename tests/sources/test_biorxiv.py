"""Test bioRxiv and medRxiv."""

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from digestd.sources import parse_source
from digestd.sources.source import Page

BODY = (Path(__file__).parent / "samples" / "biorxiv.json").read_bytes()
SINCE = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
ALL = parse_source("biorxiv")
TWO = parse_source("biorxiv:neuroscience+cell biology")
NONE = b'{"messages": [{"status": "no posts found"}], "collection": []}'


def post(**said: object) -> dict[str, object]:
    own = {"doi": "10.1101/2026.11.20.1", "title": "T", "authors": "", "date": "2026-11-23", "version": "1"}
    return {**own, "type": "new results", "category": "genetics", "abstract": "", "published": "NA", **said}


def answer(*posts: dict[str, object], **message: object) -> bytes:
    said = {"status": "ok", "interval": "2026-11-21:2036-11-20", "count": len(posts), "total": "99", **message}
    return json.dumps({"messages": [said], "collection": posts}).encode()


def only(page: Page) -> Any:
    assert (len(page.sightings), page.rejects) == (1, ())
    return page.sightings[0]


def test_biorxiv_first_version_is_news_with_every_field() -> None:
    lakes = TWO.parse(BODY).sightings[0]
    assert lakes.ids == ("doi:10.1101/2026.11.20.700001",)
    assert lakes.words.title == "Lakes remember their winters"
    assert lakes.words.authors == ("Z. Ångström", "B. Li", "A. B. Example Jr.", "The Frozen Lakes Consortium")
    assert lakes.words.categories == ("neuroscience",)
    assert lakes.published == datetime(2026, 11, 23, tzinfo=UTC)
    assert (lakes.version, lakes.announced, lakes.day, lakes.withdrawn) == (1, "new", date(2026, 11, 23), False)
    assert lakes.url == "https://doi.org/10.1101/2026.11.20.700001"
    assert lakes.links == {"pdf": "https://www.biorxiv.org/content/10.1101/2026.11.20.700001v1.full.pdf"}


def test_biorxiv_later_version_replaces_without_publication_date() -> None:
    rivers = TWO.parse(BODY).sightings[1]
    assert (rivers.version, rivers.announced, rivers.published) == (2, "replace", None)
    assert rivers.day == date(2026, 11, 22)


def test_biorxiv_journal_doi_is_same_work() -> None:
    assert TWO.parse(BODY).sightings[1].ids == ("doi:10.64898/2026.08.01.600002", "doi:10.5555/rivers.2")
    assert only(ALL.parse(answer(post(published="not yet")))).ids == ("doi:10.1101/2026.11.20.1",)


def test_biorxiv_abstract_loses_typesetting_marks() -> None:
    marked = post(abstract="AbstractO_ST_ABSBackgroundC_ST_ABSMO_SCPLOWUSEC_SCPLOW sees lakes.")
    assert only(ALL.parse(answer(marked))).words.abstract == "Background: MUSE sees lakes."


def test_biorxiv_reads_dates_without_zeros() -> None:
    assert TWO.parse(BODY).sightings[3].published == datetime(2026, 11, 3, tzinfo=UTC)
    assert only(ALL.parse(answer(post(date="2026-6-30")))).day == date(2026, 6, 30)


@pytest.mark.parametrize("written", ["", "yesterday", "2026-13-01", "2026-02-30", "0026-01-01", "2026-11"])
def test_biorxiv_rejects_invalid_date(written: str) -> None:
    page = ALL.parse(answer(post(), post(date=written)))
    assert [(reject.where, reject.field) for reject in page.rejects] == [("record 2", "date")]


@pytest.mark.parametrize(
    "said",
    [
        {"title": "WITHDRAWN: Ponds"},
        {"title": "Withdrawn"},
        {"type": "withdrawn"},
        {"abstract": "Withdrawal Statement. The authors erred."},
        {"abstract": "The authors have withdrawn their manuscript because it was wrong."},
        {"abstract": "This manuscript has been withdrawn by bioRxiv following a request."},
        {"abstract": "bioRxiv has withdrawn this article for lack of approval."},
    ],
)
def test_biorxiv_withdrawal_is_withdrawn_and_no_news(said: dict[str, object]) -> None:
    sighting = only(ALL.parse(answer(post(**said))))
    assert (sighting.withdrawn, sighting.announced) == (True, "replace")


@pytest.mark.parametrize(
    "said",
    [
        {"title": "Withdrawn consent in trials of sleep"},
        {"abstract": "The drug was withdrawn from the market in 2004."},
        {"abstract": "We study patients who have withdrawn from alcohol."},
        {"abstract": "The authors of earlier work have withdrawn support for it."},
        {"type": "PUBLISHAHEADOFPRINT"},
    ],
)
def test_biorxiv_ignores_other_uses_of_withdraw(said: dict[str, object]) -> None:
    assert not only(ALL.parse(answer(post(**said)))).withdrawn


def test_biorxiv_cursor_advances_by_records_within_interval() -> None:
    first = ALL.requests(SINCE, None)
    assert first is not None
    assert first.url == "https://api.biorxiv.org/details/biorxiv/2026-11-21/2036-11-20/0/json"
    page = ALL.parse(answer(post(), post(), post()))
    later = datetime(2026, 12, 5, tzinfo=UTC)
    second = ALL.requests(later, page.next)
    assert second is not None
    assert second.url == "https://api.biorxiv.org/details/biorxiv/2026-11-21/2036-11-20/3/json"
    third = ALL.requests(later, ALL.parse(answer(post()), page.next).next)
    assert third is not None
    assert "/4/json" in third.url


def test_biorxiv_answer_without_interval_keeps_start_day() -> None:
    second = ALL.requests(SINCE, ALL.parse(answer(post(), interval=None)).next)
    assert second is not None
    assert "/2026-11-21/2036-11-20/1/" in second.url


@pytest.mark.parametrize("empty", [NONE, answer(total="99")])
def test_biorxiv_empty_page_is_the_end(empty: bytes) -> None:
    page = ALL.parse(answer(post(), total="99"))
    assert page.total == 99
    last = ALL.parse(empty, page.next)
    assert (last.next, last.sightings, last.rejects, last.total) == (None, (), (), 99)


def test_biorxiv_reads_categories_in_turn() -> None:
    first = TWO.requests(SINCE, None)
    assert first is not None
    assert first.url.endswith("/0/json?category=neuroscience")
    second = TWO.requests(SINCE, TWO.parse(NONE).next)
    assert second is not None
    assert second.url.endswith("/2026-11-21/2036-11-20/0/json?category=cell%20biology")
    assert TWO.parse(NONE, TWO.parse(NONE).next).next is None


def test_biorxiv_skips_posts_of_other_categories() -> None:
    page = TWO.parse(answer(post(), post(doi="10.1101/2", category="Cell Biology"), post(category="cell_biology")))
    assert [sighting.words.categories for sighting in page.sightings] == [("cell biology",), ("cell biology",)]
    assert page.rejects == ()
    assert page.next is not None
    assert page.next.startswith("3@")


def test_biorxiv_servers_share_rate_limit() -> None:
    assert ALL.rate_limit == parse_source("medrxiv:epidemiology").rate_limit
    first = parse_source("medrxiv").requests(SINCE, None)
    assert first is not None
    assert "/details/medrxiv/" in first.url
