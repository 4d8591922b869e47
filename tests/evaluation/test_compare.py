"""Test paired differences and ablation, on judged cases."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from digestd import cli
from digestd.errors import BadInput
from digestd.evaluation.compare import difference, differences, results_from_scores, single_signal
from digestd.evaluation.judgments import EPOCH
from digestd.evaluation.metrics import mean_estimate
from digestd.evaluation.scoring import DAY_LENGTH, Case, CaseResult, evaluate_case, judged_cases, totals
from digestd.ranking.candidates import build_candidates, weighted_votes
from digestd.ranking.fusion import WEIGHTS, Weights, dump_weights, score
from digestd.ranking.profile import compile_profiles
from tests.evaluation.example_judgments import judgments
from tests.ranking.library import model, papers, wants

LIBRARY = {str(p.id): replace(p, first_seen=EPOCH) for p in papers()}


def done(user: str, value: float) -> CaseResult:
    return CaseResult(0, user, {}, {"ndcg@10": value, "recall@20": value, "mrr": value})


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    return list(judged_cases(LIBRARY, judgments(), model(papers())))


def run(*words: str) -> Any:
    done = CliRunner().invoke(cli.app, ["evaluate", *words, "--json"])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_case_is_scored_as_in_planning(cases: list[Case]) -> None:
    day = build_candidates(list(LIBRARY.values()), model(papers()), EPOCH + DAY_LENGTH)
    day = day.with_archive_votes(weighted_votes(list(LIBRARY.values())).tolist())
    for case, judgment in zip(cases, judgments(), strict=True):
        eligible = np.array([[name in case.names for name in LIBRARY]])
        profiles = compile_profiles([wants(*judgment.interests)], day.model, day)
        planned = score(day, profiles, eligible).total[0][eligible[0]]
        assert totals(case, WEIGHTS) == pytest.approx(planned, abs=1e-4)  # blocks are summed in another order


def test_difference_favours_better_ranker(cases: list[Case]) -> None:
    ours, theirs = (
        [evaluate_case(case) for case in cases],
        [evaluate_case(case, single_signal("trend")) for case in cases],
    )
    assert difference(ours, theirs)["ndcg@10"].low > 0


def test_difference_is_paired_by_user_in_any_order() -> None:
    ours = [done("ann", 0.9), done("ann", 0.7), done("bo", 0.2), done("cy", 0.5)]
    theirs = [done("cy", 0.5), done("bo", 0.6), done("ann", 0.4)]
    assert differences(ours, theirs)["mrr"] == pytest.approx([0.4, -0.4, 0.0])
    cases = difference(ours, theirs)["mrr"]
    assert (cases.better, cases.worse, cases.equal) == (1, 1, 1)


def test_pairing_detects_small_differences() -> None:
    levels = np.random.default_rng(3).uniform(0, 0.9, 60)
    ours, theirs = ([done(str(i), level + more) for i, level in enumerate(levels)] for more in (0.05, 0.0))
    cases = difference(ours, theirs)["mrr"]
    assert (cases.low, cases.high) == pytest.approx((0.05, 0.05))
    single_signal = mean_estimate(levels)
    assert single_signal.high - single_signal.low > 0.1


def test_difference_uses_users_of_both(cases: list[Case]) -> None:
    ours = [evaluate_case(case) for case in cases]
    assert difference(ours, ours[:1])["mrr"].value == 0
    assert difference(ours, [])["mrr"].value == 0


def test_missing_scores_of_judgment_are_refused(cases: list[Case]) -> None:
    with pytest.raises(BadInput, match="no scores for 7 judgments"):
        results_from_scores(cases, {0: {}})


def test_against_own_scores_is_zero(judged: list[str], tmp_path: Path) -> None:
    kept = str(tmp_path / "s.jsonl")
    run(*judged, "--scores", kept)
    same = {"value": 0.0, "low": 0.0, "high": 0.0, "better": 0, "worse": 0, "equal": 8}
    assert run(*judged, "--against", kept)["ndcg@10"] == same


def test_papers_without_scores_are_not_ranked(judged: list[str], tmp_path: Path) -> None:
    rows = [{"n": n, "id": "made:0", "score": float("nan")} for n in range(8)]
    (tmp_path / "s.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    ours = run(*judged)
    for name, cases in run(*judged, "--against", str(tmp_path / "s.jsonl")).items():
        assert name == "users" or cases["value"] == ours[name]["value"]


def test_seed_decides_order_of_ties(judged: list[str]) -> None:
    one, again, other = (run(*judged, "--against", "trend", "--seed", seed) for seed in ("1", "1", "2"))
    assert one == again != other


def test_against_compares_with_weights(judged: list[str], tmp_path: Path) -> None:
    (tmp_path / "w.json").write_text(dump_weights(Weights({"category": 1.0}, 1.0)))
    assert run(*judged, "--against", str(tmp_path / "w.json"))["mrr"]["value"] > 0.1


@pytest.mark.parametrize(
    ("text", "said"), [("{", "line 1"), ('{"n": 0}', "line 1"), ('{"signals": 1, "fade": 1}', "not a weights file")]
)
def test_against_refuses_other_files(judged: list[str], tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "x").write_text(text)
    done = CliRunner().invoke(cli.app, ["evaluate", *judged, "--against", str(tmp_path / "x")])
    assert done.exit_code
    assert said in str(done.exception or done.output)


def test_unknown_signal_is_refused_with_known_names() -> None:
    with pytest.raises(BadInput, match="signals: author, phrase"):
        single_signal("nothing")


def test_ablation_lists_signals_that_vary(judged: list[str], tmp_path: Path) -> None:
    worth = run(*judged, "--ablate", "--scores", str(tmp_path / "s.jsonl"))
    assert (tmp_path / "s.jsonl").read_text()
    assert set(worth) == {"subject", "query_expansion", "likes"}
    assert set(worth["likes"]["mrr"]) == {"value", "low", "high", "better", "worse", "equal"}
