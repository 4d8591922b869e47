"""Turn the text of form fields into the values of a subscriber record."""

from typing import TypeVar

from pydantic import BaseModel

from digestd.text.sanitise import clean

_Form = TypeVar("_Form", bound=BaseModel)


def read_lines(text: str) -> list[str]:
    """Return the lines that are not blank."""
    return [line for line in text.splitlines() if line.strip()]


def read_names(text: str) -> list[str]:
    """Return the names of people, one a line or separated by semicolons."""
    return read_lines(text.replace(";", "\n"))


def read_number(text: str) -> int | str:
    """Return a number of up to three digits, or any other text as it is."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 3 else text


def read_timezone(text: str) -> str:
    """Return the name of a time zone, which may be typed with spaces.

    UTC if it is blank.
    """
    return text.strip().replace(" ", "_") or "UTC"


def replace_line(text: str, chosen: str) -> str:
    """Return the text with one line replaced.

    Args:
        chosen: the line to replace, a line break, and the new line; "" for none.
    """
    old, _, new = (" ".join(part.split()) for part in chosen.partition("\n"))
    if not (old and new):
        return text
    return "\n".join(new if " ".join(line.split()) == old else line for line in text.splitlines())


def visible(form: _Form) -> _Form:
    """Return the form without invisible characters, so that a page can show it again."""
    fields = form.model_dump().items()
    return type(form)(**{name: "\n".join(map(clean, text.split("\n"))) for name, text in fields})
