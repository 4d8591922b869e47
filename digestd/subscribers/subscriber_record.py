"""Read, check and write the settings and interests of one subscriber.

One pass (`check`) serves forms, API, CLI and import files. All functions are pure.
A field that is not given keeps its value; for a new subscriber, the default.
"""

import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import lru_cache, partial
from typing import Any

from babel import Locale, UnknownLocaleError

from digestd.domain.interest import Interest, Kind, Stance, values
from digestd.domain.paper import paper_id
from digestd.domain.schedule import check_timezone
from digestd.domain.subscriber import WEEKDAYS, Cadence, MinScore, Status, Subscriber, Timing
from digestd.errors import BadRecord
from digestd.security.links import canonical_address
from digestd.text.sanitise import clean, is_visible

TEXT_MAX = 300
PAPER_MAX = 400
NAME_MAX = 200
SIZE_MAX = 50
ITEMS_MAX = {Kind.TOPIC: 50, Kind.PHRASE: 200, Kind.AUTHOR: 200, Kind.CATEGORY: 200, Kind.PAPER: 1_000}

ListKey = tuple[Kind, Stance]
"""The kind and stance of the interests in one list."""
MUTABLE = {"topics": Kind.TOPIC, "phrases": Kind.PHRASE, "authors": Kind.AUTHOR, "categories": Kind.CATEGORY}
LISTS: dict[str, ListKey] = {
    **{name: (kind, Stance.LIKED) for name, kind in MUTABLE.items()},
    "likes": (Kind.PAPER, Stance.LIKED),
    "dislikes": (Kind.PAPER, Stance.MUTED),
}
_ALL_LISTS = LISTS | {f"mute_{name}": (kind, Stance.MUTED) for name, kind in MUTABLE.items()}
_ORDER: tuple[ListKey, ...] = tuple(_ALL_LISTS.values())


@dataclass(frozen=True, slots=True)
class SubscriberRecord:
    """Checked settings and interests of one subscriber.

    None, or a key missing from `lists`, means that the field was not given.
    """

    address: str
    name: str | None = None
    lists: Mapping[ListKey, tuple[str, ...]] = field(default_factory=dict)
    timezone: str | None = None
    hour: int | None = None
    cadence: Cadence | None = None
    weekday: int | None = None
    size: int | None = None
    min_score: MinScore | None = None
    explore: bool | None = None
    only_categories: bool | None = None
    when_empty: bool | None = None
    full_abstracts: bool | None = None
    language: str | None = None
    status: Status | None = None

    def apply_to(self, known: Subscriber) -> Subscriber:
        """Return the subscriber with the settings and interests of this record.

        The status is the same.
        """
        given = {name: value for name in _SIMPLE_FIELDS if (value := getattr(self, name)) is not None}
        timing = {t.name: getattr(self, t.name) for t in fields(Timing) if getattr(self, t.name) is not None}
        interests = tuple(_merge(self.lists, known.interests))
        corrected = {*given, *timing, *(["interests"] if self.lists else [])}
        damage = tuple(one for one in known.damage if one.field not in corrected)
        return replace(known, **given, timing=replace(known.timing, **timing), interests=interests, damage=damage)

    @property
    def as_new(self) -> Subscriber:
        """Return the subscriber that this record describes if the address is new."""
        return self.apply_to(Subscriber(key=0, address=self.address, status=self.status or Status.ACTIVE, version=1))


_SIMPLE_FIELDS = (
    *("name", "size", "min_score", "explore", "only_categories", "when_empty", "full_abstracts"),
    "language",
)


def _merge(lists: Mapping[ListKey, tuple[str, ...]], known: tuple[Interest, ...]) -> Iterable[Interest]:
    wanted = {(kind, _same(kind, value)): stance for (kind, stance), given in lists.items() for value in given}
    for kind, stance in _ORDER:
        for value in lists.get((kind, stance), values(known, kind, stance)):
            # the new stance on a value replaces the old one
            if wanted.get((kind, _same(kind, value)), stance) is stance:
                yield Interest(kind, value, stance)


def _same(kind: Kind, value: str) -> str:
    """Return the form by which values are compared.

    Only in a PaperId the case matters.
    """
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
        *((name, partial(read, name, given[name])) for name, read in _READERS.items() if name in given),
    ]
    found, errors = _attempt(steps)
    lists = {slot: found.pop(name) for name, slot in _ALL_LISTS.items() if name in found}
    errors = unknown | errors | _contradictions(lists)
    if errors:
        return CheckedRecord(None, errors)
    return CheckedRecord(SubscriberRecord(address=found.pop("email"), lists=lists, **found))


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
        raise BadRecord(name, f"is longer than {limit} characters; shorten it")
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
    for error in _contradictions(checked).values():
        raise error
    return tuple(Interest(kind, value, stance) for (kind, stance), items in checked.items() for value in items)


def _item(name: str, kind: Kind, value: object) -> str:
    line = text(name, value, PAPER_MAX if kind is Kind.PAPER else TEXT_MAX)
    if kind is not Kind.PAPER or not line:
        return line
    try:
        return paper_id(line)
    except BadRecord as problem:
        raise BadRecord(name, problem.message) from None


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


def _integer(low: int, high: int) -> Callable[[str, object], int]:
    def read(name: str, value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise BadRecord(name, f"must be a whole number from {low} to {high}, not {_quoted(value)}")
        return value

    return read


def _choice(names: tuple[str, ...]) -> Callable[[str, object], str]:
    def read(name: str, value: object) -> str:
        chosen = value.strip().lower() if isinstance(value, str) else ""
        if chosen not in names:
            raise BadRecord(name, f"must be one of {', '.join(names)}, not {_quoted(value)}")
        return chosen

    return read


def _boolean(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise BadRecord(name, f"must be true or false, not {_quoted(value)}")
    return value


def _language(name: str, value: object) -> str:
    tag = text(name, value, 20)
    if not _is_language(tag):
        raise BadRecord(name, f"{tag!r} is not a language; write it like en or pt-BR")
    return tag


@lru_cache(maxsize=500)
def _is_language(tag: str) -> bool:
    try:
        Locale.parse(tag.replace("_", "-"), sep="-")
    except (UnknownLocaleError, ValueError, TypeError):
        return False
    return True


def _quoted(value: object) -> str:
    return f"{str(value)[:40]!r}"


_cadence, _weekday, _min_score = _choice(tuple(Cadence)), _choice(WEEKDAYS), _choice(tuple(MinScore))
_status = _choice(tuple(status for status in Status if status is not Status.ERASED))
_READERS: dict[str, Callable[[str, object], object]] = {
    "name": lambda name, value: text(name, value, NAME_MAX),
    "timezone": lambda name, value: check_timezone(text(name, value, 64)),
    "hour": _integer(0, 23),
    "cadence": lambda name, value: Cadence(_cadence(name, value)),
    "weekday": lambda name, value: WEEKDAYS.index(_weekday(name, value)),
    "size": _integer(1, SIZE_MAX),
    "min_score": lambda name, value: MinScore(_min_score(name, value)),
    "explore": _boolean,
    "only_categories": _boolean,
    "when_empty": _boolean,
    "full_abstracts": _boolean,
    "language": _language,
    "status": lambda name, value: Status(_status(name, value)),
}
KEYS = (
    "email", "name", "topics", "phrases", "authors", "categories", "mute", "likes", "dislikes",
    "timezone", "hour", "cadence", "weekday", "size", "min_score", "explore", "only_categories", "when_empty",
    "full_abstracts",
    "language", "status",
)  # fmt: skip
NUMBERS = frozenset({"hour", "size"})
_KNOWN = frozenset(KEYS)
BOOLEANS = frozenset({"explore", "only_categories", "when_empty", "full_abstracts"})


def subscriber_fields(subscriber: Subscriber) -> dict[str, object]:
    """Return a subscriber as an import line: all keys, in the order of KEYS.

    `parse` reads it back.
    """
    timing = subscriber.timing
    values_by_key: dict[str, object] = {
        "email": subscriber.address,
        "name": subscriber.name,
        **{name: list(values(subscriber.interests, *slot)) for name, slot in LISTS.items()},
        "mute": {name: list(values(subscriber.interests, kind, Stance.MUTED)) for name, kind in MUTABLE.items()},
        "timezone": timing.timezone,
        "hour": timing.hour,
        "cadence": timing.cadence.value,
        "weekday": WEEKDAYS[timing.weekday],
        "size": subscriber.size,
        "min_score": subscriber.min_score.value,
        "explore": subscriber.explore,
        "only_categories": subscriber.only_categories,
        "when_empty": subscriber.when_empty,
        "full_abstracts": subscriber.full_abstracts,
        "language": subscriber.language,
        "status": subscriber.status.value,
    }
    return {key: values_by_key[key] for key in KEYS}


def record_fields(record: SubscriberRecord) -> dict[str, object]:
    """Return a record as an import line, without address and status.

    `parse` reads it back.
    """
    lists: dict[str, object] = {name: list(record.lists[slot]) for name, slot in LISTS.items() if slot in record.lists}
    mutes = {name: list(record.lists.get((kind, Stance.MUTED), ())) for name, kind in MUTABLE.items()}
    if any((kind, Stance.MUTED) in record.lists for kind in MUTABLE.values()):
        lists["mute"] = mutes
    weekday = None if record.weekday is None else WEEKDAYS[record.weekday]
    plain = {name: getattr(record, name) for name in KEYS if name in _READERS and name not in {"weekday", "status"}}
    values_by_key = {**plain, "weekday": weekday, **lists}
    return {key: values_by_key[key] for key in KEYS if values_by_key.get(key) is not None}
