"""Fixtures: an install with papers and no subscribers, on each database engine."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from digestd.store import core
from digestd.store.ledger.packing import unpack_picks
from tests.digests.topic_papers import archive
from tests.support import sample_data
from tests.support.install import Install, install

PAPERS = 40


@pytest.fixture
def fresh(tmp_path: Path, database_url: str, now: datetime) -> Iterator[Install]:
    """Return an install without papers."""
    made = install(tmp_path, database_url, now)
    yield made
    made.db.close()


@pytest.fixture
def library_of(tmp_path: Path, database_url: str, now: datetime) -> Iterator[Install]:
    """Return an install with 40 papers first seen now, a Tuesday at 07:00 UTC."""
    made = install(tmp_path, database_url, now)
    made.papers(sample_data.papers(PAPERS))
    yield made
    made.db.close()


@pytest.fixture
def bare(tmp_path: Path, database_url: str, now: datetime) -> Iterator[Install]:
    """Return an install with only an archive of other topics; a Tuesday at 07:00 UTC."""
    made = install(tmp_path, database_url, now)
    archive(made)
    yield made
    made.db.close()


def digests(install: Install, reader: int = 0) -> list[tuple[str, str, str, list[int]]]:
    """Return the digests of a subscriber, oldest first.

    Each as (period, covers_from, state, papers).
    """
    table = core.delivery.c
    query = (
        select(table.key, table.covers_from, table.state, table.picks)
        .join_from(core.delivery, core.subscriber, core.subscriber.c.id == table.subscriber_id)
        .where(core.subscriber.c.address == f"reader{reader}@example.net", table.kind == "digest")
        .order_by(table.id)
    )
    with install.db.read() as session:
        rows = session.connection().execute(query)
        return [(r.key, r.covers_from, r.state, [pick.paper for pick in unpack_picks(r.picks)]) for r in rows]


def periods(install: Install, reader: int = 0) -> list[str]:
    """Return the periods of a subscriber's digests."""
    return [period for period, *_ in digests(install, reader)]
