"""Test similarity of sightings on labelled pairs."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from digestd.domain.paper import PaperId, Sighting
from digestd.papers.normalization import fold, title_words
from digestd.papers.similarity import (
    AuthorMatch,
    TitleMatch,
    blocking_keys,
    compare_authors,
    compare_titles,
    conflicting_ids,
    same_name,
    same_work,
)
from tests.papers.makers import seen
from tests.papers.pairs import found, invented
from tests.papers.pairs.report import Report, kinds, measure

pytestmark = pytest.mark.slow

PAIRS = invented.pairs()
SIGHTINGS = st.sampled_from([one for pair in PAIRS[::7] for one in (pair.one, pair.other)])


def printed(report: Report) -> Report:
    print(report.line())
    return report


def test_similarity_pairs_cover_many_hard_kinds() -> None:
    assert len(PAIRS) >= 500
    assert len(kinds(PAIRS)) >= 60
    assert sum(pair.held_out for pair in PAIRS) >= 500


def test_similarity_of_generated_pairs_has_no_false_merge() -> None:
    report = printed(measure("invented", PAIRS))
    assert report.false == []
    assert report.recall >= 0.99, report.missed


def test_similarity_decides_every_pair_written_one_by_one() -> None:
    report = measure("special", invented.special())
    assert (report.false, report.missed) == ([], [])


def test_similarity_held_out_half_agrees() -> None:
    report = printed(measure("invented, held out", [pair for pair in PAIRS if pair.held_out]))
    assert report.false == []
    assert report.recall >= 0.98, report.missed


def test_similarity_of_real_pairs_has_no_false_merge() -> None:
    report = printed(measure("found", found.pairs()))
    assert (report.negatives >= 3_000, report.positives >= 1_000) == (True, True)
    assert report.false == []
    assert report.recall >= 0.99, report.missed


@given(SIGHTINGS, SIGHTINGS)
def test_similarity_is_symmetric(one: Sighting, other: Sighting) -> None:
    assert same_work(one, other).score == same_work(other, one).score


@given(SIGHTINGS)
def test_blocking_keys_find_a_paper(one: Sighting) -> None:
    assert 2 <= len(blocking_keys(one)) <= 5
    assert all(-(1 << 63) <= key < 1 << 63 for key in blocking_keys(one))


@example("", ["A", "U", "A0Ü"], "")
@example("", [",U.a", "é. Ü"], "")
@given(st.text(max_size=80), st.lists(st.text(max_size=30), max_size=3), st.text(max_size=200))
def test_similarity_accepts_any_text(title: str, authors: list[str], abstract: str) -> None:
    one = seen("a:1", title=title, authors=authors, abstract=abstract)
    other = seen("b:1", title=f"{title}…", authors=authors[::-1], abstract=abstract[:50])
    assert same_work(one, other).score == same_work(other, one).score
    assert blocking_keys(one)


@pytest.mark.parametrize(("one", "other", "apart"), [
    (["arxiv:2611.00001"], ["arxiv:2611.00002"], True),
    (["arxiv:2611.00001", "doi:10.5555/a"], ["doi:10.5556/b"], True),
    (["arxiv:2611.00001"], ["doi:10.5555/a"], False),
    (["doi:10.1101/2026.01.01.400001"], ["doi:10.5555/a"], False),
    (["doi:10.1101/2026.01.01.400001"], ["doi:10.1101/gr.1"], True),
    (["doi:10.1101/gr.1"], ["doi:10.5555/a"], True),
    (["doi:10.21203/rs.1"], ["doi:10.2139/ssrn.1"], False),
    (["doi:10.21203/rs.3.rs-1/v1"], ["doi:10.21203/rs.3.rs-1/v2"], False),
    (["doi:10.21203/rs.3.rs-1/v1"], ["doi:10.21203/rs.3.rs-2/v1"], True),
    (["doi:10.5281/zenodo.1"], ["doi:10.5281/zenodo.2"], True),
    (["doi:10.5281/zenodo.1"], ["arxiv:2611.00001"], True),
    (["doi:10.6084/m9.figshare.1.v1"], ["doi:10.5555/a"], True),
    (["pmid:1", "doi:10.1101/2026.01.01.400001"], ["pmid:2", "doi:10.5555/a"], False),
    (["openreview:a"], ["openreview:b"], False),
    (["feed:a"], ["feed:b"], False),
    (["pmid:1"], ["pmid:2"], True),
    (["dblp:journals/corr/abs-1"], ["dblp:conf/x/1"], False),
    (["dblp:conf/x/1"], ["dblp:journals/x/1"], True),
])  # fmt: skip
def test_conflicting_ids_tells_works_apart(one: list[str], other: list[str], apart: bool) -> None:
    mine, theirs = ([PaperId(name) for name in names] for names in (one, other))
    assert bool(conflicting_ids(mine, theirs)) is apart


@pytest.mark.parametrize(("one", "other", "same"), [
    ("Smith, J.", "John Smith", True), ("Smith JA", "John A. Smith", True), ("SMITH John", "J. Smith", True),
    ("Nagy Péter", "Peter Nagy", True), ("Müller, Ü.", "Mueller, Ue.", True), ("Jean-Luc Moreau", "J.-L. Moreau", True),
    (r"Erd\H{o}s, P.", "Pál Erdős", True), ("Wang Xiaoming", "Xiao-Ming Wang", True), ("Al Reed", "A. Reed", True),
    ("Alex Reed", "Alexander Reed", True),
    ("García Núñez, Lucía", "L. García", True), ("Jane Smith", "John Smith", False), ("Wei Wang", "Wen Wang", False),
    ("J. A. Smith", "J. B. Smith", False), ("Maria Garcia", "Maria Lopez", False), ("J. Garcia", "J. Lopez", False),
    ("Amanda P. Brown", "Patrick Brown", False), ("Brown AP", "Brown PA", False), ("David M. Cook", "M. Cook", False),
    ("John Henry Smith", "Henry Smith", False), ("Ann Lee", "Anna Lee", False),
    ("Min Chen", "Minglang Chen", False), ("Bin Wang", "Haoyang Wang", False), ("Tim Chen", "Timothy Chen", True),
    ("García-Márquez, G.", "Gabriel García Márquez", True), ("Brown AP", "Amanda P. Brown", True),
])  # fmt: skip
def test_same_name_matches_spellings(one: str, other: str, same: bool) -> None:
    assert same_name(one, other) is same
    assert same_name(other, one) is same


def test_compare_authors_reports_incomparable_lists() -> None:
    assert compare_authors(["Anonymous"], ["Ann Lee"])[0] is AuthorMatch.UNKNOWN
    assert compare_authors(["王伟"], ["Wang Wei"])[0] is AuthorMatch.UNKNOWN
    assert compare_authors([], ["Wang Wei"])[0] is AuthorMatch.UNKNOWN
    assert compare_authors(["A. Lee et al."], ["Ann Lee", "Bo Ek"])[0] is AuthorMatch.ALL
    assert compare_authors(["Bo Ek"], ["Ann Lee", "Bo Ek"])[0] is AuthorMatch.SOME


def test_compare_titles_matches_tex_and_unicode() -> None:
    assert fold(r"Poincar\'e and $\alpha$-L\'evy") == fold("Poincaré and α-Lévy")
    assert title_words("Part II") == title_words("part 2")
    assert compare_titles(r"\textbf{Lakes} in $\mathbb{R}^3$", "Lakes in ℝ³").match is TitleMatch.EQUAL
