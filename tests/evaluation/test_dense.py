"""Test every option of `evaluate` with a dense model."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from digestd.cli import app
from digestd.ranking.signals import SIGNALS
from tests.encoders.tiny import tiny_encoder

DENSE = {signal.name for signal in SIGNALS if signal.dense}


def run(*words: str) -> Any:  # whatever JSON it prints
    return json.loads(CliRunner().invoke(app, ["evaluate", *words, "--json"], catch_exceptions=False).stdout)


@pytest.fixture
def model(tmp_path: Path) -> str:
    return str(tiny_encoder(tmp_path / "tiny"))


def test_ablation_covers_dense_signals(judged: list[str], model: str) -> None:
    assert set(run(*judged, "--embedding-model", model, "--ablate")) >= DENSE
    assert not set(run(*judged, "--ablate")) & DENSE


def test_evaluate_compares_ranking_with_and_without_model(judged: list[str], model: str, tmp_path: Path) -> None:
    kept = str(tmp_path / "s.jsonl")
    run(*judged, "--scores", kept)
    with_it = run(*judged, "--embedding-model", model, "--against", kept)["ndcg@10"]
    assert with_it["better"] + with_it["worse"] > 0
    run(*judged, "--embedding-model", model, "--scores", kept)
    assert run(*judged, "--embedding-model", model, "--against", kept)["ndcg@10"]["equal"] == 8
