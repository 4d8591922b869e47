"""Test what is said of a recorded answer."""

from pathlib import Path

import pytest

from tests.world.sources import read_answer

SAMPLES = Path(__file__).parents[1] / "sources" / "samples"


def test_read_answer_labels_fields() -> None:
    found = read_answer(b"zenodo:lakes\n" + (SAMPLES / "zenodo.json").read_bytes())
    assert {"papers=2", "rejects=0", "authors=2", "abstract"} <= found
    assert any(label.startswith("doi:10.5281/zenodo.") for label in found)


@pytest.mark.parametrize(
    ("raw", "label"),
    [(b"zenodo:lakes\n<html>", "unread"), (b'zenodo:lakes\n{"hits": {"hits": [], "total": 0}}', "nothing")],
)
def test_read_answer_without_papers(raw: bytes, label: str) -> None:
    assert read_answer(raw) == {label}
