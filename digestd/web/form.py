"""The subscribe box as it was typed, and what it asks for."""

from pydantic import BaseModel, ConfigDict

from digestd.domain.interest import Interest, Kind
from digestd.domain.subscriber import WEEKDAYS, Cadence, Timing
from digestd.errors import BadRecord
from digestd.render.words import clean
from digestd.subscribe import Asked, parse
from digestd.web.pages import ENGLISH

_ANYONE = "anyone@example.org"


class Typed(BaseModel):
    """Each field as the browser sent it; `subject` is a trap that only robots fill in.

    Without a language it is that of the page.
    """

    model_config = ConfigDict(frozen=True)

    email: str = ""
    topics: str = ""
    authors: str = ""
    hour: str = "7"
    timezone: str = "UTC"
    cadence: str = Cadence.DAILY.value
    weekday: str = WEEKDAYS[0]
    language: str = ""
    subject: str = ""

    @property
    def opened(self) -> bool:
        """Whether more than an address was given."""
        return self.model_copy(update={"email": "", "timezone": "UTC", "language": ""}) != Typed()

    @property
    def visible(self) -> "Typed":
        """The same without what cannot be seen, as it may be shown again."""
        return Typed(**{name: "\n".join(map(clean, text.split("\n"))) for name, text in self.model_dump().items()})

    def problems(self) -> frozenset[str]:
        """The fields that need correcting: the rules are those of every subscriber."""
        said = {
            "email": self.email,
            "topics": _lines(self.topics),
            "authors": _lines(self.authors),
            "hour": int(self.hour) if self.hour in _HOURS else self.hour,
            "timezone": self._zone,
            "cadence": self.cadence,
            "weekday": self.weekday,
            "language": self.language or ENGLISH,
        }
        return frozenset(field for field, value in said.items() if _is_refused(field, value))

    def asked(self, language: str = ENGLISH) -> Asked:
        """What is asked for on a page of this language. Only for a form without problems."""
        topics = (Interest(Kind.TOPIC, line) for line in _lines(self.topics))
        authors = (Interest(Kind.AUTHOR, line) for line in _lines(self.authors))
        timing = Timing(self._zone, int(self.hour), Cadence(self.cadence), WEEKDAYS.index(self.weekday))
        return Asked(self.email, timing, (*topics, *authors), self.language or language)

    @property
    def _zone(self) -> str:
        return self.timezone.strip().replace(" ", "_") or "UTC"


_HOURS = frozenset(str(hour) for hour in range(24))


def _lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip()]


def _is_refused(field: str, value: object) -> bool:
    try:
        parse({"email": _ANYONE, field: value})
    except BadRecord:
        return True
    return False
