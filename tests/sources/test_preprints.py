"""Test the identifiers of preprints."""

import pytest

from digestd.domain.paper import PaperId, doi_id
from digestd.sources.identifiers import is_data_set, is_preprint, without_version


@pytest.mark.parametrize(
    ("name", "without"),
    [
        ("arxiv:2611.00001", "arxiv:2611.00001"),
        ("openreview:aB3v2", "openreview:aB3v2"),
        ("doi:10.1101/400001", "doi:10.1101/400001"),
        ("doi:10.64898/2026.01.02.400001", "doi:10.64898/2026.01.02.400001"),
        ("doi:10.21203/rs.3.rs-1/v12", "doi:10.21203/rs.3.rs-1"),
        ("doi:10.20944/preprints202611.0001.v1", "doi:10.20944/preprints202611.0001"),
        ("doi:10.26434/chemrxiv-2026-ab1cd-v2", "doi:10.26434/chemrxiv-2026-ab1cd"),
        ("doi:10.31234/osf.io/ab1cd_v2", "doi:10.31234/osf.io/ab1cd"),
        ("doi:10.7287/peerj.preprints.1v2", "doi:10.7287/peerj.preprints.1"),
        ("doi:10.12688/f1000research.1.2", "doi:10.12688/f1000research.1"),
        ("doi:10.1002/essoar.10500001.1", "doi:10.1002/essoar.10500001"),
        ("doi:10.2139/ssrn.1000001", "doi:10.2139/ssrn.1000001"),
        ("doi:10.5194/egusphere-2026-1", "doi:10.5194/egusphere-2026-1"),
    ],
)
def test_preprints_are_recognised(name: str, without: str) -> None:
    assert is_preprint(PaperId(name))
    assert without_version(PaperId(name)) == without


@pytest.mark.parametrize(
    "name", ["doi:10.1101/gr.1", "doi:10.5194/acp-26-1-2026", "doi:10.1002/abc.1", "doi:10.5281/zenodo.1", "pmid:1"]
)
def test_publications_are_no_preprints(name: str) -> None:
    assert not is_preprint(PaperId(name))
    assert without_version(PaperId(name)) == name


def test_data_sets_are_recognised() -> None:
    assert is_data_set(PaperId("doi:10.6084/m9.figshare.1.v1"))
    assert not is_data_set(PaperId("doi:10.5555/a"))


def test_doi_of_an_address_is_decoded() -> None:
    assert doi_id("https://doi.org/10.5555/S0025-1%2817%2930624-3") == "doi:10.5555/s0025-1(17)30624-3"
    assert doi_id("10.5555/S0025-1%252817%2529") == "doi:10.5555/s0025-1(17)"
