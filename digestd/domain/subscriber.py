"""Subscribers: an address, its status, and when and how it gets the digest."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

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


def describe_damage(subscriber: "Subscriber") -> str:
    """Return what of a subscriber cannot be read and how to correct it, as a sentence; empty if all can."""
    if not subscriber.damage:
        return ""
    named = ", ".join(f"{one.field} {one.found}" for one in subscriber.damage)
    remedies = {_REMEDIES.get(one.field, "") for one in subscriber.damage}
    options = " ".join(sorted(remedy for remedy in remedies if remedy.startswith("--")))
    edit = f"`digestd subscriber edit {subscriber.address} {options}` corrects it" if options else ""
    status = f"`digestd subscriber resume {subscriber.address}` makes them active" if "resume" in remedies else ""
    restore = "restore the last backup" if "" in remedies else ""
    return f"cannot be read: {named}. They get no digest. {'; '.join(filter(None, (edit, status, restore)))}"


_REMEDIES = {
    "status": "resume",
    "name": "--name NAME",
    "timezone": "--timezone Europe/Berlin",
    "hour": "--hour 7",
    "cadence": "--cadence daily",
    "weekday": "--weekday mon",
    "size": "--size 10",
    "min_score": "--min-score normal",
    "explore": "--explore",
    "only_categories": "--any-category",
    "when_empty": "--not-when-empty",
    "full_abstracts": "--gists-only",
    "language": "--language en",
    "interests": "--topic TOPIC",
}
"""The option of `subscriber edit` that replaces each field."""
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


class Damage(NamedTuple):
    """A stored field that cannot be read, and what was found there. The field `interests` stands for all of them."""

    field: str
    found: str


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
        damage: fields that cannot be read; each has its default here. They get no digest until it is corrected.
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
    damage: tuple[Damage, ...] = ()
