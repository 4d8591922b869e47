"""Compact columns of the ledger: picks, history, seen papers.

Why not JSON columns: measured on one core with 4,000 digests of 15 picks, in µs of CPU per subscriber. For comparison,
ranking costs 302 µs (`python -m tests.bench.rank --subscribers 4000 --papers 500 --processes 1`).

                                  packed    JSON
    write the picks                    5      21    1.1 kB → 1.5 kB
    read the picks                    44      69
    read 1,000 seen papers            <1      49    4.0 kB → 7.4 kB
    add to 1,000 seen papers           1      87
    read 5,000 seen papers            <3     237
    add to 5,000 seen papers           3     414

JSON picks alone would be within the limit of 10 %. Seen papers would not: planning reads and extends them for every
subscriber, which adds 45 % of the cost of ranking for a subscriber of two months, and 210 % for one of a year.
Child rows for picks took five times the time and space of the whole ledger row.
"""

import json
import struct
from collections.abc import Iterable, Sequence
from functools import lru_cache, partial
from json.encoder import encode_basestring
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from digestd.domain.delivery import Actor, State
from digestd.domain.digest import Pick, Reason, ReasonKind
from digestd.domain.picks import SECTIONS, TEAMS, PickTable, Shares
from digestd.errors import Damaged

_PICK = struct.Struct("<IIfBBHHH")
_PICKS = np.dtype(
    [
        *(("paper", "<u4"), ("revision", "<u4"), ("score", "<f4"), ("section", "u1"), ("reason", "u1")),
        *(("rank", "<u2"), ("probability", "<u2"), ("prior", "<u2")),
    ]
)
"""The same as an array has it."""
_PER = 10_000
"""A share is kept as so many parts."""
_UNKNOWN = 0xFFFF

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
_STATES = {letter: state for state, letter in STATE_LETTERS.items()}
_WHYS = {str(why): why for why in ReasonKind}
_ACTORS = {actor.value[0]: actor for actor in Actor}


Places: TypeAlias = NDArray[np.intp]


class Packed(NamedTuple):
    """The packed picks of a digest; empty if there are none.

    `papers`: row numbers, ascending.
    """

    picks: bytes
    papers: NDArray[np.uint32]


def pack_picks(table: PickTable) -> list[Packed]:
    """Pack the picks of each digest.

    The count (1 byte), then 20 bytes a pick, then JSON.

    A pick: paper, revision, score, section, reason, rank (0 if unknown), probability and prior in ten-thousandths.
    The JSON: [reasons, [[place, propensity] of the exploration paper], teams or []].
    """
    words, reason = _words(table)
    picks = np.empty(len(table.paper), dtype=_PICKS)
    picks["paper"], picks["revision"], picks["score"] = table.paper, table.revision, table.score
    picks["section"], picks["reason"] = table.section, reason
    picks["rank"] = np.minimum(table.rank, _UNKNOWN)
    picks["probability"], picks["prior"] = _parts(table.probability), _parts(table.prior)
    rows, size, starts = picks.tobytes(), _PICK.size, table.starts.tolist()
    order = np.lexsort((picks["paper"], np.repeat(np.arange(len(table)), table.sizes)))
    papers = picks["paper"][order]
    packed = []
    for start, count, encoded in zip(starts, table.sizes.tolist(), words, strict=True):
        own = slice(start * size, (start + count) * size)
        content = bytes([count]) + rows[own] + encoded
        packed.append(Packed(content, papers[start : start + count]) if count else _EMPTY)
    return packed


def pack_unmatched(topics: Sequence[str]) -> Packed:
    """Pack a digest without picks, with the topics for which no paper was found."""
    reasons = ",".join(f"[{encode_basestring(ReasonKind.TOPIC)},{encode_basestring(topic)}]" for topic in topics)
    return Packed(b"\0" + f"[[{reasons}],[],[]]".encode(), _EMPTY.papers)


def unpack_unmatched(packed: bytes) -> tuple[str, ...]:
    """Return the topics of a digest without picks; () for any other."""
    if not packed or packed[0]:
        return ()
    try:
        return tuple(str(topic) for _, topic in _read(packed[1:].decode())[0])
    except (ValueError, LookupError, TypeError):
        return ()


_EMPTY = Packed(b"", np.zeros(0, dtype=np.uint32))


def _words(table: PickTable) -> tuple[list[bytes], Places]:
    """Return the JSON of each digest, and the index of each pick's reason in it."""
    reasons = [f"[{','.join(map(encode_basestring, (why, value, *words)))}]" for why, value, words in table.reasons]
    drawn, teams = _drawn(table), table.team.tolist() if table.team.any() else ()
    of, reason, place = _distinct(table)
    ends, encoded = np.cumsum(np.bincount(of, minlength=len(table))).tolist(), [reasons[n] for n in reason.tolist()]
    words, before = [], 0
    for start, count, end in zip(table.starts.tolist(), table.sizes.tolist(), ends, strict=True):
        own = ",".join(encoded[before:end])
        words.append(f"[[{own}],[{drawn.get(start, '')}],[{_teams(teams[start : start + count])}]]".encode())
        before = end
    return words, place


def _distinct(table: PickTable) -> tuple[Places, Places, Places]:
    """Return the distinct reasons of each digest in order of appearance.

    As three arrays.

    They are the digest and the number of each reason, and the place of each pick's reason within its digest.
    """
    owner = np.repeat(np.arange(len(table)), table.sizes)
    _, first, which = np.unique(
        owner * (len(table.reasons) or 1) + table.reason, return_index=True, return_inverse=True
    )
    place = np.empty(len(first), dtype=np.intp)
    place[np.argsort(first)] = np.arange(len(first))
    first.sort()
    of = owner[first]
    return of, table.reason[first], place[which] - np.searchsorted(of, owner)


def _drawn(table: PickTable) -> dict[int, str]:
    """Return digest start → JSON of [place, propensity] of the explored picks."""
    found: dict[int, str] = {}
    drawn = np.flatnonzero(~np.isnan(table.propensity))
    starts = np.repeat(table.starts, table.sizes)[drawn]
    for start, n, share in zip(starts.tolist(), drawn.tolist(), table.propensity[drawn].tolist(), strict=True):
        before = f"{found[start]}," if start in found else ""
        found[start] = f"{before}[{n - start},{share!r}]"
    return found


def _teams(teams: Sequence[int]) -> str:
    return ",".join(f'"{TEAMS[team]}"' for team in teams) if any(teams) else ""


def _parts(shares: Shares) -> NDArray[np.uint16]:
    """Return shares as ten-thousandths; NaN becomes the mark for unknown."""
    return np.where(np.isnan(shares), _UNKNOWN, np.rint(shares * _PER)).astype(np.uint16)


def unpack_picks(packed: bytes) -> tuple[Pick, ...]:
    """Return the picks of one digest: the inverse of `pack_picks`.

    Raise Damaged if they cannot be read.
    """
    try:
        return _unpacked(packed)
    except (ValueError, LookupError, TypeError, struct.error) as error:
        raise Damaged("its picks cannot be read, so the database is damaged: restore the last backup") from error


def readable_picks(packed: bytes) -> tuple[Pick, ...]:
    """Return the picks, or none if they cannot be read; `fsck` reports those."""
    try:
        return unpack_picks(packed)
    except Damaged:
        return ()


def are_readable_picks(packed: bytes) -> bool:
    """Return True if there are picks and they can be read; ten times as fast as reading them."""
    count = pick_count(packed)
    end = 1 + count * _PICK.size
    try:
        reasons, drawn, teams = _read(packed[end:].decode())
        sections, reasoned = packed[1 + _SECTION_AT : end : _PICK.size], packed[1 + _REASON_AT : end : _PICK.size]
        are_known = all(why in _WHYS for why, *_ in reasons)
        return (
            0 < count == len(sections) == len(reasoned)
            and are_known
            and max(sections) < len(SECTIONS)
            and max(reasoned) < len(reasons)
            and all(place < count for place, _ in drawn)
            and len(teams) in {0, count}
        )
    except (ValueError, LookupError, TypeError):
        return False


_SECTION_AT, _REASON_AT = struct.calcsize("<IIf"), struct.calcsize("<IIfB")


def picked_papers(packed: bytes) -> list[int]:
    """Return the papers' row numbers; readable even if the JSON is damaged."""
    if not packed:
        return []
    count = pick_count(packed)
    if len(packed) < 1 + count * _PICK.size:
        raise Damaged("its picks are cut, so the database is damaged: restore the last backup")
    return [int.from_bytes(packed[at : at + 4], "little") for at in range(1, 1 + count * _PICK.size, _PICK.size)]


def pick_count(packed: bytes) -> int:
    """Return the number of picks."""
    return packed[0] if packed else 0


def _unpacked(packed: bytes) -> tuple[Pick, ...]:
    if not packed:
        return ()
    end = 1 + packed[0] * _PICK.size
    reason_lists, drawn, teams = _read(packed[end:].decode())
    reasons, share = _reasons(reason_lists), _SHARES.get
    picks = [
        _pick(
            (
                paper,
                revision,
                score,
                SECTIONS[at],
                reasons[why],
                rank or None,
                share(chance),
                share(prior),
                None,
                "",
            )
        )
        for paper, revision, score, at, why, rank, chance, prior in _PICK.iter_unpack(packed[1:end])
    ]
    for place, propensity in drawn:
        picks[place] = picks[place]._replace(propensity=propensity)
    if teams:
        picks = [pick._replace(team=team) for pick, team in zip(picks, teams, strict=True)]
    return tuple(picks)


_read = json.JSONDecoder().decode
_pick = partial(tuple.__new__, Pick)
_SHARES = {parts: parts / _PER for parts in range(_PER + 1)}


def _reasons(reason_lists: Sequence[Sequence[str]]) -> list[Reason]:
    return [Reason(_WHYS[why], value, tuple(words)) for why, value, *words in reason_lists]


@lru_cache(maxsize=100)
def step(state: State, actor: Actor, at_us: int) -> str:
    """Return one history entry: state letter, actor letter, 13 hex digits of µs."""
    return f"{STATE_LETTERS[state]}{actor.value[0]}{at_us:013x}"


def steps(history: str) -> list[tuple[State, Actor, int]]:
    """Return a history as (state, actor, µs), oldest first.

    Raise ValueError if invalid.
    """
    if len(history) % STEP_LENGTH:
        raise ValueError("history is cut")
    entries = [history[i : i + STEP_LENGTH] for i in range(0, len(history), STEP_LENGTH)]
    try:
        return [(_STATES[entry[0]], _ACTORS[entry[1]], int(entry[2:], 16)) for entry in entries]
    except KeyError as error:
        raise ValueError(f"history holds an unknown letter {error}") from error


def step_letters(history: str) -> str:
    """Return the state letters of a history, oldest first. Raise ValueError if it is cut or has an unknown actor."""
    if len(history) % STEP_LENGTH:
        raise ValueError("history is cut")
    if unknown := set(history[1::STEP_LENGTH]) - _ACTORS.keys():
        raise ValueError(f"history holds an unknown letter {min(unknown)!r}")
    return history[::STEP_LENGTH]


def states_of(letters: str) -> list[State]:
    """Return the states of `step_letters`. Raise ValueError if one is unknown."""
    try:
        return [_STATES[letter] for letter in letters]
    except KeyError as error:
        raise ValueError(f"history holds an unknown letter {error}") from error


def planned_us(history: str) -> int:
    """Return when a delivery was planned, in µs: the time of its first step that is not `empty`; 0 without a step."""
    start = STEP_LENGTH if history.startswith(STATE_LETTERS[State.EMPTY]) and len(history) > STEP_LENGTH else 0
    return int(history[start + 2 : start + STEP_LENGTH], 16) if len(history) >= STEP_LENGTH else 0


def pack_seen(papers: Iterable[int]) -> bytes:
    """Return paper row numbers as ascending little-endian 32-bit integers."""
    return np.unique(np.fromiter(papers, dtype="<u4")).tobytes()


def unpack_seen(packed: bytes) -> NDArray[np.uint32]:
    """Return the row numbers that `pack_seen` packed. Raises ValueError if they are cut."""
    return np.frombuffer(packed, dtype="<u4")


def readable_seen(packed: object) -> NDArray[np.uint32]:
    """Return the row numbers that can be read, without the rest of a damaged record."""
    whole = packed[: len(packed) // _SEEN_BYTES * _SEEN_BYTES] if isinstance(packed, bytes) else b""
    return unpack_seen(whole)


_SEEN_BYTES = 4
