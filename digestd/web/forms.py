"""HTML forms: their fields as the browser sent them, the records that they ask for, and the choices that they offer."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Annotated, ClassVar, Self

from babel.dates import get_day_names
from fastapi import Depends, Request

from digestd.domain.interest import Kind, Stance, values
from digestd.domain.paper import paper_id
from digestd.domain.subscriber import WEEKDAYS, Cadence, Preferences, SignUpPreferences, Subscriber
from digestd.errors import BadRecord
from digestd.subscribers.subscriber_record import BOOLEANS, MUTABLE, NUMBERS, CheckedRecord, check
from digestd.text.sanitise import clean, shorten
from digestd.web.pages import ENGLISH, Pages, locale_of

PAPERS_MAX = 50
"""Example papers that one form may name."""
SIZES = (3, 5, 10, 15, 20, 30)
_ANYONE = "anyone@example.org"
_TIMED = ("hour", "cadence", "weekday", "size")
_LISTS = (*MUTABLE, *(f"mute_{name}" for name in MUTABLE))
ZONES = (
    *("UTC", "Pacific/Honolulu", "America/Anchorage", "America/Los_Angeles", "America/Denver", "America/Phoenix"),
    *("America/Chicago", "America/Mexico_City", "America/Bogota", "America/Lima", "America/New_York"),
    *("America/Toronto", "America/Caracas", "America/Halifax", "America/Santiago", "America/Sao_Paulo"),
    *("America/Argentina/Buenos_Aires", "America/St_Johns", "Atlantic/Azores", "Atlantic/Reykjavik"),
    *("Africa/Casablanca", "Africa/Lagos", "Europe/London", "Europe/Dublin", "Europe/Lisbon", "Europe/Madrid"),
    *("Europe/Paris", "Europe/Brussels", "Europe/Amsterdam", "Europe/Berlin", "Europe/Zurich", "Europe/Vienna"),
    *("Europe/Rome", "Europe/Copenhagen", "Europe/Oslo", "Europe/Stockholm", "Europe/Prague", "Europe/Warsaw"),
    *("Europe/Budapest", "Europe/Athens", "Europe/Bucharest", "Europe/Helsinki", "Europe/Kyiv", "Europe/Istanbul"),
    *("Europe/Moscow", "Africa/Cairo", "Africa/Johannesburg", "Africa/Nairobi", "Asia/Jerusalem", "Asia/Riyadh"),
    *("Asia/Dubai", "Asia/Tehran", "Asia/Karachi", "Asia/Kolkata", "Asia/Kathmandu", "Asia/Dhaka", "Asia/Bangkok"),
    *("Asia/Ho_Chi_Minh", "Asia/Jakarta", "Asia/Singapore", "Asia/Hong_Kong", "Asia/Shanghai", "Asia/Taipei"),
    *("Asia/Manila", "Australia/Perth", "Asia/Seoul", "Asia/Tokyo", "Australia/Adelaide", "Australia/Brisbane"),
    *("Australia/Sydney", "Pacific/Auckland"),
)
"""One populous city for each zone; a script adds the browser's own."""


class TextForm(dict[str, str]):
    """The known fields of a form as the browser sent them, to be read, and to be shown again if something is wrong.

    A field that was not sent has its default. Unknown fields are ignored.
    """

    FIELDS: ClassVar[Mapping[str, str]] = {}
    """The default of each field."""

    def __init__(self, sent: Mapping[str, object] | None = None) -> None:
        values = {name: (sent or {}).get(name) for name in self.FIELDS}
        super().__init__(
            {name: value if isinstance(value, str) else self.FIELDS[name] for name, value in values.items()}
        )

    @classmethod
    async def sent(cls, request: Request) -> Self:
        """Return the form in the body of a request: a dependency for FastAPI."""
        return cls(await request.form())

    @property
    def visible(self) -> Self:
        """Return the form without invisible characters, so that a page can show it again."""
        return type(self)({name: "\n".join(map(clean, text.split("\n"))) for name, text in self.items()})

    @property
    def with_chosen_topic(self) -> Self:
        return type(self)({**self, "topics": _replace_line(self["topics"], self["chosen_topic"]), "chosen_topic": ""})

    def read_preferences(self, names: Iterable[str]) -> dict[str, object]:
        return {name: self._value(name) for name in names}

    def _value(self, name: str) -> object:
        """Return a number of up to three digits, a switch or a text. Time zones may be typed with spaces."""
        text = self[name]
        if name in BOOLEANS:
            return text == "on"
        if name in NUMBERS and text.isascii() and text.isdigit() and len(text) <= 3:
            return int(text)
        return text.strip().replace(" ", "_") or "UTC" if name == "timezone" else text


def read_lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip()]


def read_names(text: str) -> list[str]:
    return read_lines(text.replace(";", "\n"))


def choices(pages: Pages, language: str, sizes: Iterable[int]) -> dict[str, list[tuple[str, str]]]:
    """Return pairs of value and label for hours, weekdays, sizes and languages; `zh-CN` stays so if it is chosen."""
    chosen = pages.known_language(language)
    days = get_day_names("wide", "stand-alone", locale_of(chosen))
    return {
        "hours": [(str(hour), f"{hour:02}:00") for hour in range(24)],
        "weekdays": [(name, days[n].capitalize()) for n, name in enumerate(WEEKDAYS)],
        "sizes": [(str(size), str(size)) for size in sizes],
        "languages": [(language if tag == chosen else tag, name) for tag, name in pages.languages],
    }


def _replace_line(text: str, chosen: str) -> str:
    """Return the text with one line replaced.

    Args:
        chosen: the line to replace, a line break, and the new line; "" for none.
    """
    old, _, new = (" ".join(part.split()) for part in chosen.partition("\n"))
    if not (old and new):
        return text
    return "\n".join(new if " ".join(line.split()) == old else line for line in text.splitlines())


class SignUpForm(TextForm):
    """The preferences that a sign-up asks for, and interests.

    Fields:
        papers: example papers, separated by white space.
        language: empty for the language of the page.
        chosen_topic: a topic and the one that a hint offered instead, on two lines.
        look_up: not empty if example papers are to be looked up for a preview.
        subject: a trap that only robots fill in.
        stamp: the form timestamp.
    """

    FIELDS: ClassVar = {
        **dict.fromkeys(("email", "topics", "authors", "categories", "papers"), ""),
        **{name: str(value) for name, value in SignUpPreferences().model_dump().items()},
        **dict.fromkeys(("language", "chosen_topic", "look_up", "subject", "stamp"), ""),
    }

    @property
    def is_timed(self) -> bool:
        return any(self[name] != self.FIELDS[name] for name in _TIMED)

    @property
    def odd_paper(self) -> str:
        """Return the first example paper that names none, shortened for display."""
        return next((shorten(clean(name), 80) for name in self["papers"].split() if not _names_paper(name)), "")

    @property
    def previewed(self) -> Preferences:
        """Return the chosen size and cadence of a digest, or the defaults where they are no offered ones."""
        size = self["size"] if self["size"] in map(str, SIZES) else self.FIELDS["size"]
        cadence = self["cadence"] if self["cadence"] in set(Cadence) else self.FIELDS["cadence"]
        return Preferences(size=int(size), cadence=Cadence(cadence))

    def read(self, language: str = ENGLISH) -> CheckedRecord:
        """Return the record that the form asks for, or its errors by field."""
        given = self.read_preferences(SignUpPreferences.model_fields)
        return self._checked({**given, "email": self["email"], "language": self["language"] or language})

    def read_interests(self) -> CheckedRecord:
        """Return a record of the interests alone, or their errors by field, for a preview."""
        return self._checked({"email": _ANYONE})

    def _checked(self, settings: dict[str, object]) -> CheckedRecord:
        papers = self["papers"].split()
        lists = {
            "topics": read_lines(self["topics"]),
            "authors": read_names(self["authors"]),
            "categories": self["categories"].replace(",", " ").replace(";", " ").split(),
            "likes": papers,
        }
        # an empty list is not given: it must not delete the interests of an address that returns
        checked = check(settings | {name: items for name, items in lists.items() if items})
        errors = {"papers" if name == "likes" else name: error for name, error in checked.errors.items()}
        if len(papers) > PAPERS_MAX:
            errors["papers"] = BadRecord("papers", f"has {len(papers)} entries; at most {PAPERS_MAX} are allowed")
        return CheckedRecord(None if errors else checked.record, errors)


SentSignUp = Annotated[SignUpForm, Depends(SignUpForm.sent)]


def _names_paper(text: str) -> bool:
    try:
        paper_id(text)
    except BadRecord:
        return False
    return True


class PreferencesForm(TextForm):
    """All preferences, and lists with one entry a line.

    `likes` are papers to add to those that are stored. `chosen_topic` is a topic and the one that a hint offered
    instead, on two lines.
    """

    FIELDS: ClassVar = dict.fromkeys((*Preferences.model_fields, *_LISTS, "likes", "chosen_topic"), "")

    @classmethod
    def of(cls, subscriber: Subscriber) -> Self:
        """Return the form filled with a subscriber's preferences."""
        wants = subscriber.interests
        return cls(
            {name: str(value) for name, value in subscriber.preferences.model_dump().items()}
            | {name: "on" if getattr(subscriber.preferences, name) else "" for name in BOOLEANS}
            | {name: "\n".join(values(wants, kind)) for name, kind in MUTABLE.items()}
            | {f"mute_{name}": "\n".join(values(wants, kind, Stance.MUTED)) for name, kind in MUTABLE.items()}
        )

    def read(self, whom: Subscriber) -> CheckedRecord:
        """Return the record to store for a subscriber, or the form's errors by field."""
        fields = {
            "email": whom.address,
            "likes": read_lines(self["likes"]),
            "mute": {name: self._entries(f"mute_{name}") for name in MUTABLE},
            **{name: self._entries(name) for name in MUTABLE},
            **self.read_preferences(Preferences.model_fields),
        }
        checked = check(fields)
        if checked.record is None:
            return checked
        slot = (Kind.PAPER, Stance.LIKED)
        likes = (*values(whom.interests, *slot), *checked.record.lists.get(slot, ()))  # the stored ones come first
        lists = {**checked.record.lists, slot: tuple(dict.fromkeys(likes))}
        return replace(checked, record=replace(checked.record, lists=lists))

    def _entries(self, name: str) -> list[str]:
        return read_names(self[name]) if name.endswith("authors") else read_lines(self[name])


SentPreferences = Annotated[PreferencesForm, Depends(PreferencesForm.sent)]


def zones(chosen: str) -> list[tuple[str, str]]:
    all_of_them = ZONES if chosen in ZONES else (chosen, *ZONES)
    return [(zone, zone.replace("_", " ")) for zone in all_of_them]
