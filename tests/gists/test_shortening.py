"""Shortening sentences without an ellipsis."""

import pytest

from digestd.gists.shortening import shorter_forms


@pytest.mark.parametrize(
    ("sentence", "form"),
    [
        (
            "We propose LeafCount, a model that counts oaks (even small and crooked ones) in parks of large cities.",
            "We propose LeafCount, a model that counts oaks in parks of large cities.",
        ),
        (
            "LeafCount outperforms the best model by 12% on all forests, which shows how much radar helps.",
            "LeafCount outperforms the best model by 12% on all forests.",
        ),
        (
            "Through long sweeps over soil, water, and light, we study how oaks grow in parks of large cities.",
            "We study how oaks grow in parks of large cities.",
        ),
        (
            "We introduce LeafCount, a model of oaks that adapts old maps of forests by reading radar images.",
            "We introduce LeafCount, a model of oaks that adapts old maps of forests.",
        ),
        (
            "Combining radar with old maps of the forest yields the best results, confirming that both are needed.",
            "Combining radar with old maps of the forest yields the best results.",
        ),
        (
            "Experiments across nine forests show that LeafCount outperforms the best older model by 12%.",
            "LeafCount outperforms the best older model by 12%.",
        ),
        (
            "We introduce LeafCount, a way of counting trees from few images, i.e., from two of each oak.",
            "We introduce LeafCount, a way of counting trees from few images.",
        ),
        (
            "LeafCount achieves up to 18% more accuracy in the ten forests and enables much faster counts of trees.",
            "LeafCount achieves up to 18% more accuracy in the ten forests.",
        ),
    ],
)
def test_shorter_forms_drop_what_can_go(sentence: str, form: str) -> None:
    assert form in shorter_forms(sentence)


@pytest.mark.parametrize(
    "sentence",
    [
        "We show that trees in very old parks and gardens of cities, which nobody ever waters, grow twice as fast.",
        "We show that oaks in parks need water and that elms in the forests, using only the rain, need none.",
        "When all the oaks in very old parks of cities are pruned, using a saw that is slow, they grow.",
        "Our experiments on ten forests yield two main findings: (i) oaks grow fast, elms do not; (ii) birds sing.",
        "The large oaks in the very old parks and gardens of many cities, including elms, which grow.",
        "We count oaks with EFA (Executable Forest Abstraction) in parks of large cities of the north.",
        "Oaks grow.",
    ],
)
def test_shorter_forms_keep_sentences_whole(sentence: str) -> None:
    assert shorter_forms(sentence) == ()


def test_shorter_forms_keep_what_a_pronoun_stands_for() -> None:
    sentence = "Using a small network for radar images, we show that it counts oaks in parks of large cities."
    assert shorter_forms(sentence) == ()
