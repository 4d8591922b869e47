"""Test the shipped weights file, and the errors of invalid ones."""

import json

import pytest

from digestd.ranking.fusion import WEIGHTS, dump_weights, parse_weights
from digestd.ranking.signals import SIGNALS

SOUND = {"fade": 1.0, "signals": {"likes": 1.0}}


def test_shipped_weights_cover_all_signals() -> None:
    assert set(WEIGHTS.signals) == {signal.name for signal in SIGNALS}
    assert all(0 < weight < 10 for weight in WEIGHTS.signals.values())
    assert 0 < WEIGHTS.fade < 10


def test_likes_weight_is_one() -> None:
    assert WEIGHTS.of("likes") == 1


def test_weights_survive_file() -> None:
    assert parse_weights(dump_weights(WEIGHTS)) == WEIGHTS


def test_missing_signal_has_zero_weight() -> None:
    assert parse_weights(json.dumps(SOUND)).of("topic") == 0


@pytest.mark.parametrize(
    "found",
    [
        [],
        {"fade": 1.0},
        {**SOUND, "more": 1},
        {**SOUND, "signals": [1.0]},
        {**SOUND, "fade": -1},
        {**SOUND, "signals": {"likes": "much"}},
        {**SOUND, "signals": {"likes": True}},
        {**SOUND, "signals": {"likes": float("nan")}},
    ],
)
def test_invalid_weights_are_refused(found: object) -> None:
    with pytest.raises(ValueError, match="weight"):
        parse_weights(json.dumps(found))
