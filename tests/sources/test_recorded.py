"""Parse answers of real sources recorded outside the repository."""

import json

import pytest

from digestd.errors import SourceFailed
from digestd.sources import parse_source
from tests.support.outside import outside


def test_recorded_arxiv_api_answers_are_read() -> None:
    api = parse_source("arxiv:cs.SE")
    for path in sorted(outside("source_fixtures", "arxiv_api_atom").glob("*.json")):
        answer = json.loads(path.read_text())
        if answer["status_code"] != 200:
            continue
        page = api.parse(answer["body"].encode())
        assert page.rejects == (), path.name
        assert len(page.sightings) == answer["body"].count("<entry>"), path.name
        assert all(s.words.authors and s.words.abstract and s.words.categories for s in page.sightings), path.name


def test_recorded_arxiv_api_error_is_reported() -> None:
    (path,) = outside("source_fixtures", "arxiv_api_atom").glob("id_abc_*.json")
    with pytest.raises(SourceFailed, match="incorrect id format for abc"):
        parse_source("arxiv:cs.SE").parse(json.loads(path.read_text())["body"].encode())


def test_recorded_arxiv_api_page_continues() -> None:
    (path,) = outside("source_fixtures", "arxiv_api_atom").glob("q_testing_s9_m15_*.json")
    page = parse_source("arxiv:cs.SE").parse(json.loads(path.read_text())["body"].encode())
    assert page.next is not None
    assert page.next.startswith("24@")


def test_recorded_arxiv_rss_announcement_is_read() -> None:
    (path,) = outside("source_fixtures", "arxiv_rss").glob("*.xml")
    page = parse_source("arxiv-rss:cs.AI").parse(path.read_bytes())
    assert page.rejects == ()
    assert len(page.sightings) == path.read_text().count("<entry>")
    assert {s.announced for s in page.sightings} <= {"new", "cross", "replace", "replace-cross"}
    assert not any(s.words.abstract.startswith(("arXiv:", "Abstract:")) for s in page.sightings)


def test_recorded_hf_days_are_read_or_refused() -> None:
    hf = parse_source("hf-daily")
    for path in sorted(outside("source_fixtures", "hf_daily_papers_api").glob("*.json")):
        records = json.loads(path.read_text())
        if not all(isinstance(record, dict) for record in records):
            with pytest.raises(SourceFailed, match="is str, not an object"):
                hf.parse(path.read_bytes())
            continue
        page = hf.parse(path.read_bytes())
        assert (len(page.sightings), page.rejects) == (len(records), ()), path.name
        assert all("upvotes" in sighting.signals for sighting in page.sightings)
