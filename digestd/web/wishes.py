"""The form of the preferences: filled with what a subscriber wants, read as a record, corrected field by field."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

from pydantic import BaseModel, ConfigDict

from digestd.domain.interest import Kind, Wish, values
from digestd.domain.sanitise import clean
from digestd.domain.subscriber import WEEKDAYS, Subscriber
from digestd.errors import BadRecord
from digestd.subscribe.record import LISTS, MUTABLE, TRUTHS, Record, parse

_NUMBERS = frozenset({"hour", "size"})
_TEXTS = ("name", "timezone", "cadence", "weekday", "bar", "language")


class Wishes(BaseModel):
    """Each field as the browser sent it; lists are one entry a line. `likes` are papers to add to those there are."""

    model_config = ConfigDict(frozen=True)

    name: str = ""
    topics: str = ""
    phrases: str = ""
    authors: str = ""
    categories: str = ""
    likes: str = ""
    mute_topics: str = ""
    mute_phrases: str = ""
    mute_authors: str = ""
    mute_categories: str = ""
    hour: str = ""
    timezone: str = ""
    cadence: str = ""
    weekday: str = ""
    size: str = ""
    bar: str = ""
    explore: str = ""
    only_categories: str = ""
    language: str = ""

    @classmethod
    def of(cls, subscriber: Subscriber) -> Self:
        """The form as it stands for somebody."""
        wants, timing = subscriber.interests, subscriber.timing
        said = {name: "\n".join(values(wants, kind)) for name, kind in MUTABLE.items()}
        said |= {f"mute_{name}": "\n".join(values(wants, kind, Wish.MUTED)) for name, kind in MUTABLE.items()}
        return cls(
            name=subscriber.name,
            hour=str(timing.hour),
            timezone=timing.timezone,
            cadence=timing.cadence.value,
            weekday=WEEKDAYS[timing.weekday],
            size=str(subscriber.size),
            bar=subscriber.bar.value,
            explore="on" if subscriber.explore else "",
            only_categories="on" if subscriber.only_categories else "",
            language=subscriber.language,
            **said,
        )

    @property
    def visible(self) -> Self:
        """The same without what cannot be seen, as it may be shown again."""
        return type(self)(**{name: "\n".join(map(clean, text.split("\n"))) for name, text in self.model_dump().items()})


@dataclass(frozen=True, slots=True)
class Wished:
    """What a form asks for: a record to store, or the fields to correct."""

    record: Record | None
    problems: frozenset[str] = frozenset()


def read(form: Wishes, whom: Subscriber) -> Wished:
    """Read a form that somebody sent back."""
    address = whom.address or ""
    said, mutes = _said(form), _mutes(form)
    wrong = {name for name, value in said.items() if not _fits(address, {name: value})}
    wrong |= {f"mute_{name}" for name, value in mutes.items() if not _fits(address, {"mute": {name: value}})}
    if wrong:
        return Wished(None, frozenset(wrong))
    wanted = {**said, "mute": mutes}
    if not _fits(address, wanted):
        return Wished(None, frozenset(_contradicted(address, said, mutes)))
    return Wished(_added(parse({"email": address, **wanted}), whom))


def _said(form: Wishes) -> dict[str, object]:
    lists = {name: _entries(name, getattr(form, name)) for name in LISTS if hasattr(form, name)}
    plain: dict[str, object] = {name: getattr(form, name) for name in _TEXTS}
    numbers = {name: _number(getattr(form, name)) for name in _NUMBERS}
    zone = form.timezone.strip().replace(" ", "_") or "UTC"
    ticked = {name: getattr(form, name) == "on" for name in sorted(TRUTHS)}
    return {**plain, **lists, **numbers, **ticked, "timezone": zone}


def _mutes(form: Wishes) -> dict[str, list[str]]:
    return {name: _entries(name, getattr(form, f"mute_{name}")) for name in MUTABLE}


def _entries(name: str, text: str) -> list[str]:
    """One a line; names of people may also stand in a row, as no name holds a semicolon."""
    lines = (text.replace(";", "\n") if name == "authors" else text).splitlines()
    return [line for line in lines if line.strip()]


def _number(text: str) -> int | str:
    return int(text) if text.isascii() and text.isdigit() and len(text) < len("1000") else text


def _fits(address: str, said: Mapping[str, object]) -> bool:
    try:
        parse({"email": address, **said})
    except BadRecord:
        return False
    return True


def _contradicted(address: str, said: Mapping[str, object], mutes: Mapping[str, Sequence[str]]) -> list[str]:
    """The mutes of what is wanted at the same time."""
    return [
        f"mute_{name}" for name in MUTABLE if not _fits(address, {name: said[name], "mute": {name: mutes[name]}})
    ] or ["likes"]


def _added(record: Record, whom: Subscriber) -> Record:
    """The record with the example papers there are before the new ones."""
    slot = (Kind.PAPER, Wish.LIKED)
    kept = values(whom.interests, *slot)
    return replace(record, lists={**record.lists, slot: tuple(dict.fromkeys((*kept, *record.lists.get(slot, ()))))})
