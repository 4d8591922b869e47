"""The weights of the signals: the file that ships, and what is no file of weights."""

import json

import pytest

from digestd.ranking.signals import SIGNALS
from digestd.ranking.weights import WEIGHTS, dumps, parse

SOUND = {"fade": 1.0, "signals": {"likes": 1.0}}


def test_the_file_that_ships_weighs_every_signal_and_no_other() -> None:
    assert set(WEIGHTS.signals) == {signal.name for signal in SIGNALS}
    assert all(0 < weight < 10 for weight in WEIGHTS.signals.values())
    assert 0 < WEIGHTS.fade < 10


def test_the_scale_is_that_of_likes() -> None:
    assert WEIGHTS.of("likes") == 1


def test_weights_survive_their_text() -> None:
    assert parse(dumps(WEIGHTS)) == WEIGHTS


def test_a_signal_that_is_not_named_has_no_weight() -> None:
    assert parse(json.dumps(SOUND)).of("topic") == 0


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
def test_anything_else_is_refused(found: object) -> None:
    with pytest.raises(ValueError, match="weight"):
        parse(json.dumps(found))
