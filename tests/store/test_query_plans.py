"""Queries for pending work use indexes instead of scanning the history."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import event
from sqlmodel import Session

from digestd.domain.delivery import State
from digestd.store import due, integrations, libraries, monitoring
from digestd.store.database import Database, open_database
from digestd.store.ledger import queries, settlement
from digestd.store.ledger.claim_queue import ClaimOwner, claim, expire
from digestd.store.ledger.queries import DeliveryFilter
from digestd.store.ledger.settlement import offer_uncertain, settle_all_bounced, uncertain_deliveries
from tests.conftest import NOW
from tests.store.rows import Ledger

LEDGER_QUERIES: dict[str, Callable[[Session], object]] = {
    "claim": lambda session: claim(session, ClaimOwner("w2", lambda key, n: f"b+{key}.{n}@example.org"), 10, NOW),
    "expire": lambda session: expire(session, 10, NOW),
    "anything ready": lambda session: queries.is_any_ready(session, NOW),
    "ready": lambda session: queries.count_ready(session, NOW),
    "owners": settlement.owners,
    "recover": lambda session: settlement.recover(session, "w1", NOW),
    "recover overdue": lambda session: settlement.recover_overdue(session, NOW),
    "sent per hour": lambda session: monitoring.sent_per_hour(session, NOW),
    "recent digests": lambda session: monitoring.digests_due_since(session, NOW),
    "waiting": monitoring.waiting,
    "open deliveries": monitoring.open_deliveries_by_state,
    "open ends": lambda session: uncertain_deliveries(session, 10),
}


OTHER_QUERIES: dict[str, tuple[Callable[[Session], object], str]] = {
    "who is due": (lambda session: due.due(session, 0, 10, NOW), "ix_subscriber_due"),
    "a post that waits": (lambda session: integrations.claim_post(session, 1, NOW), "ix_webhook_post_waiting"),
    "a library to be read": (lambda session: libraries.claim(session, NOW), "ix_library_next"),
    "the list of uncertain ones": (
        lambda session: list(queries.entries(session, 10, DeliveryFilter(State.UNCERTAIN))),
        "ix_delivery_uncertain",
    ),
    "what may be offered": (lambda session: offer_uncertain(session, [1], NOW), "ix_delivery_uncertain"),
}


def test_queries_do_not_scan_the_ledger(sqlite_url: str) -> None:
    db = open_database(sqlite_url)
    Ledger(db, NOW).add_ready(3)
    for name, query in LEDGER_QUERIES.items():
        plans = _plans(db, query)
        assert plans, name
        assert not [plan for plan in plans if plan.startswith("SCAN delivery") and "ix_delivery" not in plan], name
    db.close()


def test_queries_for_work_use_partial_indexes(sqlite_url: str) -> None:
    db = open_database(sqlite_url)
    for query, index in OTHER_QUERIES.values():
        assert any(index in plan for plan in _plans(db, query)), index
    found = _plans(db, lambda _: settle_all_bounced(db, NOW), write=False)
    assert any("ix_delivery_uncertain" in plan or "ix_bounce" in plan for plan in found), found
    db.close()


def _plans(db: Database, query: Callable[[Session], object], *, write: bool = True) -> list[str]:
    """Return how SQLite executes the statements of a query that read."""
    executed: list[tuple[str, object]] = []

    def note(*given: Any) -> None:
        executed.append((given[2], given[3]))

    event.listen(db.engine, "before_cursor_execute", note)
    with db.write() if write else db.read() as session:
        query(session)
    event.remove(db.engine, "before_cursor_execute", note)
    with db.read() as session:
        return [
            str(row[3])
            for statement, parameters in executed
            if statement.startswith("SELECT")
            for row in session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()  # type: ignore[arg-type]  # the driver's parameters
        ]
