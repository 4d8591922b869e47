"""Test what holds for every signal in the registry."""

from dataclasses import replace

import numpy as np
import pytest

from digestd.ranking.arrays import Cells, Floats
from digestd.ranking.candidates import CandidateSet, build_candidates
from digestd.ranking.model import fit
from digestd.ranking.profile import Profiles, as_block, compile_profiles
from digestd.ranking.reasons import ORDER
from digestd.ranking.signals import SIGNALS, Signal
from digestd.ranking.signals.base import no_values, to_dense
from tests.ranking.library import NOON, candidates, many, papers, retitled, wants


def scores(signal: Signal, day: CandidateSet, profiles: Profiles) -> Floats:
    return to_dense(signal.score(day, profiles), day, profiles)


def evidence(signal: Signal, day: CandidateSet, profiles: Profiles) -> Floats:
    return to_dense(no_values() if signal.evidence is None else signal.evidence(day, profiles), day, profiles)


def everywhere(day: CandidateSet, profiles: Profiles) -> Cells:
    rows, columns = np.indices((len(profiles), len(day)))
    return Cells(rows.ravel(), columns.ravel())


every = pytest.mark.parametrize("signal", SIGNALS, ids=lambda signal: signal.name)


def test_signal_names_are_unique() -> None:
    assert len({signal.name for signal in SIGNALS}) == len(SIGNALS)


def test_every_explanation_has_a_place_in_the_order() -> None:
    assert {signal.explain for signal in SIGNALS if signal.explain} <= {explain for explain, _ in ORDER}


@every
def test_scores_and_evidence_are_in_range(signal: Signal) -> None:
    day = candidates()
    raw, seen = scores(signal, day, many(day)), evidence(signal, day, many(day))
    assert raw.shape == seen.shape == (len(many(day)), len(day))
    assert raw.dtype == np.float32
    assert np.isfinite(raw).all()
    assert 0 <= seen.min() <= seen.max() <= 1


@every
def test_signal_explains_its_evidence(signal: Signal) -> None:
    day = candidates()
    profiles = many(day)
    seen = evidence(signal, day, profiles)
    at = everywhere(day, profiles)
    found = signal.explain and signal.explain(day, profiles, at)
    # trend, co_likes: told to all, evidence only for who asked for nothing; likes: names one, evidence from three
    if signal.name not in ("trend", "co_likes", "likes"):
        strength = np.zeros(len(at)) if found is None else found.strength
        assert strength == pytest.approx(seen[at.rows, at.columns], abs=1e-5)
    said: dict[int, object] = {}
    for k in range(len(at)):
        if found is not None and found.strength[k]:
            assert found.words(k)[0]
            assert said.setdefault(int(found.alike[k]), found.words(k)) == found.words(k), "equal papers"


@every
def test_signals_accept_empty_days_and_texts(signal: Signal) -> None:
    day = build_candidates([], fit([]), NOON)
    assert scores(signal, day, many(day)).shape == (len(many(day)), 0)
    assert scores(signal, day, compile_profiles([], day.model, day)).shape == (0, 0)
    assert evidence(signal, day, many(day)).shape == (len(many(day)), 0)
    zeros = [retitled("", ""), retitled("the", "of"), replace(papers()[0], signals={"upvotes": float("nan")})]
    day = build_candidates(zeros, fit([]), NOON)
    assert np.isfinite(scores(signal, day, many(day))).all()
    assert np.isfinite(evidence(signal, day, many(day))).all()


@every
def test_signals_ignore_paper_order_and_other_subscribers(signal: Signal) -> None:
    day, turned = candidates(), candidates(papers()[::-1])
    together = scores(signal, day, many(day))
    assert np.allclose(together, scores(signal, turned, many(turned))[:, ::-1], atol=1e-4)
    for i, profile in enumerate(many(day)):
        assert np.allclose(scores(signal, day, as_block([profile], day))[0], together[i], atol=1e-5)


@every
def test_empty_profile_uses_trend_only(signal: Signal) -> None:
    day = candidates()
    raw = scores(signal, day, compile_profiles([wants()], day.model, day))
    assert (np.ptp(raw) > 0) == (signal.name == "trend")
