"""Queries for pending work use indexes instead of scanning the history."""

from collections.abc import Callable

import pytest
from sqlalchemy import event
from sqlmodel import Session

from digestd.store import due, integrations, libraries, monitoring
from digestd.store.database import open_database
from digestd.store.ledger import queries, settlement
from digestd.store.ledger.claim_queue import ClaimOwner, claim, expire
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


@pytest.mark.parametrize("name", LEDGER_QUERIES)
def test_queries_do_not_scan_the_ledger(sqlite_url: str, name: str) -> None:
    db = open_database(sqlite_url)
    Ledger(db, NOW).add_ready(3)
    executed: list[tuple[str, object]] = []
    event.listen(db.engine, "before_cursor_execute", lambda *args: executed.append((args[2], args[3])))
    with db.write() as session:
        LEDGER_QUERIES[name](session)
    with db.read() as session:
        plans = [
            str(row[3])
            for statement, parameters in executed.copy()
            if statement.startswith("SELECT")
            for row in session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()  # type: ignore[arg-type]  # the driver's parameters
        ]
    db.close()
    assert plans
    assert not [plan for plan in plans if plan.startswith("SCAN delivery") and "ix_delivery" not in plan], plans


OTHER_QUERIES: dict[str, tuple[Callable[[Session], object], str]] = {
    "who is due": (lambda session: due.due(session, 0, 10, NOW), "ix_subscriber_due"),
    "a post that waits": (lambda session: integrations.claim_post(session, 1, NOW), "ix_webhook_post_waiting"),
    "a library to be read": (lambda session: libraries.claim(session, NOW), "ix_library_next"),
    "what may be offered": (lambda session: offer_uncertain(session, [1], NOW), "ix_delivery_uncertain"),
}


@pytest.mark.parametrize("name", OTHER_QUERIES)
def test_queries_for_work_use_partial_indexes(sqlite_url: str, name: str) -> None:
    db = open_database(sqlite_url)
    executed: list[tuple[str, object]] = []
    event.listen(db.engine, "before_cursor_execute", lambda *args: executed.append((args[2], args[3])))
    query, index = OTHER_QUERIES[name]
    with db.write() as session:
        query(session)
    [(statement, parameters)] = [one for one in executed if one[0].startswith("SELECT")]
    with db.read() as session:
        rows = session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()  # type: ignore[arg-type]  # the driver's parameters
    db.close()
    assert any(index in str(row[3]) for row in rows), rows


def test_queries_for_bounces_use_an_index(sqlite_url: str) -> None:
    db = open_database(sqlite_url)
    executed: list[tuple[str, object]] = []
    event.listen(db.engine, "before_cursor_execute", lambda *args: executed.append((args[2], args[3])))
    settle_all_bounced(db, NOW)
    [(statement, parameters)] = [one for one in executed if one[0].startswith("SELECT")]
    with db.read() as session:
        rows = session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()  # type: ignore[arg-type]  # the driver's parameters
    db.close()
    assert any("ix_delivery_uncertain" in str(row[3]) or "ix_bounce" in str(row[3]) for row in rows), rows
