"""The subscribe box as it was typed, and what it asks for."""

from collections.abc import Callable, Iterable

from pydantic import BaseModel, ConfigDict

from digestd.domain.interest import Interest, Kind
from digestd.domain.subscriber import WEEKDAYS, Cadence, Timing
from digestd.errors import BadRecord
from digestd.links import canonical_address
from digestd.schedule import check_timezone

LINES_MAX = 30
LINE_MAX = 300
_HOURS = tuple(str(hour) for hour in range(24))


class Typed(BaseModel):
    """Each field as the browser sent it; `website` is a trap that only robots fill in."""

    model_config = ConfigDict(frozen=True)

    email: str = ""
    topics: str = ""
    authors: str = ""
    hour: str = "7"
    timezone: str = "UTC"
    cadence: str = Cadence.DAILY.value
    weekday: str = WEEKDAYS[0]
    website: str = ""

    @property
    def opened(self) -> bool:
        """Whether more than an address was given."""
        return self.model_copy(update={"email": "", "timezone": "UTC"}) != Typed()

    def problems(self) -> frozenset[str]:
        """The fields that need correcting."""
        good = {
            "email": _passes(canonical_address, self.email),
            "topics": _fits(self.topics),
            "authors": _fits(self.authors),
            "hour": self.hour in _HOURS,
            "timezone": _passes(check_timezone, self.zone),
            "cadence": self.cadence in set(Cadence),
            "weekday": self.weekday in WEEKDAYS,
        }
        return frozenset(field for field, is_good in good.items() if not is_good)

    @property
    def zone(self) -> str:
        """The time zone; none typed is UTC."""
        return self.timezone.strip().replace(" ", "_") or "UTC"

    def timing(self) -> Timing:
        """When the digest is wanted. Only for a form without problems."""
        return Timing(self.zone, int(self.hour), Cadence(self.cadence), WEEKDAYS.index(self.weekday))

    def interests(self) -> tuple[Interest, ...]:
        """Topics first, each once."""
        topics = (Interest(Kind.TOPIC, line) for line in _lines(self.topics))
        authors = (Interest(Kind.AUTHOR, line) for line in _lines(self.authors))
        return tuple(dict.fromkeys((*topics, *authors)))


def _lines(text: str) -> Iterable[str]:
    return (words for line in text.splitlines() if (words := " ".join(line.split())))


def _fits(text: str) -> bool:
    lines = list(_lines(text))
    return len(lines) <= LINES_MAX and all(len(line) <= LINE_MAX for line in lines)


def _passes(check: Callable[[str], str], text: str) -> bool:
    try:
        check(text)
    except BadRecord:
        return False
    return True
