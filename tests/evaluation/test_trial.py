"""Test which ranking wins a digest, and what follows from many digests."""

from datetime import UTC, datetime

import numpy as np
import pytest
from scipy.stats import beta

from digestd.digests.picks import team_draft
from digestd.domain.digest import Pick, Reason, ReasonKind, Section
from digestd.domain.interest import Verdict
from digestd.domain.trial import Trial
from digestd.evaluation.trial import PreferenceCount, TrialResult, count_preferences, margin, preference
from digestd.store.ledger.sent_digests import SentDigest

MORE, LESS, SAVED, ASIDE = Verdict.MORE, Verdict.LESS, Verdict.SAVED, Verdict.DISMISSED
DAYS, SUBSCRIBERS, SIZE, PAPERS = 6, 30, 10, 60
AT = datetime(2026, 11, 24, tzinfo=UTC)
TRIAL = Trial(1, "fitted", "", 1.0, AT)


def digest(teams: str, verdicts: list[Verdict | None], subscriber: int = 1) -> SentDigest:
    reason = Reason(ReasonKind.NEW)
    picks = [Pick(n, n, 1.0, Section.FOR_YOU, reason, team=team.strip()) for n, team in enumerate(teams)]
    return SentDigest(1, subscriber, AT, tuple(picks), tuple(range(len(picks))), tuple(verdicts), (AT,) * len(picks))


@pytest.mark.parametrize(
    ("teams", "verdicts", "points"),
    [
        ("ab", [None, MORE], 1),
        ("ab", [SAVED, None], -1),
        ("ab", [MORE, SAVED], 0),
        ("ab", [ASIDE, None], 1),
        ("abab", [None, LESS, None, MORE], 0),
        ("ab ", [None, None, MORE], 0),
    ],
)
def test_verdicts_credit_team_of_pick(teams: str, verdicts: list[Verdict | None], points: int) -> None:
    assert margin(digest(teams, verdicts)) == points


def test_digests_without_feedback_are_ignored() -> None:
    silent, of_nobody, tie = digest("ab", [None, None]), digest("ab ", [None, None, MORE]), digest("ab", [MORE, MORE])
    assert count_preferences([silent, of_nobody, tie]).digests == PreferenceCount(0, 0, 1)


def test_subscriber_has_one_vote() -> None:
    found = count_preferences([*[digest("ab", [None, MORE])] * 9, digest("ab", [MORE, None], subscriber=2)])
    assert found.digests == PreferenceCount(9, 1, 0)
    assert found.subscribers == PreferenceCount(1, 1, 0)
    assert found.each == {1: PreferenceCount(9, 0, 0), 2: PreferenceCount(0, 1, 0)}


@pytest.mark.parametrize(("wins", "losses"), [(0, 0), (3, 1), (70, 50)])
def test_preference_is_posterior_of_uniform_prior(wins: int, losses: int) -> None:
    known, found = beta(wins + 1, losses + 1), preference(PreferenceCount(wins, losses, 5))
    assert found.value == pytest.approx(known.mean())
    assert (found.low, found.high) == pytest.approx(known.interval(0.95))
    assert found.better == pytest.approx(known.sf(0.5))


@pytest.mark.parametrize(
    ("score", "said"),
    [
        (PreferenceCount(), "too early: 0 digests are decided, wait for 20"),
        (PreferenceCount(19, 0, 50), "too early"),
        (PreferenceCount(11, 9), "undecided"),
        (PreferenceCount(30, 10), "the weights on trial are better"),
        (PreferenceCount(10, 30), "the weights in force are better"),
    ],
)
def test_verdict_states_conclusion(score: PreferenceCount, said: str) -> None:
    assert said in TrialResult(score, PreferenceCount(), {}).verdict


def simulated(noise_of_a: float, noise_of_b: float, seed: int) -> TrialResult:
    """Return digests of subscribers who like the best papers.

    They are ranked by two noisy rankers.
    """
    chance = np.random.default_rng(seed)
    shown = []
    for subscriber in range(SUBSCRIBERS):
        for day in range(DAYS):
            worth = chance.normal(size=PAPERS)
            ours, theirs = (
                np.argsort(-worth - noise * chance.normal(size=PAPERS))[:SIZE].tolist()
                for noise in (noise_of_a, noise_of_b)
            )
            drafted = team_draft(ours, theirs, SIZE, TRIAL.random_bits(subscriber, f"{seed}-{day}"))
            verdicts = [_said(float(worth[paper]), chance.random()) for paper, _ in drafted]
            shown.append(digest("".join(team or " " for _, team in drafted), verdicts, subscriber))
    return count_preferences(shown)


def _said(worth: float, mood: float) -> Verdict | None:
    """Return feedback from a third of the subscribers."""
    if mood > 1 / 3:
        return None
    return MORE if worth > 1 else LESS if worth < 0 else None


def test_better_ranker_wins() -> None:
    found = simulated(2.0, 0.5, seed=1)
    assert preference(found.digests).low > 0.5
    assert preference(found.subscribers).low > 0.5
    assert found.verdict == "the weights on trial are better"
    assert preference(simulated(0.5, 2.0, seed=1).digests).high < 0.5


def test_equal_rankers_differ_only_by_chance() -> None:
    found = [preference(simulated(1.0, 1.0, seed).digests) for seed in range(12)]
    assert sum(not one.low <= 0.5 <= one.high for one in found) <= 3
    assert np.mean([one.value for one in found]) == pytest.approx(0.5, abs=0.04)


def test_ranker_ties_with_itself() -> None:
    chance, shown = np.random.default_rng(3), []
    for subscriber in range(120):
        order = chance.permutation(PAPERS)[:SIZE].tolist()
        drafted = team_draft(order, order, SIZE, TRIAL.random_bits(subscriber, "2026-11-24"))
        verdicts = [_said(2.0 if place < 3 else -1.0, chance.random()) for place in range(SIZE)]
        shown.append(digest("".join(team or " " for _, team in drafted), verdicts, subscriber))
    found = preference(count_preferences(shown).digests)
    assert found.low < 0.5 < found.high


def test_trial_draws_its_share_of_subscribers() -> None:
    half, other = (Trial(1, name, "", 0.5, AT) for name in ("one", "two"))
    first, second = ({key for key in range(2_000) if trial.includes(key)} for trial in (half, other))
    assert len(first) == pytest.approx(1_000, abs=100)
    assert len(first & second) == pytest.approx(500, abs=80)
    assert all(TRIAL.includes(key) for key in range(2_000))
