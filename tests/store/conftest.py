"""A ledger fixture on each database engine in turn."""

from datetime import datetime

import pytest

from digestd.store.database import Database
from tests.store.rows import Ledger


@pytest.fixture
def ledger(db: Database, now: datetime) -> Ledger:
    """Return a ledger on a fresh database."""
    return Ledger(db, now)
