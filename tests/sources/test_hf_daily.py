"""Test Hugging Face's daily papers."""

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from digestd.errors import SourceFailed
from digestd.sources import parse_source

BODY = (Path(__file__).parent / "samples" / "hf-daily.json").read_bytes()
SINCE = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
HF = parse_source("hf-daily")


def test_hf_daily_parses_nested_fields() -> None:
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
    assert lakes.summary == "Lakes can be read."
    assert rivers.signals == {"upvotes": 17.0}
    assert rivers.summary == ""
    assert rivers.links == {"discussion": "https://huggingface.co/papers/2611.20002"}


def test_hf_daily_reads_the_organisation() -> None:
    (record, *_) = json.loads(BODY)
    for organisation, names in (
        ({"name": "eth", "fullname": "ETH Zürich"}, ("ETH Zürich",)),
        ({"name": "eth"}, ("eth",)),
    ):
        body = json.dumps([{**record, "organization": organisation}]).encode()
        assert HF.parse(body).sightings[0].affiliations == names
    assert HF.parse(json.dumps([{**record, "organization": "ETH"}]).encode()).sightings[0].affiliations == ()


def test_hf_daily_requests_newest_day_then_earlier() -> None:
    first = HF.requests(SINCE, None)
    assert first is not None
    assert first.url == "https://huggingface.co/api/daily_papers?limit=100"
    assert HF.parse(BODY).next == "2026-11-22"
    second = HF.requests(SINCE, "2026-11-22")
    assert second is not None
    assert second.url.endswith("&date=2026-11-22")


def test_hf_daily_requests_three_earlier_days_again() -> None:
    assert HF.requests(SINCE, "2026-11-20") is not None
    assert HF.requests(SINCE, "2026-11-19") is None


def test_hf_daily_empty_weekend_continues() -> None:
    assert HF.parse(b"[]", "2026-11-22").next == "2026-11-21"
    assert HF.parse(b"[]").next is None


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"{", "not JSON"),
        (b'{"error": "Invalid date"}', "Invalid date"),
        (b'{"papers": []}', "not a list"),
        (json.dumps(["{'paper': {'id': '2412.00001'}}"] * 18).encode(), "18 of 18 records.*is str, not an object"),
        (b"[" * 100_000, "not JSON"),
    ],
)
def test_hf_daily_malformed_day_reports_reason(body: bytes, said: str) -> None:
    with pytest.raises(SourceFailed, match=said):
        HF.parse(body)


def test_hf_daily_day_is_that_of_the_listing() -> None:
    newest = HF.parse(BODY)
    assert {newest.day, *(sighting.day for sighting in newest.sightings)} == {date(2026, 11, 23)}
    older = HF.parse(BODY, "2026-11-20")
    assert {older.day, *(sighting.day for sighting in older.sightings)} == {date(2026, 11, 20)}
    assert HF.parse(b"[]", "2026-11-22").day == date(2026, 11, 22), "a weekend is a day too, an empty one"
    assert HF.parse(b"[]").day is None
