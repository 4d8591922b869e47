"""Test which source decides on withdrawal, signals and news."""

from datetime import datetime, timedelta

import pytest

from digestd.domain.paper import PaperId
from digestd.papers.merge import SIGNALS
from digestd.sources.retractions import retraction
from digestd.store import papers
from digestd.store.database import Database
from tests.papers.alike import HOUR, A, at_arxiv, works
from tests.papers.makers import paper, rows, seen, take


@pytest.mark.parametrize(("said", "withdrawn"), [
    ([("arxiv:x", 1, False), ("arxiv:x", 2, True)], True),
    ([("arxiv:x", 2, True), ("arxiv:x", 1, False)], True),
    ([("arxiv:x", 2, True), ("arxiv:x", 3, False)], False),
    ([("arxiv:x", 2, True), ("arxiv-rss:x", 2, False)], True),
    ([("arxiv:x", 2, False), ("crossref:x", None, True)], False),
    ([("arxiv:x", 1, False), ("arxiv-oai:x", None, True)], True),
    ([("arxiv-oai:x", None, True), ("arxiv:x", 3, False)], False),
    ([("hf-daily", None, False), ("crossref:x", None, True)], True),
    ([("crossref:x", None, True), ("crossref:x", None, False)], False),
])  # fmt: skip
def test_is_withdrawn_trusts_newest_arxiv_sighting(
    db: Database, now: datetime, said: list[tuple[str, int | None, bool]], withdrawn: bool
) -> None:
    for hour, (source, version, is_withdrawn) in enumerate(said):
        take(db, source, seen(A, version=version, withdrawn=is_withdrawn), now=now + hour * HOUR)
    assert paper(db, A).withdrawn is withdrawn
    with db.read() as session:
        assert len(papers.candidates(session, now - HOUR, now + 9 * HOUR)) == (not withdrawn)
        assert len(papers.trending(session, now - HOUR, 5)) == (not withdrawn)


def test_store_page_enrichment_adds_signals_only(db: Database, now: datetime) -> None:
    take(db, "arxiv:cs.LG", at_arxiv(), now=now)
    before = paper(db, A)
    about = seen("s2:1", A, title="By another name", announced=SIGNALS, signals={"citations": 4}, withdrawn=True)
    decision = take(db, "s2", about, seen("s2:2", title="Unknown", announced=SIGNALS), now=now + HOUR)
    assert (decision.new, decision.updated, decision.unchanged) == (0, 1, 1)
    after = paper(db, A)
    assert after.signals == {"citations": 4}
    assert (after.words, after.url, after.withdrawn, after.revision) == (
        before.words, before.url, False, before.revision,
    )  # fmt: skip
    assert (len(rows(db, "sighting")), works(db)) == (1, {frozenset({A})})
    assert take(db, "s2", about, now=now + 2 * HOUR).unchanged == 1


def test_store_page_signals_reach_new_paper_of_page(db: Database, now: datetime) -> None:
    take(db, "s", seen("s2:1", A, announced=SIGNALS, signals={"stars": 3}), at_arxiv(), now=now)
    assert paper(db, A).signals == {"stars": 3}


@pytest.mark.parametrize(("days", "archived"), [(0, False), (7, False), (8, True), (400, True)])
def test_store_page_announcement_older_than_a_week_is_no_news(
    db: Database, now: datetime, days: int, archived: bool
) -> None:
    take(db, "arxiv-oai:cs", at_arxiv(day=now.date() - timedelta(days=days)), now=now)
    assert (paper(db, A).archived, paper(db, A).first_seen) == (archived, now)


def test_store_page_archived_paper_becomes_news_with_texts(db: Database, now: datetime) -> None:
    take(db, "arxiv-rss:cs", seen(A, title=r"On $\alpha$-lakes", announced="replace"), now=now)
    assert rows(db, "revision")[0].plain_title is None
    assert paper(db, A).plain_title == "On α-lakes", "its title is shown where somebody likes it"
    take(db, "arxiv-rss:cs", seen(A, title=r"On $\alpha$-lakes"), now=now + HOUR)
    assert [row.plain_title for row in rows(db, "revision")] == ["On α-lakes"]
    assert (paper(db, A).archived, paper(db, A).plain_title) == (False, "On α-lakes")


def test_title_of_retraction_notice_counts_only_alone(db: Database, now: datetime) -> None:
    notice = retraction(PaperId(A), "Retraction notice", now.date())
    take(db, "pubmed:lakes", notice, now=now)
    assert paper(db, A).words.title == f"Retracted paper {A}"
    take(db, "crossref:1234-5679", seen(A, title="Lakes freeze"), now=now + HOUR)
    assert (paper(db, A).words.title, paper(db, A).withdrawn) == ("Lakes freeze", True)
