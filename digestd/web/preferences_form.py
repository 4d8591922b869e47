"""The preferences form: filled from a subscriber, sent back, and read as a record."""

from dataclasses import replace
from typing import Self

from pydantic import BaseModel, ConfigDict

from digestd.domain.interest import Kind, Stance, values
from digestd.domain.subscriber import WEEKDAYS, Subscriber
from digestd.subscribers.subscriber_record import BOOLEANS, MUTABLE, NUMBERS, CheckedRecord, SubscriberRecord, check
from digestd.web.form_fields import read_lines, read_names, read_number, read_timezone, replace_line, visible

_TEXTS = ("name", "cadence", "weekday", "min_score", "language")


class PreferencesForm(BaseModel):
    """Each field as the browser sent it; lists have one entry a line.

    `likes` are papers to add to those that are stored. `chosen_topic` is a topic and the one that a hint offered
    instead, on two lines.
    """

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
    min_score: str = ""
    explore: str = ""
    only_categories: str = ""
    when_empty: str = ""
    full_abstracts: str = ""
    language: str = ""
    chosen_topic: str = ""

    @classmethod
    def of(cls, subscriber: Subscriber) -> Self:
        """Return the form filled with a subscriber's preferences."""
        wants, timing = subscriber.interests, subscriber.timing
        lists = {name: "\n".join(values(wants, kind)) for name, kind in MUTABLE.items()}
        lists |= {f"mute_{name}": "\n".join(values(wants, kind, Stance.MUTED)) for name, kind in MUTABLE.items()}
        return cls(
            name=subscriber.name,
            hour=str(timing.hour),
            timezone=timing.timezone,
            cadence=timing.cadence.value,
            weekday=WEEKDAYS[timing.weekday],
            size=str(subscriber.size),
            min_score=subscriber.min_score.value,
            explore="on" if subscriber.explore else "",
            only_categories="on" if subscriber.only_categories else "",
            when_empty="on" if subscriber.when_empty else "",
            full_abstracts="on" if subscriber.full_abstracts else "",
            language=subscriber.language,
            **lists,
        )

    @property
    def with_chosen_topic(self) -> Self:
        """Return the form with the topic that a hint offered instead of one of its topics."""
        return self.model_copy(update={"topics": replace_line(self.topics, self.chosen_topic), "chosen_topic": ""})

    @property
    def visible(self) -> Self:
        """Return the form without invisible characters."""
        return visible(self)

    def read(self, whom: Subscriber) -> CheckedRecord:
        """Return the record to store for a subscriber, or the form's errors by field."""
        fields = {
            "email": whom.address,
            "timezone": read_timezone(self.timezone),
            "likes": read_lines(self.likes),
            "mute": {name: self._entries(f"mute_{name}") for name in MUTABLE},
            **{name: self._entries(name) for name in MUTABLE},
            **{name: getattr(self, name) for name in _TEXTS},
            **{name: read_number(getattr(self, name)) for name in NUMBERS},
            **{name: getattr(self, name) == "on" for name in BOOLEANS},
        }
        checked = check(fields)
        if checked.record is None:
            return checked
        return replace(checked, record=_with_stored_likes(checked.record, whom))

    def _entries(self, name: str) -> list[str]:
        text: str = getattr(self, name)
        return read_names(text) if name.endswith("authors") else read_lines(text)


def _with_stored_likes(record: SubscriberRecord, whom: Subscriber) -> SubscriberRecord:
    """Return the record with the stored example papers before the new ones."""
    slot = (Kind.PAPER, Stance.LIKED)
    stored = values(whom.interests, *slot)
    return replace(record, lists={**record.lists, slot: tuple(dict.fromkeys((*stored, *record.lists.get(slot, ()))))})
