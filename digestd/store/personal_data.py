"""Personal data: export and erase everything about a subscriber, and prune what is older than the operator keeps.

Export and erasure go by row number or by keyed hash of the address. After an erasure only that hash stays, in no other
form and in no file of the database.

Pruning, while the service runs: deliveries that are settled, with their attempts, replies and audits. Who had which
paper and until when they were planned for stands with the subscriber, so nothing is sent again; a link to an old mail's
papers answers as unknown. Papers that nobody was sent, liked, judged or merged, and superseded revisions that no kept
digest shows. Each transaction deletes a few hundred rows, so that mails and pages do not wait for it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import Table, delete, exists, func, or_, select, update
from sqlmodel import Session

from digestd.domain.delivery import MailKind
from digestd.domain.interest import Kind
from digestd.domain.subscriber import Cause, Status, Subscriber
from digestd.errors import DigestdError
from digestd.store import consent, core, groups, integrations, libraries, rate_limits, subscribers
from digestd.store.database import Database
from digestd.store.ledger.claim_queue import ALL_COLUMNS, coverage
from digestd.store.ledger.packing import readable_picks, readable_seen, steps, unpack_most_read, unpack_news
from digestd.store.papers.search import index_missing
from digestd.store.ranking import judgments
from digestd.store.subscribers import address_key_of
from digestd.store.tables.ledger import AT_WORK
from digestd.store.timestamps import US_MAX, from_us, to_us

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_BY_SUBSCRIBER = (
    core.interest,
    core.profile,
    core.feedback,
    core.muting,
    core.saved_list_link,
    core.chat_target,
    core.consent_event,
    core.address_change,
    core.seen_papers,
    core.returning_papers,
    core.webhook_post,
    core.library,
    core.reference,
    core.paper_lookup,
    core.pending_request,
    core.group_member,
    core.api_token,
)
_BY_ADDRESS = (core.bounce, core.lifted_suppression, core.caused_mail, core.suppression)
_BY_DELIVERY = (core.earlier_attempt, core.reply)
_D = core.delivery.c
PERSONAL_TABLES = frozenset(
    table.name
    for table in (
        *(core.subscriber, core.delivery, core.library_entry),
        *(*_BY_SUBSCRIBER, *_BY_ADDRESS, *_BY_DELIVERY),
    )
)
"""Names of the tables with personal data."""
_OURS = frozenset(
    {"subscriber_id", "address_key", "recipient_key", "template_hash", "audit_id", "model_id", "group_id"}
)
"""Columns that only link rows; they say nothing of the person."""
_UNREADABLE = {
    "sealed": "a key, which is not shown",
    "terms": "numbers that the text model made of these words",
    "other_terms": "numbers that another text model made of these words",
    "hash": "a hash of a secret, which is not shown",
    "vector": "numbers that the dense model made of these words",
}
"""Columns whose content is described instead of shown."""


def export(session: Session, subscriber: int) -> dict[str, list[dict[str, object]]]:
    """Return every row about a subscriber, by table, ready for JSON.

    Rows and mails of an address that they only want to change to are left out: they may be about somebody else.
    """
    address_key = address_key_of(session, subscriber)
    theirs = _D.subscriber_id == subscriber
    theirs &= or_(_D.kind != MailKind.ADDRESS_CHANGE_NEW, _D.recipient_key == address_key)
    mails = select(_D.id).where(theirs)
    linked = select(core.library.c.id).where(core.library.c.subscriber_id == subscriber)
    conditions = {core.subscriber: core.subscriber.c.id == subscriber}
    conditions |= {table: table.c.subscriber_id == subscriber for table in _BY_SUBSCRIBER}
    conditions |= {table: table.c.address_key == address_key for table in _BY_ADDRESS}
    conditions |= {table: table.c.delivery_id.in_(mails) for table in _BY_DELIVERY}
    conditions |= {core.delivery: theirs, core.library_entry: core.library_entry.c.library_id.in_(linked)}
    found = {}
    for table, condition in conditions.items():
        columns = {core.delivery: ALL_COLUMNS, core.library: libraries.COLUMNS}.get(table, table.c)
        query = select(*columns).where(condition).order_by(*table.primary_key)
        rows = session.connection().execute(query).mappings()
        found["row" if table is core.subscriber else table.name] = [_readable(session, table.name, row) for row in rows]
    return found


def _readable(session: Session, table: str, row: Any) -> dict[str, object]:
    fields = {name: _plain(name, value) for name, value in row.items() if name not in _OURS}
    for name, read in _PACKED.get(table, {}).items():
        fields[name] = read(session, row[name])
    if table in {"consent_event", "pending_request"} and row["wording"]:
        fields["wording"] = (
            session.connection()
            .execute(select(core.consent_wording.c.text).where(core.consent_wording.c.hash == row["wording"]))
            .scalar()
        )
    if table == "group_member":
        group = select(core.subscriber_group.c.name).where(core.subscriber_group.c.id == row["group_id"])
        fields["group"] = session.connection().execute(group).scalar()
    fields |= {name: words for name, words in _UNREADABLE.items() if fields.get(name) is not None}
    if isinstance(fields.get("paper"), int):
        fields["paper"] = _names(session, [row["paper"]])[0]
    return {name.removesuffix("_us"): value for name, value in fields.items()}


def _plain(name: str, value: object) -> object:
    if name.endswith("_us") and isinstance(value, int) and abs(value) < US_MAX:
        return from_us(value)
    return value.hex() if isinstance(value, bytes) else value


def _names(session: Session, papers: list[int]) -> list[str]:
    query = select(core.paper.c.id, core.paper.c.paper_id).where(core.paper.c.id.in_(papers))
    names = {row.id: row.paper_id for row in session.connection().execute(query)}
    return [names.get(paper, str(paper)) for paper in papers]


def _picked(session: Session, packed: bytes) -> object:
    picks = readable_picks(packed)
    names = _names(session, [pick.paper for pick in picks])
    return [
        {"paper": name, "section": pick.section, "why": pick.reason.kind, "value": pick.reason.value}
        for name, pick in zip(names, picks, strict=True)
    ] + [{"saved": one.title, "news": [change.kind for change in one.changes]} for one in unpack_news(packed)]


def _seen(session: Session, packed: bytes) -> object:
    return _names(session, readable_seen(packed).tolist())


def _history(_session: Session, packed: str) -> object:
    return [{"state": state, "by": actor, "at": from_us(at)} for state, actor, at in steps(packed)]


def _coverage(_session: Session, packed: str) -> object:
    return coverage(packed)


def _saving(_session: Session, packed: str | None) -> object:
    with suppress(TypeError, ValueError):
        return json.loads(packed or "")
    return packed


_PACKED: dict[str, dict[str, Callable[[Session, Any], object]]] = {
    "delivery": {"picks": _picked, "history": _history, "coverage": _coverage},
    "library": {"saving": _saving},
    "seen_papers": {"papers": _seen},
}
"""Packed columns, and the functions that read them."""


def erase(session: Session, key: int, now: datetime, cause: Cause = Cause.ERASE) -> Subscriber:
    """Erase a person: only the keyed hash of the address and the fact of mails stay."""
    judgments.forget_topics_of(session, key)
    erased = subscribers.change_status(session, key, Status.ERASED, cause, now)
    subscribers.update_many(session, [_erased_subscriber(erased)], now)
    address_key = subscribers.address_key_of(session, key)
    theirs = core.delivery.c.subscriber_id == key
    mails = select(core.delivery.c.id).where(theirs)
    rate_limits.anonymise_mails(session, key, address_key)
    consent.erase_requests(session, key)
    libraries.forget(session, key)
    groups.forget(session, key)
    integrations.remove_chat_target(session, key)
    for table in (
        *(core.seen_papers, core.feedback, core.muting, core.profile, core.address_change),
        *(core.reference, core.paper_lookup, core.returning_papers, core.api_token),
    ):
        session.connection().execute(delete(table).where(table.c.subscriber_id == key))
    for statement in (
        delete(core.bounce).where(core.bounce.c.address_key == address_key),
        delete(core.reply).where(core.reply.c.delivery_id.in_(mails)),
        # relays quote addresses
        update(core.earlier_attempt).where(core.earlier_attempt.c.delivery_id.in_(mails)).values(text=None),
        update(core.delivery).where(theirs).values(picks=b"", reply_text=None, recipient_key=None),
    ):
        session.connection().execute(statement)
    consent.erase_networks(session, key)
    # only the suppression keeps the hash, so that the person can subscribe again as somebody new
    freed = hashlib.sha256(b"erased:%d:" % key + address_key).digest()
    session.connection().execute(update(core.subscriber).where(core.subscriber.c.id == key).values(address_key=freed))
    return erased


def _erased_subscriber(erased: Subscriber) -> Subscriber:
    return Subscriber(
        key=erased.key,
        address=None,
        status=Status.ERASED,
        version=erased.version,
        last_date=erased.last_date,
        last_planned=erased.last_planned,
    )


def scrub(db: Database, *, wait: bool = True) -> bool:
    """Empty SQLite's write-ahead log, which still has deleted data; secure_delete wipes the file itself.

    Return False if an open transaction still needs the log, or it fails: the scheduler calls it again. It never raises,
    because what it completes is committed. Without `wait` it does not block.
    """
    if not db.is_sqlite:
        return True
    try:
        with db.connected() as connection:
            connection.exec_driver_sql("ROLLBACK")
            if not wait:
                connection.exec_driver_sql("PRAGMA busy_timeout=0")
            busy = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").scalar()
            if not wait:
                connection.invalidate()  # the next one waits again
    except DigestdError as error:
        import structlog  # most commands log nothing

        structlog.get_logger(__name__).error("cannot empty the write-ahead log", why=str(error))
        return False
    return not busy


BATCH = 500
"""Rows deleted in one transaction."""
_P, _V = core.paper.c, core.revision.c
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
    counts = Pruned()
    if keep_deliveries:
        counts.deliveries = _prune_deliveries(db, now - timedelta(days=keep_deliveries), dry_run)
    if keep_papers:
        before = now - timedelta(days=keep_papers)
        counts.papers = _prune_papers(db, before, dry_run)
        counts.revisions = _prune_revisions(db, before, dry_run)
    if not dry_run:
        judgments.prune(db, now)
        index_missing(db)
    return counts


def _prune_deliveries(db: Database, before: datetime, dry_run: bool) -> int:
    old = _D.due_us < to_us(before), _D.state.not_in(_LASTING)
    due = *old, _D.kind != MailKind.PROGRAMME
    count = 0
    for ids in _batches(db, core.delivery, due):
        count += len(ids) if dry_run else _delete_deliveries(db, ids, due)
    if not dry_run:
        # a programme comes once ever, so its row stays
        for ids in _batches(db, core.delivery, (*old, _D.kind == MailKind.PROGRAMME, func.length(_D.picks) > 0)):
            with db.write() as session:
                session.connection().execute(update(core.delivery).where(_D.id.in_(ids)).values(picks=b""))
        _delete_audits(db, before)
    return count


def _prune_papers(db: Database, before: datetime, dry_run: bool) -> int:
    seen: NDArray[np.bool_] | None = None
    count = 0
    for ids in _batches(db, core.paper, _unconcerned(before)):
        seen = _seen_by_anybody(db) if seen is None else seen
        unseen = [key for key in ids if key >= len(seen) or not seen[key]]
        count += len(unseen) if dry_run else _delete_papers(db, unseen)
    return count


def _prune_revisions(db: Database, before: datetime, dry_run: bool) -> int:
    superseded = (_V.made_us < to_us(before), ~exists().where(_P.revision_id == _V.id))
    shown = _shown(db)
    count = 0
    for ids in _batches(db, core.revision, superseded):
        unused = [key for key in ids if key not in shown]
        count += len(unused) if dry_run else _delete_revisions(db, unused)
    return count


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
        _delete_derived(session, select(_V.id).where(_V.paper.in_(ids)))
        for table in (core.revision, core.sighting, core.signal, core.similarity_key, core.paper_alias):
            connection.execute(delete(table).where(table.c.paper.in_(ids)))
        return connection.execute(delete(core.paper).where(_P.id.in_(ids))).rowcount


def _delete_revisions(db: Database, ids: Sequence[int]) -> int:
    with db.write() as session:
        _delete_derived(session, ids)
        return session.connection().execute(delete(core.revision).where(_V.id.in_(ids))).rowcount


def _delete_derived(session: Session, revisions: core.Query | Sequence[int]) -> None:
    for table in (core.gist_attempt, core.embedding, core.encoding):
        session.connection().execute(delete(table).where(table.c.revision.in_(revisions)))


def _seen_by_anybody(db: Database) -> NDArray[np.bool_]:
    """Return for each paper, by its row number, whether any subscriber has had it, or a kept digest names it."""
    import numpy as np

    with db.read() as session:
        highest = session.connection().execute(select(func.max(_P.id))).scalar() or 0
        found = np.zeros(highest + 1, dtype=bool)
        query = select(core.seen_papers.c.papers).execution_options(yield_per=BATCH)
        for packed in session.connection().execute(query).scalars():
            seen = readable_seen(packed)
            found[seen[seen < len(found)]] = True
        named = select(_V.paper).where(_V.id.in_(_most_read(session)), _V.paper <= highest)
        found[list(session.connection().execute(named).scalars())] = True
    return found


def _shown(db: Database) -> set[int]:
    """Return the revisions in the digests that are kept, and those that subscribers know of saved papers."""
    with db.read() as session:
        known = select(core.feedback.c.known_revision).where(core.feedback.c.known_revision.is_not(None)).distinct()
        compared = set(session.connection().execute(known).scalars())
        query = select(_D.picks).where(func.length(_D.picks) > 0).execution_options(yield_per=BATCH)
        picked = {
            pick.revision for picks in session.connection().execute(query).scalars() for pick in readable_picks(picks)
        }
        return picked | compared | _most_read(session)


def _most_read(session: Session) -> set[int]:
    """Return the revisions that kept digests name because everybody reads them."""
    kept = session.connection().execute(select(_D.occasions).where(_D.occasions != "").distinct()).scalars()
    return {unpack_most_read(one) for one in kept}


def _batches(db: Database, table: Table, condition: Sequence[core.Condition]) -> Iterator[list[int]]:
    """Yield the row numbers of rows that meet the conditions, in ascending blocks."""
    key = table.c.id
    after = 0
    while True:
        query = select(key).where(key > after, *condition).order_by(key).limit(BATCH)
        with db.read() as session:
            ids = list(session.connection().execute(query).scalars())
        if not ids:
            return
        yield ids
        after = ids[-1]
