"""Test that every fault of the table has its expected outcome."""

import pytest

from digestd.store.database import open_database
from tests.papers.faults import FAULTS, Fault, happen

pytestmark = pytest.mark.slow

REACHING = [fault for fault in FAULTS if fault.why is None and fault.id == "F46"]
"""What is stored twice or out of order; the other faults get as far on every database."""


def name(fault: Fault) -> str:
    return f"{fault.id}: {fault.name}"


async def as_expected(url: str, fault: Fault) -> None:
    db = open_database(url)
    outcome = await happen(fault, db)
    db.close()
    print(f"\n{outcome}")
    assert outcome.as_expected, outcome
    assert "\n" not in str(outcome.report.error)


@pytest.mark.parametrize("fault", FAULTS, ids=name)
async def test_ingest_takes_nothing_of_broken_answer_and_recovers(sqlite_url: str, fault: Fault) -> None:
    await as_expected(sqlite_url, fault)


@pytest.mark.parametrize("fault", REACHING, ids=name)
async def test_ingest_broken_answer_gives_same_on_postgresql(postgres_url: str, fault: Fault) -> None:
    await as_expected(postgres_url, fault)
