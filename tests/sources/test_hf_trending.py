"""Test Hugging Face's trending papers."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from digestd.sources import parse_source

BODY = (Path(__file__).parent / "samples" / "hf-trending.json").read_bytes()
SINCE = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
HF = parse_source("hf-trending")


def test_hf_trending_is_one_request() -> None:
    request = HF.requests(SINCE, None)
    assert request is not None
    assert request.url == "https://huggingface.co/api/daily_papers?sort=trending&limit=100"
    assert request.fresh
    assert HF.requests(SINCE, "1") is None
    assert HF.parse(BODY).next is None


def test_hf_trending_parses_daily_records() -> None:
    assert HF.parse(BODY).sightings[0].signals == {"upvotes": 321.0, "comments": 12.0, "stars": 4100.0}
    daily = parse_source("hf-daily").parse(BODY).sightings
    assert HF.parse(BODY).sightings == tuple(replace(sighting, day=None) for sighting in daily)
