"""Subscribers: an address, its status, and when and how it gets the digest."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from digestd.domain.interest import Interest


class Status(StrEnum):
    """pending → active ⇄ paused → unsubscribed | suppressed → erased."""

    PENDING = "pending"  # signed up, has not confirmed yet
    ACTIVE = "active"
    PAUSED = "paused"
    UNSUBSCRIBED = "unsubscribed"
    SUPPRESSED = "suppressed"  # must get no mail
    ERASED = "erased"  # only the keyed hash of the address is left


class Cause(StrEnum):
    """The cause of a change of consent."""

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
    MOVED = "moved"  # the address was changed
    TAKEN_BACK = "taken_back"  # an unsubscribe was undone at once
    ERASE = "erase"
    UNCONFIRMED = "unconfirmed"  # nobody confirmed the sign-up within a week


@dataclass(frozen=True, slots=True)
class ConsentAction:
    """A consent action as recorded.

    Attributes:
        network: the keyed hash of the client's network, never the address.
        wording: the exact text shown beside the button. Both are empty for the operator's actions.
    """

    cause: Cause
    network: bytes | None = None
    wording: str = ""


def to_action(by: "Cause | ConsentAction") -> ConsentAction:
    """Return a cause as an action without further details."""
    return by if isinstance(by, ConsentAction) else ConsentAction(by)


class Cadence(StrEnum):
    """The frequency of the digest."""

    DAILY = "daily"
    WEEKDAYS = "weekdays"
    WEEKLY = "weekly"


class MinScore(StrEnum):
    """The minimum probability of relevance that a paper needs.

    See digests.selection.MIN_SCORES.
    """

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"


WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True)
class Timing:
    """The timing of a digest.

    Local `hour` 0–23 in `timezone`, on `weekday` (0 = Monday) if weekly.
    """

    timezone: str = "UTC"
    hour: int = 7
    cadence: Cadence = Cadence.DAILY
    weekday: int = 0


@dataclass(frozen=True, slots=True)
class Subscriber:
    """A subscriber as stored.

    Attributes:
        address: None exactly when erased.
        version: the consent version, which rises when status or address change.
        size: the maximum number of papers.
        min_score: the minimum score of a paper.
        explore: True if one paper may be an exploration pick.
        when_empty: True to get a short mail when no paper is relevant.
        only_categories: True to exclude papers outside their categories, except by authors they follow.
        full_abstracts: True to have the full abstracts in the text part of the mail.
        last_date: the local date (ISO) of the newest digest.
        last_planned: when the newest digest was planned.
        paused_until: when a pause ends by itself.
        links_from: links to the preferences issued before are void.
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
    when_empty: bool = False
    full_abstracts: bool = False
    language: str = "en"
    interests: tuple[Interest, ...] = ()
    last_date: str | None = None
    last_planned: datetime | None = None
    paused_until: datetime | None = None
    links_from: datetime | None = None
