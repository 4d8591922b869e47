"""Record what the end of an attempt means: for the ledger, the run's counts, and the connection.

A refusal for good is recorded as ready and judged later (see `verdicts`): if it hits everybody, it is the sender's
problem, and those mails wait.
"""

from datetime import timedelta
from random import Random

import structlog

from digestd.deliver.committer import Committer
from digestd.deliver.verdicts import Refusals
from digestd.domain.delivery import UNCONFIRMED, Claim, Outcome, State
from digestd.errors import Damaged, MailsBroken, MailsRefused, RelayBusy, RelayFailed
from digestd.retry import REFUSED_STOP, SAME_REFUSALS_STOP, Reply, Stage, Verdict, next_wait, verdict
from digestd.store.ledger import AttemptResult, CommitDecision
from digestd.transports import Refusal

COMPOSE_TRIES = 3
UNCOMPOSED_STOP, UNCOMPOSED_PART = 5, 0.2
"""So many mails that cannot be composed, and such a part of all: it is the templates, and would be everybody's turn."""
COMPOSE_WAIT = timedelta(minutes=10)
_WHAT = {Stage.DOT: "mails", Stage.RCPT: "recipients"}
log = structlog.get_logger(__name__)


class Outcomes:
    """Counts and records; one for all lanes to a route. `accepted`: by that route."""

    def __init__(self, owner: str, route: str, committer: Committer, refusals: Refusals, rng: Random) -> None:
        self.tally = refusals.tally
        self.accepted = 0
        self._refusals = refusals
        self._refused = 0
        self._route = route
        self._owner = owner
        self._committer = committer
        self._rng = rng

    def answered(self, claim: Claim, reply: Reply) -> None:
        """The answer to the dot. Raises as `refused` does."""
        if 200 <= reply.code < 300:
            self.tally.accepted += 1
            self.accepted += 1
            self.tally.refusals.clear()
            self._committer.record(self._result(claim, State.ACCEPTED, Outcome.ACCEPTED, reply))
            return
        self.refused(claim, Refusal(Stage.DOT, reply))

    def refused(self, claim: Claim, refusal: Refusal) -> None:
        """A refusal; raises RelayFailed where it is the relay that refuses, not this mail."""
        # Never the relay's words: they name the recipient, and reasons are logged and outlive erasure.
        said = f"{refusal.stage}: {refusal.reply.code} {refusal.reply.enhanced}".strip()
        means = verdict(refusal.stage, refusal.reply)
        self.tally.deferred += 1
        if means is Verdict.NEVER:
            refused = self._result(claim, State.READY, Outcome.PERM, refusal.reply)
            refused = refused._replace(reason=said, wait=next_wait(claim.attempt, self._rng))
            self._committer.record(refused)
            self._refusals.add(refused)
            if claim.kind not in UNCONFIRMED:
                self._stop_if_too_many(refusal)
            return
        later = self._result(claim, State.READY, Outcome.TEMP, refusal.reply)
        self._committer.record(later._replace(wait=next_wait(claim.attempt, self._rng)))
        if means is Verdict.LESS:
            raise RelayBusy(f"the relay asks for less ({said}); it is tried again later, and more slowly")
        if means is Verdict.LANE:
            raise RelayFailed(f"the relay refuses to serve us ({said}); it is tried again later")

    def turned_away(self, claim: Claim, gated: CommitDecision) -> None:
        """The gate did not let it pass; it has written down itself why, unless the lease was not ours."""
        self.tally.skipped += gated is CommitDecision.GONE
        self.tally.expired += gated is CommitDecision.EXPIRED
        if gated is CommitDecision.FENCED:
            self.not_sent(claim)

    def uncertain(self, claim: Claim, reason: str) -> None:
        """The dot may have left, and nobody knows the answer."""
        self.tally.uncertain += 1
        ended = self._result(claim, State.UNCERTAIN, Outcome.UNCERTAIN)
        self._committer.record(ended._replace(reason=reason[:200]))

    def not_sent(self, claim: Claim) -> None:
        """The dot has not left, and that was not because of this mail."""
        self._committer.record(self._result(claim, State.READY, Outcome.NOT_SENT))

    def broke_off(self, claim: Claim) -> None:
        """The relay broke off amid this mail: if it is the cause, it must not stand first in line for ever."""
        failed = self._result(claim, State.READY, Outcome.NOT_SENT)
        self._committer.record(failed._replace(wait=next_wait(claim.attempt, self._rng)))

    def not_composed(self, claim: Claim, error: Exception) -> None:
        """Whatever a template or a paper does, it is this mail's problem alone; after three times it is set aside."""
        log.error("cannot compose", delivery=claim.key, error=type(error).__name__)
        last = claim.failures + 1 >= COMPOSE_TRIES
        self.tally.uncomposed += 1
        self.tally.poisoned += last
        self.tally.deferred += not last
        failed = self._result(claim, State.POISONED if last else State.READY, Outcome.NOT_SENT)
        why = f"cannot be composed: {error if isinstance(error, Damaged) else type(error).__name__}"
        self._committer.record(failed._replace(reason=why if last else None, wait=COMPOSE_WAIT, failed=True))

    def stop_if_none_can_be_made(self) -> None:
        """Raise MailsBroken before all mails are tried in vain, three times each."""
        failed, tried = self.tally.uncomposed, self.tally.ended
        if failed >= UNCOMPOSED_STOP and failed > UNCOMPOSED_PART * tried:
            raise MailsBroken(
                f"{failed} of {tried} mails could not be composed; see what `digestd preview EMAIL` says of the "
                "templates, mend them, then it goes on by itself"
            )

    def _stop_if_too_many(self, refusal: Refusal) -> None:
        """Stop before the relay takes us for a sender of spam: for a run of like refusals, or for more than half."""
        alike = (refusal.stage, refusal.reply.code)
        self._refused += 1
        self.tally.refusals[alike] += 1
        said = f"{refusal.reply.code} {refusal.reply.enhanced}".strip()
        if self.tally.refusals[alike] >= SAME_REFUSALS_STOP[refusal.stage]:
            raise MailsRefused(
                f"the relay refused {self.tally.refusals[alike]} {_WHAT[refusal.stage]} alike and took none ({said}); "
                "they wait: look at the template, DKIM and the relay's policy and maps"
            )
        if self._refused >= REFUSED_STOP and self._refused > self.accepted:
            raise RelayFailed(
                f"the relay refused {self._refused} mails and took {self.accepted} (the last: {said}); "
                "they wait: look at the relay's policy and maps"
            )

    def _result(self, claim: Claim, state: State, outcome: Outcome, reply: Reply | None = None) -> AttemptResult:
        return AttemptResult(
            delivery=claim.key,
            attempt=claim.attempt,
            owner=self._owner,
            state=state,
            outcome=outcome,
            code=reply.code if reply else None,
            text=reply.text if reply else "",
            queue_id=reply.queue_id if reply else None,
            relay=self._route if reply else None,
        )
