"""Test the measurement, and measure the readers on the folders that DIGESTD_TEST_WORLD names."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.world.conftest import TABLE
from tests.world.measure import EXPECTED, collections, measure, table

WORLD = os.environ.get("DIGESTD_TEST_WORLD", "")


def collection(folder: Path, reader: str, items: list[dict[str, object]]) -> Path:
    made = folder / reader / "ours"
    made.mkdir(parents=True)
    (made / EXPECTED).write_text("\n".join(map(json.dumps, items)), encoding="utf-8")
    return made


def test_measure_counts_outcomes(tmp_path: Path) -> None:
    (tmp_path / "daemon.eml").write_text(
        "From: MAILER-DAEMON@example.net\n\n550 5.1.1 User unknown\n", encoding="utf-8"
    )
    made = collection(
        tmp_path,
        "bounces",
        [
            {"file": "../../daemon.eml", "expect": ["hard", "soft"]},
            {"file": "../../daemon.eml", "expect": ["policy"]},
            {"text": "From: ada@example.net\n\nhello\n", "expect": ["hard"]},
            {"text": "From: ada@example.net\n\nhello\n", "expect": ["nothing"]},
        ],
    )
    assert collections(f"{tmp_path}:") == [made]
    counts = measure(made)
    assert counts == {"right": 2, "wrong": 1, "harmful": 1, "unread": 1}
    assert table({made: counts}).splitlines()[1].split() == ["bounces/ours", "4", "2", "1", "1", "0", "1"]


def test_collections_ignore_unknown_readers(tmp_path: Path) -> None:
    collection(tmp_path, "no-such-reader", [])
    assert collections(str(tmp_path)) == []


@pytest.mark.long
@pytest.mark.skipif(not WORLD, reason="set DIGESTD_TEST_WORLD to folders of foreign material")
def test_readers_survive_foreign_material(record_property: Callable[[str, object], None]) -> None:
    measured = {path: measure(path) for path in collections(WORLD)}
    record_property(TABLE, table(measured))
    assert measured, f"no {EXPECTED} of a known reader in {WORLD}"
    assert not any(counts["crashed"] for counts in measured.values())
