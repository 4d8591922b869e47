"""What people with similar likes liked, bounded and without telling on anybody."""

import numpy as np
import pytest

from digestd.domain.digest import ReasonKind
from digestd.domain.interest import Interest, Kind
from digestd.ranking.arrays import Cells, Floats
from digestd.ranking.candidates import CandidateSet
from digestd.ranking.community import LEAST_PEOPLE, LIKES_PER_PERSON, build_community
from digestd.ranking.fusion import WEIGHTS, score, score_breakdown
from digestd.ranking.profile import Profiles
from digestd.ranking.reasons import reasons
from digestd.ranking.signals.community import CO_LIKES_MAX, co_likes, local_popularity
from tests.ranking.library import alone, candidates, likes, papers

LIKED = (100, 101, 102)
"""Row numbers of old papers that Ada and others like."""
NEW = 13
"""A candidate about ledgers, which has no word in common with what Ada likes."""
Pair = tuple[int, int]


def people(count: int, papers: tuple[int, ...], first: int = 1) -> list[Pair]:
    """Return the likes of some people who like the same papers."""
    return [(person, paper) for person in range(first, first + count) for paper in papers]


def day(*given: list[Pair]) -> CandidateSet:
    """Return the candidates with these likes."""
    pairs = np.array([pair for each in given for pair in each], dtype=np.intp).reshape(-1, 2)
    return candidates(papers()).with_likes(pairs[:, 0], pairs[:, 1])


def ada(of: CandidateSet, *interests: Interest) -> Profiles:
    """Return the profile of somebody who likes three old papers about bees."""
    profiles = alone(of, *likes((Kind.PAPER, "made:4"), (Kind.PAPER, "made:5"), (Kind.PAPER, "made:6")), *interests)
    profiles.feedback.seed_table.papers[profiles.feedback.liked] = LIKED
    return profiles


def co_liked(of: CandidateSet) -> Floats:
    row: Floats = co_likes(of, ada(of))[0]
    return row


def test_first_like_of_a_similar_reader_raises_the_paper() -> None:
    found = co_liked(day(people(LEAST_PEOPLE, LIKED), [(1, NEW)]))
    assert np.argmax(found) == NEW
    assert np.count_nonzero(found) == 1


def test_more_similar_readers_raise_a_paper_more() -> None:
    found = co_liked(day(people(6, LIKED), people(4, (NEW,)), people(1, (2,)), people(5, (7, 8, 9))))
    assert found[NEW] > found[2] > 0


def test_readers_without_common_likes_add_nothing() -> None:
    assert not co_liked(day(people(50, (200, 201, NEW)))).any()


def test_rare_paper_connects_nobody() -> None:
    assert not co_liked(day(people(LEAST_PEOPLE - 1, (*LIKED, NEW)))).any()


def test_own_like_of_a_candidate_adds_nothing() -> None:
    of = day(people(LEAST_PEOPLE, (*LIKED, NEW)))
    profiles = ada(of)
    profiles.feedback.seed_table.papers[profiles.feedback.liked] = (*LIKED[:2], NEW)
    assert co_likes(of, profiles)[0, NEW] == 0


@pytest.mark.parametrize("fakes", [5, 500])
def test_any_number_of_copies_adds_a_bounded_amount(fakes: int) -> None:
    of = day(people(fakes, (*LIKED, NEW)))
    adds = {part.signal: part.contribution for part in score_breakdown(of, ada(of)[0], NEW)}
    assert 0 < adds["co_likes"] <= WEIGHTS.of("co_likes") * CO_LIKES_MAX
    assert adds["local_popularity"] < WEIGHTS.of("local_popularity")


def test_co_likes_are_no_evidence_of_relevance() -> None:
    of = day(people(50, (*LIKED, NEW)))
    nobody = candidates(papers())
    assert score(of, ada(of)).relevance == pytest.approx(score(nobody, ada(nobody)).relevance)


def test_person_with_thousands_of_likes_counts_once() -> None:
    crowd, bot = people(LEAST_PEOPLE, (*LIKED, 500)), [(99, paper) for paper in range(10_000)]
    who, what = np.array(crowd + bot).T
    community = build_community(who, what, range(200, 1_000))
    assert community.likers.sum() == pytest.approx(LEAST_PEOPLE + LIKES_PER_PERSON)
    adds: Floats = community.similarity[community.rows(np.array(LIKED))].sum(axis=0)
    assert adds[500 - 200] > 1_000 * adds[501 - 200] > 0


def test_popularity_grows_with_the_number_of_readers() -> None:
    of = day(people(1, (1,)), people(5, (2,), first=10), people(50, (3,), first=100))
    row = local_popularity(of, ada(of))[0]
    assert row[0] < 0 < row[2] < row[3] < 1
    assert row[0] < row[1] < row[2]
    assert row.mean() == pytest.approx(0, abs=1e-6)


def why(of: CandidateSet) -> ReasonKind:
    return reasons(of, ada(of), Cells(np.array([0]), np.array([NEW])))[0].kind


def test_reason_needs_three_similar_readers() -> None:
    crowd = people(5, LIKED, first=50)
    assert why(day(crowd, people(LEAST_PEOPLE, (*LIKED, NEW)))) is ReasonKind.CO_LIKES
    assert why(day(crowd, people(LEAST_PEOPLE - 1, (*LIKED, NEW)))) is not ReasonKind.CO_LIKES


def test_reason_needs_readers_who_share_two_likes() -> None:
    assert why(day(people(20, (LIKED[0], NEW)))) is not ReasonKind.CO_LIKES


def test_no_community_leaves_the_scores_alone() -> None:
    of = candidates(papers())
    assert not co_liked(of).any()
    assert {part.signal for part in score_breakdown(of, ada(of)[0], NEW)}.isdisjoint({"co_likes", "local_popularity"})
