"""The sign-up form as it was sent, and the record that it asks for."""

from dataclasses import dataclass

from babel.dates import get_day_names
from pydantic import BaseModel, ConfigDict

from digestd.domain.paper import paper_id
from digestd.domain.subscriber import WEEKDAYS, Cadence
from digestd.errors import BadRecord
from digestd.subscribers.subscriber_record import CheckedRecord, check
from digestd.text.sanitise import clean, shorten
from digestd.web.form_fields import read_lines, read_names, read_number, read_timezone, replace_line, visible
from digestd.web.pages import ENGLISH, Pages, locale_of
from digestd.web.time_zones import zones

PAPERS_MAX = 50
"""Example papers that one form may name."""
SIZES = (3, 5, 10, 15, 20, 30)
_ANYONE = "anyone@example.org"


class SignUpForm(BaseModel):
    """Each field as the browser sent it.

    Attributes:
        papers: example papers, separated by white space.
        language: empty for the language of the page.
        chosen_topic: a topic and the one that a hint offered instead, on two lines.
        look_up: not empty if example papers are to be looked up for a preview.
        subject: a trap that only robots fill in.
        stamp: the form timestamp.
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
    chosen_topic: str = ""
    look_up: str = ""
    subject: str = ""
    stamp: str = ""

    @property
    def is_timed(self) -> bool:
        """Return True if hour, cadence, weekday or size differ from the defaults."""
        usual = SignUpForm()
        return any(getattr(self, name) != getattr(usual, name) for name in ("hour", "cadence", "weekday", "size"))

    @property
    def visible(self) -> "SignUpForm":
        """Return the form without invisible characters."""
        return visible(self)

    @property
    def with_chosen_topic(self) -> "SignUpForm":
        """Return the form with the topic that a hint offered instead of one of its topics."""
        return self.model_copy(update={"topics": replace_line(self.topics, self.chosen_topic), "chosen_topic": ""})

    @property
    def odd_paper(self) -> str:
        """Return the first example paper that names none, shortened for display."""
        return next((shorten(clean(name), 80) for name in self.papers.split() if not _names_paper(name)), "")

    @property
    def max_papers(self) -> int:
        """Return the chosen size of a digest, or the default if it is no offered one."""
        return int(self.size) if self.size in _SIZES else int(SignUpForm().size)

    def read(self, language: str = ENGLISH) -> CheckedRecord:
        """Return the record that the form asks for, or its errors by field."""
        return self._checked(
            {
                "email": self.email,
                "timezone": read_timezone(self.timezone),
                "hour": read_number(self.hour),
                "cadence": self.cadence,
                "weekday": self.weekday,
                "size": read_number(self.size),
                "language": self.language or language,
            }
        )

    def read_interests(self) -> CheckedRecord:
        """Return a record of the interests alone, or their errors by field, for a preview."""
        return self._checked({"email": _ANYONE})

    def _checked(self, settings: dict[str, object]) -> CheckedRecord:
        papers = self.papers.split()
        lists = {
            "topics": read_lines(self.topics),
            "authors": read_names(self.authors),
            "categories": self.categories.replace(",", " ").replace(";", " ").split(),
            "likes": papers,
        }
        # an empty list is not given: it must not delete the interests of an address that returns
        checked = check(settings | {name: items for name, items in lists.items() if items})
        errors = {"papers" if name == "likes" else name: error for name, error in checked.errors.items()}
        if len(papers) > PAPERS_MAX:
            errors["papers"] = BadRecord("papers", f"has {len(papers)} entries; at most {PAPERS_MAX} are allowed")
        return CheckedRecord(None if errors else checked.record, errors)


@dataclass(frozen=True, slots=True)
class Choices:
    """The options of the form: pairs of value and label."""

    hours: list[tuple[str, str]]
    weekdays: list[tuple[str, str]]
    zones: list[tuple[str, str]]
    sizes: list[tuple[str, str]]
    languages: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, pages: Pages, form: SignUpForm) -> "Choices":
        """Return the choices for a form, in the language of the page."""
        days = get_day_names("wide", "stand-alone", locale_of(pages.language))
        return cls(
            hours=[(str(hour), f"{hour:02}:00") for hour in range(24)],
            weekdays=[(name, days[n].capitalize()) for n, name in enumerate(WEEKDAYS)],
            zones=zones(form.timezone),
            sizes=[(str(size), str(size)) for size in SIZES],
            languages=pages.languages,
        )


_SIZES = frozenset(map(str, SIZES))


def _names_paper(text: str) -> bool:
    try:
        paper_id(text)
    except BadRecord:
        return False
    return True
