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

_PICK = struct.Struct("<IIfBBHHH")
_OLD_PICK = struct.Struct("<IIfBB")
_FORM = 0x80
"""Added to the count of the picks by the form in use; the first form had no such mark."""
_PER = 10_000
"""A share is kept as so many parts."""
_UNKNOWN = 0xFFFF
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
    """128 + count (1 byte), then 20 bytes a pick, then JSON.

    A pick: paper, revision, score, section, reason, rank (0 unknown), chance and prior in
    ten-thousandths. The JSON:
    [reasons, [[place, propensity] of what was drawn], teams or []].
    """
    if not picks:
        return b""
    reasons = list(dict.fromkeys(pick.reason for pick in picks))
    place = {reason: index for index, reason in enumerate(reasons)}
    rows = b"".join(_packed(pick, place[pick.reason]) for pick in picks)
    said = [
        [[r.why, r.value, *r.words] for r in reasons],
        [[n, pick.propensity] for n, pick in enumerate(picks) if pick.propensity is not None],
        [pick.team for pick in picks] if any(pick.team for pick in picks) else [],
    ]
    return bytes([_FORM + len(picks)]) + rows + json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode()


def unpack_picks(packed: bytes) -> tuple[Pick, ...]:
    """The inverse of `pack_picks`; reads the first form too, in which rank and chance were not kept."""
    if not packed:
        return ()
    if packed[0] < _FORM:
        return _unpack_old(packed)
    count = packed[0] - _FORM
    end = 1 + count * _PICK.size
    said, drawn, teams = json.loads(packed[end:])
    reasons, propensity = _reasons(said), dict(drawn)
    rows = _PICK.iter_unpack(packed[1:end])
    return tuple(
        Pick(
            paper=paper,
            revision=revision,
            score=score,
            section=_SECTIONS[section],
            reason=reasons[reason],
            rank=rank or None,
            chance=_share(chance),
            prior=_share(prior),
            propensity=propensity.get(n),
            team=teams[n] if teams else "",
        )
        for n, (paper, revision, score, section, reason, rank, chance, prior) in enumerate(rows)
    )


def _packed(pick: Pick, reason: int) -> bytes:
    shares = _parts(pick.chance), _parts(pick.prior)
    rank = min(pick.rank or 0, _UNKNOWN)
    return _PICK.pack(pick.paper, pick.revision, pick.score, _SECTIONS.index(pick.section), reason, rank, *shares)


def _parts(share: float | None) -> int:
    return _UNKNOWN if share is None else round(share * _PER)


def _share(parts: int) -> float | None:
    return None if parts == _UNKNOWN else parts / _PER


def _unpack_old(packed: bytes) -> tuple[Pick, ...]:
    end = 1 + packed[0] * _OLD_PICK.size
    reasons = _reasons(json.loads(packed[end:]))
    return tuple(
        Pick(paper, revision, score, _SECTIONS[section], reasons[reason])
        for paper, revision, score, section, reason in _OLD_PICK.iter_unpack(packed[1:end])
    )


def _reasons(said: Sequence[Sequence[str]]) -> list[Reason]:
    return [Reason(Why(why), value, tuple(words)) for why, value, *words in said]


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
