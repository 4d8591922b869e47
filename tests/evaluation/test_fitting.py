"""Test the fitting of weights to judgments."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from digestd.evaluation.judgments import EPOCH
from digestd.evaluation.scoring import evaluate_case, judged_cases
from digestd.ranking.fusion import WEIGHTS, parse_weights
from digestd.ranking.signals import SIGNALS
from tests.evaluation.example_judgments import judgments
from tests.fitting.__main__ import main
from tests.fitting.weights import FIXED, learn_weights
from tests.ranking.library import model, papers


def fit(what: str, out: Path, judged: list[str], monkeypatch: pytest.MonkeyPatch, said: Any) -> dict[str, Any]:
    monkeypatch.setattr(sys, "argv", ["fitting", what, str(out), *judged])
    main()
    [line] = said.readouterr().out.splitlines()
    found: dict[str, Any] = json.loads(line)
    return found


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
        signals={**WEIGHTS.signals, "subject": 0.05, "likes": 0.05, "trend": 1.0},
    )
    learnt = learn_weights({"all": cases}, poor)
    assert learnt.weights.of("trend") < 1
    assert all(learnt.weights.of(signal.name) > 0 for signal in SIGNALS)
    after = np.mean([evaluate_case(case, learnt.weights).measures["ndcg@10"] for case in cases])
    assert after >= np.mean([evaluate_case(case, poor).measures["ndcg@10"] for case in cases])


def test_learn_without_cases_changes_nothing() -> None:
    assert learn_weights({"none": []}).weights == WEIGHTS
