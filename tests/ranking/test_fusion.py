"""Test the fusion of all signals into one score."""

import numpy as np
import pytest

from digestd.domain.interest import Interest, Kind
from digestd.domain.subscriber import MinScore
from digestd.ranking.calibration import MIN_SCORES, NEAR_SCORES
from digestd.ranking.fusion import WEIGHTS, score, score_breakdown, zscores
from digestd.ranking.profile import compile_profiles
from tests.ranking.library import candidates, likes, many, model, mutes, papers, profile, retitled, wants


def ranked(*interests: Interest) -> list[str]:
    """Return the titles from the best to the worst."""
    day = candidates()
    total = score(day, [profile(day, *interests)]).total[0]
    return [day.papers[j].plain_title for j in np.argsort(-total, kind="stable")]


def test_topic_ranks_its_papers_first() -> None:
    assert ranked(*likes((Kind.TOPIC, "quantum error correction")))[0] == "Surface codes with drifting noise"


def test_likes_rank_their_field_first() -> None:
    day = candidates()
    who = profile(day, *likes((Kind.PAPER, "made:4"), (Kind.PAPER, "made:5")))
    unknown = np.array([[paper.id not in {"made:4", "made:5"} for paper in day.papers]])
    total = np.where(unknown, score(day, [who], unknown).total, -np.inf)
    assert total[0].argmax() == 6


def test_followed_authors_rank_first() -> None:
    assert {title.split()[0] for title in ranked(*likes((Kind.AUTHOR, "P. van der Berg")))[:4]} == {
        "Tally",
        "Double",
        "Coin",
        "Grain",
    }


def test_dislikes_lower_similar_papers() -> None:
    liked = likes((Kind.PAPER, "made:0"), (Kind.PAPER, "made:8"))
    itself, kind = "Entanglement over metropolitan fibre", "Neutral atom arrays that refill"
    before, after = (
        [title for title in ranked(*liked, *muted) if title != itself] for muted in ((), mutes((Kind.PAPER, "made:11")))
    )
    assert after.index(kind) >= before.index(kind)


def test_empty_profile_ranks_by_trend() -> None:
    day = candidates()
    who = profile(day)
    scores = score(day, [who])
    assert who.without_interests
    assert np.argsort(-scores.total[0]).tolist() == list(range(15, -1, -1))
    assert (scores.relevance > 0).all()


@pytest.mark.parametrize("kind", list(Kind))
def test_empty_interest_gives_plain_profile(kind: Kind) -> None:
    assert profile(candidates(), Interest(kind, " ... ")).without_interests


def test_mutes_alone_give_plain_profile() -> None:
    assert profile(candidates(), *mutes((Kind.CATEGORY, "hist"))).without_interests


def test_relevance_is_low_without_match() -> None:
    day = candidates()
    relevance = score(day, [profile(day, *likes((Kind.TOPIC, "honeybee foragers")))]).relevance[0]
    assert relevance.argmax() == 4
    assert relevance[4] > MIN_SCORES[MinScore.HIGH]
    assert max(relevance[:4].max(), relevance[8:].max()) < NEAR_SCORES[MinScore.LOW] / 10


def test_relevance_is_independent_of_day() -> None:
    few, all_of_it = candidates(papers()[4:6]), candidates()
    asked = likes((Kind.TOPIC, "honeybee foragers"), (Kind.PAPER, "made:6"), (Kind.CATEGORY, "bio"))
    assert score(few, [profile(few, *asked)]).relevance[0] == pytest.approx(
        score(all_of_it, [profile(all_of_it, *asked)]).relevance[0][4:6], abs=1e-5
    )


@pytest.mark.parametrize(
    ("mute", "gone"),
    [
        ((Kind.TOPIC, "honeybee waggle dances"), {4}),
        ((Kind.PHRASE, "ice cores"), {2}),
        ((Kind.AUTHOR, "Odegard, Ingrid"), {0, 1, 2, 3}),
        ((Kind.CATEGORY, "phys"), {8, 9, 10, 11}),
        ((Kind.PAPER, "made:7"), {7}),
        ((Kind.TOPIC, "the"), set()),
        ((Kind.PHRASE, "."), set()),
    ],
)
def test_mutes_override_interests(mute: tuple[Kind, str], gone: set[int]) -> None:
    day = candidates()
    who = profile(day, *likes(mute, (Kind.TOPIC, "glacier ice honeybee quantum")), *mutes(mute))
    allowed = score(day, [who]).allowed[0]
    assert set(np.flatnonzero(~allowed).tolist()) == gone


def test_contributions_sum_to_score() -> None:
    day = candidates()
    profiles = many(day)
    eligible = np.tile(np.arange(len(day)) % 3 > 0, (len(profiles), 1))
    for given in (None, eligible):
        total = score(day, profiles, given).total
        for i, who in enumerate(profiles):
            for j in range(len(day)):
                parts = score_breakdown(day, who, j, None if given is None else given[i])
                assert sum(part.contribution for part in parts) == pytest.approx(total[i, j], abs=1e-5)
                assert all(part.contribution == pytest.approx(part.weight * part.z, abs=1e-5) for part in parts)


def test_zscores_use_eligible_papers() -> None:
    raw = np.array([[1, 2, 3, 1000]], dtype=np.float32)
    z = zscores(raw, np.array([[True, True, True, False]]))
    assert z[0, :3] == pytest.approx([-1.2247, 0, 1.2247], abs=1e-3)


@pytest.mark.parametrize("row", [[0.0, 0.0], [7.3, 7.3], []])
def test_constant_signal_contributes_nothing(row: list[float]) -> None:
    assert (zscores(np.array([row], dtype=np.float32)) == 0).all()


def test_no_eligible_paper_is_valid() -> None:
    day = candidates()
    profiles = many(day)
    assert np.isfinite(score(day, profiles, np.zeros((len(profiles), len(day)), dtype=np.bool_)).total).all()


def test_scores_are_deterministic() -> None:
    one, other = candidates(papers()), candidates(papers())
    assert np.array_equal(score(one, many(one)).total, score(other, many(other)).total)


def test_seed_cache_changes_no_score() -> None:
    day, fresh = candidates(), candidates(papers())
    many(day)
    assert np.array_equal(score(day, many(day)).total, score(fresh, many(fresh)).total)


def test_topic_weight_fades_with_likes() -> None:
    day = candidates()
    asked = likes((Kind.TOPIC, "honeybee foragers"), *((Kind.PAPER, f"made:{j}") for j in range(3)))
    weights = {part.signal: part.weight for part in score_breakdown(day, profile(day, *asked), 4)}
    assert weights["subject"] == pytest.approx(WEIGHTS.of("subject") * WEIGHTS.fade / (WEIGHTS.fade + 3))
    assert weights["likes"] == pytest.approx(WEIGHTS.of("likes"))


def test_candidates_of_other_model_are_refused() -> None:
    with pytest.raises(ValueError, match="text model"):
        compile_profiles([wants()], model([retitled("Something else entirely")]), candidates())
