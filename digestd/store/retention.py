"""Delete what is older than the operator keeps, while the service runs.

Deliveries: rows that are settled, with their attempts, replies and audits. Who had which paper and until when they were
planned for stands with the subscriber, so nothing is sent again; a link to an old mail's papers answers as unknown.

Papers: those that nobody was sent, liked, judged or merged, and superseded revisions that no kept digest shows.

Each transaction deletes a few hundred rows, so that mails and pages do not wait for it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Table, delete, exists, func, select, update
from sqlmodel import Session

from digestd.domain.interest import Kind
from digestd.store import core
from digestd.store.database import Database
from digestd.store.ledger.packing import readable_picks, readable_seen
from digestd.store.tables.ledger import AT_WORK
from digestd.store.timestamps import to_us

BATCH = 500
"""Rows deleted in one transaction."""
_D, _P, _R = core.delivery.c, core.paper.c, core.revision.c
_LASTING = (*AT_WORK, "uncertain")
"""States of deliveries that are never deleted: somebody or something still acts on them."""


@dataclass(slots=True)
class Pruned:
    """Counts of what was deleted."""

    deliveries: int = 0
    papers: int = 0
    revisions: int = 0


def prune(db: Database, now: datetime, *, keep_deliveries: int, keep_papers: int, dry_run: bool = False) -> Pruned:
    """Delete what is older than the operator keeps. Safe to stop and to repeat.

    Args:
        keep_deliveries: days that settled deliveries are kept after they were due; 0 keeps all.
        keep_papers: days that papers are kept with which nobody was concerned, and superseded revisions; 0 keeps all.
        dry_run: count, and delete nothing.
    """
    deliveries, papers = (now - timedelta(days=days) if days else None for days in (keep_deliveries, keep_papers))
    due = (_D.due_us < to_us(deliveries), _D.state.not_in(_LASTING)) if deliveries else ()
    old = _unconcerned(papers) if papers else ()
    superseded = (_R.made_us < to_us(papers), ~exists().where(_P.revision_id == _R.id)) if papers else ()
    counts = Pruned()
    for ids in _batches(db, core.delivery, due):
        counts.deliveries += len(ids) if dry_run else _delete_deliveries(db, ids, due)
    if deliveries and not dry_run:
        _delete_audits(db, deliveries)
    seen = _seen(db) if old else None
    for ids in _batches(db, core.paper, old):
        unseen = [key for key in ids if seen is None or key >= len(seen) or not seen[key]]
        counts.papers += len(unseen) if dry_run else _delete_papers(db, unseen)
    shown = _shown(db) if superseded else set()
    for ids in _batches(db, core.revision, superseded):
        unused = [key for key in ids if key not in shown]
        counts.revisions += len(unused) if dry_run else _delete_revisions(db, unused)
    return counts


def _unconcerned(before: datetime) -> tuple[core.Condition, ...]:
    """Return the conditions for papers that are old and that no subscriber or operator said anything about."""
    alias, interest = core.paper_alias.c, core.interest.c
    concerned = [
        exists().where(alias.paper == _P.id, alias.alias == interest.value, interest.kind == Kind.PAPER),
        *(exists().where(column == _P.id) for column in (core.feedback.c.paper, core.muting.c.paper)),
        *(exists().where(column == _P.id) for column in (core.merge.c.kept, core.merge.c.absorbed)),
        *(exists().where(column == _P.id) for column in (core.do_not_merge.c.one, core.do_not_merge.c.other)),
    ]
    return _P.first_seen_us < to_us(before), _P.archived.is_(False), *(~found for found in concerned)


def _delete_deliveries(db: Database, found: Sequence[int], due: Sequence[core.Condition]) -> int:
    with db.write() as session:
        connection = session.connection()
        # an operator may have changed one in the meantime
        ids = list(connection.execute(select(_D.id).where(_D.id.in_(found), *due).with_for_update()).scalars())
        connection.execute(update(core.bounce).where(core.bounce.c.delivery_id.in_(ids)).values(delivery_id=None))
        for table in (core.earlier_attempt, core.reply):
            connection.execute(delete(table).where(table.c.delivery_id.in_(ids)))
        return connection.execute(delete(core.delivery).where(_D.id.in_(ids))).rowcount


def _delete_audits(db: Database, before: datetime) -> None:
    """Delete the audits of plannings of which deliveries may be gone."""
    old = core.due_audit.c.at_us < to_us(before)
    with db.write() as session:
        audits = select(core.due_audit.c.id).where(old)
        session.connection().execute(update(core.delivery).where(_D.audit_id.in_(audits)).values(audit_id=None))
        session.connection().execute(delete(core.due_audit).where(old))


def _delete_papers(db: Database, ids: Sequence[int]) -> int:
    with db.write() as session:
        connection = session.connection()
        _delete_derived(session, select(_R.id).where(_R.paper.in_(ids)))
        for table in (core.revision, core.sighting, core.signal, core.similarity_key, core.paper_alias):
            connection.execute(delete(table).where(table.c.paper.in_(ids)))
        return connection.execute(delete(core.paper).where(_P.id.in_(ids))).rowcount


def _delete_revisions(db: Database, ids: Sequence[int]) -> int:
    with db.write() as session:
        _delete_derived(session, ids)
        return session.connection().execute(delete(core.revision).where(_R.id.in_(ids))).rowcount


def _delete_derived(session: Session, revisions: core.Query | Sequence[int]) -> None:
    for table in (core.gist_attempt, core.embedding, core.encoding):
        session.connection().execute(delete(table).where(table.c.revision.in_(revisions)))


def _seen(db: Database) -> NDArray[np.bool_]:
    """Return for each paper, by its row number, whether any subscriber has had it."""
    with db.read() as session:
        highest = session.connection().execute(select(func.max(_P.id))).scalar() or 0
        found = np.zeros(highest + 1, dtype=bool)
        query = select(core.seen_papers.c.papers).execution_options(yield_per=BATCH)
        for packed in session.connection().execute(query).scalars():
            seen = readable_seen(packed)
            found[seen[seen < len(found)]] = True
    return found


def _shown(db: Database) -> set[int]:
    """Return the revisions in the digests that are kept."""
    with db.read() as session:
        query = select(_D.picks).where(func.length(_D.picks) > 0).execution_options(yield_per=BATCH)
        return {
            pick.revision for picks in session.connection().execute(query).scalars() for pick in readable_picks(picks)
        }


def _batches(db: Database, table: Table, condition: Sequence[core.Condition]) -> Iterator[list[int]]:
    """Yield the row numbers of rows that meet the conditions, in ascending blocks; none without a condition."""
    key = table.c.id
    after = 0
    while condition:
        query = select(key).where(key > after, *condition).order_by(key).limit(BATCH)
        with db.read() as session:
            ids = list(session.connection().execute(query).scalars())
        if not ids:
            return
        yield ids
        after = ids[-1]
