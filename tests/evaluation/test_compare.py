"""Comparing two rankers, leaving signals out, and learning the weights, on judged cases."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from digestd import cli
from digestd.errors import BadInput
from digestd.evaluation.cases import EPOCH
from digestd.evaluation.compare import alone, by_scores, difference, differences
from digestd.evaluation.learn import FIXED, learn
from digestd.evaluation.metrics import interval
from digestd.evaluation.run import EVENING, Case, Outcome, cases, outcome, totals
from digestd.ranking.candidates import build_candidates
from digestd.ranking.fusion import score
from digestd.ranking.profile import compile_profiles
from digestd.ranking.signals import SIGNALS
from digestd.ranking.trend import weighted_votes
from digestd.ranking.weights import WEIGHTS, Weights, dumps, parse
from tests.evaluation.judged import judgments
from tests.ranking.library import model, papers, wants

LIBRARY = {str(p.id): replace(p, first_seen=EPOCH) for p in papers()}


def done(user: str, value: float) -> Outcome:
    return Outcome(0, user, {}, {"ndcg@10": value, "recall@20": value, "mrr": value})


@pytest.fixture(scope="module")
def found() -> list[Case]:
    return list(cases(LIBRARY, judgments(), model(papers())))


def run(*words: str) -> Any:
    done = CliRunner().invoke(cli.app, ["evaluate", *words, "--json"])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_a_case_is_scored_as_planning_scores_it(found: list[Case]) -> None:
    day = build_candidates(list(LIBRARY.values()), model(papers()), EPOCH + EVENING)
    day = day.with_archive_votes(weighted_votes(list(LIBRARY.values())).tolist())
    for case, judgment in zip(found, judgments(), strict=True):
        eligible = np.array([[name in case.names for name in LIBRARY]])
        profiles = compile_profiles([wants(*judgment.interests)], day.model, day)
        planned = score(day, profiles, eligible).total[0][eligible[0]]
        assert totals(case, WEIGHTS) == pytest.approx(planned, abs=1e-4)  # blocks are summed in another order


def test_a_ranker_differs_from_itself_by_nothing(found: list[Case]) -> None:
    ours = [outcome(case) for case in found]
    assert {(e.value, e.low, e.high) for e in difference(ours, ours).values()} == {(0.0, 0.0, 0.0)}


def test_the_better_ranker_is_ahead_by_a_paired_difference(found: list[Case]) -> None:
    ours, theirs = [outcome(case) for case in found], [outcome(case, alone("trend")) for case in found]
    assert difference(ours, theirs)["ndcg@10"].low > 0


def test_a_difference_is_paired_by_user_whatever_the_order() -> None:
    ours = [done("ann", 0.9), done("ann", 0.7), done("bo", 0.2), done("cy", 0.5)]
    theirs = [done("cy", 0.5), done("bo", 0.6), done("ann", 0.4)]
    assert differences(ours, theirs)["mrr"] == pytest.approx([0.4, -0.4, 0.0])
    found = difference(ours, theirs)["mrr"]
    assert (found.better, found.worse, found.equal) == (1, 1, 1)


def test_pairing_tells_apart_what_two_intervals_would_not() -> None:
    levels = np.random.default_rng(3).uniform(0, 0.9, 60)
    ours, theirs = ([done(str(i), level + more) for i, level in enumerate(levels)] for more in (0.05, 0.0))
    found = difference(ours, theirs)["mrr"]
    assert (found.low, found.high) == pytest.approx((0.05, 0.05))
    alone = interval(levels)
    assert alone.high - alone.low > 0.1


def test_only_users_of_both_are_compared(found: list[Case]) -> None:
    ours = [outcome(case) for case in found]
    assert difference(ours, ours[:1])["mrr"].value == 0
    assert difference(ours, [])["mrr"].value == 0


def test_a_judgment_without_scores_is_refused(found: list[Case]) -> None:
    with pytest.raises(BadInput, match="no scores for 7 judgments"):
        by_scores(found, {0: {}})


def test_against_a_signal_by_its_name(judged: list[str]) -> None:
    assert run(*judged, "--against", "category")["ndcg@10"]["value"] > 0.1


def test_against_its_own_scores_there_is_no_difference(judged: list[str], tmp_path: Path) -> None:
    kept = str(tmp_path / "s.jsonl")
    run(*judged, "--scores", kept)
    same = {"value": 0.0, "low": 0.0, "high": 0.0, "better": 0, "worse": 0, "equal": 8}
    assert run(*judged, "--against", kept)["ndcg@10"] == same


def test_a_rival_without_scores_ranks_nothing(judged: list[str], tmp_path: Path) -> None:
    rows = [{"n": n, "id": "made:0", "score": float("nan")} for n in range(8)]
    (tmp_path / "s.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    ours = run(*judged)
    for name, found in run(*judged, "--against", str(tmp_path / "s.jsonl")).items():
        assert name == "users" or found["value"] == ours[name]["value"]


def test_the_same_seed_gives_the_same_figures_and_another_breaks_ties_anew(judged: list[str]) -> None:
    one, again, other = (run(*judged, "--against", "trend", "--seed", seed) for seed in ("1", "1", "2"))
    assert one == again != other


def test_against_other_weights(judged: list[str], tmp_path: Path) -> None:
    (tmp_path / "w.json").write_text(dumps(Weights({"category": 1.0}, 1.0)))
    assert run(*judged, "--against", str(tmp_path / "w.json"))["mrr"]["value"] > 0.1


@pytest.mark.parametrize(
    ("text", "said"), [("{", "line 1"), ('{"n": 0}', "line 1"), ('{"signals": 1, "fade": 1}', "not a weights file")]
)
def test_a_file_that_is_neither_is_refused(judged: list[str], tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "x").write_text(text)
    done = CliRunner().invoke(cli.app, ["evaluate", *judged, "--against", str(tmp_path / "x")])
    assert done.exit_code
    assert said in str(done.exception or done.output)


def test_an_unknown_name_is_refused_with_those_there_are() -> None:
    with pytest.raises(BadInput, match="signals: author, phrase"):
        alone("nothing")


def test_ablation_names_each_signal_that_speaks(judged: list[str], tmp_path: Path) -> None:
    worth = run(*judged, "--ablate", "--scores", str(tmp_path / "s.jsonl"))
    assert (tmp_path / "s.jsonl").read_text()
    assert set(worth) == {"topic", "topic_similarity", "query_expansion", "likes", "latent_likes", "length"}
    assert set(worth["likes"]["mrr"]) == {"value", "low", "high", "better", "worse", "equal"}


def test_the_command_writes_weights_that_ship(judged: list[str], tmp_path: Path) -> None:
    rows = run(*judged, "--judgments", judged[-1], "--fit", str(tmp_path / "w.json"))
    assert [set(row) for row in rows] == [{"judgments", "before", "unseen"}]
    learnt = parse((tmp_path / "w.json").read_text())
    assert set(learnt.signals) == set(WEIGHTS.signals)
    assert {name: learnt.of(name) for name in FIXED} == {name: WEIGHTS.of(name) for name in FIXED}


def test_learning_finds_a_weight_that_was_lost(found: list[Case]) -> None:
    poor = replace(
        WEIGHTS,
        signals={**WEIGHTS.signals, "topic": 0.05, "topic_similarity": 0.05, "query_expansion": 0.05, "trend": 1.0},
    )
    learnt = learn({"all": found}, poor)
    assert learnt.weights.of("trend") < 1
    assert all(learnt.weights.of(signal.name) > 0 for signal in SIGNALS)
    after = np.mean([outcome(case, learnt.weights).measures["ndcg@10"] for case in found])
    assert after >= np.mean([outcome(case, poor).measures["ndcg@10"] for case in found])


def test_nothing_to_learn_from_changes_nothing() -> None:
    assert learn({"none": []}).weights == WEIGHTS
