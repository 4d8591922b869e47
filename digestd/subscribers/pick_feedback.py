"""Give feedback on a pick by its own link in the digest, and mute something about it by the settings link.

Every function is idempotent: giving the same feedback twice, or withdrawing what was not given, changes nothing.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from digestd.domain.digest import INTEREST_KINDS, Pick, Reason
from digestd.domain.interest import Interest, Kind, Stance, Verdict
from digestd.domain.paper import Paper
from digestd.domain.subscriber import Status, Subscriber
from digestd.errors import BadRecord, NotFound
from digestd.store import feedback, papers, subscribers
from digestd.store.database import Database
from digestd.store.ledger import queries
from digestd.subscribers.feedback import matches_interest

VALUE_MAX = 200
_AUTHORS = 4
_CATEGORIES = 4


class LinkGone(NotFound):
    """The link is valid, but the digest or the paper was deleted."""


@dataclass(frozen=True, slots=True)
class PickFeedback:
    """A pick, and the feedback on it that is in force.

    Attributes:
        keys: the row numbers of the paper, when it was picked and now (papers are merged).
        verdict: MORE, LESS or DISMISSED, if given.
        muted: what was muted from this paper.
    """

    subscriber: Subscriber
    paper: Paper
    reason: Reason
    keys: tuple[int, ...]
    verdict: Verdict | None
    is_saved: bool
    muted: tuple[Interest, ...]

    def has_verdict(self, verdict: Verdict) -> bool:
        """Return True if this verdict is in force. A paper stays saved whatever else is said of it."""
        return self.is_saved if verdict is Verdict.SAVED else self.verdict is verdict

    @property
    def mutable(self) -> tuple[Interest, ...]:
        """Return what can be muted. The interest that it was picked for, its authors and categories."""
        kind = INTEREST_KINDS.get(self.reason.kind)
        words = self.paper.words
        named = [
            *([(kind, self.reason.value)] if kind else []),
            *((Kind.AUTHOR, name) for name in words.authors[:_AUTHORS]),
            *((Kind.CATEGORY, name) for name in words.categories[:_CATEGORIES]),
        ]
        found = (Interest(kind, value[:VALUE_MAX], Stance.MUTED) for kind, value in named)
        return tuple(
            what for what in dict.fromkeys(found) if what not in self.muted and matches_interest(self.paper, what)
        )


def load_pick(session: Session, delivery: int, place: int) -> PickFeedback:
    """Return the pick at a place of a digest, counted from 1.

    Raises:
        LinkGone: the digest or the paper was deleted.
        NotFound: the digest never had such a place.
    """
    claim = queries.as_claim(session, delivery)
    if claim is None or not claim.picks:
        raise LinkGone("this digest was removed")
    if not 1 <= place <= len(claim.picks):
        raise NotFound("the digest has no such paper")
    return _load(session, claim.subscriber, claim.picks[place - 1])


def add_feedback(db: Database, at: tuple[int, int], verdict: Verdict, now: datetime) -> PickFeedback:
    """Record a verdict on the pick `at` (delivery, place)."""
    with db.write() as session:
        pick = load_pick(session, *at)
        if not pick.has_verdict(verdict):
            feedback.add(session, pick.subscriber.key, pick.paper.key, verdict, now)
        return load_pick(session, *at)


def withdraw_feedback(db: Database, at: tuple[int, int], verdict: Verdict, now: datetime) -> PickFeedback:
    """Withdraw a verdict on the pick `at` (delivery, place)."""
    with db.write() as session:
        pick = load_pick(session, *at)
        if pick.has_verdict(verdict):
            feedback.withdraw(session, pick.subscriber.key, pick.keys, verdict, now)
        return load_pick(session, *at)


def mute(db: Database, at: tuple[int, int], what: Interest, now: datetime) -> PickFeedback:
    """Mute something that the paper of the pick `at` has. Raises BadRecord if it does not have it."""
    with db.write() as session:
        pick = load_pick(session, *at)
        if not matches_interest(pick.paper, what):
            raise BadRecord(what.kind, "not found in this paper; choose something from it")
        if what not in pick.muted:
            feedback.add_muting(session, pick.subscriber.key, pick.paper.key, what.kind, what.value, now)
        return load_pick(session, *at)


def unmute(db: Database, at: tuple[int, int], what: Interest, now: datetime) -> PickFeedback:
    """Undo a muting made from the pick `at` (delivery, place)."""
    with db.write() as session:
        pick = load_pick(session, *at)
        if what in pick.muted:
            feedback.withdraw_muting(session, pick.subscriber.key, pick.keys, what, now)
        return load_pick(session, *at)


def _load(session: Session, subscriber: int, pick: Pick) -> PickFeedback:
    known = subscribers.by_key(session, subscriber)
    paper = papers.by_keys(session, [pick.paper]).get(pick.paper)
    if known is None or known.status is Status.ERASED or paper is None:
        raise LinkGone("this paper was removed")
    keys = (pick.paper, paper.key)
    verdicts = feedback.active_verdicts(session, subscriber, keys)
    return PickFeedback(
        subscriber=known,
        paper=paper,
        reason=pick.reason,
        keys=keys,
        verdict=next((verdict for verdict in reversed(verdicts) if verdict is not Verdict.SAVED), None),
        is_saved=Verdict.SAVED in verdicts,
        muted=feedback.mutings_of_papers(session, subscriber, keys),
    )
