"""Likes of other users in `digestd evaluate`: they rank, in the order of time."""

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

import pytest

from digestd.domain.interest import Verdict
from digestd.errors import BadInput
from digestd.evaluation.feedback_replay import replay
from digestd.evaluation.judgments import read_community, read_papers
from digestd.ranking.community import ESTABLISHED_AFTER
from digestd.ranking.signals import SIGNALS
from digestd.store import core, feedback
from tests.digests.topic_papers import DAY, archive, reader, shelf, subscriber
from tests.evaluation.test_command import PAPERS, Record, run
from tests.support.install import Install, install

Write = Callable[[str, Sequence[Record]], Path]
READERS: list[Record] = [{"user": f"reader{n}", "likes": ["made:0", "made:1"]} for n in range(3)]
NEWS: Record = {"user": "reader0", "likes": ["made:13"], "at": "2026-11-20"}
"""A reader who likes the same papers as Jo likes a paper that has no word in common with them."""
JO: Record = {"user": "jo", "likes": ["made:0", "made:1"], "relevant": ["made:13"]}
NUMBER = next(n for n, signal in enumerate(SIGNALS) if signal.name == "local_popularity")


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def file(name: str, records: Sequence[Record]) -> Path:
        path = tmp_path / name
        path.write_text("".join(json.dumps(record) + "\n" for record in records))
        return path

    return file


def mrr(write: Write, judgment: Record, others: Sequence[Record]) -> float:
    files = ("--papers", write("p.jsonl", PAPERS), "--judgments", write("j.jsonl", [judgment]))
    found: float = run(*files, "--community", write("c.jsonl", others))["mrr"]["value"]
    return found


def test_like_of_a_similar_user_raises_the_paper(write: Write) -> None:
    assert mrr(write, JO, [*READERS, NEWS]) > mrr(write, JO, READERS)


def test_like_counts_on_later_days_only(write: Write) -> None:
    without = mrr(write, {**JO, "day": "2026-11-20"}, READERS)
    assert mrr(write, {**JO, "day": "2026-11-20"}, [*READERS, NEWS]) == without
    assert mrr(write, {**JO, "day": "2026-11-21"}, [*READERS, NEWS]) > without


def test_own_likes_of_the_judged_user_do_not_count(write: Write) -> None:
    assert mrr(write, {**JO, "user": "reader0"}, [*READERS, NEWS]) == mrr(write, JO, READERS)


def test_community_ignores_unknown_papers_and_repetitions(write: Write) -> None:
    others: list[Record] = [*READERS, {"user": "reader0", "likes": ["made:0", "made:unknown"]}]
    assert len(read_community(write("c.jsonl", others), read_papers(write("p.jsonl", PAPERS)))) == 6


@pytest.mark.parametrize("bad", [{"likes": ["made:0"]}, {"user": "x", "likes": "made:0"}, {"user": "x", "at": "soon"}])
def test_bad_line_is_refused(write: Write, bad: Record) -> None:
    with pytest.raises(BadInput, match="line 1"):
        read_community(write("c.jsonl", [bad]), read_papers(write("p.jsonl", PAPERS)))


@pytest.fixture
def made(tmp_path: Path, sqlite_url: str, now: datetime) -> Iterator[Install]:
    """Create two readers, and an archive, long ago."""
    made = install(tmp_path, sqlite_url, now - ESTABLISHED_AFTER)
    archive(made)
    made.people([reader(size=20), {**reader(size=20), "email": "other@example.net"}])
    made.clock.go(ESTABLISHED_AFTER)
    yield made
    made.db.close()


def like(made: Install, email: str, paper: int) -> None:
    with made.db.write() as session:
        feedback.add(session, subscriber(made, email), paper, Verdict.MORE, made.clock.now)


async def test_replay_counts_likes_given_before_a_digest_was_planned(made: Install) -> None:
    made.papers(shelf("good", 8))
    with made.db.read() as session:
        early = session.connection().execute(core.paper.select().where(core.paper.c.paper_id == "shelf:good07")).one()
    like(made, "other@example.net", early.id)
    made.clock.go(DAY / 24)
    made.plan()
    await made.deliver()
    made.clock.go(DAY / 24)
    like(made, "reader@example.net", early.id)
    [done] = replay(made.db)
    assert done.case.names[int(done.case.values[NUMBER].argmax())] == "shelf:good07"
    [done] = replay(made.db, co_likes=False)
    assert not done.case.values[NUMBER].any()
