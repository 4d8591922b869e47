"""Test ranking on any papers and interests.

Finite scores, sensible ranks, no warnings, no crashes.
"""

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from digestd.digests.selection import DigestOptions, RankedCandidates, select
from digestd.domain.interest import Interest, Kind, Stance
from digestd.domain.paper import Paper, PaperId
from digestd.domain.subscriber import MinScore
from digestd.ranking import fusion
from digestd.ranking.arrays import Floats
from digestd.ranking.calibration import NEAR_SCORES, LocalCalibration, log_odds_of
from digestd.ranking.candidates import CandidateSet, build_candidates
from digestd.ranking.compiler import ProfileInput
from digestd.ranking.fusion import Scores, score, score_breakdown
from digestd.ranking.model import fit
from digestd.ranking.profile import Profile, Profiles, as_block, compile_profiles
from digestd.ranking.reasons import reason
from digestd.ranking.seeds import Seed
from digestd.ranking.signals import SIGNALS
from digestd.ranking.text import tokens
from tests.ranking.library import NOON, candidates, likes, model, papers, profile, retitled

HOSTILE = [
    "\x00",
    "\u202e",
    "'; DROP TABLE paper; --",
    "{{ 7*7 }}",
    "a" * 5_000,
    "(" * 500,
    "\ud800",
    "\\alpha_{",
    "🧪",
    "Ω",
]
SCRIPTS = ["机器学习", "машинное обучение", "التعلم الآلي", "หุ่นยนต์", "ユニコード", "Ελληνικά"]
TEXTS = st.one_of(
    st.just(""),
    st.sampled_from(HOSTILE + SCRIPTS),
    st.sampled_from(["glacier", "glacier ice", "honeybee waggle dance", "the of and", "42"]),
    st.text(max_size=60),
)
MOMENTS = st.one_of(st.none(), st.datetimes(timezones=st.just(UTC)))
INTERESTS = st.builds(Interest, st.sampled_from(Kind), TEXTS, st.sampled_from(Stance), MOMENTS)
ARCHIVES = {
    "nothing": fit([]),
    "one paper": fit(["Waggle dances of honeybees. Foragers dance."]),
    "one paper often": fit(["Waggle dances of honeybees. Foragers dance."] * 60),
    "no words": fit(["", "the of and", "42"]),
    "other scripts": fit(SCRIPTS),
    "hostile": fit(HOSTILE),
    "the library": model(papers()),
}


FAR = NEAR_SCORES[MinScore.LOW]
LIBRARY = " ".join(paper.text for paper in papers())


@pytest.fixture(autouse=True)
def strict() -> Iterator[None]:
    """Treat warnings as errors: NumPy warns of NaN."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def sound(day: CandidateSet, profiles: Sequence[Profile]) -> Scores:
    """Score, check invariants, and select picks for everybody."""
    found = score(day, profiles)
    assert np.isfinite(found.total).all()
    assert ((found.relevance >= 0) & (found.relevance <= 1)).all()
    log_odds = log_odds_of(found.relevance)
    everything = np.ones(log_odds.shape, dtype=np.bool_)
    view = RankedCandidates(as_block(profiles, day), found.total, found.relevance, everything, found.allowed, log_odds)
    choices = select(day, view, [DigestOptions(10, seed=0.7)] * len(profiles), LocalCalibration())
    for i, who in enumerate(profiles):
        chosen = choices.chosen_by(i)
        assert len(chosen) == len(set(chosen)) <= 10
        assert all(found.allowed[i][chosen])
        for j in chosen:
            reason(day, who, j)
            assert sum(part.contribution for part in score_breakdown(day, who, j)) == pytest.approx(
                found.total[i, j], abs=1e-3
            )
    return found


def compiled(day: CandidateSet, *author_keys: Sequence[Interest]) -> Sequence[Profile]:
    known = {paper.id: Seed(paper.plain_title, paper.text) for paper in [*day.papers, *papers()]}
    wants = [
        ProfileInput(tuple(p), {PaperId(i.value): known[PaperId(i.value)] for i in p if i.value in known})
        for p in author_keys
    ]
    return compile_profiles(wants, day.model, day)


@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.tuples(TEXTS, TEXTS, st.floats(allow_nan=True, allow_infinity=True)), max_size=6),
    st.lists(st.lists(INTERESTS, max_size=6), min_size=1, max_size=4),
    st.sampled_from(["the day", *ARCHIVES]),
)
def test_any_text_and_interest_can_be_ranked(
    texts: list[tuple[str, str, float]], author_keys: list[list[Interest]], archive: str
) -> None:
    day = [
        replace(retitled(title, abstract), key=j, id=PaperId(f"any:{j}"), signals={"upvotes": votes})
        for j, (title, abstract, votes) in enumerate(texts)
    ]
    the_pool = build_candidates(day, model(day) if archive == "the day" else ARCHIVES[archive], NOON)
    seeds = [Interest(Kind.PAPER, paper.id) for paper in day[:2]]
    sound(the_pool, compiled(the_pool, *author_keys, seeds))


@settings(max_examples=30)
@given(st.text(st.characters(categories=["Lu", "Ll", "Lo"]), min_size=1, max_size=8))
def test_topic_of_any_letters_finds_its_paper(word: str) -> None:
    assume(any(len(stem) > 1 or not stem.isascii() for stem in tokens(word)))  # a lone letter names nothing
    assume(tokens(word) and not set(tokens(word)) & set(tokens(LIBRARY)))
    found = replace(retitled(f"About {word} today", signals={}), key=16, id=PaperId("made:16"))
    assert sound(*_asked([*papers(), found], word)).total[0].argmax() == 16


@settings(max_examples=10)
@given(st.integers(1, 6), st.lists(st.tuples(st.integers(0, 15), MOMENTS), min_size=1, max_size=30))
def test_likes_of_any_number_rank_similar_papers(copies: int, said: list[tuple[int, datetime | None]]) -> None:
    day = candidates()
    liked = [Interest(Kind.PAPER, f"made:{j}", since=when) for j, when in said] * copies
    sound(day, compiled(day, liked))


@pytest.mark.parametrize("script", SCRIPTS[:2])
def test_topic_in_other_script_finds_its_paper(script: str) -> None:
    found = retitled(f"On {script}", f"A survey of {script} today.", signals={})
    day = candidates([*papers(), replace(found, key=16, id=PaperId("made:16"))])
    scores = sound(day, [profile(day, *likes((Kind.TOPIC, script)))])
    assert scores.total[0].argmax() == 16
    assert scores.relevance[0, 16] > 0.3
    assert scores.relevance[0, :16].max() < FAR


def test_topic_in_absent_script_matches_nothing() -> None:
    day = candidates()
    scores = sound(day, [profile(day, *likes((Kind.TOPIC, script))) for script in SCRIPTS])
    assert scores.relevance.max() < FAR


def test_five_hundred_likes_rank_similar_papers() -> None:
    many = [replace(paper, key=j, id=PaperId(f"made:{j}")) for j, paper in enumerate(_bees(500))]
    day = candidates()
    usual = float(
        np.median(day.weighted_votes)
    )  # liked for what they are about, not for how much they are talked about
    known = {paper.id: Seed(paper.plain_title, paper.text, votes=usual) for paper in many}
    want = ProfileInput(tuple(Interest(Kind.PAPER, name) for name in known), known)
    total = sound(day, compile_profiles([want], day.model, day)).total[0]
    assert set(np.argsort(-total)[:4].tolist()) == {4, 5, 6, 7}


def test_identical_papers_have_equal_scores() -> None:
    day = candidates([replace(papers()[4], key=j, id=PaperId(f"same:{j}")) for j in range(30)])
    total = sound(day, compiled(day, likes((Kind.TOPIC, "honeybee"), (Kind.PAPER, "made:5")), ())).total
    assert np.ptp(total, axis=1) == pytest.approx(0, abs=1e-4)


@pytest.mark.parametrize("learnt", [fit([]), model(papers())])
def test_day_without_papers_is_valid(learnt: object) -> None:
    day = build_candidates([], learnt, NOON)  # type: ignore[arg-type]  # a text model
    assert sound(day, compiled(day, likes((Kind.TOPIC, "honeybee"), (Kind.PAPER, "made:5")))).total.shape == (1, 0)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_nan_signal_never_ranks(value: float, monkeypatch: pytest.MonkeyPatch) -> None:
    day = candidates()
    who = profile(day, *likes((Kind.TOPIC, "honeybee foragers")))
    before = score(day, [who]).total[0]
    broken = next(signal for signal in SIGNALS if signal.name == "trend")

    def not_finite(of: CandidateSet, profiles: Profiles) -> Floats:
        raw = np.array(broken.score(of, profiles))
        raw[:, 0] = value
        return raw

    changed = tuple(replace(signal, score=not_finite) if signal is broken else signal for signal in SIGNALS)
    monkeypatch.setattr(fusion, "SIGNALS", changed)
    after = sound(day, [who]).total[0]
    assert after.argmax() == before.argmax() != 0


@pytest.mark.parametrize("votes", [float("nan"), 1e300])
def test_nan_votes_do_not_rank_first(votes: float) -> None:
    day = candidates([replace(paper, signals={"upvotes": votes if paper.key == 0 else 5.0}) for paper in papers()])
    sound(day, [profile(day), profile(day, *likes((Kind.TOPIC, "glacier")))])


def _asked(day: Sequence[Paper], topic: str) -> tuple[CandidateSet, Sequence[Profile]]:
    of = candidates(day)
    return of, [profile(of, *likes((Kind.TOPIC, topic)))]


def _bees(count: int) -> list[Paper]:
    words = [
        "honeybee",
        "foragers",
        "nectar",
        "hive",
        "brood",
        "swarming",
        "pollinator",
        "bumblebees",
        "waggle",
        "dance",
    ]
    rng = np.random.default_rng(3)
    return [retitled(" ".join(rng.choice(words, 5)), " ".join(rng.choice(words, 20))) for _ in range(count)]
