"""Import and export many subscribers in blocks.

This way, memory stays constant for files of any length.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlmodel import Session

from digestd.domain.delivery import SuppressionReason
from digestd.domain.mail_budget import Budget, Pool
from digestd.domain.subscriber import Cause, Status, Subscriber
from digestd.errors import BadRecord, RejectedLines
from digestd.security.addresses import address_key
from digestd.store import rate_limits, subscribers, suppressions
from digestd.store.bulk import by_halves
from digestd.store.database import Database
from digestd.subscribers.files import FileLine
from digestd.subscribers.notices import NoticeContext
from digestd.subscribers.signup import plan_confirmation
from digestd.subscribers.subscriber_record import SubscriberRecord, parse, subscriber_fields

BLOCK = 500
TOPICS_MAX = 10_000
"""Distinct topics of a file that are reported."""
ADDRESSES_MAX = 100_000
"""Addresses of a file that are remembered to refuse a second line, which takes some 15 MB."""


@dataclass(slots=True)
class SubscriberImportReport:
    """Counts of imported lines, and the lines that were rejected.

    Attributes:
        unchanged: includes `left_alone`.
        left_alone: subscribers who left; no import brings them back.
        topics: the first topics of the good lines, each with the number of the first line that has it.
        muted: the same for what topics refuse, which is muted.
    """

    added: int = 0
    updated: int = 0
    unchanged: int = 0
    left_alone: int = 0
    refused: RejectedLines = field(default_factory=RejectedLines)
    topics: dict[str, int] = field(default_factory=dict)
    muted: dict[str, int] = field(default_factory=dict)

    def count(self, done: "SubscriberImportReport") -> None:
        """Add the counts of another report."""
        self.added += done.added
        self.updated += done.updated
        self.unchanged += done.unchanged
        self.left_alone += done.left_alone


Refuse = Callable[[FileLine, BadRecord], None]


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """How to import a file.

    Attributes:
        strict: import all lines or, if one is bad, none.
        dry_run: change nothing and send no mail.
        refuse: called with each refused line.
    """

    strict: bool = False
    dry_run: bool = False
    refuse: Refuse = lambda _line, _problem: None


@dataclass(frozen=True, slots=True)
class _Line:
    """A line that can be read."""

    source: FileLine
    key: bytes
    record: SubscriberRecord


class _Rollback(Exception):
    """Raised to roll back a strict import with a bad line, or a dry run."""


def import_subscribers(
    db: Database,
    notices: NoticeContext,
    lines: Iterable[FileLine],
    now: datetime,
    options: ImportOptions = ImportOptions(),
) -> SubscriberImportReport:
    """Import every good line and report the bad ones. Known addresses are updated.

    Nobody who unsubscribed, paused or is suppressed is reactivated.
    """
    report = SubscriberImportReport()

    def refuse(line: FileLine, problem: BadRecord) -> None:
        report.refused.add(line.number, problem)
        options.refuse(line, problem)

    blocks = _blocks(_good_lines(lines, notices, refuse), report)
    if not (options.strict or options.dry_run):
        for block in blocks:
            for done in _import_good(db, notices, block, now, refuse):
                report.count(done)
        return report
    try:
        with db.write() as session:
            for block in blocks:
                report.count(_import_block(session, notices, block, now))
            if options.dry_run or report.refused:
                raise _Rollback
    except _Rollback:
        return report if options.dry_run else SubscriberImportReport(refused=report.refused)
    return report


def _import_good(
    db: Database, notices: NoticeContext, block: Sequence[_Line], now: datetime, refuse: Refuse
) -> Iterator[SubscriberImportReport]:
    """Import the lines of a block but those that cannot be stored."""

    def work(lines: Sequence[_Line]) -> SubscriberImportReport:
        with db.write() as session:
            return _import_block(session, notices, lines, now)

    def fail(line: _Line, error: Exception) -> None:
        refuse(line.source, BadRecord("line", f"cannot be stored ({type(error).__name__})"))

    return by_halves(block, work, fail)


def _blocks(lines: Iterable[_Line], report: SubscriberImportReport) -> Iterator[list[_Line]]:
    """Yield blocks of good lines. Of two lines for one address in a block, the later one starts a new block."""
    block: dict[bytes, _Line] = {}
    for line in lines:
        if len(block) >= BLOCK or line.key in block:
            yield list(block.values())
            block = {}
        block[line.key] = line
        for hint in line.record.refused if len(report.muted) < TOPICS_MAX else ():
            report.muted.setdefault(hint.topic, line.source.number)
        for topic in line.record.topics if len(report.topics) < TOPICS_MAX else ():
            report.topics.setdefault(topic, line.source.number)
    if block:
        yield list(block.values())


def _good_lines(lines: Iterable[FileLine], notices: NoticeContext, refuse: Refuse) -> Iterator[_Line]:
    """Yield the lines that can be read. Refuse the others, and second lines for an address."""
    seen: dict[bytes, int] = {}
    for line in lines:
        try:
            record = _record(line)
            key = address_key(notices.keys, record.address)
            if first := seen.get(key):
                raise BadRecord("email", f"line {first} has the same address; keep one of the two lines")
        except BadRecord as problem:
            refuse(line, problem)
            continue
        except Exception as error:  # of a kind that nobody foresaw
            refuse(line, BadRecord("line", f"cannot be read ({type(error).__name__})"))
            continue
        if len(seen) < ADDRESSES_MAX:
            seen[key] = line.number
        yield _Line(line, key, record)


def _record(line: FileLine) -> SubscriberRecord:
    if isinstance(line.fields, BadRecord):
        raise line.fields
    return parse(line.fields)


def _import_block(
    session: Session, notices: NoticeContext, lines: Sequence[_Line], now: datetime
) -> SubscriberImportReport:
    block = {line.key: line.record for line in lines}
    known = subscribers.by_address_keys(session, list(block))
    suppressed = suppressions.of_addresses(session, block)
    fresh = [line for line in lines if line.key not in known and line.key not in suppressed]
    report = _add(session, notices, fresh, now)
    report.left_alone += sum(key not in known for key in suppressed)
    report.unchanged += sum(key not in known for key in suppressed)
    changed: list[Subscriber] = []
    for key, subscriber in known.items():
        is_suppressed = key in suppressed and subscriber.status not in _LEFT  # no import speaks for the suppressed
        after = None if is_suppressed else _settle(block[key], subscriber)
        report.left_alone += after is None
        if after is None or after == subscriber:
            report.unchanged += 1
            continue
        report.updated += 1
        changed.append(after)
        if after.status is not subscriber.status:
            _step(session, key, subscriber, after.status, now)
    subscribers.update_many(session, changed, now)
    return report


def _settle(record: SubscriberRecord, known: Subscriber) -> Subscriber | None:
    """Return the subscriber after the import of a record. None if they left and nothing may change."""
    status = record.status or Status.ACTIVE
    if known.status in _LEFT:
        is_stricter = known.status is Status.UNSUBSCRIBED and status is Status.SUPPRESSED
        if not is_stricter and status is not known.status:
            return None
        return replace(known, status=status)
    return replace(record.apply_to(known), status=_STEPS[known.status].get(status, known.status))


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


def _add(session: Session, notices: NoticeContext, fresh: Sequence[_Line], now: datetime) -> SubscriberImportReport:
    arrivals = {line.key: line.record.as_new for line in fresh}
    stored = subscribers.insert_many(session, arrivals, Cause.IMPORT, now)
    for key, number in stored.items():
        if arrivals[key].status is Status.SUPPRESSED:
            suppressions.record(session, key, SuppressionReason.REQUEST, now)
        elif arrivals[key].status is Status.PENDING:
            rate_limits.count_mails(session, [Budget(Pool.OPERATOR, key)], now)
            plan_confirmation(session, notices, (number, 1), (None, Cause.IMPORT), now, now)
    report = SubscriberImportReport(added=len(stored))
    if lost := [line for line in fresh if line.key not in stored]:
        report.count(_import_block(session, notices, lost, now))  # another process was first: now they are known
    return report


def export_subscribers(
    db: Database, damaged: Callable[[Subscriber], None] = lambda _subscriber: None
) -> Iterator[dict[str, object]]:
    """Yield every subscriber who is not erased as an import line, from one snapshot.

    `damaged` is called with those of whom something cannot be read, who are left out.
    """
    with db.read() as session:
        for subscriber in subscribers.stream(session):
            if subscriber.status is Status.ERASED:
                continue
            if subscriber.damage:
                damaged(subscriber)
            else:
                yield subscriber_fields(subscriber)
