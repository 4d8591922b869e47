"""Subscribers: an address that asked, its status, and when and how it wants the digest."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from digestd.domain.interest import Interest


class Status(StrEnum):
    """pending → active ⇄ paused → unsubscribed | suppressed → erased."""

    PENDING = "pending"  # asked, has not confirmed yet
    ACTIVE = "active"
    PAUSED = "paused"
    UNSUBSCRIBED = "unsubscribed"
    SUPPRESSED = "suppressed"  # must never be written to
    ERASED = "erased"  # nothing of the person is left but the keyed hash


class Cause(StrEnum):
    """What changed a subscriber's consent."""

    CONFIRM = "confirm"
    ONE_CLICK = "one_click"
    WEB = "web"
    MAIL = "mail"  # by a mail to the command address
    CLI = "cli"
    API = "api"
    IMPORT = "import"
    BOUNCE = "bounce"
    COMPLAINT = "complaint"
    PAUSE_ENDED = "pause_ended"
    MOVED = "moved"  # the address is another one now
    TAKEN_BACK = "taken_back"  # they left, and said at once that they did not mean it
    ERASE = "erase"
    UNCONFIRMED = "unconfirmed"  # nobody confirmed the sign-up within a week


@dataclass(frozen=True, slots=True)
class ConsentAction:
    """How somebody changed their consent, as its record keeps it.

    `network`: the keyed hash of the network it came from, never an address of it. `wording`: the very words that
    were shown beside the button. An operator's act has neither.
    """

    cause: Cause
    network: bytes | None = None
    wording: str = ""


def to_action(by: "Cause | ConsentAction") -> ConsentAction:
    """An act, be it that nothing but the cause of it is known."""
    return by if isinstance(by, ConsentAction) else ConsentAction(by)


class Cadence(StrEnum):
    """How often a digest comes."""

    DAILY = "daily"
    WEEKDAYS = "weekdays"
    WEEKLY = "weekly"


class MinScore(StrEnum):
    """How sure digestd must be that a paper is liked before it is mailed."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"


WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True)
class Timing:
    """When a subscriber's digest is due: local `hour` 0–23 in `timezone`, on `weekday` (0 = Monday) if weekly."""

    timezone: str = "UTC"
    hour: int = 7
    cadence: Cadence = Cadence.DAILY
    weekday: int = 0


@dataclass(frozen=True, slots=True)
class Subscriber:
    """One subscriber as stored. `address` is None exactly when erased.

    `size`: at most so many papers. `bar`: how good each must be. `explore`: one of them may be drawn from
    outside the usual. `only_categories`: nothing from outside the categories they name, but by authors they follow.
    `version` is the consent version: it rises with status and address only. `last_date` is the local date (ISO) of
    the newest digest, `last_planned` the instant it was planned at. `paused_until`: when a pause ends by itself.
    `links_from`: links to the preferences that were issued before are void.
    """

    key: int
    address: str | None
    status: Status
    version: int
    name: str = ""
    timing: Timing = Timing()
    size: int = 10
    min_score: MinScore = MinScore.NORMAL
    explore: bool = True
    only_categories: bool = False
    language: str = "en"
    interests: tuple[Interest, ...] = ()
    last_date: str | None = None
    last_planned: datetime | None = None
    paused_until: datetime | None = None
    links_from: datetime | None = None
