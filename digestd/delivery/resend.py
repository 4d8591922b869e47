"""Send digests again that did not arrive: as copies, which keep their papers, and never against consent.

In bulk, nobody gets two digests on one local date, and nobody whose next digest already came: the papers of a digest
that was not sent come back with the next. For one subscriber who is named, only consent counts.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from sqlmodel import Session

from digestd.domain.delivery import UNSENT, MailKind, State
from digestd.domain.schedule import local_date
from digestd.domain.subscriber import Status
from digestd.store import ledger
from digestd.store.database import Database
from digestd.store.ledger.resending import ResendCandidate, ResendFilter, mark_seen, resend_candidates

BLOCK = 200
RESENDABLE = frozenset({State.REJECTED, State.EXPIRED, State.SKIPPED, State.ABANDONED, State.ACCEPTED})
"""States of deliveries that have ended. The others are still to be sent, or are settled by `delivery settle`."""
MakeMessageId = Callable[[int, MailKind, str], str]


@dataclass(frozen=True, slots=True)
class Resent:
    """A digest that is sent again as the delivery `copy`, or why it is not."""

    delivery: int
    address: str
    period: str
    state: State
    copy: int | None
    refused: str = ""


def refusal(found: ResendCandidate, now: datetime, *, named: bool) -> str:
    """Return why a digest must not be sent again, or an empty string.

    `named`: the operator named this one subscriber or delivery.
    """
    if found.is_suppressed:
        return "their address is suppressed"
    if found.status is not Status.ACTIVE:
        return f"they are {found.status}"
    if named:
        return ""
    if found.has_newer:
        return "they had a newer digest, or will get one"
    if found.state is State.ACCEPTED and local_date(found.timing, found.ended) == local_date(found.timing, now):
        return "they had it today"
    if local_date(found.timing, found.next_due) <= local_date(found.timing, now):
        return "their next digest is due today"
    return ""


def resend(
    db: Database,
    wanted: ResendFilter,
    message_id: MakeMessageId,
    now: datetime,
    *,
    dry_run: bool = False,
) -> list[Resent]:
    """Queue a copy of every digest that a filter selects and that may be sent again.

    Args:
        wanted: the selection; of one subscriber only the newest digest is sent.
        message_id: returns the Message-ID of a copy for a subscriber, its kind and its key.
        dry_run: return what would be queued, and change nothing.
    """
    named = wanted.subscriber is not None or wanted.delivery is not None
    done: list[Resent] = []
    served: set[int] = set()
    after, more = 0, True
    while more:
        with db.read() if dry_run else db.write() as session:
            block = resend_candidates(session, wanted, after, BLOCK)
            for found in block if wanted.subscriber is None else block[-1:]:
                why = refusal(found, now, named=named)
                if found.copy.subscriber in served:
                    why = "another digest of theirs is sent again"
                key = None
                if not why:
                    served.add(found.copy.subscriber)
                    key = None if dry_run else _queue(session, found, message_id, now)
                done.append(Resent(found.delivery, found.address, found.copy.period, found.state, key, why))
        more, after = bool(block), block[-1].delivery if block else after
    return done


def _queue(session: Session, found: ResendCandidate, message_id: MakeMessageId, now: datetime) -> int:
    """Queue a copy and return its number; the papers of a digest that was not sent must not come once more."""
    make = partial(message_id, found.copy.subscriber, MailKind.COPY)
    if found.state in UNSENT:
        mark_seen(session, [found.copy])
    return ledger.plan_copy(session, found.copy, make, now)
