"""Packed columns: picks, history and seen papers survive a round trip."""

import contextlib
import json
import struct
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digestd.domain.delivery import Actor, State
from digestd.domain.digest import Pick, Reason, ReasonKind, Section
from digestd.errors import Damaged
from digestd.store.packing import (
    STEP_LENGTH,
    pack_picks,
    pack_seen,
    pick_count,
    picked_papers,
    readable_picks,
    step,
    steps,
    unpack_picks,
    unpack_seen,
)
from tests.support.picks import pack_digest, pick_table

WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
ROW = st.integers(0, 2**32 - 1)
REASONS = st.builds(Reason, st.sampled_from(ReasonKind), WORDS, st.lists(WORDS, max_size=3).map(tuple))
SHARES = st.none() | st.integers(0, 10_000).map(lambda n: n / 10_000)
PICKS = st.lists(
    st.builds(
        Pick,
        ROW,
        ROW,
        st.floats(width=32, allow_nan=False),
        st.sampled_from(Section),
        REASONS,
        rank=st.none() | st.integers(1, 2**16 - 1),
        probability=SHARES,
        prior=SHARES,
        propensity=st.none() | st.floats(0, 1, exclude_min=True),
        team=st.sampled_from(["", "a", "b"]),
    ),
    max_size=50,
)
STEPS = st.lists(st.tuples(st.sampled_from(State), st.sampled_from(Actor), st.integers(0, 2**52 - 1)))


@given(st.lists(PICKS.map(tuple), max_size=4))
def test_picks_round_trip(digests: list[tuple[Pick, ...]]) -> None:
    assert [unpack_picks(one.picks) for one in pack_picks(pick_table(*digests))] == digests


@given(st.lists(PICKS.map(tuple), max_size=4))
def test_pack_picks_of_many_digests_equals_packing_each(digests: list[tuple[Pick, ...]]) -> None:
    together = pack_picks(pick_table(*digests))
    assert [one.picks for one in together] == [pack_one_by_one(picks) for picks in digests]
    assert [one.papers.tolist() for one in together] == [sorted(pick.paper for pick in picks) for picks in digests]
    assert [pick_table(*digests).of(n) for n in range(len(digests))] == digests


def pack_one_by_one(picks: Sequence[Pick]) -> bytes:
    """Pack one digest pick by pick, as the format is documented."""
    if not picks:
        return b""
    reasons = list(dict.fromkeys(pick.reason for pick in picks))
    rows = [
        struct.pack(
            "<IIfBBHHH",
            *(pick.paper, pick.revision, pick.score, list(Section).index(pick.section), reasons.index(pick.reason)),
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


@given(PICKS)
def test_pick_count_and_papers_need_no_reasons(picks: list[Pick]) -> None:
    complete = pack_digest(picks).picks
    rows = complete[: 1 + 20 * len(picks)]
    assert (pick_count(rows), picked_papers(rows)) == (len(picks), [pick.paper for pick in picks])


@given(PICKS.filter(bool), st.data())
def test_unpack_picks_refuses_truncated_bytes(picks: list[Pick], data: st.DataObject) -> None:
    complete = pack_digest(picks).picks
    cut = complete[: data.draw(st.integers(1, len(complete) - 1))]
    with pytest.raises(Damaged):
        unpack_picks(cut)
    assert readable_picks(cut) == ()


@given(st.binary())
def test_unpack_picks_returns_picks_or_damaged_for_any_bytes(found: bytes) -> None:
    for read in (unpack_picks, picked_papers):
        with contextlib.suppress(Damaged):
            read(found)


@given(STEPS)
def test_steps_round_trip(history: list[tuple[State, Actor, int]]) -> None:
    pack_digest = "".join(step(*entry) for entry in history)
    assert len(pack_digest) == STEP_LENGTH * len(history)
    assert steps(pack_digest) == history


@given(st.sets(ROW))
def test_seen_papers_round_trip_sorted_and_unique(papers: set[int]) -> None:
    assert unpack_seen(pack_seen([*papers, *papers])).tolist() == sorted(papers)


@pytest.mark.parametrize("damaged", ["r", "rp0000000000001x", "?p0000000000001", "r?0000000000001", "rpzzzzzzzzzzzzz"])
def test_steps_refuses_damaged_history(damaged: str) -> None:
    with pytest.raises(ValueError, match=r"history|invalid literal"):
        steps(damaged)


def test_pack_picks_keeps_fifteen_picks_small() -> None:
    reason = Reason(ReasonKind.TOPIC, "graph neural networks", ("graph", "networks"))
    picks = [Pick(n, n, 1.0, Section.FOR_YOU, reason, n + 1, 0.25, 0.2, 0.0125 if n == 14 else None) for n in range(15)]
    assert len(pack_digest(picks).picks) < 390
