"""Subscribers: an address, its status, and when and how it gets the digest."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Annotated, NamedTuple, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from digestd.domain.interest import Interest
from digestd.domain.time_zones import require_timezone

SIZE_MAX = 50


class Status(StrEnum):
    """pending → active ⇄ paused → unsubscribed | suppressed → erased."""

    PENDING = "pending"  # signed up, has not confirmed yet
    ACTIVE = "active"
    PAUSED = "paused"
    UNSUBSCRIBED = "unsubscribed"
    SUPPRESSED = "suppressed"  # must get no mail
    ERASED = "erased"  # only the keyed hash of the address is left


SUBSCRIBED = frozenset({Status.ACTIVE, Status.PAUSED})
"""A token for an assistant opens nothing for others, and ends when they leave."""


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


class _Choice(StrEnum):
    """One of several words, in any case."""

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        word = value.strip().lower() if isinstance(value, str) else ""
        return next((one for one in cls if one.value == word), None)


class Cadence(_Choice):
    """The frequency of the digest."""

    DAILY = "daily"
    WEEKDAYS = "weekdays"
    WEEKLY = "weekly"


class Weekday(_Choice):
    """The day of a weekly digest."""

    MON = "mon"
    TUE = "tue"
    WED = "wed"
    THU = "thu"
    FRI = "fri"
    SAT = "sat"
    SUN = "sun"


WEEKDAYS = tuple(Weekday)


class MinScore(_Choice):
    """The minimum probability of relevance that a paper needs.

    See ranking.calibration.MIN_SCORES.
    """

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"


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
class Option:
    """The option of `subscriber add` and `subscriber edit` for a preference.

    Attributes:
        names: both forms of a switch, as in `--when-empty/--not-when-empty`; empty if it is the name of the field.
    """

    help: str
    names: str = ""


class SignUpPreferences(BaseModel):
    """The preferences that a sign-up form asks for.

    Anybody can fill in such a form for any address, so there is no text among them that a mail would repeat.
    """

    model_config = ConfigDict(frozen=True)

    timezone: Annotated[
        str,
        Field(max_length=64),
        AfterValidator(require_timezone),
        Option("The time zone by its IANA name, a city or a country, as in Europe/Berlin. Default: UTC."),
    ] = "UTC"
    hour: Annotated[int, Field(ge=0, le=23), Option("The local hour of the digest, 0 to 23. Default: 7.")] = 7
    cadence: Annotated[Cadence, Option("daily, weekdays or weekly. Default: daily.")] = Cadence.DAILY
    weekday: Annotated[Weekday, Option("The day of a weekly digest, mon to sun. Default: mon.")] = Weekday.MON
    size: Annotated[int, Field(ge=1, le=SIZE_MAX), Option("The maximum number of papers, 1 to 50. Default: 10.")] = 10
    language: Annotated[str, Field(max_length=20), Option("The language of the mail, as in en. Default: en.")] = "en"

    @property
    def timing(self) -> Timing:
        """Return when the digest is due."""
        return _timing(self.timezone, self.hour, self.cadence, self.weekday)


class Preferences(SignUpPreferences):
    """Define all preferences of a subscriber, once for the table, the API, forms, imports and the CLI.

    Values from the database are validated as they are. What people write is cleaned first, see
    subscribers.subscriber_record.GivenPreferences.
    """

    name: Annotated[str, Field(max_length=200), Option("The name to greet them by.")] = ""
    min_score: Annotated[MinScore, Option("How relevant a paper must be: low, normal or high. Default: normal.")] = (
        MinScore.NORMAL
    )
    only_categories: Annotated[
        bool,
        Option(
            "Show only papers from --category, --institution or --venue, or by --author. Default: any.",
            "--only-categories/--any-category",
        ),
    ] = False
    when_empty: Annotated[
        bool, Option("Mail them when no paper is relevant. Default: no mail.", "--when-empty/--not-when-empty")
    ] = False
    full_abstracts: Annotated[
        bool,
        Option(
            "Put the full abstracts into the text part of the mail. Default: gists.", "--full-abstracts/--gists-only"
        ),
    ] = False


@lru_cache(maxsize=10_000)
def _timing(timezone: str, hour: int, cadence: Cadence, weekday: Weekday) -> Timing:
    return Timing(timezone, hour, cadence, WEEKDAYS.index(weekday))


DEFAULTS = Preferences()


def option_of(name: str) -> Option:
    return next(one for one in Preferences.model_fields[name].metadata if isinstance(one, Option))


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
    preferences: Preferences = DEFAULTS
    interests: tuple[Interest, ...] = ()
    last_date: str | None = None
    last_planned: datetime | None = None
    paused_until: datetime | None = None
    links_from: datetime | None = None
    damage: tuple[Damage, ...] = ()

    @property
    def language(self) -> str:
        """Return the language of their mails and pages."""
        return self.preferences.language

    @property
    def timing(self) -> Timing:
        """Return when their digest is due."""
        return self.preferences.timing


def describe_damage(subscriber: Subscriber) -> str:
    """Return what of a subscriber cannot be read and how to correct it, as a sentence; empty if all can."""
    if not subscriber.damage:
        return ""
    named = ", ".join(f"{one.field} {one.found}" for one in subscriber.damage)
    remedies = {_remedy(one.field) for one in subscriber.damage}
    options = " ".join(sorted(remedy for remedy in remedies if remedy.startswith("--")))
    edit = f"`digestd subscriber edit {subscriber.address} {options}` corrects it" if options else ""
    status = f"`digestd subscriber resume {subscriber.address}` makes them active" if "resume" in remedies else ""
    restore = "restore the last backup" if "" in remedies else ""
    return f"cannot be read: {named}. They get no digest. {'; '.join(filter(None, (edit, status, restore)))}"


def _remedy(field: str) -> str:
    """Return what replaces a field: an option of `subscriber edit` with the default, `resume`, or nothing."""
    if field not in Preferences.model_fields:
        return {"status": "resume", "interests": "--topic TOPIC"}.get(field, "")
    default, name = Preferences.model_fields[field].default, f"--{field.replace('_', '-')}"
    if isinstance(default, bool):
        return option_of(field).names.split("/")[0 if default else 1]
    return f"{name} {default or field.upper()}"
