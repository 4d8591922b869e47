"""The subscribe form as it was typed, and what it asks for."""

from dataclasses import dataclass

from babel.dates import get_day_names
from pydantic import BaseModel, ConfigDict

from digestd.domain.interest import Interest
from digestd.domain.paper import paper_id
from digestd.domain.sanitise import clean, shorten
from digestd.domain.subscriber import WEEKDAYS, Cadence, Timing
from digestd.errors import BadRecord
from digestd.subscribe import Asked, parse
from digestd.web.pages import ENGLISH, Pages, locale_of
from digestd.web.zones import zones

PAPERS_MAX = 50
"""Example papers that one form may name."""
SIZES = (3, 5, 10, 15, 20, 30)
_ANYONE = "anyone@example.org"


class Typed(BaseModel):
    """Each field as the browser sent it; `subject` is a trap that only robots fill in, `stamp` what stamp says.

    Without a language it is that of the page.
    """

    model_config = ConfigDict(frozen=True)

    email: str = ""
    topics: str = ""
    authors: str = ""
    categories: str = ""
    papers: str = ""
    hour: str = "7"
    timezone: str = "UTC"
    cadence: str = Cadence.DAILY.value
    weekday: str = WEEKDAYS[0]
    size: str = "10"
    language: str = ""
    subject: str = ""
    stamp: str = ""

    @property
    def is_timed(self) -> bool:
        """Whether anything of when, how often and how many is not as usual."""
        usual = Typed()
        return any(getattr(self, name) != getattr(usual, name) for name in ("hour", "cadence", "weekday", "size"))

    @property
    def visible(self) -> "Typed":
        """The same without what cannot be seen, as it may be shown again."""
        return Typed(**{name: "\n".join(map(clean, text.split("\n"))) for name, text in self.model_dump().items()})

    @property
    def odd_paper(self) -> str:
        """The first of the example papers that names none, as it may be shown."""
        return next((shorten(clean(name), 80) for name in self.papers.split() if not _names_paper(name)), "")

    @property
    def most(self) -> int:
        """How many papers a digest may hold, where that can be read."""
        return int(self.size) if self.size in _SIZES else int(Typed().size)

    def problems(self) -> frozenset[str]:
        """The fields that need correcting: the rules are those of every subscriber."""
        said = {
            "email": self.email,
            "timezone": self._zone,
            "hour": _number(self.hour),
            "cadence": self.cadence,
            "weekday": self.weekday,
            "size": _number(self.size),
            "language": self.language or ENGLISH,
        }
        refused = frozenset(field for field, value in said.items() if _is_refused(field, value))
        return refused | self.unfit_interests()

    def unfit_interests(self) -> frozenset[str]:
        """The fields of interests that need correcting."""
        named = self.papers.split()
        fields = {name: items for name, items in self._lists.items() if _is_refused(_SAID[name], items)}
        return frozenset(fields) | ({"papers"} if len(named) > PAPERS_MAX or self.odd_paper else frozenset())

    def interests(self) -> tuple[Interest, ...]:
        """What is wished for, once each. Only for a form without problems."""
        record = parse({"email": _ANYONE, **{_SAID[name]: items for name, items in self._lists.items()}})
        return tuple(Interest(kind, value, wish) for (kind, wish), each in record.lists.items() for value in each)

    def asked(self, language: str = ENGLISH) -> Asked:
        """What is asked for on a page of this language. Only for a form without problems."""
        timing = Timing(self._zone, int(self.hour), Cadence(self.cadence), WEEKDAYS.index(self.weekday))
        return Asked(self.email, timing, self.interests(), self.language or language, int(self.size))

    @property
    def _lists(self) -> dict[str, list[str]]:
        return {
            "topics": _lines(self.topics),
            "authors": _lines(self.authors.replace(";", "\n")),
            "categories": self.categories.replace(",", " ").replace(";", " ").split(),
            "papers": self.papers.split(),
        }

    @property
    def _zone(self) -> str:
        return self.timezone.strip().replace(" ", "_") or "UTC"


@dataclass(frozen=True, slots=True)
class Choices:
    """What the form offers: pairs of value and words."""

    hours: list[tuple[str, str]]
    weekdays: list[tuple[str, str]]
    zones: list[tuple[str, str]]
    sizes: list[tuple[str, str]]
    languages: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, pages: Pages, typed: Typed) -> "Choices":
        """Those of a form as it was typed, in the language of the page."""
        days = get_day_names("wide", "stand-alone", locale_of(pages.language))
        return cls(
            hours=[(str(hour), f"{hour:02}:00") for hour in range(24)],
            weekdays=[(name, days[n].capitalize()) for n, name in enumerate(WEEKDAYS)],
            zones=zones(typed.timezone),
            sizes=[(str(size), str(size)) for size in SIZES],
            languages=pages.languages,
        )


_SAID = {"topics": "topics", "authors": "authors", "categories": "categories", "papers": "likes"}
"""Field of the form → key of a record."""
_SIZES = frozenset(map(str, SIZES))
_NUMBERS = frozenset(map(str, range(100)))


def _number(text: str) -> object:
    return int(text) if text in _NUMBERS else text


def _lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip()]


def _names_paper(text: str) -> bool:
    try:
        paper_id(text)
    except BadRecord:
        return False
    return True


def _is_refused(field: str, value: object) -> bool:
    try:
        parse({"email": _ANYONE, field: value})
    except BadRecord:
        return True
    return False
