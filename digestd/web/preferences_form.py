"""The preferences form: filled from a subscriber, sent back, and read as a record."""

from dataclasses import replace
from typing import Annotated, ClassVar, Self

from fastapi import Depends

from digestd.domain.interest import Kind, Stance, values
from digestd.domain.subscriber import Preferences, Subscriber
from digestd.subscribers.subscriber_record import BOOLEANS, MUTABLE, CheckedRecord, SubscriberRecord, check
from digestd.web.form_fields import TextForm, read_lines, read_names

_LISTS = (*MUTABLE, *(f"mute_{name}" for name in MUTABLE))


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
        return replace(checked, record=_with_stored_likes(checked.record, whom))

    def _entries(self, name: str) -> list[str]:
        return read_names(self[name]) if name.endswith("authors") else read_lines(self[name])


SentPreferences = Annotated[PreferencesForm, Depends(PreferencesForm.sent)]


def _with_stored_likes(record: SubscriberRecord, whom: Subscriber) -> SubscriberRecord:
    """Return the record with the stored example papers before the new ones."""
    slot = (Kind.PAPER, Stance.LIKED)
    stored = values(whom.interests, *slot)
    return replace(record, lists={**record.lists, slot: tuple(dict.fromkeys((*stored, *record.lists.get(slot, ()))))})
