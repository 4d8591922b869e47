"""Invariants that SQL can check, in the dialect that SQLite and PostgreSQL share."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlmodel import Session

from digestd.store import clock
from digestd.store.ledger.packing import STATE_LETTERS, STEP_LENGTH
from digestd.store.timestamps import to_us

SHOWN = 1_000
"""Violations listed for one invariant; more would tell an operator nothing more."""


@dataclass(frozen=True, slots=True)
class Query:
    """A check: an SQL query, and the meaning of a row that it finds."""

    says: str
    sql: str


def run(session: Session, query: Query, now: datetime) -> list[dict[str, object]]:
    """Return the rows a query finds at `now`, binary columns as hex."""
    parameters = {"now": to_us(clock.read(session).settled(now))} if ":now" in query.sql else {}
    rows = session.connection().execute(text(f"{query.sql} LIMIT {SHOWN}"), parameters).mappings()
    return [{key: value.hex() if isinstance(value, bytes) else value for key, value in row.items()} for row in rows]


_LETTER = " ".join(f"WHEN '{state}' THEN '{letter}'" for state, letter in STATE_LETTERS.items())
_LAST_LETTER = f"substr(d.history, length(d.history) - {STEP_LENGTH - 1}, 1)"
_LAST = "CASE WHEN d.opened_us IS NULL THEN 0 ELSE 1 END"
"""The number of last attempts at a delivery."""

QUERIES = {
    "I01": Query(
        "one subscriber and period with more than one delivery",
        "SELECT subscriber_id, kind, key, count(*) AS n FROM delivery GROUP BY subscriber_id, kind, key "
        "HAVING count(*) > 1",
    ),
    "I02": Query(
        "an accepted delivery without exactly one accepted attempt, or another state with one",
        "SELECT id, state, outcome FROM delivery WHERE (coalesce(outcome, '') = 'accepted') <> (state = 'accepted') "
        "UNION ALL SELECT delivery_id, 'earlier', outcome FROM earlier_attempt WHERE outcome = 'accepted'",
    ),
    "I03": Query(
        "an attempt after one that was accepted or is uncertain",
        "SELECT delivery_id AS id, n AS settled FROM earlier_attempt WHERE outcome IN ('accepted', 'uncertain')",
    ),
    "I04": Query(
        "the last attempt and the delivery disagree on uncertainty",
        "SELECT id, state, outcome FROM delivery "
        "WHERE (state = 'uncertain' AND (outcome IS NULL OR outcome <> 'uncertain')) "
        "OR (outcome = 'uncertain' AND state NOT IN ('uncertain', 'abandoned'))",
    ),
    "I05": Query(
        "a delivery under way without an open attempt, or an open attempt of one that is not",
        "SELECT id, state, outcome FROM delivery "
        "WHERE (opened_us IS NOT NULL AND outcome IS NULL) <> (state IN ('leased', 'final_dot')) "
        "UNION ALL SELECT delivery_id, 'earlier', outcome FROM earlier_attempt WHERE outcome IS NULL",
    ),
    "I06": Query(
        "a delivery in final_dot without an attempt in final_dot, or the reverse",
        "SELECT id, state, outcome FROM delivery "
        "WHERE (final_dot_us IS NOT NULL AND outcome IS NULL) <> (state = 'final_dot')",
    ),
    "I07": Query(
        "a delivery that miscounts its attempts",
        "SELECT d.id, d.attempts, count(e.n) AS earlier, coalesce(max(e.n), 0) AS highest FROM delivery d "  # noqa: S608  # made of constants only
        "LEFT JOIN earlier_attempt e ON e.delivery_id = d.id GROUP BY d.id, d.attempts, d.opened_us "
        f"HAVING d.attempts <> count(e.n) + {_LAST} OR d.attempts <> coalesce(max(e.n), 0) + {_LAST}",
    ),
    "I08": Query(
        "a digest that passed the commit point without active consent",
        "SELECT a.delivery_id AS id, a.n, a.consent_version, e.status FROM attempt a "
        "JOIN delivery d ON d.id = a.delivery_id LEFT JOIN consent_event e "
        "ON e.subscriber_id = d.subscriber_id AND e.version = a.consent_version "
        "WHERE d.kind IN ('digest', 'copy', 'programme') AND a.final_dot_us IS NOT NULL "
        "AND (e.status IS NULL OR e.status <> 'active')",
    ),
    "I09": Query(
        "a digest that passed the commit point with another consent than it was planned for",
        "SELECT a.delivery_id AS id, a.n, a.consent_version, d.consent_version FROM attempt a "
        "JOIN delivery d ON d.id = a.delivery_id WHERE d.kind IN ('digest', 'copy', 'programme') "
        "AND a.final_dot_us IS NOT NULL AND (a.consent_version IS NULL OR a.consent_version <> d.consent_version)",
    ),
    "I10": Query(
        "a digest that passed the commit point after consent had ended",
        "SELECT a.delivery_id AS id, a.n, a.final_dot_us, e.at_us, e.status FROM attempt a "
        "JOIN delivery d ON d.id = a.delivery_id JOIN consent_event e "
        "ON e.subscriber_id = d.subscriber_id AND e.version = a.consent_version + 1 "
        "WHERE d.kind IN ('digest', 'copy', 'programme') AND a.final_dot_us > e.at_us AND e.status <> 'active'",
    ),
    "I11": Query(
        "a subscriber whose consent is not on record, or differs from it",
        "SELECT s.id, s.version, s.status, e.status AS on_record FROM subscriber s LEFT JOIN consent_event e "
        "ON e.subscriber_id = s.id AND e.version = s.version WHERE e.status IS NULL OR e.status <> s.status",
    ),
    "I12": Query(
        "an active subscriber who is suppressed",
        "SELECT s.id, p.reason FROM subscriber s JOIN suppression p ON p.address_key = s.address_key "
        "WHERE s.status = 'active'",
    ),
    "I13": Query(
        "a digest skipped although consent stands",
        "SELECT d.id, d.reason FROM delivery d JOIN subscriber s ON s.id = d.subscriber_id "
        "LEFT JOIN suppression p ON p.address_key = s.address_key "
        "WHERE d.kind IN ('digest', 'copy', 'programme') AND d.state = 'skipped' "
        "AND s.status = 'active' AND s.version = d.consent_version AND p.address_key IS NULL",
    ),
    "I16": Query(
        "a delivery without history, or whose history ends in another state",
        f"SELECT d.id, d.state, {_LAST_LETTER} AS last FROM delivery d "  # noqa: S608  # made of constants only
        f"WHERE d.history = '' OR {_LAST_LETTER} <> CASE d.state {_LETTER} END",
    ),
    "I19": Query(
        "an erased subscriber of whom something is left",
        "SELECT s.id FROM subscriber s WHERE s.status = 'erased' AND (s.address IS NOT NULL OR s.name <> '' "
        "OR EXISTS (SELECT 1 FROM interest i WHERE i.subscriber_id = s.id) "
        "OR EXISTS (SELECT 1 FROM chat_target c WHERE c.subscriber_id = s.id) "
        "OR EXISTS (SELECT 1 FROM seen_papers n WHERE n.subscriber_id = s.id) "
        "OR EXISTS (SELECT 1 FROM delivery d WHERE d.subscriber_id = s.id "
        "AND (length(d.picks) > 0 OR d.reply_text IS NOT NULL)) "
        "OR EXISTS (SELECT 1 FROM reply r JOIN delivery d ON d.id = r.delivery_id WHERE d.subscriber_id = s.id))",
    ),
    "L1": Query(
        "a lease that ended ten minutes ago and was not taken over",
        "SELECT id, state, owner, lease_until_us FROM delivery "
        "WHERE state IN ('leased', 'final_dot') AND lease_until_us < :now - 600000000",
    ),
    "L2": Query(
        "a delivery that should have expired ten minutes ago",
        "SELECT id, expires_us FROM delivery WHERE state = 'ready' AND expires_us < :now - 600000000",
    ),
    "L3": Query(
        "a delivery uncertain for more than a day",
        "SELECT id, due_us FROM delivery WHERE state = 'uncertain' AND due_us < :now - 86400000000",
    ),
}
