"""Fake accounts cannot carry a paper into a digest, and nothing shown tells what one subscriber liked."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from digestd.digests.explanation import Explanation, explain, preview
from digestd.digests.planner import plan
from digestd.digests.planning_day import RankingOptions, read_planning_day
from digestd.domain.digest import ReasonKind
from digestd.domain.interest import Verdict
from digestd.domain.paper import PaperId
from digestd.ranking.community import CROWD, ESTABLISHED_AFTER, LEAST_PEOPLE, TRUSTED_AFTER
from digestd.ranking.fusion import WEIGHTS
from digestd.ranking.signals.community import CO_LIKES_MAX
from digestd.store import core, papers
from digestd.subscribers.feedback import add_feedback
from digestd.subscribers.personal_data import erase
from digestd.web.preview_day import PreviewDay
from tests.digests.topic_papers import archive, digests, subscriber
from tests.support.install import Install, install

TARGET = "target@example.net"
FAKES = [f"fake{n}@example.net" for n in range(8)]
SPAM = PaperId("invented:spam")
LIKED = [PaperId(f"invented:lake{n}") for n in range(3)]
FEW = 5
"""Picks of a digest; there are more good papers than that."""
BOUND = WEIGHTS.of("co_likes") * CO_LIKES_MAX + WEIGHTS.of("local_popularity")
"""What likes of others can add to a score at most, however many they are."""


def lake(name: str, subject: str = "alpine lakes") -> dict[str, object]:
    return {"id": name, "title": f"The ice of {subject}", "abstract": f"How {subject} freeze, by survey {name[-2:]}."}


@pytest.fixture
def made(tmp_path: Path, database_url: str, now: datetime) -> Iterator[Install]:
    """Return an install where the target liked three papers and new ones on lakes, and spam, arrive today."""
    built = install(tmp_path, database_url, now - ESTABLISHED_AFTER)
    archive(built)
    built.papers([lake(name) for name in LIKED])
    built.people([{"email": who, "size": FEW} for who in (TARGET, *FAKES)])
    for name in LIKED:
        say(built, TARGET, name)
    built.clock.go(ESTABLISHED_AFTER)
    built.papers([lake(f"invented:new{n:02}") for n in range(2 * FEW)])
    built.papers([{"id": SPAM, "title": "Buy golden coins cheaply", "abstract": "Coins, bargains, fortunes, riches."}])
    yield built
    built.db.close()


def say(made: Install, who: str, name: PaperId) -> None:
    add_feedback(made.db, made.app.keys, who, name, Verdict.MORE, made.clock.now)


def let_be(made: Install, age: timedelta, people: list[str]) -> None:
    """Give accounts an age."""
    born = int((made.clock.now - age).timestamp() * 1e6)
    who = core.subscriber.c.address.in_(people)
    with made.db.write() as session:
        session.connection().execute(core.subscriber.update().where(who).values(created_us=born))


def attack(made: Install, copied: list[PaperId], fakes: list[str] = FAKES) -> None:
    for who in fakes:
        for name in (*copied, SPAM):
            say(made, who, name)


def picks(made: Install) -> list[str]:
    """Return what the target would get now."""
    chosen = preview(made.db, subscriber(made, TARGET), made.clock.now, RankingOptions()).picks
    with made.db.read() as session:
        known = papers.by_keys(session, [pick.paper for pick in chosen])
    return [known[pick.paper].id for pick in chosen]


def spam(made: Install, co_liked: bool = True) -> Explanation:
    return explain(made.db, subscriber(made, TARGET), SPAM, made.clock.now, RankingOptions(co_likes=co_liked))


@pytest.mark.parametrize("copied", [LIKED, []])
def test_spam_that_fakes_like_is_not_picked(made: Install, copied: list[PaperId]) -> None:
    before = picks(made)
    attack(made, copied)
    assert set(picks(made)) == set(before)
    assert SPAM not in before


def test_fakes_add_a_bounded_amount(made: Install) -> None:
    attack(made, LIKED)
    assert 0 < spam(made).score - spam(made, co_liked=False).score <= BOUND
    assert spam(made).relevance == spam(made, co_liked=False).relevance


def test_new_accounts_add_nothing(made: Install) -> None:
    young = [f"young{n}@example.net" for n in range(5)]
    made.people([{"email": who} for who in young])
    attack(made, LIKED, young)
    assert spam(made).score == spam(made, co_liked=False).score


def test_few_young_accounts_move_nothing_and_give_no_reason(made: Install) -> None:
    let_be(made, ESTABLISHED_AFTER - timedelta(days=1), FAKES)
    before = spam(made, co_liked=False)
    attack(made, LIKED, FAKES[: CROWD - 1])
    assert spam(made).score == before.score
    assert spam(made).reason == before.reason


def test_few_young_accounts_add_nothing_to_an_established_like(made: Install) -> None:
    say(made, FAKES[0], SPAM)
    alone = spam(made)
    let_be(made, TRUSTED_AFTER, FAKES[1:4])
    attack(made, LIKED, FAKES[1:4])
    assert spam(made).score == alone.score


def test_reason_names_readers_only_from_three_on(made: Install) -> None:
    for count in range(len(FAKES)):
        told = spam(made).reason
        assert (told.kind is ReasonKind.CO_LIKES) == (count >= LEAST_PEOPLE)
        assert told.kind is not ReasonKind.CO_LIKES or told == (ReasonKind.CO_LIKES, "", ())
        attack(made, LIKED, FAKES[count : count + 1])


def test_erasure_takes_the_influence_back(made: Install) -> None:
    before = spam(made).score
    attack(made, LIKED)
    for who in FAKES:
        erase(made.db, made.app.keys, who, made.clock.now)
    assert spam(made).score == pytest.approx(before)


def test_imported_likes_stay_private(made: Install) -> None:
    before = spam(made).score
    made.people([{"email": f"reader{n}@example.net", "likes": [*LIKED, SPAM]} for n in range(9)])
    with made.db.write() as session:
        session.connection().execute(core.subscriber.update().values(created_us=0))
    assert spam(made).score == pytest.approx(before)


def test_preview_for_visitors_ignores_likes(made: Install) -> None:
    attack(made, LIKED)
    assert read_planning_day(made.db, made.clock.now, RankingOptions()).candidates.community.likers.any()
    assert PreviewDay.of(made.app).day(made.clock.now).candidates.community.is_empty


@pytest.mark.parametrize("co_likes", [True, False])
def test_setting_decides_whether_likes_of_others_count(made: Install, co_likes: bool) -> None:
    attack(made, LIKED)
    favourite = PaperId("invented:new00")
    for who in FAKES:
        say(made, who, favourite)
    app = replace(made.app, settings=made.app.settings.model_copy(update={"co_likes": co_likes}))
    plan(made.db, app.planner, made.clock.now)
    [digest] = digests(made, TARGET)
    first, second = sorted((pick.score for pick in digest.picks), reverse=True)[:2]
    assert (first > second + 1) == co_likes
