"""Test merging of sightings into papers, in the store."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from random import Random

import pytest

from digestd.domain.gist import Gist, GistKind
from digestd.domain.paper import PaperId, Sighting
from digestd.papers.merge import ARCHIVE
from digestd.store import papers
from digestd.store.database import Database
from tests.papers.makers import everything, forget, paper, rows, seen, take

A, B, D = "arxiv:2611.00001", "arxiv:2611.00002", "doi:10.5555/d"


def test_store_page_new_paper_has_plain_texts(db: Database, now: datetime) -> None:
    decision = take(db, "arxiv:cs.LG", seen(A, D, title=r"On $\alpha$-lakes", abstract="See $x^2$."), now=now)
    assert (decision.new, decision.updated, decision.unchanged) == (1, 0, 0)
    found = paper(db, D)
    assert (found.id, found.first_seen, found.published, found.archived) == (A, now, now, False)
    assert found.words.title == r"On $\alpha$-lakes"
    assert (found.plain_title, found.plain_abstract) == ("On α-lakes", "See x².")
    assert found.url == "https://arxiv.org/abs/2611.00001"


def test_store_page_repeated_page_changes_nothing(db: Database, now: datetime) -> None:
    take(db, "hf-daily", seen(A, signals={"upvotes": 3}), now=now)
    before = everything(db)
    decision = take(db, "hf-daily", seen(A, signals={"upvotes": 3}), now=now + timedelta(hours=1))
    assert (decision.new, decision.updated, decision.unchanged) == (0, 0, 1)
    assert everything(db) == before


def test_store_page_changed_text_appends_revision(db: Database, now: datetime) -> None:
    take(db, "arxiv:cs.LG", seen(A, version=1), now=now)
    old = paper(db, A)
    decision = take(db, "arxiv:cs.LG", seen(A, version=2, title="Lakes and rivers"), now=now + timedelta(days=1))
    new = paper(db, A)
    assert decision.updated == 1
    assert (new.key, new.first_seen, new.words.title) == (old.key, now, "Lakes and rivers")
    with db.read() as session:
        as_planned = papers.revisions(session, [old.revision, new.revision])
    assert [as_planned[key].words.title for key in (old.revision, new.revision)] == ["Lakes", "Lakes and rivers"]


def test_store_page_late_older_version_is_ignored(db: Database, now: datetime) -> None:
    take(db, "arxiv:cs.LG", seen(A, version=2, title="Second"), now=now)
    take(db, "arxiv:cs.LG", seen(A, version=1, title="First"), now=now + timedelta(hours=1))
    assert paper(db, A).words.title == "Second"


def test_store_page_follows_reverted_text(db: Database, now: datetime) -> None:
    for hour, title in enumerate(["One", "Two", "One"]):
        take(db, "import", seen(A, title=title), now=now + timedelta(hours=hour))
        assert paper(db, A).words.title == title
    assert len(rows(db, "sighting")) == 2


def test_store_page_differing_sources_do_not_alternate(db: Database, now: datetime) -> None:
    for hour in range(3):
        take(db, "hf-daily", seen(A, title="Lakes (HF)", links={"code": "https://example.org/c"}), now=now)
        take(db, "arxiv:cs.LG", seen(A, version=1, abstract="Wet."), now=now + timedelta(hours=hour))
    found = paper(db, A)
    assert (found.words.title, found.words.abstract) == ("Lakes", "Wet.")
    assert found.links == {"code": "https://example.org/c", "pdf": "https://arxiv.org/pdf/2611.00001"}
    assert len(rows(db, "revision")) == 2


def test_store_page_fills_gaps_from_other_source(db: Database, now: datetime) -> None:
    take(db, "arxiv-rss:cs.LG", seen(A, version=1, categories=["cs.LG"]), now=now)
    take(db, "hf-daily", seen(A, abstract="Wet.", authors=["Ann"]), now=now)
    words = paper(db, A).words
    assert (words.abstract, words.authors, words.categories) == ("Wet.", ("Ann",), ("cs.LG",))


def test_store_page_keeps_signals_that_change(db: Database, now: datetime) -> None:
    for hour, upvotes in enumerate([3, 3, 8, 8, 5]):
        take(db, "hf-daily", seen(A, signals={"upvotes": upvotes, "comments": 1}), now=now + timedelta(hours=hour))
    assert paper(db, A).signals == {"upvotes": 5, "comments": 1}
    assert sorted((row.name, row.value) for row in rows(db, "signal")) == [
        ("comments", 1), ("upvotes", 3), ("upvotes", 5), ("upvotes", 8),
    ]  # fmt: skip


def test_store_page_later_signal_wins_at_one_time(db: Database, now: datetime) -> None:
    take(db, "a", seen(A, signals={"upvotes": 3}), now=now)
    take(db, "b", seen(A, signals={"upvotes": 4}), now=now)
    assert paper(db, A).signals == {"upvotes": 4}


@pytest.mark.parametrize(("announced", "archived"), [("new", False), ("cross", False), ("replace", True),
                                                     ("replace-cross", True), (ARCHIVE, True)])  # fmt: skip
def test_store_page_new_announcement_is_news(db: Database, now: datetime, announced: str, archived: bool) -> None:
    take(db, "arxiv-rss:cs.LG", seen(A, announced=announced), now=now)
    assert paper(db, A).archived is archived
    with db.read() as session:
        assert len(papers.candidates(session, now - timedelta(days=1), now)) == (not archived)


def test_store_page_replacement_keeps_archived_state(db: Database, now: datetime) -> None:
    take(db, "arxiv-rss:cs.LG", seen(A, version=1), now=now)
    take(db, "arxiv-rss:cs.LG", seen(A, version=2, announced="replace"), now=now + timedelta(days=1))
    found = paper(db, A)
    assert (found.archived, found.first_seen) == (False, now)


def test_store_page_backfilled_day_is_news_after_replacement(db: Database, now: datetime) -> None:
    later = now + timedelta(hours=1)
    take(db, "arxiv-rss:cs.LG", seen(A, version=2, announced="replace"), now=now)
    take(db, "arxiv:cs.LG", seen(A, version=2, published=now - timedelta(days=2)), now=later)
    found = paper(db, A)
    assert (found.archived, found.first_seen, found.published) == (False, later, now - timedelta(days=2))


def test_store_page_archived_paper_stays_archived(db: Database, now: datetime) -> None:
    take(db, "import", seen(A, announced=ARCHIVE), now=now)
    take(db, "hf-daily", seen(A, signals={"upvotes": 9}), now=now)
    assert paper(db, A).archived


def test_store_page_merges_two_known_papers(db: Database, now: datetime) -> None:
    later = now + timedelta(days=1)
    take(db, "crossref", seen(D, title="By DOI", signals={"citations": 1}), now=now)
    take(db, "arxiv:cs.LG", seen(A, version=1, title="By arXiv", signals={"citations": 1, "upvotes": 2}), now=now)
    old, young = paper(db, D), paper(db, A)
    decision = take(db, "arxiv:cs.LG", seen(A, D, version=2, title="Both"), now=later)
    assert decision.updated == 1
    one = paper(db, A)
    assert one == paper(db, D)
    assert (one.key, one.id, one.words.title, one.first_seen) == (old.key, A, "Both", now)
    assert one.signals == {"citations": 1, "upvotes": 2}
    with db.read() as session:
        assert papers.count(session) == 1
        assert papers.by_keys(session, [old.key, young.key]) == {old.key: one, young.key: one}
        assert papers.merged_into(session, [old.key, young.key]) == {young.key: old.key}
        assert papers.former_keys(session, [old.key]) == {old.key: (young.key,)}
        assert papers.revisions(session, [young.revision])[young.revision].words.title == "By arXiv"
        assert [found.key for found in papers.candidates(session, now - timedelta(days=1), later)] == [old.key]


def test_store_page_merges_merged_paper_again(db: Database, now: datetime) -> None:
    for name in ("feed:x", D, A):
        take(db, "s", seen(name), now=now)
    with db.read() as session:
        keys = list(papers.aliases(session, map(PaperId, ["feed:x", D, A])).values())
    take(db, "s", seen(D, A), now=now)
    take(db, "s", seen("feed:x", A), now=now)
    one = paper(db, A)
    assert one.key == min(keys)
    with db.read() as session:
        assert papers.by_keys(session, keys) == dict.fromkeys(keys, one)
        assert papers.count(session) == 1


def test_store_page_merge_with_news_is_news(db: Database, now: datetime) -> None:
    take(db, "import", seen(D, announced=ARCHIVE), now=now - timedelta(days=30))
    take(db, "arxiv-rss:cs.LG", seen(A), now=now)
    take(db, "arxiv:cs.LG", seen(A, D), now=now)
    found = paper(db, D)
    assert (found.archived, found.first_seen) == (False, now)


def test_store_page_three_sources_make_one_paper(db: Database, now: datetime) -> None:
    take(db, "s", seen(A), seen(D), seen(D, A), seen(B), now=now)
    with db.read() as session:
        assert papers.count(session) == 2
    assert paper(db, A) == paper(db, D)


def random_page(random: Random) -> list[Sighting]:
    """Generate sightings of few works with common ids.

    A source is consistent about an id.
    """
    ids = [A, B, D, "doi:10.5555/e", "feed:x", "openreview:y"]
    said: dict[str, Sighting] = {}
    for _ in range(8):
        names = random.sample(ids, random.randint(1, 3))
        announced = random.choice(["new", "replace"])
        title, upvotes = f"Title {random.randint(1, 3)}", float(random.randint(0, 2))
        said.setdefault(names[0], seen(*names, title=title, announced=announced, signals={"upvotes": upvotes}))
    return list(said.values())


@pytest.mark.parametrize("seed", range(12))
def test_store_page_ignores_order_and_repetition(db: Database, now: datetime, seed: int) -> None:
    random = Random(seed)
    page = random_page(random)
    take(db, "s", *page, now=now)
    expected = everything(db)
    for _ in range(3):
        forget(db)
        shuffled = page + page[:3]
        random.shuffle(shuffled)
        take(db, "s", *shuffled, now=now)
        assert everything(db) == expected


@pytest.mark.parametrize("seed", range(6))
def test_store_page_twice_leaves_store_unchanged(db: Database, now: datetime, seed: int) -> None:
    page = random_page(Random(seed))
    take(db, "s", *page, now=now)
    before = everything(db)
    take(db, "s", *page, now=now + timedelta(hours=1))
    assert everything(db) == before


def test_store_page_leaves_out_only_what_it_cannot_store(db: Database, now: datetime) -> None:
    broken = seen("feed:" + "x" * 100, title="t", url="\ud800")
    take(db, "s", seen(A), broken, now=now)
    with db.read() as session:
        assert papers.count(session) == 1


def test_store_page_concurrent_writers_make_one_paper(db: Database, now: datetime) -> None:
    page = [seen(f"arxiv:2611.{n:05}", f"doi:10.5555/{n}", signals={"upvotes": n}) for n in range(60)]
    with ThreadPoolExecutor(4) as pool:
        futures = [pool.submit(take, db, f"s{n % 2}", *page[n * 10 :], now=now) for n in range(4)]
        new = sum(future.result().new for future in futures)
    assert new == 60
    with db.read() as session:
        assert papers.count(session) == 60


SUMMARY = "Lakes are read like books by a small model of water."


def test_store_page_makes_the_gist_of_news_alone(db: Database, now: datetime) -> None:
    whole = "We read x lakes. They are deep."
    take(db, "arxiv", seen("arxiv:2611.1", abstract="We read $x$ lakes. They are deep."), now=now)
    take(db, "arxiv", seen("arxiv:2611.2", abstract="We read seas.", announced="replace"), now=now)
    assert paper(db, "arxiv:2611.1").gist == Gist(whole, whole, GistKind.EXTRACTED)
    assert paper(db, "arxiv:2611.2").gist is None
    take(db, "arxiv", seen("arxiv:2611.2", abstract="We read seas."), now=now)
    assert paper(db, "arxiv:2611.2").gist is not None


def test_store_page_prefers_the_summary_of_a_source(db: Database, now: datetime) -> None:
    take(db, "arxiv", seen("arxiv:2611.1", abstract="We read lakes."), now=now)
    before = paper(db, "arxiv:2611.1")
    take(db, "hf-daily", seen("arxiv:2611.1", abstract="We read lakes.", summary=SUMMARY), now=now)
    after = paper(db, "arxiv:2611.1")
    assert after.gist == Gist(SUMMARY, SUMMARY, GistKind.SOURCE)
    with db.read() as session:
        kept = papers.revisions(session, [before.revision])[before.revision]
    assert kept.gist == before.gist, "an old digest shows what it showed"


def test_store_page_adds_a_summary_without_other_words(db: Database, now: datetime) -> None:
    take(db, "biorxiv", seen("doi:10.5555/1", title="Lakes", abstract="We read lakes.", authors=["Zoë"]), now=now)
    told = seen("doi:10.5555/1", title="Ponds", authors=["Bo"], announced="replace", summary=SUMMARY)
    take(db, "s2-citations", told, now=now)
    found = paper(db, "doi:10.5555/1")
    assert (found.plain_title, found.words.authors, found.archived) == ("Lakes", ("Zoë",), False)
    assert found.gist is not None
    assert found.gist.kind is GistKind.SOURCE
