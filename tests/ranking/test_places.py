"""Institutions and venues are found as people and publishers write them, and no others."""

import pytest

from digestd.ranking.places import index_institutions, index_venues, other_names

INSTITUTIONS = (
    *("Google DeepMind", "Massachusetts Institute of Technology", "Manipal Institute of Technology"),
    *("University of California, Berkeley", "ETH Zürich", "École Polytechnique Fédérale de Lausanne"),
    *("Korea Advanced Institute of Science and Technology", "Tsinghua University", "University of Oxford"),
    *("Department of Ice, Pond University, Lakeside", "Pond Institute https://ror.org/012345678", "AI Works"),
)
VENUES = (
    *("Advances in Neural Information Processing Systems 39", "NeurIPS 2026 poster", "ICLR 2027 Conference Submission"),
    *(
        "Nature",
        "Nature Communications",
        "Physical Review Letters",
        "Phys. Rev. B",
        "Cell Reports",
        "Astronomy & Ponds",
    ),
    "Proceedings of the 63rd Annual Meeting of the Association for Computational Linguistics (Volume 1: Long Papers)",
    "Transactions of the Association for Computational Linguistics",
    *("Journal of Invented Lakes", "Journal of Invented Lakes and Seas", "LAKECONF 2026"),
)


@pytest.mark.parametrize(
    ("followed", "found"),
    [
        ("DeepMind", ["Google DeepMind"]),
        ("google deepmind", ["Google DeepMind"]),
        ("MIT", ["Massachusetts Institute of Technology"]),
        ("UC Berkeley", ["University of California, Berkeley"]),
        ("ETH Zurich", ["ETH Zürich"]),
        ("EPFL", ["École Polytechnique Fédérale de Lausanne"]),
        ("KAIST", ["Korea Advanced Institute of Science and Technology"]),
        ("清华大学", ["Tsinghua University"]),
        ("Pond University", ["Department of Ice, Pond University, Lakeside"]),
        ("https://ror.org/012345678", ["Pond Institute"]),
        ("012345678", ["Pond Institute"]),
        *((odd, []) for odd in ("", "of the", "A", "https://ror.org/", "Oxford Brookes", "iversity", "%")),
    ],
)
def test_institution_is_found(followed: str, found: list[str]) -> None:
    assert list(index_institutions(enumerate(INSTITUTIONS)).find(followed).values()) == found


@pytest.mark.parametrize(
    ("followed", "found"),
    [
        ("NeurIPS", {"NeurIPS 2026 poster", "Advances in Neural Information Processing Systems 39"}),
        ("iclr", {"ICLR 2027 Conference Submission"}),
        ("Nature", {"Nature"}),
        ("Cell", set()),
        ("Phys. Rev. Lett.", {"Physical Review Letters"}),
        ("PRL", {"Physical Review Letters"}),
        ("Physical Review B", {"Phys. Rev. B"}),
        ("ACL", {VENUES[9]}),
        ("TACL", {"Transactions of the Association for Computational Linguistics"}),
        ("The Journal of Invented Lakes", {"Journal of Invented Lakes", "Journal of Invented Lakes and Seas"}),
        ("LakeConf", {"LAKECONF 2026"}),
        ("2026", set()),
    ],
)
def test_venue_is_found(followed: str, found: set[str]) -> None:
    assert set(index_venues(enumerate(VENUES)).find(followed).values()) == found


def test_every_paper_of_a_place_is_found() -> None:
    places = index_institutions([(0, "MIT"), (0, "Pond University"), (2, "MIT"), (3, "Pond University")])
    assert places.find("Massachusetts Institute of Technology") == {0: "MIT", 2: "MIT"}


def test_a_name_stands_for_one_place() -> None:
    names = [name for line in {tuple(line) for line in other_names().values()} for name in {*map(str.lower, line)}]
    assert len(names) == len(set(names))
