"""Packed columns: picks, history and seen papers survive a round trip."""

import contextlib
import json
import struct
import zlib
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digestd.domain.delivery import Actor, State
from digestd.domain.digest import Pick, Reason, ReasonKind, Section
from digestd.errors import Damaged
from digestd.store.ledger.packing import (
    STEP_LENGTH,
    pack_picks,
    pack_seen,
    pick_count,
    planned_us,
    readable_picks,
    step,
    steps,
    unpack_picks,
    unpack_seen,
)

WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
ROW = st.integers(0, 2**32 - 1)
REASONS = st.builds(Reason, st.sampled_from(ReasonKind), WORDS, st.lists(WORDS, max_size=3).map(tuple))
SHARES = st.none() | st.integers(0, 10_000).map(lambda n: n / 10_000)
OLD_SECTIONS = (Section.FOR_YOU, Section.TRENDING, Section.EXPLORATION)
"""Those of the first release, in the order of its numbers."""


def picks_in(sections: Sequence[Section]) -> st.SearchStrategy[list[Pick]]:
    return st.lists(
        st.builds(
            Pick,
            ROW,
            ROW,
            st.floats(width=32, allow_nan=False),
            st.sampled_from(sections),
            REASONS,
            rank=st.none() | st.integers(1, 2**16 - 1),
            probability=SHARES,
            prior=SHARES,
            propensity=st.none() | st.floats(0, 1, exclude_min=True),
            team=st.sampled_from(["", "a", "b"]),
        ),
        max_size=50,
    )


PICKS, OLD_PICKS = picks_in(list(Section)), picks_in(OLD_SECTIONS)
STEPS = st.lists(st.tuples(st.sampled_from(State), st.sampled_from(Actor), st.integers(0, 2**52 - 1)))


@given(PICKS)
def test_picks_round_trip(picks: list[Pick]) -> None:
    assert unpack_picks(pack_picks(picks)) == tuple(picks)
    assert pick_count(pack_picks(picks)) == len(picks)


@given(PICKS.filter(bool))
def test_unpack_picks_reads_those_that_are_not_compressed(picks: list[Pick]) -> None:
    assert unpack_picks(zlib.decompress(pack_picks(picks))) == tuple(picks)


@given(OLD_PICKS)
def test_unpack_picks_reads_those_of_the_first_release(picks: list[Pick]) -> None:
    assert unpack_picks(_binary(picks)) == tuple(picks)


def _binary(picks: Sequence[Pick]) -> bytes:
    """Pack one digest pick by pick, as the first release did."""
    if not picks:
        return b""
    reasons = list(dict.fromkeys(pick.reason for pick in picks))
    rows = [
        struct.pack(
            "<IIfBBHHH",
            *(pick.paper, pick.revision, pick.score, OLD_SECTIONS.index(pick.section), reasons.index(pick.reason)),
            *(
                pick.rank or 0,
                *(65_535 if share is None else round(share * 10_000) for share in (pick.probability, pick.prior)),
            ),
        )
        for pick in picks
    ]
    details = [
        [[r.kind, r.value, *r.words] for r in reasons],
        [[n, pick.propensity] for n, pick in enumerate(picks) if pick.propensity is not None],
        [pick.team for pick in picks] if any(pick.team for pick in picks) else [],
    ]
    words = json.dumps(details, ensure_ascii=False, separators=(",", ":")).encode()
    return bytes([len(picks)]) + b"".join(rows) + words


@given(st.lists(WORDS))
def test_unpack_picks_of_a_told_empty_digest_is_empty(topics: list[str]) -> None:
    first_release = b"\0" + json.dumps([[["topic", topic] for topic in topics], [], []]).encode()
    earlier = zlib.compress(json.dumps({"unmatched": topics, "picks": []}).encode())
    told = pack_picks((), is_told=True)
    assert told
    assert [unpack_picks(packed) for packed in (told, first_release, earlier)] == [()] * 3


@pytest.mark.parametrize("pack", [pack_picks, _binary])
@given(OLD_PICKS.filter(bool), st.data())
def test_unpack_picks_refuses_truncated_bytes(
    pack: Callable[[Sequence[Pick]], bytes], picks: list[Pick], data: st.DataObject
) -> None:
    complete = pack(picks)
    cut = complete[: data.draw(st.integers(1, len(complete) - 1))]
    with pytest.raises(Damaged):
        unpack_picks(cut)
    assert readable_picks(cut) == ()


@given(st.binary() | st.text().map(lambda text: f"[{text}]".encode()))
def test_unpack_picks_returns_picks_or_damaged_for_any_bytes(found: bytes) -> None:
    with contextlib.suppress(Damaged):
        unpack_picks(found)


@given(PICKS.filter(bool), st.data())
def test_unpack_picks_refuses_other_types(picks: list[Pick], data: st.DataObject) -> None:
    packed = json.loads(zlib.decompress(pack_picks(picks)))
    pick = data.draw(st.sampled_from(packed))
    holder = data.draw(st.sampled_from([pick, pick[4], pick[4][2]]).filter(bool))
    holder[data.draw(st.integers(0, len(holder) - 1))] = data.draw(st.sampled_from([{}, [[]], True]))
    assert readable_picks(json.dumps(packed).encode()) == ()


@pytest.mark.parametrize("found", [5, "[]", b"[" * 100_000, b'{"unmatched":' + b"[" * 100_000], ids=range(4))
def test_unpack_picks_refuses_what_is_no_list(found: bytes) -> None:
    assert readable_picks(found) == ()


@pytest.mark.parametrize("damaged", ["rpzzzzzzzzzzzzz", "epzzzzzzzzzzzzz" * 2, b"r" * 15])
def test_planned_us_of_a_damaged_history_is_zero(damaged: str) -> None:
    assert planned_us(damaged) == 0


@given(STEPS)
def test_steps_round_trip(history: list[tuple[State, Actor, int]]) -> None:
    packed = "".join(step(*entry) for entry in history)
    assert len(packed) == STEP_LENGTH * len(history)
    assert steps(packed) == history


@given(st.sets(ROW))
def test_seen_papers_round_trip_sorted_and_unique(papers: set[int]) -> None:
    first = sorted(papers)[::2]
    assert unpack_seen(pack_seen([*papers, *papers])).tolist() == sorted(papers)
    assert unpack_seen(pack_seen(papers, unpack_seen(pack_seen(first)))).tolist() == sorted(papers)


@pytest.mark.parametrize("damaged", ["r", "rp0000000000001x", "?p0000000000001", "r?0000000000001", "rpzzzzzzzzzzzzz"])
def test_steps_refuses_damaged_history(damaged: str) -> None:
    with pytest.raises(ValueError, match=r"history|invalid literal"):
        steps(damaged)
