"""Deliveries: the ledger row of one mail to one address, and its states.

    from       to          when                                            a crash here leaves
    ─────────  ──────────  ──────────────────────────────────────────────  ──────────────────────
    (new)      ready       planned, with its picks or its notice           ready
    (new)      empty       nothing for a subscriber who does not ask to hear of that   empty
    empty      ready       papers came later that day, or the operator asked for it
    ready      leased      a worker claimed it (attempts += 1)             ready again, by recovery
    ready      skipped     consent is gone          } noticed at claim
    ready      expired     too late to be of use    }
    ready      rejected    the verdict on a 5xx: it is about this address or this mail
    leased     final_dot   THE COMMIT POINT: consent and lease are valid;  uncertain, by recovery
                           committed before the final dot is sent
    leased     ready       not sent: relay refused, 4xx, lost before the final dot; or a 5xx that awaits its verdict
    leased     rejected    by earlier versions only; a 5xx goes through ready
    leased     skipped     the commit point found consent gone
    leased     expired     the commit point found it too late
    leased     poisoned    it could not be composed three times
    final_dot  accepted    250                                             (nothing to lose)
    final_dot  ready       4xx to the final dot: not accepted; or a 5xx that awaits its verdict
    final_dot  rejected    by earlier versions only
    final_dot  uncertain   no answer to the final dot
    uncertain  accepted    evidence: it arrived
    uncertain  ready       evidence: it did not
    uncertain  abandoned   given up by the operator or by policy
    poisoned   ready, abandoned, expired, skipped   after a repair, or not

accepted, rejected, skipped, expired and abandoned are final; empty is, once the subscriber's day is over.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from digestd.domain.digest import DigestFacts, Pick
from digestd.domain.subscriber import Preferences, Status


class State(StrEnum):
    """States of the ledger; the table above describes the transitions."""

    READY = "ready"
    EMPTY = "empty"
    LEASED = "leased"
    FINAL_DOT = "final_dot"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    SKIPPED = "skipped"
    EXPIRED = "expired"
    POISONED = "poisoned"
    UNCERTAIN = "uncertain"
    ABANDONED = "abandoned"


INITIAL_STATES = frozenset({State.READY, State.EMPTY})
TRANSITIONS: frozenset[tuple[State, State]] = frozenset(
    (before, after)
    for before, afters in {
        State.READY: (State.LEASED, State.SKIPPED, State.EXPIRED, State.REJECTED),
        State.EMPTY: (State.READY,),
        State.LEASED: (
            State.READY,
            State.FINAL_DOT,
            State.REJECTED,
            State.SKIPPED,
            State.EXPIRED,
            State.POISONED,
        ),
        State.FINAL_DOT: (State.ACCEPTED, State.READY, State.REJECTED, State.UNCERTAIN),
        State.UNCERTAIN: (State.ACCEPTED, State.READY, State.ABANDONED),
        State.POISONED: (State.READY, State.ABANDONED, State.EXPIRED, State.SKIPPED),
    }.items()
    for after in afters
)
FINAL_STATES = frozenset(State) - {before for before, _ in TRANSITIONS}
UNSENT = frozenset({State.REJECTED, State.SKIPPED, State.EXPIRED, State.ABANDONED})
"""Final states without a sent mail: the papers may be picked again."""


class Outcome(StrEnum):
    """The result of one attempt."""

    ACCEPTED = "accepted"
    TEMP = "temp"
    PERM = "perm"
    NOT_SENT = "not_sent"
    ABORTED = "aborted"
    UNCERTAIN = "uncertain"


class MailKind(StrEnum):
    """The content of a delivery. Everything but a digest, its copy and a programme is a notice."""

    DIGEST = "digest"
    COPY = "copy"  # a digest that the operator sends on request, beside those of the schedule
    PROGRAMME = "programme"  # the papers of a conference for a subscriber, once; its period is the conference's name
    CONFIRM = "confirm"
    SETTINGS = "settings"  # a fresh link to the preferences
    ERASE = "erase"  # the subscriber asked to be erased: confirm it
    RENEW = "renew"  # the subscriber asked to make earlier links void: confirm it
    CHAT = "chat"  # no longer sent: it confirmed a chat room that a subscriber had entered
    ADDRESS_CHANGE_OLD = "address-change-old"  # to the address that is to be left: confirm or stop it
    ADDRESS_CHANGE_NEW = "address-change-new"  # to the new address: confirm it
    REPLY = "reply"  # the answer to commands by mail


DIGESTS = frozenset({MailKind.DIGEST, MailKind.COPY, MailKind.PROGRAMME})
"""Mails with picks."""
PICKED = frozenset({MailKind.DIGEST, MailKind.PROGRAMME})
"""Mails whose papers count as seen: none comes twice in them."""
UNCONFIRMED = frozenset({MailKind.CONFIRM, MailKind.ADDRESS_CHANGE_NEW})
"""Mails to addresses that nobody has confirmed: their bounces say nothing about the readers."""
RETIRED_KINDS = frozenset({MailKind.CHAT})
"""Kinds that earlier versions planned. Ledgers still have them, and nothing sends them."""
SENT_KINDS = tuple(kind for kind in MailKind if kind not in RETIRED_KINDS)


class Settlement(StrEnum):
    """The way an uncertain delivery is settled."""

    ACCEPTED = "accepted"  # evidence: the relay has it
    NOT_SENT = "not-sent"  # evidence: it never left; it is sent after all
    ABANDONED = "abandoned"  # given up: neither known nor wanted any more


class Evidence(StrEnum):
    """The evidence for the result of an attempt, as stored with it."""

    REPLY = "reply"
    LATE_REPLY = "late_reply"
    RECEIPT_JOURNAL = "receipt_journal"
    RELAY_LOG = "relay_log"
    DSN = "dsn"
    OPERATOR = "operator"
    POLICY = "policy"


class Actor(StrEnum):
    """The part that moved a delivery to another state; stored in its history."""

    PLANNER = "planner"
    WORKER = "worker"
    RECOVERY = "recovery"
    OPERATOR = "operator"
    INBOUND = "inbound"


_CONFIRMED = frozenset({Status.ACTIVE, Status.PAUSED})
_MAY_BE_WRITTEN_TO = {
    MailKind.DIGEST: frozenset({Status.ACTIVE}),
    MailKind.COPY: frozenset({Status.ACTIVE}),
    MailKind.PROGRAMME: frozenset({Status.ACTIVE}),
    # a request for an unsubscribed or suppressed address changes nothing until confirmed
    MailKind.CONFIRM: frozenset({Status.PENDING, Status.UNSUBSCRIBED, Status.SUPPRESSED}),
    MailKind.SETTINGS: _CONFIRMED | {Status.UNSUBSCRIBED},  # the unsubscribed may still export or erase their data
    MailKind.ERASE: _CONFIRMED | {Status.UNSUBSCRIBED},
    MailKind.RENEW: _CONFIRMED | {Status.UNSUBSCRIBED},
    MailKind.ADDRESS_CHANGE_OLD: _CONFIRMED,
    MailKind.ADDRESS_CHANGE_NEW: _CONFIRMED,
    MailKind.REPLY: _CONFIRMED | {Status.UNSUBSCRIBED},
}


@dataclass(frozen=True, slots=True)
class Consent:
    """The facts that the commit point checks.

    The delivery as planned, the subscriber as they are now.

    Attributes:
        has_address: False if the address that the mail was planned for is gone, as after a cancelled address change.
    """

    kind: MailKind
    planned_version: int
    status: Status
    version: int
    suppressed: bool
    has_address: bool = True

    @property
    def objection(self) -> str | None:
        """Return why this mail must not be sent, or None if it may."""
        if self.suppressed:
            return "suppressed"
        if self.kind in RETIRED_KINDS:
            return "this kind of mail is no longer sent"
        if self.status not in _MAY_BE_WRITTEN_TO[self.kind]:
            return f"subscriber is {self.status}"
        if not self.has_address:
            return "the address is not wanted any more"
        # a reply goes to the sender of the commands, whatever has changed since
        if self.version != self.planned_version and self.kind is not MailKind.REPLY:
            return "consent changed"
        return None


class Claim(NamedTuple):
    """A delivery leased to this worker.

    Attempt `attempt` of delivery `key` is open and belongs to it.
    """

    key: int
    attempt: int
    kind: MailKind
    subscriber: int
    consent_version: int
    address: str
    preferences: Preferences
    period: str
    covers_from: str
    message_id: str
    envelope_from: str
    picks: tuple[Pick, ...]
    dated_us: int
    """The time of the first attempt: the Date header, the same in every attempt."""
    failures: int
    """The number of earlier attempts that could not be composed."""
    planned_us: int = 0
    """The time of planning, as of which community figures are shown."""
    facts: DigestFacts = DigestFacts()

    @property
    def language(self) -> str:
        return self.preferences.language

    @property
    def conference(self) -> str:
        """Return the name of the conference that it is the programme of, or a copy of that; else an empty string."""
        return self.covers_from if self.kind in DIGESTS and self.covers_from[:1].isalpha() else ""


class SuppressionReason(StrEnum):
    """The reason why an address gets no mail, which outlives the subscriber."""

    HARD_BOUNCE = "hard_bounce"
    SOFT_BOUNCE = "soft_bounce"  # could not be reached for too long
    COMPLAINT = "complaint"
    REQUEST = "request"
    ERASED = "erased"


LIFTED_BY_SIGNUP = frozenset({SuppressionReason.HARD_BOUNCE, SuppressionReason.SOFT_BOUNCE})
"""Reasons that a new sign-up disproves; the others are somebody's decision."""

LIFTED_BY_CONSENT = LIFTED_BY_SIGNUP | {SuppressionReason.ERASED}
"""Reasons that a confirmed double opt-in lifts: an erased person may come back, but only by their own confirmation."""


def shown_period(kind: str, period: str) -> str:
    """Return the day or week of a digest for people. Notices have none: there it is a number."""
    return period if kind in DIGESTS else ""


def blocks_mail(kind: MailKind, reason: SuppressionReason | None) -> bool:
    """Return True if a suppression for this reason stops a mail of this kind.

    Only the confirmation mail of a new sign-up passes, if consent would lift the suppression.
    """
    return reason is not None and not (kind is MailKind.CONFIRM and reason in LIFTED_BY_CONSENT)


@dataclass(frozen=True, slots=True)
class ReplyLine:
    """One line of a reply to commands by mail, stored as values and rendered when it is sent.

    Attributes:
        what: the name of the sentence in templates/email/reply.line.txt.j2.
        values: fill its placeholders.
    """

    what: str
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CommandReply:
    """The lines of a reply, in order.

    Attributes:
        answers: the Message-ID that it replies to; empty if unknown.
        asks: commands (verb, value, kind) that are executed once this very mail is answered with yes.
    """

    lines: tuple[ReplyLine, ...]
    answers: str = ""
    asks: tuple[tuple[str, str | None, str | None], ...] = ()
