"""Importing and exporting many subscribers, in blocks: memory stays flat however long the file is."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlmodel import Session

from digestd.domain.rejected_lines import RejectedLines
from digestd.domain.subscriber import Cause, Status, Subscriber
from digestd.domain.suppression import SuppressionReason
from digestd.errors import BadRecord
from digestd.security.links import address_key
from digestd.store import mail_budgets, subscribers, suppressions
from digestd.store.database import Database
from digestd.subscribers.files import FileLine
from digestd.subscribers.notices import NoticeContext
from digestd.subscribers.signup import new_subscriber, plan_confirmation, stranger_budget
from digestd.subscribers.subscriber_record import SubscriberRecord, parse, subscriber_fields

BLOCK = 500


@dataclass(slots=True)
class SubscriberImportReport:
    """What became of the lines. `unchanged` counts the left alone too: who left is not brought back."""

    added: int = 0
    updated: int = 0
    unchanged: int = 0
    left_alone: int = 0
    refused: RejectedLines = field(default_factory=RejectedLines)

    def count(self, done: "SubscriberImportReport") -> None:
        """Add what became of some more lines."""
        self.added += done.added
        self.updated += done.updated
        self.unchanged += done.unchanged
        self.left_alone += done.left_alone


class _Nothing(Exception):
    """A strict import met a bad line, or a rehearsal is over: roll back."""


def import_subscribers(
    db: Database, notices: NoticeContext, lines: Iterable[FileLine], now: datetime, *, strict: bool = False
) -> SubscriberImportReport:
    """Take in every good line and report the bad ones; `strict` takes all or nothing.

    A known address is updated. Nobody who unsubscribed, paused or is suppressed is brought back.
    """
    report = SubscriberImportReport()
    blocks = _blocks(lines, notices, report)
    if not strict:
        for block in blocks:
            with db.write() as session:
                done = _take_in(session, notices, block, now)
            report.count(done)
        return report
    try:
        with db.write() as session:
            for block in blocks:
                report.count(_take_in(session, notices, block, now))
            if report.refused:
                raise _Nothing
    except _Nothing:
        return SubscriberImportReport(refused=report.refused)
    return report


def dry_run_import(
    db: Database, notices: NoticeContext, lines: Iterable[FileLine], now: datetime
) -> SubscriberImportReport:
    """What `import_subscribers` would make of the lines; nothing of it stays, and nobody is written to."""
    report = SubscriberImportReport()
    with suppress(_Nothing), db.write() as session:
        for block in _blocks(lines, notices, report):
            report.count(_take_in(session, notices, block, now))
        raise _Nothing
    return report


def _blocks(
    lines: Iterable[FileLine], notices: NoticeContext, report: SubscriberImportReport
) -> Iterator[dict[bytes, SubscriberRecord]]:
    """Good records by address key, none twice in a block: of two lines for one address the later counts."""
    block: dict[bytes, SubscriberRecord] = {}
    for line in lines:
        try:
            record = _record(line)
            key = address_key(notices.keys, record.address)
        except BadRecord as problem:
            report.refused.add(line.number, problem)
            continue
        if len(block) >= BLOCK or key in block:
            yield block
            block = {}
        block[key] = record
    if block:
        yield block


def _record(line: FileLine) -> SubscriberRecord:
    if isinstance(line.fields, BadRecord):
        raise line.fields
    return parse(line.fields)


def _take_in(
    session: Session, notices: NoticeContext, block: Mapping[bytes, SubscriberRecord], now: datetime
) -> SubscriberImportReport:
    known = subscribers.by_address_keys(session, list(block))
    suppressed = suppressions.of_addresses(session, block)
    fresh = {key: record for key, record in block.items() if key not in known and key not in suppressed}
    report = _add(session, notices, fresh, now)
    report.left_alone += sum(key not in known for key in suppressed)
    report.unchanged += sum(key not in known for key in suppressed)
    changed: list[Subscriber] = []
    for key, subscriber in known.items():
        is_barred = key in suppressed and subscriber.status not in _LEFT  # no import speaks for the suppressed
        settled = None if is_barred else _settle(block[key], subscriber)
        report.left_alone += settled is None
        if settled is None or settled == subscriber:
            report.unchanged += 1
            continue
        report.updated += 1
        changed.append(settled)
        if settled.status is not subscriber.status:
            _step(session, key, subscriber, settled.status, now)
    subscribers.update_many(session, changed, now)
    return report


def _settle(record: SubscriberRecord, known: Subscriber) -> Subscriber | None:
    """The subscriber as the record may have them; None where it may change nothing, as they left."""
    said = record.status or Status.ACTIVE
    if known.status in _LEFT:
        further = known.status is Status.UNSUBSCRIBED and said is Status.SUPPRESSED
        if not further and said is not known.status:
            return None
        return replace(known, status=said)
    return replace(record.of(known), status=_STEPS[known.status].get(said, known.status))


_LEFT = frozenset({Status.UNSUBSCRIBED, Status.SUPPRESSED, Status.ERASED})
_AWAY = {status: status for status in (Status.PAUSED, Status.UNSUBSCRIBED, Status.SUPPRESSED)}
_STEPS = {
    Status.PENDING: {Status.ACTIVE: Status.ACTIVE, **_AWAY},  # the operator vouches for them
    Status.ACTIVE: _AWAY,
    Status.PAUSED: _AWAY,
}


def _step(session: Session, key: bytes, known: Subscriber, status: Status, now: datetime) -> None:
    if status is Status.SUPPRESSED:
        suppressions.suppress(session, key, SuppressionReason.REQUEST, now)
    else:
        subscribers.change_status(session, known.key, status, Cause.IMPORT, now)


def _add(
    session: Session, notices: NoticeContext, fresh: Mapping[bytes, SubscriberRecord], now: datetime
) -> SubscriberImportReport:
    arrivals = [new_subscriber(record, key, record.status or Status.ACTIVE) for key, record in fresh.items()]
    stored = subscribers.insert_many(session, arrivals, Cause.IMPORT, now)
    for arrival in arrivals:
        if arrival.address_key in stored and arrival.status is Status.SUPPRESSED:
            suppressions.record(session, arrival.address_key, SuppressionReason.REQUEST, now)
        elif arrival.address_key in stored and arrival.status is Status.PENDING:
            mail_budgets.count(session, [stranger_budget(arrival.address_key, Cause.IMPORT)], now)
            plan_confirmation(session, notices, (stored[arrival.address_key], 1), (None, Cause.IMPORT), now, now)
    report = SubscriberImportReport(added=len(stored))
    if lost := {key: record for key, record in fresh.items() if key not in stored}:
        report.count(_take_in(session, notices, lost, now))  # another process was first: now they are known
    return report


def export_subscribers(db: Database) -> Iterator[dict[str, object]]:
    """Every subscriber as an import line, as of one moment; nothing is left to export of the erased."""
    with db.read() as session:
        for subscriber in subscribers.stream(session):
            if subscriber.status is not Status.ERASED:
                yield subscriber_fields(subscriber)
