"""What holds for every signal in the registry."""

from dataclasses import replace

import numpy as np
import pytest

from digestd.ranking.model import fit
from digestd.ranking.pool import build_pool
from digestd.ranking.profile import compile_profiles
from digestd.ranking.signals import SIGNALS, Signal
from tests.ranking.library import NOON, many, papers, pool, retitled, wants

every = pytest.mark.parametrize("signal", SIGNALS, ids=lambda signal: signal.name)


def test_every_signal_has_its_own_name() -> None:
    assert len({signal.name for signal in SIGNALS}) == len(SIGNALS)


@every
def test_scores_are_finite_single_precision_numbers(signal: Signal) -> None:
    day = pool()
    raw = signal.module.score(day, many(day))
    assert raw.shape == (len(many(day)), len(day))
    assert raw.dtype == np.float32
    assert np.isfinite(raw).all()


@every
def test_evidence_lies_between_nothing_and_certainty(signal: Signal) -> None:
    day = pool()
    seen = signal.module.evidence(day, many(day))
    assert seen.shape == (len(many(day)), len(day))
    assert seen.min() >= 0
    assert seen.max() <= 1


@every
def test_a_signal_explains_what_it_has_evidence_for(signal: Signal) -> None:
    day = pool()
    profiles = many(day)
    seen = signal.module.evidence(day, profiles)
    for i, profile in enumerate(profiles):
        for j in range(len(day)):
            words = signal.module.explain(day, profile, j)
            if signal.name != "trend":  # told to all, evidence only for who asked for nothing
                assert (words is not None) == (seen[i, j] > 0)
                assert words is None or words.strength == pytest.approx(float(seen[i, j]), abs=1e-5)


@every
def test_nobody_wants_nothing_of_an_empty_day(signal: Signal) -> None:
    day = build_pool([], fit([]), NOON)
    assert signal.module.score(day, many(day)).shape == (len(many(day)), 0)
    assert signal.module.score(day, []).shape == (0, 0)
    assert signal.module.evidence(day, many(day)).shape == (len(many(day)), 0)


@every
def test_empty_texts_and_an_empty_vocabulary_do_no_harm(signal: Signal) -> None:
    blank = [retitled("", ""), retitled("the", "of"), replace(papers()[0], signals={"upvotes": float("nan")})]
    day = build_pool(blank, fit([]), NOON)
    assert np.isfinite(signal.module.score(day, many(day))).all()
    assert np.isfinite(signal.module.evidence(day, many(day))).all()


@every
def test_the_order_of_the_papers_makes_no_difference(signal: Signal) -> None:
    day, turned = pool(), pool(papers()[::-1])
    assert np.allclose(
        signal.module.score(day, many(day)), signal.module.score(turned, many(turned))[:, ::-1], atol=1e-4
    )


@every
def test_the_company_in_a_block_makes_no_difference(signal: Signal) -> None:
    day = pool()
    together = signal.module.score(day, many(day))
    for i, profile in enumerate(many(day)):
        assert np.allclose(signal.module.score(day, [profile])[0], together[i], atol=1e-5)


@every
def test_who_asked_for_nothing_is_moved_by_trends_alone(signal: Signal) -> None:
    day = pool()
    raw = signal.module.score(day, compile_profiles([wants()], day.model, day))
    assert (np.ptp(raw) > 0) == (signal.name == "trend")
