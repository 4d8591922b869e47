"""Record how attempts ended, in the ledger and in the counters of the run.

A permanent refusal is recorded as ready and judged together with others after more mails were tried
(`PendingRefusals`): if it hits unusually many mails, the cause is the sender and those mails wait. The list of refusals
to judge is kept in memory only; if the process dies first, those mails are sent again.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

import structlog

from digestd.delivery.bounces import RefusalCounts, judge_refusals
from digestd.delivery.group_commit import GroupCommit
from digestd.delivery.relays import RateLimiter, domain_of
from digestd.delivery.retry import MAIL_BACKOFF, REFUSED_STOP, SAME_REFUSALS_STOP, ReplyVerdict, classify_reply
from digestd.delivery.transports.transport import Refusal, SmtpReply, Stage
from digestd.domain.delivery import UNCONFIRMED, Claim, Outcome, State
from digestd.errors import ConnectionFailed, Damaged, DigestdError, DomainsBusy, MailsRefused, RelayBusy, RelayFailed
from digestd.store import ledger
from digestd.store.database import Database
from digestd.store.ledger.commit_point import CommitDecision
from digestd.store.ledger.results import AttemptResult

JUDGE_SECONDS = 60.0
"""Interval at which refusals are judged during a run, well before they would be sent again."""
log = structlog.get_logger(__name__)
FAILED_TRIES = 3
FAILED_STOP, FAILED_SHARE = 5, 0.2
"""Number and share of mails that fail on their way at which a run stops: the cause is not in the mails."""
NOT_COMPOSED, NOT_SENT = "cannot be composed", "cannot be sent"
"""The two failures of one mail. Composing fails because of what the mail says, so it never stops the others."""
FAILED_WAIT = timedelta(minutes=10)
SLOWING_DOMAINS_STOP = 10
"""Number of domains in a row that ask for fewer mails, or give no answer, at which the relay must be the cause."""
_REFUSED_THINGS = {Stage.FINAL_DOT: "mails", Stage.RCPT: "recipients"}


@dataclass(slots=True)
class RunCounters:
    """Outcomes of the claimed deliveries.

    A refused mail counts as deferred until it is judged and counts as rejected.

    Attributes:
        failed: How many of the deferred and poisoned mails had an unexpected error on their way.
        refusals: 5xx replies by stage and code since the last accepted mail.
        stopped: Why a relay was stopped or a kind of mail held, or None.
    """

    accepted: int = 0
    deferred: int = 0
    rejected: int = 0
    skipped: int = 0
    expired: int = 0
    uncertain: int = 0
    poisoned: int = 0
    failed: int = 0
    refusals: Counter[tuple[Stage, int]] = field(default_factory=Counter)
    stopped: str | None = None

    @property
    def ended(self) -> int:
        return (
            self.accepted + self.deferred + self.rejected + self.skipped + self.expired + self.uncertain + self.poisoned
        )


class PendingRefusals:
    """Collects refusals and judges them together. Shared by all workers of a run."""

    def __init__(self, db: Database, clock: Callable[[], datetime], counters: RunCounters) -> None:
        self._db = db
        self._clock = clock
        self.counters = counters
        self._refused: list[AttemptResult] = []

    def add(self, result: AttemptResult) -> None:
        self._refused.append(result)

    @contextlib.asynccontextmanager
    async def judging(self) -> AsyncIterator[None]:
        """Judge every JUDGE_SECONDS, and once more after the block.

        By then everything is recorded.
        """
        task = asyncio.create_task(self._judge_periodically())
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            await self.judge()

    async def judge(self) -> None:
        """Judge what has been recorded.

        If they cannot be judged, the mails wait and are sent again.
        """
        refused, self._refused = self._refused, []
        if not refused:
            return
        try:
            verdicts = await asyncio.to_thread(self._judge_in_ledger, refused)
        except Exception as error:
            why = str(error) if isinstance(error, DigestdError) else type(error).__name__
            log.warning("cannot judge refused mails; they wait", mails=len(refused), why=why)
            return
        self._refused += verdicts.early
        self.counters.deferred -= verdicts.rejected
        self.counters.rejected += verdicts.rejected
        for relay, share in verdicts.why:
            log.error(
                "unusually many mails refused; they wait and no address is suppressed",
                relay=relay,
                refused=share.failed,
                tried=share.tried,
            )

    async def _judge_periodically(self) -> None:
        while True:
            await asyncio.sleep(JUDGE_SECONDS)
            await self.judge()

    def _judge_in_ledger(self, refused: list[AttemptResult]) -> RefusalCounts:
        with self._db.write() as session:
            ledger.force_index_scans(session)
            return judge_refusals(session, refused, self._clock())


class AttemptRecorder:
    """Counts and records the results of all workers of one relay.

    `accepted`: of this relay.
    """

    def __init__(
        self,
        owner: str,
        route: str,
        commits: GroupCommit,
        refusals: PendingRefusals,
        limiter: RateLimiter,
        rng: Random,
    ) -> None:
        self.counters = refusals.counters
        self.accepted = 0
        self._refusals = refusals
        self._refused = 0
        self._route = route
        self._owner = owner
        self._commits = commits
        self._limiter = limiter
        self._rng = rng
        self._slowing: set[str] = set()
        """Domains that asked for fewer mails, or gave no answer, since a mail was accepted last."""

    def record_answer(self, claim: Claim, reply: SmtpReply) -> None:
        """Record the answer to the final dot. Raises like `record_refusal`."""
        if 200 <= reply.code < 300:
            self.counters.accepted += 1
            self.accepted += 1
            self.counters.refusals.clear()
            self._slowing.clear()
            self._limiter.record_accepted(claim.address)
            self._commits.record(self._result(claim, State.ACCEPTED, Outcome.ACCEPTED, reply))
            return
        self.record_refusal(claim, Refusal(Stage.FINAL_DOT, reply))

    def record_refusal(self, claim: Claim, refusal: Refusal) -> None:
        """Record a refusal.

        Raises RelayFailed if the relay refuses to work, not only this mail.
        """
        # Never the relay's own text: it names the recipient, and reasons are logged and survive erasure.
        status = f"{refusal.stage}: {refusal.reply.code} {refusal.reply.enhanced}".strip()
        meaning = classify_reply(refusal.stage, refusal.reply)
        self.counters.deferred += 1
        if meaning is ReplyVerdict.REJECT:
            refused = self._result(claim, State.READY, Outcome.PERM, refusal.reply)
            refused = refused._replace(reason=status, wait=MAIL_BACKOFF.delay(claim.attempt, self._rng))
            self._commits.record(refused)
            self._refusals.add(refused)
            if claim.kind not in UNCONFIRMED:
                self._stop_if_too_many_refused(refusal)
            return
        later = self._result(claim, State.READY, Outcome.TEMP, refusal.reply)
        self._commits.record(later._replace(wait=MAIL_BACKOFF.delay(claim.attempt, self._rng)))
        if meaning is ReplyVerdict.SLOW_DOMAIN:
            self._limiter.slow_domain(claim.address)
        if meaning is ReplyVerdict.SLOW_DOMAIN or (meaning is ReplyVerdict.RETRY and refusal.reply.code < 400):
            self._stop_if_many_domains_fail(claim, status)
        if meaning is ReplyVerdict.SLOW_RELAY:
            raise RelayBusy(f"the relay asks for fewer mails ({status}); digestd will retry later, at a lower rate")
        if meaning is ReplyVerdict.PAUSE_RELAY:
            # after RCPT this mail may still be the cause: the relay is used while it takes others
            kind = ConnectionFailed if refusal.stage is Stage.DATA else RelayFailed
            raise kind(f"the relay refuses to serve us ({status}); digestd will retry later")

    def record_stopped_at_commit_point(self, claim: Claim, decision: CommitDecision) -> None:
        """Count a mail that the commit point stopped.

        The ledger has recorded why, unless our lease was lost.
        """
        self.counters.skipped += decision is CommitDecision.GONE
        self.counters.expired += decision is CommitDecision.EXPIRED
        if decision is CommitDecision.FENCED:
            self.record_not_sent(claim)

    def record_uncertain(self, claim: Claim, reason: str) -> None:
        """Record that the final dot may have been sent but its answer is unknown."""
        self.counters.uncertain += 1
        ended = self._result(claim, State.UNCERTAIN, Outcome.UNCERTAIN)
        self._commits.record(ended._replace(reason=reason[:200]))

    def record_not_sent(self, claim: Claim) -> None:
        """Record that the final dot was not sent, for reasons unrelated to this mail."""
        self._commits.record(self._result(claim, State.READY, Outcome.NOT_SENT))

    def record_interrupted(self, claim: Claim) -> None:
        """Record that the relay broke off during this mail, and delay the mail."""
        self.counters.deferred += 1
        failed = self._result(claim, State.READY, Outcome.NOT_SENT)
        self._commits.record(failed._replace(wait=MAIL_BACKOFF.delay(claim.attempt, self._rng)))

    def record_failed(self, claim: Claim, error: Exception, what: str) -> None:
        """Record an unexpected error of one mail before the commit point.

        After FAILED_TRIES failures it is set aside as poisoned.

        Args:
            claim: The delivery.
            error: Its text is left out unless it is `Damaged`, as it may hold personal data.
            what: NOT_COMPOSED or NOT_SENT.
        """
        why = str(error) if isinstance(error, Damaged) else type(error).__name__
        log.exception(f"a mail {what}", delivery=claim.key, error=type(error).__name__)
        last = claim.failures + 1 >= FAILED_TRIES
        self.counters.failed += what == NOT_SENT
        self.counters.poisoned += last
        self.counters.deferred += not last
        failed = self._result(claim, State.POISONED if last else State.READY, Outcome.NOT_SENT)
        self._commits.record(failed._replace(reason=f"{what}: {why}" if last else None, wait=FAILED_WAIT, failed=True))

    def stop_if_many_fail(self) -> None:
        """Raise MailsRefused if too many mails cannot be sent."""
        failed, tried = self.counters.failed, self.counters.ended
        if failed >= FAILED_STOP and failed > FAILED_SHARE * tried:
            raise MailsRefused(
                f"{failed} of {tried} mails could not be sent; the log names each error. Sending resumes by itself"
            )

    def record_put_off(self, claim: Claim, seconds: float) -> None:
        """Record that a mail waits for its domain, which asked for fewer mails."""
        self.counters.deferred += 1
        later = self._result(claim, State.READY, Outcome.NOT_SENT)
        self._commits.record(later._replace(wait=timedelta(seconds=seconds)))

    def _stop_if_many_domains_fail(self, claim: Claim, status: str) -> None:
        """Raise DomainsBusy if several domains in a row ask for fewer mails, or give no answer.

        Twice as many are needed each time that the relay has accepted nothing since, so that even thousands of them
        keep back the mails of others for some minutes only.
        """
        # whoever owns a domain has any number of subdomains
        self._slowing.add(".".join(domain_of(claim.address).split(".")[-2:]))
        if len(self._slowing) >= SLOWING_DOMAINS_STOP << min(self._limiter.failures(self._route), 20):
            raise DomainsBusy(
                f"{len(self._slowing)} domains in a row ask for fewer mails or give no answer (last status: {status}); "
                "digestd will retry later, at a lower rate"
            )

    def _stop_if_too_many_refused(self, refusal: Refusal) -> None:
        """Stop a relay that refuses too many mails.

        That is after many equal refusals in a row or more refusals than acceptances.

        Going on would damage the sender's reputation.
        """
        kind = (refusal.stage, refusal.reply.code)
        self._refused += 1
        self.counters.refusals[kind] += 1
        status = f"{refusal.reply.code} {refusal.reply.enhanced}".strip()
        if self.counters.refusals[kind] >= SAME_REFUSALS_STOP[refusal.stage]:
            raise MailsRefused(
                f"the relay refused {self.counters.refusals[kind]} {_REFUSED_THINGS[refusal.stage]} in a row for the "
                f"same reason ({status}) and accepted none; the mails wait. Check the template, DKIM and the relay's "
                "policy"
            )
        if self._refused >= REFUSED_STOP and self._refused > self.accepted:
            raise RelayFailed(
                f"the relay refused {self._refused} mails and accepted {self.accepted} (last status: {status}); "
                "the mails wait. Check the relay's policy"
            )

    def _result(self, claim: Claim, state: State, outcome: Outcome, reply: SmtpReply | None = None) -> AttemptResult:
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
