"""Test that every fault of the table has its expected outcome."""

from collections import Counter

import pytest

from digestd.store.database import open_database
from tests.papers.faults import FAULTS, Fault, happen

pytestmark = pytest.mark.slow

LIMITED = ("10^6 items, 29 MB", "3 · 10^6 nested tags in a feed")
"""Faults that the same limit of the parser process ends as it does 10^6 records, after 10 s of CPU."""
EACH = [pytest.param(fault, marks=pytest.mark.long) if fault.name in LIMITED else fault for fault in FAULTS]
REACHING = [fault for fault in FAULTS if fault.why is None and fault.id != "F44"]
"""Those of which something is stored; the others get as far on every database."""


def name(fault: Fault) -> str:
    return f"{fault.id}: {fault.name}"


async def as_expected(url: str, fault: Fault) -> None:
    db = open_database(url)
    outcome = await happen(fault, db)
    db.close()
    print(f"\n{outcome}")
    assert outcome.as_expected, outcome
    assert "\n" not in str(outcome.report.error)


@pytest.mark.parametrize("fault", EACH, ids=name)
async def test_ingest_takes_nothing_of_broken_answer_and_recovers(sqlite_url: str, fault: Fault) -> None:
    await as_expected(sqlite_url, fault)


@pytest.mark.parametrize("fault", REACHING, ids=name)
async def test_ingest_broken_answer_gives_same_on_postgresql(postgres_url: str, fault: Fault) -> None:
    await as_expected(postgres_url, fault)


def test_faults_are_numbered_without_gaps() -> None:
    counts = Counter(fault.id for fault in FAULTS)
    print(f"\n{len(FAULTS)} faults: {dict(sorted(counts.items()))}")
    assert sorted(counts) == [f"F{number}" for number in range(40, 47)]
