"""Compact columns of the ledger: picks, history, seen papers.

Child rows for these measured five times the time and the space of the whole ledger row.
"""

import json
import struct
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from digestd.domain.delivery import Actor, State
from digestd.domain.digest import Pick, Reason, Section, Why

_PICK = struct.Struct("<IIfBB")
_SECTIONS = tuple(Section)

STEP_LENGTH = 15
STATE_LETTERS = {
    State.READY: "r",
    State.EMPTY: "e",
    State.LEASED: "l",
    State.DOT: "d",
    State.ACCEPTED: "a",
    State.REJECTED: "j",
    State.SKIPPED: "s",
    State.EXPIRED: "x",
    State.POISONED: "p",
    State.UNCERTAIN: "u",
    State.ABANDONED: "b",
}
_STATES = {letter: state for state, letter in STATE_LETTERS.items()}
_ACTORS = {actor.value[0]: actor for actor in Actor}


def pack_picks(picks: Sequence[Pick]) -> bytes:
    """Count (1 byte), then 14 bytes a pick (paper, revision, score, section, reason), then the reasons as JSON."""
    if not picks:
        return b""
    reasons = list(dict.fromkeys(pick.reason for pick in picks))
    place = {reason: index for index, reason in enumerate(reasons)}
    rows = b"".join(
        _PICK.pack(pick.paper, pick.revision, pick.score, _SECTIONS.index(pick.section), place[pick.reason])
        for pick in picks
    )
    said = json.dumps([[r.why, r.value, *r.words] for r in reasons], ensure_ascii=False, separators=(",", ":"))
    return bytes([len(picks)]) + rows + said.encode()


def unpack_picks(packed: bytes) -> tuple[Pick, ...]:
    """The inverse of `pack_picks`."""
    if not packed:
        return ()
    end = 1 + packed[0] * _PICK.size
    reasons = [Reason(Why(why), value, tuple(words)) for why, value, *words in json.loads(packed[end:])]
    return tuple(
        Pick(paper, revision, score, _SECTIONS[section], reasons[reason])
        for paper, revision, score, section, reason in _PICK.iter_unpack(packed[1:end])
    )


def step(state: State, actor: Actor, at_us: int) -> str:
    """One entry of a delivery's history: state letter, actor letter, 13 hex digits of microseconds."""
    return f"{STATE_LETTERS[state]}{actor.value[0]}{at_us:013x}"


def steps(history: str) -> list[tuple[State, Actor, int]]:
    """A history as (state, actor, microseconds), oldest first. Raises ValueError if it is not one."""
    if len(history) % STEP_LENGTH:
        raise ValueError("history is cut")
    entries = [history[i : i + STEP_LENGTH] for i in range(0, len(history), STEP_LENGTH)]
    try:
        return [(_STATES[entry[0]], _ACTORS[entry[1]], int(entry[2:], 16)) for entry in entries]
    except KeyError as error:
        raise ValueError(f"history holds an unknown letter {error}") from error


def pack_seen(papers: Iterable[int]) -> bytes:
    """Paper row numbers, ascending, four bytes each."""
    return np.unique(np.fromiter(papers, dtype="<u4")).tobytes()


def unpack_seen(packed: bytes) -> NDArray[np.uint32]:
    """The inverse of `pack_seen`."""
    return np.frombuffer(packed, dtype="<u4")
