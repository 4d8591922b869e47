"""Decide what follows from bounces and refusals, in the transaction that records them.

An address is locked by its subscriber's row, like consent and the commit point, so that two bounces at once count
twice, and a mail that reaches the commit point afterwards sees the suppression.

While unusually many mails bounce over a relay or at a recipient domain, suppressions are held back, and those by the
same surge from before it was noticed are lifted.

After a permanent refusal the delivery is recorded as `ready` and its attempt as `perm` (`Outcome`). The verdict comes
when others have been tried as well:

    unusually many failed over this relay, or at this domain         it waits, and nobody is suppressed
    the mail was refused, and the relay accepted none of the others  it waits: the refusal may be about all mails
    else                                                             rejected; it counts as a bounce of its address

A mail that waits is tried again like any that was put off, until it is too late. If the process ends before the
verdict, it waits as well. A compare-and-set on state and attempt: the second caller changes nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from sqlmodel import Session

from digestd.domain.bounce import (
    REMEMBERED,
    Bounce,
    BounceAction,
    BounceKind,
    BounceScore,
    FailureCounts,
    choose_action,
    score,
)
from digestd.domain.bounce_rules import kind_of, status_in
from digestd.domain.delivery import SuppressionReason
from digestd.domain.subscriber import Cause
from digestd.store import bounces, suppressions
from digestd.store.ledger.results import AttemptResult, refusal_states, reject
from digestd.store.timestamps import to_us

VIA_REPLY = "reply"
"""Origin of a bounce that is the relay's own reply."""
REASON = "held: unusually many bounces at the same time"
_SUPPRESSES = {
    BounceAction.HARD: SuppressionReason.HARD_BOUNCE,
    BounceAction.SOFT: SuppressionReason.SOFT_BOUNCE,
    BounceAction.COMPLAINT: SuppressionReason.COMPLAINT,
}


@dataclass(frozen=True, slots=True)
class BounceEffect:
    """The result of a bounce.

    `is_new` is False if it was reported before: then nothing was done.

    A bounce is held and suppresses nobody during a surge, or if it is `doubtful`.
    """

    is_new: bool
    action: BounceAction = BounceAction.FINE


@dataclass(frozen=True, slots=True)
class RefusalCounts:
    """Counts of final and of waiting refusals.

    `early`: too recent to judge; `why`: the unusual share, by relay.
    """

    rejected: int = 0
    count_waiting: int = 0
    early: tuple[AttemptResult, ...] = ()
    why: tuple[tuple[str, FailureCounts], ...] = ()


def record(session: Session, bounce: Bounce, now: datetime, doubtful: bool = False) -> BounceEffect:
    """Store a bounce and apply its effects in the caller's transaction.

    Safe to repeat.
    """
    bounces.lock(session, [bounce.address_key])
    if not bounces.insert(session, bounce):
        return BounceEffect(is_new=False)
    if bounce.kind is BounceKind.HARD and (doubtful or _must_hold(session, bounce, now)):
        bounces.hold(session, [bounce.key])
        return BounceEffect(is_new=True, action=BounceAction.HELD)
    return BounceEffect(is_new=True, action=_apply_effects(session, bounce, now))


def _apply_effects(session: Session, bounce: Bounce, now: datetime) -> BounceAction:
    """Apply the effects of a stored bounce that is not held."""
    bounces.enqueue_event(session, bounce, now)
    lifted = max((one.at for one in suppressions.lifted(session, bounce.address_key)), default=None)
    if lifted is not None and _is_older(session, bounce, lifted):
        return BounceAction.FINE
    follows = choose_action(bounce, score_of(session, bounce.address_key, now))
    if follows in _SUPPRESSES:
        suppressions.suppress(session, bounce.address_key, _SUPPRESSES[follows], now)
    return follows


def judge_refusals(session: Session, refused: Sequence[AttemptResult], now: datetime) -> RefusalCounts:
    """Judge recorded refusals in the caller's write transaction; safe to repeat."""
    rows = refusal_states(session, refused)
    early = tuple(one for one in refused if (one.delivery, one.attempt) in rows.under_way)
    ready = sorted((one for one in refused if (one.delivery, one.attempt) in rows.ready), key=_by_relay)
    final: list[tuple[AttemptResult, Bounce]] = []
    why: list[tuple[str, FailureCounts]] = []
    for relay, group in groupby(ready, key=lambda result: result.relay or ""):
        results = list(group)
        share = bounces.failures_at_relay(session, relay, results[-1].delivery, to_us(now))
        if share.is_unusual:
            why.append((relay, share))
            _hold(session, results, now)
        else:
            final += _judged_final(session, results, share, now)
    rejected = _not_held_by_domain(session, final, now)
    reject(session, [result for result, _ in rejected], now)
    for _, bounce in rejected:
        _apply_effects(session, bounce, now)
    return RefusalCounts(len(rejected), len(ready) - len(rejected), early, tuple(why))


def score_of(session: Session, address_key: bytes, now: datetime) -> BounceScore:
    """Return the bounce score of an address since its last suppression was lifted."""
    since = now - REMEMBERED
    lifted = max((one.at for one in suppressions.lifted(session, address_key)), default=since)
    found = [
        bounce for bounce in bounces.of_address(session, address_key, bounces.COUNTED) if bounce.at > max(since, lifted)
    ]
    return score(found, bounces.accepted_deliveries(session, address_key) if found else ())


def is_doubtful(session: Session, bounce: Bounce, oldest: datetime) -> bool:
    """Return True if a bounce must not count.

    It comes too late, or its recipient gave feedback after the mail was sent.

    Everybody who has a mail can read its return path, so bounces may be forged.
    """
    if bounce.delivery is None or bounce.attempt is None:
        return False
    _, closed_us = bounces.attempt_of(session, bounce)
    if not closed_us:
        return False
    return closed_us < to_us(oldest) or bounces.gave_feedback_since(session, bounce.address_key, closed_us)


def _must_hold(session: Session, bounce: Bounce, now: datetime) -> bool:
    """Lift the suppressions of a surge, and return True if this stored hard bounce must not suppress."""
    if bounce.delivery is not None and bounce.attempt is not None:
        relay, closed_us = bounces.attempt_of(session, bounce)
        if relay and bounces.failures_at_relay(session, relay, bounce.delivery, closed_us).is_unusual:
            _lift_suppressions(session, bounces.failed_at_relay(session, relay, bounce.delivery, closed_us), now)
            return True
    return _must_hold_domain(session, bounce.address_key, now)


def _must_hold_domain(session: Session, address_key: bytes, now: datetime) -> bool:
    """Lift the suppressions at a domain if unusually many of its addresses failed, and return True then."""
    domain = bounces.domain_of(session, address_key)
    if not domain:
        return False
    counts, failed = bounces.failures_at_domain(session, domain, now)
    if not counts.is_unusual:
        return False
    _lift_suppressions(session, failed, now)
    return True


def _lift_suppressions(session: Session, address_keys: Iterable[bytes], now: datetime) -> None:
    """Lift suppressions by hard bounces of the last day, and hold those bounces. Suppressions by the operator stay."""
    since = now - bounces.DOMAIN_WINDOW
    for key in sorted(set(address_keys)):
        if bounces.is_suppressed_by_bounce(session, key, since):
            suppressions.undo(session, key, REASON, Cause.BOUNCE, now)
        bounces.hold_since(session, key, since)


def _is_older(session: Session, bounce: Bounce, lifted: datetime) -> bool:
    """Return True if the bounced mail was sent before the suppression was lifted."""
    if bounce.delivery is None:
        return bounce.at <= lifted
    sent = bounces.sent_at(session, bounce.delivery)
    return sent is None or sent <= lifted


def _by_relay(result: AttemptResult) -> tuple[str, int]:
    return result.relay or "", result.delivery


def _is_hard(result: AttemptResult) -> bool:
    return kind_of("", f"{result.code} {result.text}") is BounceKind.HARD


def _hold(session: Session, results: Sequence[AttemptResult], now: datetime) -> None:
    """Store the refusals of mailboxes as held bounces.

    Lift suppressions of the same surge.
    """
    kept = [bounce for result in results if _is_hard(result) and (bounce := _bounce_of(session, result, now))]
    for bounce in kept:
        bounces.insert(session, bounce)
    if kept:
        _must_hold(session, kept[-1], now)
    bounces.hold(session, [bounce.key for bounce in kept])


def _judged_final(
    session: Session, results: Sequence[AttemptResult], share: FailureCounts, now: datetime
) -> list[tuple[AttemptResult, Bounce]]:
    """Return the refusals that may be final: all if the relay accepted any mail, else those about the mailbox."""
    taken = [result for result in results if share.reached or _is_hard(result)]
    return [(result, bounce) for result in taken if (bounce := _bounce_of(session, result, now)) is not None]


def _not_held_by_domain(
    session: Session, final: Sequence[tuple[AttemptResult, Bounce]], now: datetime
) -> list[tuple[AttemptResult, Bounce]]:
    """Store the bounces.

    Return those that are not held by their recipients' domain.
    """
    bounces.lock(session, {bounce.address_key for _, bounce in final})
    new = [(result, bounce) for result, bounce in final if bounces.insert(session, bounce)]
    held = {
        bounce.key
        for _, bounce in new
        if bounce.kind is BounceKind.HARD and _must_hold_domain(session, bounce.address_key, now)
    }
    bounces.hold(session, sorted(held))
    return [(result, bounce) for result, bounce in new if bounce.key not in held]


def _bounce_of(session: Session, refused: AttemptResult, now: datetime) -> Bounce | None:
    """Return the bounce that a refusal is, or None if nobody knows whom the mail was for."""
    went_to = bounces.addressee_of_delivery(session, refused.delivery)
    if went_to is None:
        return None
    words = f"{refused.code} {refused.text}"
    return Bounce(
        key=bounces.key_of(VIA_REPLY, refused.delivery, refused.attempt),
        address_key=went_to.address_key,
        kind=kind_of("", words),
        via=VIA_REPLY,
        status=status_in(words),
        delivery=refused.delivery,
        attempt=refused.attempt,
        at=now,
    )
