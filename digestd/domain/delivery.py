"""Deliveries: the ledger row that carries one mail to one address, and each try at it.

    from       to          when                                            a crash here leaves
    ─────────  ──────────  ──────────────────────────────────────────────  ──────────────────────
    (born)     ready       planned, with its picks or its notice           ready
    (born)     empty       the day holds nothing for this subscriber       empty
    ready      leased      a worker claimed it (attempts += 1)             ready again, by recovery
    ready      skipped     consent is gone          } noticed at claim
    ready      expired     too late to be of use    }
    ready      rejected    its last attempt was refused with a 5xx, which others show to be about this address or mail
    leased     dot         THE GATE: consent and lease hold; committed     uncertain, by recovery
                           before the final dot may leave
    leased     ready       not sent: relay refused, 4xx, lost before dot; or a 5xx that awaits its verdict
    leased     rejected    5xx for this address
    leased     skipped     the gate found consent gone
    leased     expired     the gate found it too late
    leased     poisoned    it could not be composed three times
    dot        accepted    250                                             (nothing to lose)
    dot        ready       4xx to the final dot: not accepted; or a 5xx that awaits its verdict
    dot        rejected    5xx to the dot
    dot        uncertain   no answer to the dot
    uncertain  accepted    evidence: it arrived
    uncertain  ready       evidence: it did not
    uncertain  abandoned   given up by the operator or by policy
    poisoned   ready, abandoned, expired, skipped   after a repair, or not

accepted, rejected, skipped, empty, expired and abandoned are final.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from digestd.domain.coverage import CoverageState
from digestd.domain.digest import Pick
from digestd.domain.subscriber import Status


class State(StrEnum):
    """The states of the ledger; each value's first occurrence above says what it means."""

    READY = "ready"
    EMPTY = "empty"
    LEASED = "leased"
    DOT = "dot"
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
        State.LEASED: (
            State.READY,
            State.DOT,
            State.REJECTED,
            State.SKIPPED,
            State.EXPIRED,
            State.POISONED,
        ),
        State.DOT: (State.ACCEPTED, State.READY, State.REJECTED, State.UNCERTAIN),
        State.UNCERTAIN: (State.ACCEPTED, State.READY, State.ABANDONED),
        State.POISONED: (State.READY, State.ABANDONED, State.EXPIRED, State.SKIPPED),
    }.items()
    for after in afters
)
FINAL_STATES = frozenset(State) - {before for before, _ in TRANSITIONS}
UNSENT = frozenset({State.REJECTED, State.SKIPPED, State.EXPIRED, State.ABANDONED})
"""Ended without the mail having gone out: its papers may come again."""


class Outcome(StrEnum):
    """How one attempt ended."""

    ACCEPTED = "accepted"
    TEMP = "temp"
    PERM = "perm"
    NOT_SENT = "not_sent"
    ABORTED = "aborted"
    UNCERTAIN = "uncertain"


class MailKind(StrEnum):
    """What a delivery carries. All but the digest are notices."""

    DIGEST = "digest"
    CONFIRM = "confirm"
    SETTINGS = "settings"  # a fresh link to the preferences
    ERASE = "erase"  # the subscriber asked to be erased: confirm it
    RENEW = "renew"  # the subscriber asked to make earlier links void: confirm it
    MOVE_FROM = "move-from"  # to the address that is to be left: confirm or stop it
    MOVE_TO = "move-to"  # to the new address: confirm it
    REPLY = "reply"  # the answer to commands by mail


UNCONFIRMED = frozenset({MailKind.CONFIRM, MailKind.MOVE_TO})
"""They go to an address that nobody has confirmed: whether it exists says nothing of the readers."""


class Settlement(StrEnum):
    """How a delivery that nobody knows the end of is settled."""

    ACCEPTED = "accepted"  # evidence: the relay has it
    NOT_SENT = "not-sent"  # evidence: it never left; it is sent after all
    ABANDONED = "abandoned"  # given up: neither known nor wanted any more


class Evidence(StrEnum):
    """What settled the end of an attempt, as its row keeps it."""

    REPLY = "reply"
    LATE_REPLY = "late_reply"
    RECEIPT_JOURNAL = "receipt_journal"
    RELAY_LOG = "relay_log"
    DSN = "dsn"
    OPERATOR = "operator"
    POLICY = "policy"


class Actor(StrEnum):
    """Who moved a delivery; kept in its history."""

    PLANNER = "planner"
    WORKER = "worker"
    RECOVERY = "recovery"
    OPERATOR = "operator"
    INBOUND = "inbound"


_CONFIRMED = frozenset({Status.ACTIVE, Status.PAUSED})
_MAY_BE_WRITTEN_TO = {
    MailKind.DIGEST: frozenset({Status.ACTIVE}),
    # a request by whoever left or bounced changes nothing before it is confirmed
    MailKind.CONFIRM: frozenset({Status.PENDING, Status.UNSUBSCRIBED, Status.SUPPRESSED}),
    MailKind.SETTINGS: _CONFIRMED | {Status.UNSUBSCRIBED},  # who left may still take their data, or erase it
    MailKind.ERASE: _CONFIRMED | {Status.UNSUBSCRIBED},
    MailKind.RENEW: _CONFIRMED | {Status.UNSUBSCRIBED},
    MailKind.MOVE_FROM: _CONFIRMED,
    MailKind.MOVE_TO: _CONFIRMED,
    MailKind.REPLY: _CONFIRMED | {Status.UNSUBSCRIBED},
}


@dataclass(frozen=True, slots=True)
class Consent:
    """What counts at the gate: the delivery's kind and planned version, the subscriber as they are now.

    `addressed`: whether there still is an address it is meant for, which a move that was dropped takes away.
    """

    kind: MailKind
    planned_version: int
    status: Status
    version: int
    suppressed: bool
    has_address: bool = True

    @property
    def objection(self) -> str | None:
        """Why this mail may not be sent; None if it may."""
        if self.suppressed:
            return "suppressed"
        if self.status not in _MAY_BE_WRITTEN_TO[self.kind]:
            return f"subscriber is {self.status}"
        if not self.has_address:
            return "the address is not wanted any more"
        # an answer is to whoever wrote, whatever they have changed since
        if self.version != self.planned_version and self.kind is not MailKind.REPLY:
            return "consent changed"
        return None


class Claim(NamedTuple):
    """A delivery leased to this worker: attempt `attempt` of delivery `key` is open and ours."""

    key: int
    attempt: int
    kind: MailKind
    subscriber: int
    consent_version: int
    address: str
    name: str
    language: str
    period: str
    covers_from: str
    considered: int
    message_id: str
    envelope_from: str
    template_hash: str
    picks: tuple[Pick, ...]
    dated_us: int
    """The first attempt's time: the Date header, the same in every attempt."""
    failures: int
    """Earlier attempts that could not be composed."""
    coverage: Mapping[str, CoverageState] | None = MappingProxyType({})
    """The sources that were not whole when the digest was planned, by their names for people; None: unreadable."""
