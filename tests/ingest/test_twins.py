"""Papers that are one work: joined without an identifier in common, merged and split by an operator."""

from datetime import datetime, timedelta
from itertools import chain
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from digestd.domain.paper import PaperId, Sighting
from digestd.errors import BadInput, NotFound
from digestd.ingest import merge_papers, split_paper
from digestd.ingest.merge import ARCHIVE, SIGNALS
from digestd.store import merging, papers
from digestd.store.database import Database
from tests.ingest.makers import forget, paper, rows, seen, take

A, B, D, E = "arxiv:2611.00001", "arxiv:2611.00002", "doi:10.5555/d", "doi:10.5555/e"
TITLE = "Winter mixing below thin ice in small northern lakes"
PEOPLE = ["Maja Lindqvist", "Tomás Ferreira", "Aroha Ngata"]
BY_OTHERS = ["Lindqvist, M.", "Ferreira, T.", "Ngata, A."]
HOUR = timedelta(hours=1)


def at_arxiv(**more: object) -> Sighting:
    return seen(A, title=TITLE, authors=PEOPLE, version=1, **more)


def in_journal(**more: object) -> Sighting:
    return seen(D, title=TITLE.title(), authors=BY_OTHERS, **more)


def works(db: Database) -> set[frozenset[str]]:
    """The identifiers of each paper."""
    found: dict[int, set[str]] = {}
    for row in rows(db, "alias"):
        if not row.alias.startswith(papers.MERGED):
            found.setdefault(row.paper, set()).add(row.alias)
    return set(map(frozenset, found.values()))


def mergings(db: Database, name: str) -> list[merging.Merging]:
    with db.read() as session:
        return merging.of(session, papers.aliases(session, [PaperId(name)])[PaperId(name)])


def test_a_preprint_and_its_journal_are_one_without_an_identifier_in_common(db: Database, now: datetime) -> None:
    assert take(db, "arxiv:cs.LG", at_arxiv(), now=now).new == 1
    before = paper(db, A)
    decision = take(db, "crossref:x", in_journal(), now=now + HOUR)
    assert (decision.new, decision.updated, decision.unchanged) == (0, 1, 0)
    after = paper(db, D)
    assert (after.key, after.id, after.first_seen, after.words.title) == (before.key, A, now, TITLE)
    [one] = mergings(db, D)
    assert (one.by, one.undone) == ("likeness", None)
    assert "the same title and authors" in one.evidence


def test_one_page_makes_one_paper_of_both(db: Database, now: datetime) -> None:
    decision = take(db, "s", in_journal(), at_arxiv(), now=now)
    assert (decision.new, decision.updated) == (1, 1)
    assert works(db) == {frozenset({A, D})}


def test_two_arxiv_papers_are_two_works_whatever_their_words(db: Database, now: datetime) -> None:
    take(db, "arxiv:cs.LG", at_arxiv(), seen(B, title=TITLE, authors=PEOPLE), now=now)
    assert works(db) == {frozenset({A}), frozenset({B})}


def test_what_is_like_two_different_works_is_joined_with_neither(db: Database, now: datetime) -> None:
    take(db, "s", at_arxiv(), seen(B, title=TITLE, authors=PEOPLE), in_journal(), now=now)
    assert len(works(db)) == 3


def test_a_retitled_version_is_found_by_the_title_it_had(db: Database, now: datetime) -> None:
    take(db, "arxiv:cs.LG", at_arxiv(), now=now)
    take(db, "arxiv:cs.LG", seen(A, title="Cold lakes mix", authors=PEOPLE, version=2), now=now + HOUR)
    take(db, "crossref:x", in_journal(), now=now + 2 * HOUR)
    assert works(db) == {frozenset({A, D})}
    assert paper(db, D).words.title == "Cold lakes mix"


def test_the_journal_of_an_archived_preprint_is_no_news(db: Database, now: datetime) -> None:
    take(db, "arxiv-oai:cs", at_arxiv(announced=ARCHIVE), now=now)
    take(db, "crossref:x", in_journal(), now=now + HOUR)
    assert paper(db, D).archived
    with db.read() as session:
        assert papers.candidates(session, now - HOUR, now + 2 * HOUR) == []


def test_a_split_undoes_a_merging_and_nothing_joins_them_again(db: Database, now: datetime) -> None:
    take(db, "arxiv:cs.LG", at_arxiv(signals={"upvotes": 2}), now=now)
    alone = paper(db, A)
    journal = in_journal(abstract="Only the journal has one.", signals={"citations": 1}, url="https://example.org/d")
    take(db, "crossref:x", journal, now=now + HOUR)
    one, other = split_paper(db, PaperId(A), now + 2 * HOUR)
    assert (one.key, one.id, one.words, one.signals, one.url) == (
        alone.key, A, alone.words, alone.signals, alone.url,
    )  # fmt: skip
    assert (other.id, other.words.abstract, other.signals) == (D, "Only the journal has one.", {"citations": 1})
    assert (one.archived, other.archived, other.first_seen) == (False, False, now + HOUR)
    take(db, "crossref:x", in_journal(abstract="Again."), now=now + 3 * HOUR)
    take(db, "dblp:x", seen("dblp:x", D, A, title=TITLE, authors=PEOPLE), now=now + 3 * HOUR)
    assert paper(db, A).key != paper(db, D).key
    assert [one.undone is None for one in mergings(db, A)] == [False]


def test_an_identifier_named_by_both_does_not_rejoin_a_split_pair(db: Database, now: datetime) -> None:
    take(db, "s", at_arxiv(), now=now)
    take(db, "s", seen(D, title="Another"), now=now)
    take(db, "t", seen(A, D, title=TITLE), now=now + HOUR)
    [one] = mergings(db, A)
    assert (one.by, one.evidence) == ("identifier", f"t: {A} = {D}")
    split_paper(db, PaperId(D), now + 2 * HOUR)
    assert works(db) == {frozenset({A}), frozenset({D})}
    take(db, "t", seen(A, D, title=TITLE, version=2), now=now + 3 * HOUR)
    assert works(db) == {frozenset({A}), frozenset({D})}
    assert paper(db, D).words.title == "Another"


def test_an_operator_may_merge_again_what_was_split_and_two_arxiv_papers(db: Database, now: datetime) -> None:
    take(db, "s", at_arxiv(), seen(B, title="Rivers"), now=now)
    for _ in range(2):
        assert merge_papers(db, PaperId(B), PaperId(A), now + HOUR).key == paper(db, A).key
        take(db, "s", seen(B, title="Rivers", version=2), now=now + 2 * HOUR)
        assert works(db) == {frozenset({A, B})}
        split_paper(db, PaperId(A), now + 3 * HOUR)
    assert paper(db, B).words.title == "Rivers"
    assert [one.by for one in mergings(db, A)] == ["operator", "operator"]


def test_what_was_said_after_the_merging_goes_with_its_identifier(db: Database, now: datetime) -> None:
    take(db, "s", at_arxiv(), now=now)
    take(db, "s", seen(D, title="Another"), now=now)
    merge_papers(db, PaperId(A), PaperId(D), now)
    take(db, "s", seen(D, "pmid:7", title="Another, renamed"), now=now + HOUR)
    split_paper(db, PaperId(A), now + 2 * HOUR)
    assert works(db) == {frozenset({A}), frozenset({D, "pmid:7"})}
    assert paper(db, "pmid:7").words.title == "Another, renamed"
    assert paper(db, A).words.title == TITLE


def test_an_earlier_merging_can_be_undone_by_its_number(db: Database, now: datetime) -> None:
    for name in (A, D, "feed:x"):
        take(db, "s", seen(name, title=f"On {name}"), now=now)
    merge_papers(db, PaperId(A), PaperId(D), now)
    merge_papers(db, PaperId(A), PaperId("feed:x"), now)
    first, _ = mergings(db, A)
    split_paper(db, PaperId(A), now, first.number)
    assert works(db) == {frozenset({A, "feed:x"}), frozenset({D})}


def test_a_merging_through_another_can_be_undone(db: Database, now: datetime) -> None:
    for name in (A, D, "feed:x"):
        take(db, "s", seen(name, title=f"On {name}"), now=now)
    merge_papers(db, PaperId(D), PaperId("feed:x"), now)
    merge_papers(db, PaperId(A), PaperId(D), now)
    inner, _ = mergings(db, A)
    split_paper(db, PaperId(A), now, inner.number)
    assert works(db) == {frozenset({A, D}), frozenset({"feed:x"})}
    split_paper(db, PaperId(A), now)
    assert works(db) == {frozenset({A}), frozenset({D}), frozenset({"feed:x"})}
    take(db, "t", seen(D, "feed:x", A), now=now)
    assert len(works(db)) == 3


def test_what_cannot_be_merged_or_split_is_said(db: Database, now: datetime) -> None:
    take(db, "s", at_arxiv(), now=now)
    with pytest.raises(NotFound, match="no paper doi"):
        merge_papers(db, PaperId(A), PaperId(D), now)
    with pytest.raises(BadInput, match="one paper already"):
        merge_papers(db, PaperId(A), PaperId(A), now)
    with pytest.raises(BadInput, match="not merged of others"):
        split_paper(db, PaperId(A), now)
    take(db, "s", seen(D, title="Another"), now=now)
    merge_papers(db, PaperId(A), PaperId(D), now)
    with pytest.raises(BadInput, match="merging 77: not one of arxiv"):
        split_paper(db, PaperId(A), now, 77)


def test_who_had_either_of_a_merged_pair_has_had_both_after_a_split_too(db: Database, now: datetime) -> None:
    take(db, "s", at_arxiv(), seen(D, title="Another"), now=now)
    numbers = {paper(db, A).key, paper(db, D).key}
    merge_papers(db, PaperId(A), PaperId(D), now)
    split_paper(db, PaperId(A), now)
    with db.read() as session:
        former = papers.former_keys(session, numbers)
    assert {key: {key, *others} for key, others in former.items()} == dict.fromkeys(numbers, numbers)


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
def test_who_may_say_that_a_paper_is_withdrawn(
    db: Database, now: datetime, said: list[tuple[str, int | None, bool]], withdrawn: bool
) -> None:
    for hour, (source, version, is_withdrawn) in enumerate(said):
        take(db, source, seen(A, version=version, withdrawn=is_withdrawn), now=now + hour * HOUR)
    assert paper(db, A).withdrawn is withdrawn
    with db.read() as session:
        assert len(papers.candidates(session, now - HOUR, now + 9 * HOUR)) == (not withdrawn)
        assert len(papers.trending(session, now - HOUR, 5)) == (not withdrawn)


def test_an_enrichment_adds_signals_and_nothing_else(db: Database, now: datetime) -> None:
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


def test_signals_of_one_page_reach_its_new_paper(db: Database, now: datetime) -> None:
    take(db, "s", seen("s2:1", A, announced=SIGNALS, signals={"stars": 3}), at_arxiv(), now=now)
    assert paper(db, A).signals == {"stars": 3}


@pytest.mark.parametrize(("days", "archived"), [(0, False), (7, False), (8, True), (400, True)])
def test_an_announcement_of_more_than_a_week_ago_is_no_news(
    db: Database, now: datetime, days: int, archived: bool
) -> None:
    take(db, "arxiv-oai:cs", at_arxiv(day=now.date() - timedelta(days=days)), now=now)
    assert (paper(db, A).archived, paper(db, A).first_seen) == (archived, now)


def test_words_for_people_are_made_when_an_archived_paper_becomes_news(db: Database, now: datetime) -> None:
    take(db, "arxiv-rss:cs", seen(A, title=r"On $\alpha$-lakes", announced="replace"), now=now)
    assert rows(db, "revision")[0].plain_title is None
    assert paper(db, A).plain_title == r"On $\alpha$-lakes"
    take(db, "arxiv-rss:cs", seen(A, title=r"On $\alpha$-lakes"), now=now + HOUR)
    assert [row.plain_title for row in rows(db, "revision")] == ["On α-lakes"]
    assert (paper(db, A).archived, paper(db, A).plain_title) == (False, "On α-lakes")


def mixed(random: Random) -> list[Sighting]:
    """Sightings of some works, each by several sources under its own identifiers; some are much alike."""
    subjects = ["lakes", "rivers", "estuaries", "glacier forelands", "peat bogs"]
    found = []
    for n, subject in enumerate(random.sample(subjects, 4)):
        title = f"Nutrient transport through {subject} in the boreal autumn"
        found += [
            seen(f"arxiv:2611.{n:05}", title=title, authors=PEOPLE, version=1),
            seen(f"doi:10.5555/{n}", title=title.upper(), authors=BY_OTHERS),
            seen(f"openreview:{n}", title=f"{title}: part II", authors=PEOPLE),
            seen(f"dblp:conf/x/{n}", *random.sample([f"pmid:{n}"], random.randint(0, 1)), title=title, authors=PEOPLE),
        ]
    return found


@pytest.mark.parametrize("seed", range(6))
def test_neither_order_nor_pages_decide_which_papers_are_one(db: Database, now: datetime, seed: int) -> None:
    random = Random(seed)
    page = mixed(random)
    take(db, "s", *page, now=now)
    expected = works(db)
    assert len(expected) == 8
    for size in (1, 3, 7, len(page) + 3):
        forget(db)
        shuffled = page + random.sample(page, 3)
        random.shuffle(shuffled)
        for start in range(0, len(shuffled), size):
            take(db, "s", *shuffled[start : start + size], now=now)
        assert works(db) == expected


POOL = [
    seen(A, title=TITLE, authors=PEOPLE, version=1),
    seen(A, title="How cold lakes mix below thin ice", authors=PEOPLE, version=2, abstract="Plumes sink by night."),
    seen(D, title=f"{TITLE}.", authors=BY_OTHERS),
    seen("dblp:conf/x/1", title=TITLE, authors=PEOPLE),
    seen("dblp:conf/x/2", title=f"{TITLE}, Part II", authors=PEOPLE),
    seen("pmid:5", D, title=TITLE, authors=["Lindqvist M"]),
    seen(
        "feed:x",
        title="How cold lakes mix below thin ice",
        authors=["M. Lindqvist et al."],
        abstract="Plumes sink by night.",
    ),
    seen("feed:y", title=f"Comment on “{TITLE}”", authors=PEOPLE),
    seen("openreview:z", title="Winter mixing", authors=["Anonymous"]),
    seen(B, title=f"{TITLE} of the south", authors=PEOPLE),
    seen("doi:10.9999/south", title=f"{TITLE} of the south", authors=BY_OTHERS),
]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(POOL), again=st.lists(st.sampled_from(POOL), max_size=3), size=st.integers(1, 14))
def test_any_order_repetition_and_pages_end_in_the_same_papers(
    db: Database, now: datetime, order: list[Sighting], again: list[Sighting], size: int
) -> None:
    forget(db)
    for start in range(0, len(order) + len(again), size):
        take(db, "arxiv:x", *[*order, *again][start : start + size], now=now)
    assert works(db) == {
        frozenset({A, D, "dblp:conf/x/1", "pmid:5", "feed:x"}),
        frozenset({"dblp:conf/x/2"}), frozenset({"feed:y"}), frozenset({"openreview:z"}),
        frozenset({B, "doi:10.9999/south"}),
    }  # fmt: skip
    assert paper(db, D).words.title == "How cold lakes mix below thin ice"


def test_all_that_was_joined_can_be_split_again(db: Database, now: datetime) -> None:
    page = mixed(Random(3))
    take(db, "s", *page, now=now)
    with db.read() as session:
        numbers = sorted(papers.aliases(session, {name for one in page for name in one.ids}).values())
        live = {one.number for key in numbers for one in merging.of(session, key) if one.undone is None}
    for _ in live:
        with db.read() as session:
            holder = next(iter(papers.twins(session, range(1, 40)).values()))
            name = papers.names(session, holder)[0]
        split_paper(db, name, now)
    assert works(db) == {frozenset(one.ids) for one in page}
    kept = {row.paper for row in chain(rows(db, "sighting"), rows(db, "revision"))}
    assert len(kept) == len(page)
