"""Institutions and venues are found as people and publishers write them, and no others."""

import pytest

from digestd.ranking.places import index_institutions, index_venues, other_names

INSTITUTIONS = (
    *("Google DeepMind", "Massachusetts Institute of Technology", "Klinik für Neurologie mit Institut"),
    *("University of California, Berkeley", "ETH Zürich", "École Polytechnique Fédérale de Lausanne"),
    *("Korea Advanced Institute of Science and Technology", "Tsinghua University", "University of Oxford"),
    *("Department of Ice, Pond University, Lakeside", "Pond Institute https://ror.org/012345678", "AI Works"),
    *("University of Hong Kong", "Chinese University of Hong Kong", "City University of Hong Kong"),
    *("New York University", "York University", "University of York", "Indiana University of Pennsylvania"),
    *("University of Pennsylvania", "Indiana University Bloomington", "Seoul National University"),
    *(
        "Seoul National University of Science and Technology",
        "清华大学深圳国际研究生院",
        "Nvidia",
        "École Polytechnique",
    ),
    *("Indian Institute of Technology Bombay", "Imperial College London", "Max Planck Institute for Lakes"),
)
VENUES = (
    *("Advances in Neural Information Processing Systems 39", "NeurIPS 2026 poster", "ICLR 2027 Conference Submission"),
    *("Nature", "Nature 620, 47-60 (2023)", "Nature Communications", "Phys. Rev. Lett. 128, 010401", "Phys. Rev. D 1"),
    "Proceedings of the 63rd Annual Meeting of the Association for Computational Linguistics (Volume 1: Long Papers)",
    *("Findings of the Lakes: ACL 2025", "Transactions of the Association for Computational Linguistics"),
    *("Journal of Invented Lakes", "Journal of Invented Lakes and Seas", "LAKECONF 2026", "JAMA", "JAMA Network Open"),
    *("Machine Learning", "Proceedings of the 41st International Conference on Machine Learning", "CCS Chemistry"),
    *("2024 IEEE/CVF Conference on Computer Vision and Pattern Recognition (CVPR)", "Computer Vision – ECCV 2024"),
    *("Proc. Natl. Acad. Sci. U.S.A.", "Proceedings of the Indian National Academy of Sciences", "PNAS Nexus"),
    *("Proceedings of the Eighth Conference on Robot Learning", "NeurIPS 2025 Workshop on Lakes"),
)


@pytest.mark.parametrize(
    ("followed", "found"),
    [
        ("DeepMind", {"Google DeepMind"}),
        ("google deepmind", {"Google DeepMind"}),
        ("MIT", {"Massachusetts Institute of Technology"}),
        ("UC Berkeley", {"University of California, Berkeley"}),
        ("University of California", {"University of California, Berkeley"}),
        ("ETH Zurich", {"ETH Zürich"}),
        ("EPFL", {"École Polytechnique Fédérale de Lausanne"}),
        ("Ecole Polytechnique", {"École Polytechnique"}),
        ("KAIST", {"Korea Advanced Institute of Science and Technology"}),
        ("清华大学", {"Tsinghua University", "清华大学深圳国际研究生院"}),
        ("Pond University", {"Department of Ice, Pond University, Lakeside"}),
        ("Univ. of Oxford", {"University of Oxford"}),
        ("https://ror.org/012345678", {"Pond Institute"}),
        ("ror.org/012345678", {"Pond Institute"}),
        ("HKU", {"University of Hong Kong"}),
        ("CUHK", {"Chinese University of Hong Kong"}),
        ("York University", {"York University"}),
        ("UPenn", {"University of Pennsylvania"}),
        ("Indiana University", {"Indiana University Bloomington"}),
        ("SNU", {"Seoul National University"}),
        ("NVIDIA", {"Nvidia"}),
        ("IIT", {"Indian Institute of Technology Bombay"}),
        ("Imperial College", {"Imperial College London"}),
        ("Max Planck Institute", {"Max Planck Institute for Lakes"}),
        *(
            (odd, set())
            for odd in ("", "of the", "A", "https://ror.org/", "Oxford Brookes", "iversity", "%", "((", "。")
        ),
    ],
)
def test_institution_is_found(followed: str, found: set[str]) -> None:
    assert set(index_institutions(enumerate(INSTITUTIONS)).find(followed).values()) == found


@pytest.mark.parametrize(
    ("followed", "found"),
    [
        ("NeurIPS", {"NeurIPS 2026 poster", "Advances in Neural Information Processing Systems 39"}),
        ("iclr", set()),
        ("Nature", {"Nature", "Nature 620, 47-60 (2023)"}),
        ("Phys. Rev. Lett.", {"Phys. Rev. Lett. 128, 010401"}),
        ("PRL", {"Phys. Rev. Lett. 128, 010401"}),
        ("Physical Review", set()),
        ("Physical Review D", {"Phys. Rev. D 1"}),
        ("ACL", {VENUES[8], "Findings of the Lakes: ACL 2025"}),
        ("TACL", {"Transactions of the Association for Computational Linguistics"}),
        ("The Journal of Invented Lakes", {"Journal of Invented Lakes"}),
        ("LakeConf", {"LAKECONF 2026"}),
        ("JAMA", {"JAMA"}),
        ("Machine Learning", {"Machine Learning"}),
        ("ICML", {"Proceedings of the 41st International Conference on Machine Learning"}),
        ("CCS", set()),
        ("ICCV", set()),
        ("CVPR", {"2024 IEEE/CVF Conference on Computer Vision and Pattern Recognition (CVPR)"}),
        ("ECCV", {"Computer Vision – ECCV 2024"}),
        ("PNAS", {"Proc. Natl. Acad. Sci. U.S.A."}),
        ("CoRL", {"Proceedings of the Eighth Conference on Robot Learning"}),
        *((odd, set()) for odd in ("2026", "", "((", "IEEE", "Workshop")),
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
