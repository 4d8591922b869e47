"""Export and erase everything stored about a subscriber.

By row number or by keyed hash of the address. After an erasure only that hash stays, in no other form and in no file of
the database.
"""

import hashlib
from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import delete, or_, select, update
from sqlmodel import Session

from digestd.domain.delivery import MailKind
from digestd.domain.subscriber import Cause, Status, Subscriber
from digestd.store import consent, core, groups, integrations, libraries, rate_limits, subscribers
from digestd.store.database import Database
from digestd.store.ledger.claim_queue import ALL_COLUMNS, coverage
from digestd.store.ledger.packing import readable_picks, readable_seen, steps
from digestd.store.subscribers import address_key_of
from digestd.store.timestamps import US_MAX, from_us

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
        columns = ALL_COLUMNS if table is core.delivery else table.c
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
    ]


def _seen(session: Session, packed: bytes) -> object:
    return _names(session, readable_seen(packed).tolist())


def _history(_session: Session, packed: str) -> object:
    return [{"state": state, "by": actor, "at": from_us(at)} for state, actor, at in steps(packed)]


def _coverage(_session: Session, packed: str) -> object:
    return coverage(packed)


_PACKED: dict[str, dict[str, Callable[[Session, Any], object]]] = {
    "delivery": {"picks": _picked, "history": _history, "coverage": _coverage},
    "seen_papers": {"papers": _seen},
}
"""Packed columns, and the functions that read them."""


def erase(session: Session, key: int, now: datetime, cause: Cause = Cause.ERASE) -> Subscriber:
    """Erase a person: only the keyed hash of the address and the fact of mails stay."""
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
        *(core.reference, core.paper_lookup, core.returning_papers),
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
    _detach(session, key, address_key)
    return erased


def _detach(session: Session, key: int, address_key: bytes) -> None:
    """Free the keyed hash of an erased address; only its suppression keeps it.

    The person can then subscribe again as a new subscriber without old links, mails or records.
    """
    freed = hashlib.sha256(b"erased:%d:" % key + address_key).digest()
    session.connection().execute(update(core.subscriber).where(core.subscriber.c.id == key).values(address_key=freed))


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
    """Empty SQLite's write-ahead log, which still has deleted data.

    Secure_delete wipes the file itself.

    Returns False if an open transaction still needs the log: call it again later. Without `wait` it does not block.
    """
    if not db.is_sqlite:
        return True
    with db.connected() as connection:
        connection.exec_driver_sql("ROLLBACK")
        if not wait:
            connection.exec_driver_sql("PRAGMA busy_timeout=0")
        busy = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").scalar()
        if not wait:
            connection.invalidate()  # the next one waits again
    return not busy
