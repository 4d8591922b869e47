"""Hugging Face's daily papers."""

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from digestd.errors import SourceFailed
from digestd.sources import parse_source

BODY = (Path(__file__).parent / "samples" / "hf-daily.json").read_bytes()
SINCE = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
HF = parse_source("hf-daily")


def test_nested_fields_votes_and_links_are_read() -> None:
    lakes, rivers = HF.parse(BODY).sightings
    assert lakes.ids == ("arxiv:2611.20001",)
    assert lakes.words.title == "Lakes as Language Models"
    assert lakes.words.authors == ("Zoë Ångström", "Bo Li")
    assert lakes.published == datetime(2026, 11, 20, 17, 34, 15, tzinfo=UTC)
    assert lakes.signals == {"upvotes": 0.0, "comments": 3.0, "stars": 41.0}
    assert lakes.links == {
        "code": "https://github.com/example/lakes",
        "project": "https://lakes.example.org/",
        "discussion": "https://huggingface.co/papers/2611.20001",
    }
    assert rivers.signals == {"upvotes": 17.0}
    assert rivers.links == {"discussion": "https://huggingface.co/papers/2611.20002"}


def test_the_newest_day_is_asked_for_then_each_day_before_it() -> None:
    first = HF.requests(SINCE, None)
    assert first is not None
    assert first.url == "https://huggingface.co/api/daily_papers?limit=100"
    assert HF.parse(BODY).next == "2026-11-22"
    second = HF.requests(SINCE, "2026-11-22")
    assert second is not None
    assert second.url.endswith("&date=2026-11-22")


def test_three_days_before_are_asked_for_again_as_votes_grow() -> None:
    assert HF.requests(SINCE, "2026-11-20") is not None
    assert HF.requests(SINCE, "2026-11-19") is None


def test_an_empty_weekend_does_not_end_the_walk() -> None:
    assert HF.parse(b"[]", "2026-11-22").next == "2026-11-21"
    assert HF.parse(b"[]").next is None


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"{", "no JSON"),
        (b'{"error": "Invalid date"}', "Invalid date"),
        (b'{"papers": []}', "no list"),
        (json.dumps(["{'paper': {'id': '2412.00001'}}"] * 18).encode(), "18 of 18 records.*is str, not an object"),
        (b"[" * 100_000, "no JSON"),
    ],
)
def test_a_malformed_day_says_what_is_wrong(body: bytes, said: str) -> None:
    with pytest.raises(SourceFailed, match=said):
        HF.parse(body)


def test_one_malformed_paper_is_rejected_and_the_others_are_read() -> None:
    records = json.loads(BODY)
    records.append({"paper": {"id": "not one", "title": "x"}})
    page = HF.parse(json.dumps(records).encode())
    assert len(page.sightings) == 2
    assert [(r.where, r.field) for r in page.rejects] == [("record 3", "paper.id")]


def test_a_paper_belongs_to_the_day_it_is_listed_under() -> None:
    newest = HF.parse(BODY)
    assert {newest.day, *(sighting.day for sighting in newest.sightings)} == {date(2026, 11, 23)}
    older = HF.parse(BODY, "2026-11-20")
    assert {older.day, *(sighting.day for sighting in older.sightings)} == {date(2026, 11, 20)}
    assert HF.parse(b"[]", "2026-11-22").day == date(2026, 11, 22), "a weekend is a day too, an empty one"
    assert HF.parse(b"[]").day is None
