"""Test the fitting of weights and probabilities to judgments."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from digestd.evaluation.judgments import EPOCH
from digestd.evaluation.scoring import Case, evaluate_case, judged_cases
from digestd.ranking.calibration import parse
from digestd.ranking.fusion import WEIGHTS, parse_weights
from digestd.ranking.signals import SIGNALS
from tests.evaluation.example_judgments import judgments
from tests.fitting.__main__ import main
from tests.fitting.calibration import calibrate
from tests.fitting.weights import FIXED, learn_weights
from tests.ranking.library import model, papers


def fit(what: str, out: Path, judged: list[str], monkeypatch: pytest.MonkeyPatch, said: Any) -> dict[str, Any]:
    monkeypatch.setattr(sys, "argv", ["fitting", what, str(out), *judged])
    main()
    [line] = said.readouterr().out.splitlines()
    found: dict[str, Any] = json.loads(line)
    return found


def test_fitting_writes_calibration(
    judged: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    row = fit("calibration", tmp_path / "c.json", judged, monkeypatch, capsys)
    assert 0 <= row["before"] < 1
    assert 0 <= row["unseen"] < 1
    found = parse((tmp_path / "c.json").read_text())
    assert min(found.topics, found.likes) > 0
    assert min(found.relevance, found.mean_relevance) >= 0


def test_fitting_writes_weights(
    judged: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert set(fit("weights", tmp_path / "w.json", judged, monkeypatch, capsys)) == {"judgments", "before", "unseen"}
    learnt = parse_weights((tmp_path / "w.json").read_text())
    assert set(learnt.signals) == set(WEIGHTS.signals)
    assert {name: learnt.of(name) for name in FIXED} == {name: WEIGHTS.of(name) for name in FIXED}


def test_learn_recovers_lost_weight() -> None:
    library = {str(p.id): replace(p, first_seen=EPOCH) for p in papers()}
    cases = list(judged_cases(library, judgments(), model(papers())))
    poor = replace(
        WEIGHTS,
        signals={**WEIGHTS.signals, "topic": 0.05, "topic_similarity": 0.05, "query_expansion": 0.05, "trend": 1.0},
    )
    learnt = learn_weights({"all": cases}, poor)
    assert learnt.weights.of("trend") < 1
    assert all(learnt.weights.of(signal.name) > 0 for signal in SIGNALS)
    after = np.mean([evaluate_case(case, learnt.weights).measures["ndcg@10"] for case in cases])
    assert after >= np.mean([evaluate_case(case, poor).measures["ndcg@10"] for case in cases])


def test_learn_without_cases_changes_nothing() -> None:
    assert learn_weights({"none": []}).weights == WEIGHTS


def _case(n: int, breadth: float) -> Case:
    """Return forty candidates with an uninformative dense signal.

    The most liked are relevant.
    """
    chance = np.random.default_rng(n)
    right, size = chance.integers(40, size=4), 40
    values = np.zeros((len(SIGNALS), size), dtype=np.float32)
    row = {signal.name: place for place, signal in enumerate(SIGNALS)}
    values[row["likes"]] = chance.standard_normal(size) + np.isin(np.arange(size), right)
    values[row["dense_likes"]] = breadth * (chance.standard_normal(size) + 4 * np.isin(np.arange(size), right))
    names = tuple(f"made:{j}" for j in range(size))
    relevant = {names[j]: 1.0 for j in right}
    return Case(
        n, f"user{n}", relevant, names, values, 5, np.ones(size, dtype=np.bool_), chance.random(size).astype(np.float32)
    )


def test_calibrate_ignores_dense_signal_of_zero_weight() -> None:
    none, next_to_none, much = (
        calibrate({"all": [_case(n, breadth) for n in range(30)]}).calibration for breadth in (0.0, 1e-4, 1.0)
    )
    assert next_to_none.likes == pytest.approx(none.likes, abs=0.01)
    assert much.likes != pytest.approx(none.likes, abs=0.1)
