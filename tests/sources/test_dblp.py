"""Test dblp searches."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from digestd.sources import parse_source

BODY = (Path(__file__).parent / "samples" / "dblp.json").read_bytes()
SINCE = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
DBLP = parse_source("dblp:stream:conf/lakes:")


def hit(**said: object) -> dict[str, object]:
    own = {"title": "T.", "year": "2026", "type": "Conference and Workshop Papers", "key": "conf/lakes/X26"}
    return {"@score": "1", "@id": "1", "info": {**own, **said}}


def answer(*hits: dict[str, object], total: object = "9", **said: object) -> bytes:
    found: dict[str, object] = {"@total": total, "@sent": str(len(hits)), "@first": "0"}
    if hits:
        found["hit"] = list(hits)
    return json.dumps({"result": {"status": {"@code": "200", "text": "OK"}, "hits": found, **said}}).encode()


def only(*hits: dict[str, object]) -> Any:
    page = DBLP.parse(answer(*hits))
    assert (len(page.sightings), page.rejects) == (1, ())
    return page.sightings[0]


def requested(cursor: str | None, since: datetime = SINCE) -> tuple[str, str] | None:
    request = DBLP.requests(since, cursor)
    if request is None:
        return None
    query = parse_qs(urlsplit(request.url).query)
    return query["q"][0], query["f"][0]


def test_dblp_parses_every_field() -> None:
    lakes = DBLP.parse(BODY).sightings[0]
    assert lakes.ids == ("dblp:conf/lakes/AngstromL26", "doi:10.5555/lakes.26.1")
    assert lakes.words.title == 'Lakes & Language: Is "Ice" a Word?'
    assert lakes.words.authors == ("Zoë Ångström", "Bo Li")
    assert lakes.words.categories == ("LAKES", "Invented Notes in Water")
    assert lakes.words.abstract == ""
    assert lakes.published == datetime(2026, 1, 1, tzinfo=UTC)
    assert (lakes.day, lakes.announced) == (None, "new")
    assert lakes.url == "https://doi.org/10.5555/LAKES.26.1"


def test_dblp_corr_record_is_arxiv_paper() -> None:
    assert DBLP.parse(BODY).sightings[1].ids == ("dblp:journals/corr/abs-2611-30002", "arxiv:2611.30002")
    old = only(hit(venue="CoRR", volume="abs/math/0309136", type="Informal and Other Publications"))
    assert old.ids[1:] == ("arxiv:math/0309136",)
    assert only(hit(venue="Journal", volume="abs/2611.30002")).ids == ("dblp:conf/lakes/X26",)


@pytest.mark.parametrize(
    ("page", "other"),
    [
        ("https://doi.org/10.48550/arXiv.2611.30002", "arxiv:2611.30002"),
        ("http://arxiv.org/abs/2611.30002", "arxiv:2611.30002"),
        (["https://example.org/p.pdf", "https://doi.org/10.5555/X"], "doi:10.5555/x"),
        ("https://openreview.net/forum?id=Inv3nted_x", "openreview:Inv3nted_x"),
    ],
)
def test_dblp_exact_link_joins(page: object, other: str) -> None:
    assert only(hit(ee=page)).ids == ("dblp:conf/lakes/X26", other)


@pytest.mark.parametrize("page", ["https://example.org/10.5555/x", "https://openreview.net/pdf?id=x", None, [], {}])
def test_dblp_other_links_do_not_join(page: object) -> None:
    assert only(hit(ee=page)).ids == ("dblp:conf/lakes/X26",)


def test_dblp_skips_volumes_and_data() -> None:
    assert [sighting.ids[0] for sighting in DBLP.parse(BODY).sightings][-1] == "dblp:conf/lakes/Example26"
    page = DBLP.parse(answer(hit(type="Editorship"), hit(type="Data and Artifacts")))
    assert (page.sightings, page.rejects) == ((), ())


def test_dblp_withdrawn_item_is_withdrawn() -> None:
    found = only(hit(type="Withdrawn Items"))
    assert (found.withdrawn, found.announced) == (True, "replace")


def test_dblp_searches_recent_years_only() -> None:
    assert requested(None) == ("stream:conf/lakes: year:2027:", "0")
    assert requested(DBLP.parse(answer(total="0")).next) == ("stream:conf/lakes: year:2026:", "0")
    assert requested(DBLP.parse(answer(total="0"), "0@1").next) is None
    assert requested("0@2", datetime(2027, 2, 1, tzinfo=UTC)) == ("stream:conf/lakes: year:2026:", "0")
    assert requested("0@3", datetime(2027, 2, 1, tzinfo=UTC)) is None


def test_dblp_query_with_year_is_unchanged() -> None:
    year = parse_source("dblp:frozen lakes year:2020:")
    request = year.requests(SINCE, None)
    assert request is not None
    assert "q=frozen+lakes+year%3A2020%3A&" in request.url
    page = year.parse(answer(hit(), total="1"))
    assert (page.next, page.total) == (None, 1)


def test_dblp_cursor_advances_by_records() -> None:
    assert DBLP.parse(answer(hit(), hit())).next == "2@0"
    assert DBLP.parse(answer(hit(), hit()), "7@1").next == "0@2"
    assert requested("2@1") == ("stream:conf/lakes: year:2026:", "2")


def test_dblp_accepts_single_hit_without_list() -> None:
    body = json.loads(answer(hit()))
    body["result"]["hits"]["hit"] = hit()
    assert len(DBLP.parse(json.dumps(body).encode()).sightings) == 1


@pytest.mark.parametrize("year", ["", "soon", "26", "0000"])
def test_dblp_rejects_invalid_year(year: str) -> None:
    assert [r.field for r in DBLP.parse(answer(hit(), hit(year=year))).rejects] == ["year"]
