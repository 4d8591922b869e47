"""Test grouping of sightings into works."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digestd.domain.paper import PaperId, Sighting
from digestd.papers.identity import group_works, without_shared_dois
from tests.papers.makers import seen

A, B, D, E = (PaperId(name) for name in ("arxiv:2611.00001", "arxiv:2611.00002", "doi:10.5555/d", "doi:10.5555/e"))
IDS = st.sampled_from([A, B, D, E, PaperId("feed:x"), PaperId("openreview:y")])
SIGHTINGS = st.lists(st.lists(IDS, min_size=1, max_size=3, unique=True).map(lambda ids: seen(*ids)), max_size=6)


def groups(sightings: list[Sighting], known: dict[int, list[PaperId]] | None = None) -> list[tuple[PaperId, ...]]:
    return [work.ids for work in group_works(sightings, known or {})]


def test_group_works_joins_same_id() -> None:
    (work,) = group_works([seen(A), seen(A)], {})
    assert (work.ids, work.keys, work.members) == ((A,), (), (0, 1))


def test_group_works_joins_common_id() -> None:
    assert groups([seen(D), seen(A, D)]) == [(A, D)]


def test_group_works_joins_transitively() -> None:
    assert groups([seen(D), seen(E), seen(D, E), seen(A, E)]) == [(A, D, E)]


def test_group_works_joins_two_known_papers() -> None:
    (work,) = group_works([seen(A, D)], {7: [A], 3: [D]})
    assert (work.ids, work.keys) == ((A, D), (3, 7))


def test_group_works_never_joins_two_arxiv_ids() -> None:
    assert groups([seen(A, D), seen(B, D)]) == [(A, D), (B,)]
    assert groups([seen(B, E), seen(D, E), seen(A, D)]) == groups([seen(A, D), seen(D, E), seen(B, E)])


def test_group_works_leaves_doi_with_its_arxiv_paper() -> None:
    by_ids = {work.ids: work for work in group_works([seen(A, D)], {7: [B, D]})}
    assert by_ids.keys() == {(A,)}


@given(SIGHTINGS, st.randoms(use_true_random=False))
def test_group_works_ignores_order_and_repetition(sightings: list[Sighting], random: object) -> None:
    shuffled = sightings + sightings[:2]
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis gives a Random
    assert groups(shuffled) == groups(sightings)


@given(SIGHTINGS)
def test_group_works_puts_each_sighting_in_one_work(sightings: list[Sighting]) -> None:
    found = group_works(sightings, {})
    assert sorted(position for work in found for position in work.members) == list(range(len(sightings)))
    for work in found:
        assert all(sightings[position].ids[0] in work.ids for position in work.members)
        assert sum(name.startswith("arxiv:") for name in work.ids) <= 1


@pytest.mark.parametrize("per_doi", [2, 4_000])
def test_without_shared_dois_is_quick_for_many_authors(per_doi: int) -> None:
    syllables = [a + b for a in "bdfgklmnprst" for b in "aeiou"]

    def person(number: int) -> str:
        parts = [syllables[number // 60**power % 60] for power in range(6)]
        return f"{''.join(parts[:4])}, {''.join(parts[3:])}".title()

    works = [
        seen(
            f"doi:10.5555/{n // per_doi}",
            title=f"The {person(n)} of lakes",
            authors=[person(7919 * (40 * n + k)) for k in range(40)],
        )
        for n in range(4_000)
    ]
    start = time.process_time()
    found = without_shared_dois(works, {})
    assert time.process_time() - start < 6
    assert sum(one.ids[0].startswith("doi:") for one in found) == 4_000 // per_doi
    again = without_shared_dois([*works[:11], works[0]], {})
    assert again[0].ids == again[-1].ids == works[0].ids, "the work that has the DOI keeps it"
