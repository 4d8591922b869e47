"""Columns of the ledger with a form of their own: picks, history, seen papers.

Picks are compressed JSON: measured with 15 picks, 40 µs to write and 55 µs to read per digest, of which zlib takes 17
and 6 and makes a third of 1.2 kB. Databases hold some as plain JSON and, from the first release, in binary, which are
read but no longer written. Seen papers stay numbers: planning reads and extends them for every subscriber, and as JSON
the papers of 30 days alone would take 90 µs.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from digestd.domain.delivery import Actor, State
from digestd.domain.digest import Change, ChangeKind, Occasion, Pick, Reason, ReasonKind, SavedNews, Section
from digestd.errors import Damaged
from digestd.text.inputs import NUMBER_MAX

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

STEP_LENGTH = 15
STATE_LETTERS = {
    State.READY: "r",
    State.EMPTY: "e",
    State.LEASED: "l",
    State.FINAL_DOT: "d",
    State.ACCEPTED: "a",
    State.REJECTED: "j",
    State.SKIPPED: "s",
    State.EXPIRED: "x",
    State.POISONED: "p",
    State.UNCERTAIN: "u",
    State.ABANDONED: "b",
}
_MOST_READ = "read:"
_STATES = {letter: state for state, letter in STATE_LETTERS.items()}
_ACTORS = {actor.value[0]: actor for actor in Actor}
_SECTIONS = {str(section): section for section in Section}
_REASONS = {str(kind): kind for kind in ReasonKind}


def pack_picks(picks: Sequence[Pick], news: Sequence[SavedNews] = (), *, is_told: bool = False) -> bytes:
    """Return the picks of a digest with the news of saved papers; nothing if there is nothing to send.

    `is_told`: it is sent even without both.
    """
    if not picks and not news and not is_told:
        return b""
    return zlib.compress(_encode(picks if picks and not news else {"picks": picks, "news": news}).encode(), 1)


_encode = json.JSONEncoder(ensure_ascii=False, check_circular=False, separators=(",", ":")).encode


def unpack_picks(packed: bytes) -> tuple[Pick, ...]:
    """Return the picks of one digest: the inverse of `pack_picks`. Raise Damaged if they cannot be read."""
    try:
        return _picks(packed)
    except (*_DAMAGE, struct.error) as error:
        raise Damaged("its picks cannot be read, so the database is damaged: restore the last backup") from error


def readable_picks(packed: bytes) -> tuple[Pick, ...]:
    """Return the picks, or none if they cannot be read; `fsck` reports those."""
    try:
        return unpack_picks(packed)
    except Damaged:
        return ()


def pick_count(packed: bytes) -> int:
    return len(readable_picks(packed))


def unpack_news(packed: bytes) -> tuple[SavedNews, ...]:
    """Return the news of saved papers in a digest; () if there are none or they cannot be read."""
    try:
        found = _content(packed) if packed.startswith(_JSON) else ()
        return tuple(map(_news, found.get("news", ()))) if isinstance(found, dict) else ()
    except _DAMAGE:
        return ()


def _news(fields: Sequence[Any]) -> SavedNews:
    title, url, changes, *numbers = fields
    changed = tuple([Change(ChangeKind(kind), *map(str, rest)) for kind, *rest in changes])
    return SavedNews(str(title), str(url), changed, *map(int, numbers))


def _picks(packed: bytes) -> tuple[Pick, ...]:
    if not packed:
        return ()
    if not packed.startswith(_JSON):
        return _picks_of_first_release(packed)
    found = _content(packed)
    return tuple([_pick(*fields) for fields in (found.get("picks", ()) if isinstance(found, dict) else found)])


@lru_cache(maxsize=1)
def _content(packed: bytes) -> Any:
    """Return the JSON of picks, compressed or not: a list, or an object that has them and maybe `news`."""
    return _decode((zlib.decompress(packed) if packed.startswith(_COMPRESSED) else packed).decode())


_COMPRESSED = b"x"
_JSON = (b"[", b"{", _COMPRESSED)
"""First bytes of the forms of JSON. The binary form begins with the count of picks, at most 50."""
_DAMAGE = (ValueError, LookupError, TypeError, AttributeError, RecursionError, zlib.error)


def _pick(paper: Any, revision: Any, score: Any, section: Any, reason: Any, *rest: Any) -> Pick:
    """Return a pick of JSON, which may hold any type where its text is damaged."""
    kind, value, words = reason
    types = tuple(map(type, (paper, revision, score, value, words, *rest)))
    if not (_are_of_pick(types) and _TEXT.issuperset(map(type, words)) and max(paper, revision) <= NUMBER_MAX):
        raise ValueError("a pick has fields of other types")
    return Pick(paper, revision, score, _SECTIONS[section], _reason(kind, value, words), *rest)


@lru_cache(maxsize=64)
def _are_of_pick(types: tuple[type, ...]) -> bool:
    """Return True if paper, revision, score, words of the reason, and the rest may be of these types."""
    allowed: Sequence[Collection[object]] = (
        {int},
        {int},
        {int, float},
        _TEXT,
        {list},
        _NUMBER,
        _NUMBER,
        _NUMBER,
        _NUMBER,
        _TEXT,
    )
    return len(types) <= len(allowed) and all(one in kinds for kinds, one in zip(allowed, types, strict=False))


_NUMBER, _TEXT = frozenset({int, float, type(None)}), frozenset({str})


def _reason(kind: str, value: str, words: Sequence[str]) -> Reason:
    return Reason(_REASONS[kind], value, tuple(words))


def _picks_of_first_release(packed: bytes) -> tuple[Pick, ...]:
    """Read the binary form: the count (1 byte, at most 50), 20 bytes a pick, then JSON.

    A pick: paper, revision, score, section, reason, rank (0 if unknown), probability and prior in ten-thousandths.
    The JSON: [reasons, [[place, propensity] of the exploration paper], teams or []].
    """
    end = 1 + packed[0] * _BINARY.size
    reasons, propensities, teams = _decode(packed[end:].decode())
    reasons, propensity = [_reason(kind, value, words) for kind, value, *words in reasons], dict(propensities)
    return tuple(
        Pick(
            paper=paper,
            revision=revision,
            score=score,
            section=_BINARY_SECTIONS[section],
            reason=reasons[reason],
            rank=rank or None,
            probability=_share(probability),
            prior=_share(prior),
            propensity=propensity.get(place),
            team=teams[place] if teams else "",
        )
        for place, (paper, revision, score, section, reason, rank, probability, prior) in enumerate(
            _BINARY.iter_unpack(packed[1:end])
        )
    )


def _share(parts: int) -> float | None:
    return None if parts == _UNKNOWN else parts / 10_000


_BINARY = struct.Struct("<IIfBBHHH")
_BINARY_SECTIONS = (Section.FOR_YOU, Section.TRENDING, Section.EXPLORATION)
_UNKNOWN = 0xFFFF
_decode = json.JSONDecoder().decode


@lru_cache(maxsize=100)
def step(state: State, actor: Actor, at_us: int) -> str:
    """Return one history entry: state letter, actor letter, 13 hex digits of µs."""
    return f"{STATE_LETTERS[state]}{actor.value[0]}{at_us:013x}"


def steps(history: str) -> list[tuple[State, Actor, int]]:
    """Return a history as (state, actor, µs), oldest first. Raise ValueError if invalid."""
    if len(history) % STEP_LENGTH:
        raise ValueError("history is cut")
    entries = [history[i : i + STEP_LENGTH] for i in range(0, len(history), STEP_LENGTH)]
    try:
        return [(_STATES[entry[0]], _ACTORS[entry[1]], int(entry[2:], 16)) for entry in entries]
    except KeyError as error:
        raise ValueError(f"history holds an unknown letter {error}") from error


def readable_steps(history: str) -> list[tuple[State, Actor, int]]:
    """Return a history, or nothing if it cannot be read; `fsck` reports those."""
    try:
        return steps(history)
    except ValueError:
        return []


def planned_us(history: str) -> int:
    """Return when a delivery was planned, in µs: the time of its first step that is not `empty`.

    Return 0 without a step, or if that time cannot be read; `fsck` reports those.
    """
    try:
        start = STEP_LENGTH if history.startswith(STATE_LETTERS[State.EMPTY]) and len(history) > STEP_LENGTH else 0
        return int(history[start + 2 : start + STEP_LENGTH], 16) if len(history) >= STEP_LENGTH else 0
    except (ValueError, TypeError):
        return 0


def pack_seen(papers: Iterable[int], had: NDArray[np.uint32] | None = None) -> bytes:
    """Return paper row numbers, and those of `had`, as ascending little-endian 32-bit integers."""
    import numpy as np

    new = np.array(sorted(set(papers)), dtype="<u4")
    if had is None or not len(had):
        return new.tobytes()
    # papers of a new digest mostly have higher numbers, and a union takes 15 times as long
    is_later = not len(new) or new[0] > had[-1]
    return had.tobytes() + new.tobytes() if is_later else np.union1d(had, new).tobytes()


def unpack_seen(packed: bytes) -> NDArray[np.uint32]:
    """Return the row numbers that `pack_seen` packed. Raises ValueError if they are cut."""
    import numpy as np

    return np.frombuffer(packed, dtype="<u4")


def readable_seen(packed: object) -> NDArray[np.uint32]:
    """Return the row numbers that can be read, without the rest of a damaged record."""
    whole = packed[: len(packed) // _SEEN_BYTES * _SEEN_BYTES] if isinstance(packed, bytes) else b""
    return unpack_seen(whole)


_SEEN_BYTES = 4


def pack_occasions(special: Iterable[Occasion], most_read: int) -> str:
    """Return the column of what is special about a digest; see DigestFacts."""
    return " ".join([*sorted(special), *([f"{_MOST_READ}{most_read}"] if most_read else [])])


@lru_cache(maxsize=100)
def unpack_most_read(kept: str) -> int:
    """Return the revision that everybody reads from that column; 0 without one."""
    found = (word.removeprefix(_MOST_READ) for word in kept.split() if word.startswith(_MOST_READ))
    return next((int(number) for number in found if number.isdecimal() and int(number) <= NUMBER_MAX), 0)
