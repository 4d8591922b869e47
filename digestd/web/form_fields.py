"""HTML forms: their fields as the browser sent them, and the choices that they offer."""

from collections.abc import Iterable, Mapping
from typing import ClassVar, Self

from babel.dates import get_day_names
from fastapi import Request

from digestd.domain.subscriber import WEEKDAYS
from digestd.subscribers.subscriber_record import BOOLEANS, NUMBERS
from digestd.text.sanitise import clean
from digestd.web.pages import Pages, locale_of


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
        """Return the form with the topic that a hint offered instead of one of its topics."""
        return type(self)({**self, "topics": _replace_line(self["topics"], self["chosen_topic"]), "chosen_topic": ""})

    def read_preferences(self, names: Iterable[str]) -> dict[str, object]:
        """Return the preferences with these names, as in a line of an import."""
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
    """Return the lines that are not blank."""
    return [line for line in text.splitlines() if line.strip()]


def read_names(text: str) -> list[str]:
    """Return the names of people, one a line or separated by semicolons."""
    return read_lines(text.replace(";", "\n"))


def choices(pages: Pages, language: str, sizes: Iterable[int]) -> dict[str, list[tuple[str, str]]]:
    """Return pairs of value and label for hours, weekdays, sizes and languages."""
    days = get_day_names("wide", "stand-alone", locale_of(pages.known_language(language)))
    return {
        "hours": [(str(hour), f"{hour:02}:00") for hour in range(24)],
        "weekdays": [(name, days[n].capitalize()) for n, name in enumerate(WEEKDAYS)],
        "sizes": [(str(size), str(size)) for size in sizes],
        "languages": list(pages.languages),
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
