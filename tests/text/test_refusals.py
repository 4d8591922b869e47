"""Test what topics refuse, in the languages that people type."""

import pytest

from digestd.domain.interest import Interest, Kind, Stance, with_refusals
from digestd.text.refusals import split_refusals


@pytest.mark.parametrize(
    "typed",
    [
        "not self driving cars",
        "NOT self driving cars",
        "no self driving cars",
        "nothing about self driving cars",
        "anything but self driving cars",
        "except self driving cars",
        "without self driving cars",
        "I don't want self driving cars",
        "kein self driving cars",
        "nicht self driving cars",
        "alles außer self driving cars",
        "ohne self driving cars",
        "pas de self driving cars",
        "tout sauf self driving cars",
        "sin self driving cars",
        "excepto self driving cars",
        "sem self driving cars",
        "exceto self driving cars",
        "geen self driving cars",
        "niente self driving cars",
        "不要self driving cars",
        "除了self driving cars以外",
        "self driving cars以外",
        "self driving carsはいらない",
        "self driving carsは不要",
        "self driving carsを除く",
        "self driving cars 제외",
    ],
)
def test_split_refusals_reads_a_refusal(typed: str) -> None:
    assert split_refusals(typed) == ("", ("self driving cars",))


@pytest.mark.parametrize(
    "typed",
    [
        "robots but not drones",
        "robots, not drones",
        "robots (no drones)",
        "robots except drones",
        "robots, aber keine drones",
        "robots außer drones",
        "robots mais pas de drones",
        "robots sauf drones",
        "robots pero no drones",
        "robots excepto drones",
        "robots mas não drones",
        "robots exceto drones",
        "robots，不要drones",
        "robots、drones以外",
        "drones以外のrobots",
        "除了drones以外的robots",
    ],
)
def test_split_refusals_reads_wish_and_refusal(typed: str) -> None:
    assert split_refusals(typed) == ("robots", ("drones",))


@pytest.mark.parametrize(
    "typed",
    [
        "no-regret learning",
        "no regret learning",
        "no-reference image quality",
        "non-convex optimisation",
        "not missing at random",
        "NOT gate",
        "PAS imaging of vessels",
        "Draw in lines, not dots: vector pictures from sketches",
        "NO emissions",
        "SEM images",
        "without replacement sampling",
        "learning without forgetting",
        "zero-shot learning",
        "no free lunch theorem",
        "nicht lineare Optimierung",
        "optimización no lineal",
        "no lineal",
        "pas de temps adaptatif",
        "无监督学习",
        "非线性优化",
        "教師なし学習",
        "除草剂",
        "exception handling",
        "LLMs, agents, RAG",
        "search and rescue",
        "image generation but not images",
        "no till farming",
        "Sin Nombre virus",
        "never smokers lung cancer",
        "not in my backyard",
        "I work on robots. Nothing on crypto, please.",
        "not",
        "",
    ],
)
def test_split_refusals_leaves_subjects(typed: str) -> None:
    assert split_refusals(typed) == (typed, ())


def test_split_refusals_reads_stored_ones_if_no_subject_begins_so() -> None:
    assert split_refusals("no vaccine hesitancy", stored=True) == ("no vaccine hesitancy", ())
    assert split_refusals("no vaccine hesitancy") == ("", ("vaccine hesitancy",))
    for typed in ("not drones", "no more drones"):
        assert split_refusals(typed, stored=True) == ("", ("drones",))


@pytest.mark.parametrize(
    ("typed", "wanted", "refused"),
    [
        ("nothing about crypto, NFTs or blockchain", "", ("crypto", "NFTs", "blockchain")),
        ("LLMs, not RAG, agents", "LLMs, agents", ("RAG",)),
        ("no search and rescue", "", ("search and rescue",)),
    ],
)
def test_split_refusals_reads_lists(typed: str, wanted: str, refused: tuple[str, ...]) -> None:
    assert split_refusals(typed) == (wanted, refused)


def test_with_refusals_takes_no_other_topic_away() -> None:
    typed = [Interest(Kind.TOPIC, "diffusion models, except images"), Interest(Kind.TOPIC, "image segmentation")]
    assert with_refusals(typed) == tuple(typed)
    assert with_refusals(typed[:1]) == (
        Interest(Kind.TOPIC, "diffusion models"),
        Interest(Kind.TOPIC, "images", Stance.MUTED),
    )
