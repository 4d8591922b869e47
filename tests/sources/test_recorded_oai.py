"""Parse OAI-PMH answers recorded outside the repository."""

import pytest

from digestd.errors import SourceFailed
from digestd.sources import parse_source
from tests.support.outside import outside

OAI = parse_source("arxiv-oai:cs.LG+stat.ML")


def test_recorded_oai_empty_answer_is_empty_page() -> None:
    page = OAI.parse(outside("source_fixtures", "oai_pmh", "noRecordsMatch.xml").read_bytes())
    assert (page.sightings, page.rejects, page.next) == ((), (), "1")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("badArgument", "badArgument"),
        ("badResumptionToken", "starts again"),
        ("cannotDisseminateFormat", "cannotDisseminateFormat"),
        ("idDoesNotExist", "idDoesNotExist"),
        ("noSetHierarchy", "noSetHierarchy"),
        ("undefinedError", "undefinedError"),
        ("ListRecordsBroken", "not OAI-PMH"),
    ],
)
def test_recorded_oai_errors_are_reported(name: str, said: str) -> None:
    with pytest.raises(SourceFailed, match=said):
        OAI.parse(outside("source_fixtures", "oai_pmh", f"{name}.xml").read_bytes())


@pytest.mark.parametrize("name", ["ListRecords", "ListRecords2", "ListRecords3", "ListRecords4"])
def test_recorded_oai_records_of_other_archive_are_refused(name: str) -> None:
    with pytest.raises(SourceFailed, match="not an arXiv id"):
        OAI.parse(outside("source_fixtures", "oai_pmh", f"{name}.xml").read_bytes())
