"""Read, check and write the preferences and interests of one subscriber.

One pass (`check`) serves forms, API, CLI and import files. All functions are pure.
A field that is not given keeps its value; for a new subscriber, the default.
"""

import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import lru_cache, partial
from typing import Any

from annotated_types import Ge, Le, MaxLen
from babel import Locale, UnknownLocaleError
from pydantic import ValidationError, ValidationInfo, field_validator
from pydantic.fields import FieldInfo

from digestd.domain.interest import Interest, Kind, Stance, TopicHint, values, with_refusals
from digestd.domain.paper import paper_id
from digestd.domain.subscriber import DEFAULTS, Preferences, Status, Subscriber
from digestd.domain.time_zones import check_timezone
from digestd.errors import BadRecord
from digestd.security.addresses import canonical_address
from digestd.text.sanitise import clean, is_visible

TEXT_MAX, TOPIC_MAX, PAPER_MAX = 300, 1_000, 400
BYTES_MAX = 2_500
"""A longer key does not fit into an index of PostgreSQL."""
ITEMS_MAX = dict.fromkeys(Kind, 200) | {Kind.TOPIC: 50, Kind.PAPER: 1_000}

ListKey = tuple[Kind, Stance]
"""The kind and stance of the interests in one list."""
MUTABLE = {
    **{"topics": Kind.TOPIC, "phrases": Kind.PHRASE, "authors": Kind.AUTHOR},
    **{"categories": Kind.CATEGORY, "institutions": Kind.INSTITUTION, "venues": Kind.VENUE},
}
LISTS: dict[str, ListKey] = {
    **{name: (kind, Stance.LIKED) for name, kind in MUTABLE.items()},
    "likes": (Kind.PAPER, Stance.LIKED),
    "dislikes": (Kind.PAPER, Stance.MUTED),
}
_ALL_LISTS = LISTS | {f"mute_{name}": (kind, Stance.MUTED) for name, kind in MUTABLE.items()}
_ORDER: tuple[ListKey, ...] = tuple(_ALL_LISTS.values())
_TOPICS = (Kind.TOPIC, Stance.LIKED)
_FIELDS: Mapping[str, FieldInfo] = Preferences.model_fields
KEYS = (
    *("email", "name", *MUTABLE, "mute", "likes", "dislikes"),
    *(name for name in _FIELDS if name not in {"name", "language"}),
    *("language", "status"),
)
"""The keys of an import line, in the order of an export."""
RETIRED_KEYS = frozenset({"explore"})
"""Keys of earlier exports, which are ignored."""
_KNOWN = frozenset(KEYS) | RETIRED_KEYS
NUMBERS = frozenset(name for name, one in _FIELDS.items() if one.annotation is int)
BOOLEANS = frozenset(name for name, one in _FIELDS.items() if one.annotation is bool)


@dataclass(frozen=True, slots=True)
class SubscriberRecord:
    """Checked preferences and interests of one subscriber.

    A preference that was not given is not in `preferences.model_fields_set`, and a list is missing from `lists`. The
    status is None.
    """

    address: str
    preferences: Preferences
    lists: Mapping[ListKey, tuple[str, ...]] = field(default_factory=dict)
    status: Status | None = None

    def apply_to(self, known: Subscriber) -> Subscriber:
        """Return the subscriber with the preferences and interests of this record. The status is the same."""
        given = self.preferences.model_dump(exclude_unset=True)
        corrected = {*given, *(["interests"] if self.lists else [])}
        return replace(
            known,
            preferences=known.preferences.model_copy(update=given),
            interests=tuple(_merge(_with_refused(self.lists, known.interests), known.interests)),
            damage=tuple(one for one in known.damage if one.field not in corrected),
        )

    @property
    def topics(self) -> tuple[str, ...]:
        """Return the topics that are asked for."""
        return values(_of_topics(self.lists), Kind.TOPIC)

    @property
    def refused(self) -> tuple[TopicHint, ...]:
        """Return a hint about each thing that is muted because it was refused where topics are asked for."""
        muted = values(_of_topics(self.lists), Kind.TOPIC, Stance.MUTED)
        silent = TopicHint("", "", is_corrected=False, papers=0, is_unknown=False, is_muted=True)
        return tuple(replace(silent, topic=one) for one in muted)

    @property
    def as_new(self) -> Subscriber:
        """Return the subscriber that this record describes if the address is new."""
        return self.apply_to(Subscriber(key=0, address=self.address, status=self.status or Status.ACTIVE, version=1))


def _of_topics(lists: Mapping[ListKey, tuple[str, ...]]) -> tuple[Interest, ...]:
    return with_refusals(Interest(Kind.TOPIC, value) for value in lists.get(_TOPICS, ()))


def _with_refused(
    lists: Mapping[ListKey, tuple[str, ...]], known: tuple[Interest, ...] = ()
) -> Mapping[ListKey, tuple[str, ...]]:
    """Return the lists with what the topics refuse among the muted topics."""
    read, muted = _of_topics(lists), (Kind.TOPIC, Stance.MUTED)
    refused = values(read, *muted)
    if not refused:
        return lists
    others = lists.get(muted, values(known, *muted))
    return {**lists, _TOPICS: values(read, Kind.TOPIC), muted: tuple(dict.fromkeys((*others, *refused)))}


def _merge(lists: Mapping[ListKey, tuple[str, ...]], known: tuple[Interest, ...]) -> Iterable[Interest]:
    wanted = {(kind, _same(kind, value)): stance for (kind, stance), given in lists.items() for value in given}
    for kind, stance in _ORDER:
        for value in lists.get((kind, stance), values(known, kind, stance)):
            # the new stance on a value replaces the old one
            if wanted.get((kind, _same(kind, value)), stance) is stance:
                yield Interest(kind, value, stance)


def _same(kind: Kind, value: str) -> str:
    """Return the form by which values are compared. Only in a PaperId the case matters."""
    return value if kind is Kind.PAPER else value.casefold()


def parse(given_fields: Mapping[str, object]) -> SubscriberRecord:
    """Return the record with the keys of an import line.

    Raises:
        BadRecord: the first field that is wrong, and how to correct it.
    """
    checked = check(given_fields)
    for error in checked.errors.values():
        raise error
    assert checked.record is not None  # noqa: S101  # a record without errors is there
    return checked.record


@dataclass(frozen=True, slots=True)
class CheckedRecord:
    """A record, or every field that is wrong and why.

    `errors` has the keys of an import line, but `mute_topics` for a list of `mute`.
    """

    record: SubscriberRecord | None
    errors: Mapping[str, BadRecord] = field(default_factory=dict)


def check(given_fields: Mapping[str, object]) -> CheckedRecord:
    """Read all fields of an import line, a form or a request in one pass.

    Sign-up, preferences, API, CLI and imports all go through here. None stands
    for a field that was not given.
    """
    unknown = {name: _unknown_key(name) for name in given_fields if name not in _KNOWN}
    given = {name: value for name, value in given_fields.items() if value is not None and name not in unknown}
    steps: list[tuple[str, Callable[[], object]]] = [
        ("email", partial(_address, given.get("email"))),
        *((name, partial(_items, name, kind, given[name])) for name, (kind, _) in LISTS.items() if name in given),
        *_mute_steps(given),
        ("status", partial(_status, given.get("status"))),
    ]
    found, errors = _attempt(steps)
    preferences, wrong = _preferences({name: value for name, value in given.items() if name in _FIELDS})
    lists = {slot: found[name] for name, slot in _ALL_LISTS.items() if name in found}
    errors = unknown | errors | wrong | _contradictions(_with_refused(lists))
    if errors:
        return CheckedRecord(None, errors)
    return CheckedRecord(SubscriberRecord(found["email"], preferences, lists, found["status"]))


def _unknown_key(name: str) -> BadRecord:
    return BadRecord(repr(name)[1:81].rstrip("'"), f"there is no such key; known are {', '.join(KEYS)}")


def _attempt(steps: Iterable[tuple[str, Callable[[], Any]]]) -> tuple[dict[str, Any], dict[str, BadRecord]]:
    """Return the values of steps that succeed and the errors of those that fail."""
    found: dict[str, Any] = {}
    errors: dict[str, BadRecord] = {}
    for name, step in steps:
        try:
            found[name] = step()
        except BadRecord as error:
            errors[name] = error
    return found, errors


def _address(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise BadRecord("email", "is required; write an address like name@example.org")
    return canonical_address(value)


def text(name: str, value: object, limit: int) -> str:
    """Return one line of text in NFC, spaces collapsed, cleaned of characters that nobody can see.

    Raises:
        BadRecord: it is no text, too long, or nothing of it can be seen.
    """
    if not isinstance(value, str):
        raise BadRecord(name, f"must be text, not {_quoted(value)}")
    line = " ".join(unicodedata.normalize("NFC", clean(value, len(value))).split())
    if value.strip() and not is_visible(line):
        raise BadRecord(name, "has no visible characters; write it with letters or digits")
    if len(line) > limit:
        raise BadRecord(name, f"is longer than {limit:,} characters; shorten it")
    if len(line.encode()) > BYTES_MAX:
        raise BadRecord(name, f"is longer than {BYTES_MAX:,} bytes in UTF-8; shorten it")
    return line


def _items(name: str, kind: Kind, value: object) -> tuple[str, ...]:
    if not isinstance(value, list | tuple):
        raise BadRecord(name, f'must be a list, as in ["one", "two"], not {_quoted(value)}')
    if len(value) > ITEMS_MAX[kind]:
        raise BadRecord(name, f"has {len(value)} entries; at most {ITEMS_MAX[kind]} are allowed")
    items = [_item(name, kind, entry) for entry in value]
    first: dict[str, str] = {}
    for item in filter(None, items):
        first.setdefault(_same(kind, item), item)
    return tuple(first.values())


def check_interests(lists: Mapping[ListKey, Iterable[str]]) -> tuple[Interest, ...]:
    """Return checked interests in the order of the lists. Raises BadRecord."""
    names = {slot: name for name, slot in _ALL_LISTS.items()}
    checked = {slot: _items(names[slot], slot[0], list(items)) for slot, items in lists.items()}
    for error in _contradictions(_with_refused(checked)).values():
        raise error
    return with_refusals(Interest(kind, value, stance) for (kind, stance), items in checked.items() for value in items)


def _item(name: str, kind: Kind, value: object) -> str:
    line = text(name, value, {Kind.TOPIC: TOPIC_MAX, Kind.PAPER: PAPER_MAX}.get(kind, TEXT_MAX))
    return paper_id(line, name) if kind is Kind.PAPER and line else line


def _mute_steps(given: Mapping[str, object]) -> list[tuple[str, Callable[[], object]]]:
    """Return one step per list of `mute`; a list that is not named becomes empty."""
    if "mute" not in given:
        return []
    value = given["mute"]
    lists = value if isinstance(value, dict) else {"phrases": value}
    odd = next((name for name in lists if name not in MUTABLE), None)
    if odd is not None:
        return [("mute", partial(_refuse_mute, odd))]
    return [(f"mute_{name}", partial(_items, "mute", kind, lists.get(name, []))) for name, kind in MUTABLE.items()]


def _refuse_mute(name: object) -> None:
    raise BadRecord("mute", f"there is no such key {str(name)[:80]!r}; known are {', '.join(MUTABLE)}")


def _contradictions(lists: Mapping[ListKey, tuple[str, ...]]) -> dict[str, BadRecord]:
    """Return an error for each list of muted interests with a liked item."""
    found: dict[str, BadRecord] = {}
    names = {Kind.PAPER: "dislikes"} | {kind: f"mute_{name}" for name, kind in MUTABLE.items()}
    for (kind, stance), items in lists.items():
        liked = {_same(kind, item) for item in lists.get((kind, Stance.LIKED), ())}
        both = next((item for item in items if stance is Stance.MUTED and _same(kind, item) in liked), None)
        if both is not None:
            name = "dislikes" if kind is Kind.PAPER else "mute"
            found[names[kind]] = BadRecord(name, f"{both[:80]!r} is liked and muted at once; keep one of the two")
    return found


def _status(value: object) -> Status | None:
    if value is None:
        return None
    names = [status.value for status in Status if status is not Status.ERASED]
    chosen = value.strip().lower() if isinstance(value, str) else ""
    if chosen not in names:
        raise BadRecord("status", f"must be one of {', '.join(names)}, not {_quoted(value)}")
    return Status(chosen)


class GivenPreferences(Preferences):
    """Preferences as people write them: cleaned, of the exact type, in languages and zones that are known.

    Stored values are not read by these rules, so that a new rule damages nobody.
    """

    @field_validator("*", mode="before")
    @classmethod
    def _clean(cls, value: object, info: ValidationInfo) -> object:
        name = str(info.field_name)
        one = _FIELDS[name]
        if one.annotation is str:
            return text(name, value, next(limit.max_length for limit in one.metadata if isinstance(limit, MaxLen)))
        if one.annotation in (int, bool) and type(value) is not one.annotation:
            raise _unexpected(name, value)
        return value

    @field_validator("timezone")
    @classmethod
    def _known_timezone(cls, name: str) -> str:
        return check_timezone(name)

    @field_validator("language")
    @classmethod
    def _known_language(cls, tag: str) -> str:
        if not _is_language(tag):
            raise BadRecord("language", f"{tag!r} is not a language; write it like en or pt-BR")
        return tag


def _unexpected(name: str, value: object) -> BadRecord:
    """Return the error of a value that does not fit the definition of its field."""
    one = _FIELDS[name]
    if one.annotation is bool:
        expected = "true or false"
    elif one.annotation is int:
        low = next(limit.ge for limit in one.metadata if isinstance(limit, Ge))
        high = next(limit.le for limit in one.metadata if isinstance(limit, Le))
        expected = f"a whole number from {low} to {high}"
    else:
        assert isinstance(one.annotation, type) and issubclass(one.annotation, StrEnum)  # noqa: S101, PT018  # the rest
        expected = f"one of {', '.join(one.annotation)}"
    return BadRecord(name, f"must be {expected}, not {_quoted(value)}")


def _preferences(given: Mapping[str, object]) -> tuple[Preferences, dict[str, BadRecord]]:
    """Return the given preferences, or the error of each field."""
    try:
        read = GivenPreferences.model_validate(given)
    except ValidationError as error:
        found = {str(one["loc"][0]): one.get("ctx", {}).get("error") for one in error.errors()}
        return DEFAULTS, {
            name: why if isinstance(why, BadRecord) else _unexpected(name, given[name]) for name, why in found.items()
        }
    return read, {}


@lru_cache(maxsize=500)
def _is_language(tag: str) -> bool:
    try:
        Locale.parse(tag.replace("_", "-"), sep="-")
    except (UnknownLocaleError, ValueError, TypeError):
        return False
    return True


def _quoted(value: object) -> str:
    return f"{value[:40]!r}" if isinstance(value, str) else repr(value)[:40]


def subscriber_fields(subscriber: Subscriber) -> dict[str, object]:
    """Return a subscriber as an import line: all keys, in the order of KEYS. `parse` reads it back."""
    values_by_key: dict[str, object] = {
        "email": subscriber.address,
        **{name: list(values(subscriber.interests, *slot)) for name, slot in LISTS.items()},
        "mute": {name: list(values(subscriber.interests, kind, Stance.MUTED)) for name, kind in MUTABLE.items()},
        **subscriber.preferences.model_dump(mode="json"),
        "status": subscriber.status.value,
    }
    return {key: values_by_key[key] for key in KEYS}


def record_fields(record: SubscriberRecord) -> dict[str, object]:
    """Return a record as an import line, without address and status. `parse` reads it back."""
    lists: dict[str, object] = {name: list(record.lists[slot]) for name, slot in LISTS.items() if slot in record.lists}
    mutes = {name: list(record.lists.get((kind, Stance.MUTED), ())) for name, kind in MUTABLE.items()}
    if any((kind, Stance.MUTED) in record.lists for kind in MUTABLE.values()):
        lists["mute"] = mutes
    values_by_key = {**record.preferences.model_dump(mode="json", exclude_unset=True), **lists}
    return {key: values_by_key[key] for key in KEYS if key in values_by_key}
