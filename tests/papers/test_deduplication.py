"""Test deduplication without a common identifier.

Also merging and splitting by an operator.
"""

from datetime import datetime

import pytest

from digestd.domain.paper import PaperId
from digestd.errors import BadInput, NotFound
from digestd.papers.deduplication import merge_papers, split_paper
from digestd.papers.merge import ARCHIVE
from digestd.store import papers
from digestd.store.database import Database
from digestd.store.papers import merges
from tests.papers.alike import HOUR, PEOPLE, TITLE, A, B, D, at_arxiv, in_journal, works
from tests.papers.makers import paper, seen, take


def mergings(db: Database, name: str) -> list[merges.Merge]:
    with db.read() as session:
        return merges.of_paper(session, papers.aliases(session, [PaperId(name)])[PaperId(name)])


def test_merge_duplicates_joins_preprint_and_journal(db: Database, now: datetime) -> None:
    assert take(db, "arxiv:cs.LG", at_arxiv(), now=now).new == 1
    before = paper(db, A)
    decision = take(db, "crossref:x", in_journal(), now=now + HOUR)
    assert (decision.new, decision.updated, decision.unchanged) == (0, 1, 0)
    after = paper(db, D)
    assert (after.key, after.id, after.first_seen, after.words.title) == (before.key, A, now, TITLE)
    [one] = mergings(db, D)
    assert (one.by, one.undone) == ("similarity", None)
    assert "the same title and authors" in one.evidence


def test_merge_duplicates_joins_papers_of_one_page(db: Database, now: datetime) -> None:
    decision = take(db, "s", in_journal(), at_arxiv(), now=now)
    assert (decision.new, decision.updated) == (1, 1)
    assert works(db) == {frozenset({A, D})}


def test_merge_duplicates_keeps_two_arxiv_papers_apart(db: Database, now: datetime) -> None:
    take(db, "arxiv:cs.LG", at_arxiv(), seen(B, title=TITLE, authors=PEOPLE), now=now)
    assert works(db) == {frozenset({A}), frozenset({B})}


def test_merge_duplicates_skips_ambiguous_paper(db: Database, now: datetime) -> None:
    take(db, "s", at_arxiv(), seen(B, title=TITLE, authors=PEOPLE), in_journal(), now=now)
    assert len(works(db)) == 3


BOILERPLATE = (
    "This dataset is part of the long-term monitoring of northern lakes. It was collected with standard methods by the "
    "staff of the station and is provided as it is. Please cite the station and the year of the download, and tell us "
    "about any use. The station is funded by the province and open to guests throughout the year."
)


@pytest.mark.parametrize("authors", [(), tuple(PEOPLE)])
def test_merge_duplicates_ignores_equal_abstracts_of_other_titles(
    db: Database, now: datetime, authors: tuple[str, ...]
) -> None:
    subjects = ("Zooplankton", "Water levels", "Ice thickness", "Birds")
    page = [
        seen(f"doi:10.5555/{n}", title=f"{subject} of the station", abstract=BOILERPLATE, authors=authors)
        for n, subject in enumerate(subjects)
    ]
    take(db, "s", page[0], page[1], now=now)
    take(db, "s", *page[2:], now=now + HOUR)
    assert len(works(db)) == len(subjects)


def test_merge_duplicates_recognises_boilerplate_of_preprints(db: Database, now: datetime) -> None:
    subjects = ("Zooplankton in winter", "Water levels and floods", "Ice thickness by radar")
    page = [
        seen(f"doi:10.{n}/osf.io/{n}", title=subject, abstract=BOILERPLATE, authors=PEOPLE)
        for n, subject in enumerate(subjects, 31_000)
    ]
    take(db, "s", *page, now=now)
    assert len(works(db)) == len(subjects)


AUTHORLESS = seen("feed:x", title=TITLE, abstract=BOILERPLATE)


@pytest.mark.parametrize("size", [1, 3])
def test_merge_duplicates_never_bridges_other_authors(db: Database, now: datetime, size: int) -> None:
    page = [
        at_arxiv(abstract=BOILERPLATE),
        AUTHORLESS,
        seen("openreview:z", title=TITLE, abstract=BOILERPLATE, authors=["Ivo Kralj", "Else Holm"]),
    ]
    for start in range(0, len(page), size):
        take(db, "s", *page[start : start + size], now=now)
    assert not any({A, "openreview:z"} <= found for found in works(db))


def test_merge_duplicates_drops_only_the_bridge(db: Database, now: datetime) -> None:
    others = seen("openreview:z", title=TITLE, abstract=BOILERPLATE, authors=["Ivo Kralj", "Else Holm"])
    take(db, "s", others, AUTHORLESS, in_journal(abstract=BOILERPLATE), at_arxiv(abstract=BOILERPLATE), now=now)
    assert works(db) == {frozenset({A, D}), frozenset({"feed:x"}), frozenset({"openreview:z"})}


def test_merge_duplicates_finds_earlier_title(db: Database, now: datetime) -> None:
    take(db, "arxiv:cs.LG", at_arxiv(), now=now)
    take(db, "arxiv:cs.LG", seen(A, title="Cold lakes mix", authors=PEOPLE, version=2), now=now + HOUR)
    take(db, "crossref:x", in_journal(), now=now + 2 * HOUR)
    assert works(db) == {frozenset({A, D})}
    assert paper(db, D).words.title == "Cold lakes mix"


def test_merge_duplicates_journal_of_archived_paper_is_no_news(db: Database, now: datetime) -> None:
    take(db, "arxiv-oai:cs", at_arxiv(announced=ARCHIVE), now=now)
    take(db, "crossref:x", in_journal(), now=now + HOUR)
    assert paper(db, D).archived
    with db.read() as session:
        assert papers.candidates(session, now - HOUR, now + 2 * HOUR) == []


def test_split_paper_undoes_merge_for_good(db: Database, now: datetime) -> None:
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


def test_split_paper_survives_shared_identifier(db: Database, now: datetime) -> None:
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


def test_merge_papers_merges_split_and_arxiv_papers(db: Database, now: datetime) -> None:
    take(db, "s", at_arxiv(), seen(B, title="Rivers"), now=now)
    for _ in range(2):
        assert merge_papers(db, PaperId(B), PaperId(A), now + HOUR).key == paper(db, A).key
        take(db, "s", seen(B, title="Rivers", version=2), now=now + 2 * HOUR)
        assert works(db) == {frozenset({A, B})}
        split_paper(db, PaperId(A), now + 3 * HOUR)
    assert paper(db, B).words.title == "Rivers"
    assert [one.by for one in mergings(db, A)] == ["operator", "operator"]


def test_split_paper_moves_later_sightings_by_identifier(db: Database, now: datetime) -> None:
    take(db, "s", at_arxiv(), now=now)
    take(db, "s", seen(D, title="Another"), now=now)
    merge_papers(db, PaperId(A), PaperId(D), now)
    take(db, "s", seen(D, "pmid:7", title="Another, renamed"), now=now + HOUR)
    split_paper(db, PaperId(A), now + 2 * HOUR)
    assert works(db) == {frozenset({A}), frozenset({D, "pmid:7"})}
    assert paper(db, "pmid:7").words.title == "Another, renamed"
    assert paper(db, A).words.title == TITLE


def test_split_paper_undoes_merge_by_number(db: Database, now: datetime) -> None:
    for name in (A, D, "feed:x"):
        take(db, "s", seen(name, title=f"On {name}"), now=now)
    merge_papers(db, PaperId(A), PaperId(D), now)
    merge_papers(db, PaperId(A), PaperId("feed:x"), now)
    first, _ = mergings(db, A)
    split_paper(db, PaperId(A), now, first.number)
    assert works(db) == {frozenset({A, "feed:x"}), frozenset({D})}


def test_split_paper_undoes_transitive_merge(db: Database, now: datetime) -> None:
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


def test_merge_and_split_report_what_is_impossible(db: Database, now: datetime) -> None:
    take(db, "s", at_arxiv(), now=now)
    with pytest.raises(NotFound, match="no paper doi"):
        merge_papers(db, PaperId(A), PaperId(D), now)
    with pytest.raises(BadInput, match="one paper already"):
        merge_papers(db, PaperId(A), PaperId(A), now)
    with pytest.raises(BadInput, match="not merged from others"):
        split_paper(db, PaperId(A), now)
    take(db, "s", seen(D, title="Another"), now=now)
    merge_papers(db, PaperId(A), PaperId(D), now)
    with pytest.raises(BadInput, match="merging 77: not one of arxiv"):
        split_paper(db, PaperId(A), now, 77)


def test_split_paper_keeps_both_as_delivered(db: Database, now: datetime) -> None:
    take(db, "s", at_arxiv(), seen(D, title="Another"), now=now)
    numbers = {paper(db, A).key, paper(db, D).key}
    merge_papers(db, PaperId(A), PaperId(D), now)
    split_paper(db, PaperId(A), now)
    with db.read() as session:
        former = papers.former_keys(session, numbers)
    assert {key: {key, *others} for key, others in former.items()} == dict.fromkeys(numbers, numbers)


def test_doi_of_conference_volume_joins_no_abstracts(db: Database, now: datetime) -> None:
    snow = seen("pmid:1", D, title="P12: Snow depth from the sound of steps", authors=["Maja Lindqvist"])
    eels = seen("pmid:2", D, title="Counting eels by night with a lantern", authors=["Ivo Kralj"])
    take(db, "pubmed", snow, eels, now=now)
    take(db, "pubmed", eels, now=now)
    take(db, "crossref", seen(D, title="Moths on old walls", authors=["Else Holm"]), now=now)
    assert len(works(db)) == 3
    assert sum(D in names for names in works(db)) == 1
    assert paper(db, "pmid:1").key != paper(db, "pmid:2").key
