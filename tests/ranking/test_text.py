"""Words: what counts as one, and what two spellings share."""

import pytest

from digestd.ranking.text import analyse, flat, fold, surfaces, tokens


def test_tokens_are_stems_without_stop_words_and_bare_numbers() -> None:
    assert tokens("The 12 glaciers of 2026 were melting in 3D") == ["glacier", "melt", "3d"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Schrödinger", "Schrodinger"),
        ("β-VAE", "beta VAE"),
        ("NAÏVE", "naive"),
        ("ﬁeld", "field"),
        ("Ødegård", "odegard"),
        ("ŉ", "n"),
        ("Hawaiʻi", "Hawaii"),
    ],
)
def test_spellings_of_one_word_meet(one: str, other: str) -> None:
    assert tokens(one) == tokens(other)


def test_decomposed_letters_are_the_same_as_composed_ones() -> None:
    assert tokens("e\u0301tale") == tokens("étale")


@pytest.mark.parametrize("text", ["", "   ", "the of and", "2026 12", "…", "\ud800", "_"])
def test_text_without_content_has_no_tokens(text: str) -> None:
    assert tokens(text) == []


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("深度学习", ["深度", "度学", "学习"]),
        ("猫", ["猫"]),
        ("машинное обучение", ["машинное", "обучение"]),
        ("3D点群 for robots", ["3d", "点群", "robot"]),
        ("기계 학습을", ["기계", "학습", "습을"]),
    ],
)
def test_other_scripts_have_words_too_and_pairs_of_characters_where_nothing_parts_them(
    text: str, parts: list[str]
) -> None:
    assert tokens(text) == parts


def test_a_batch_says_the_same_as_each_text_alone() -> None:
    texts = ["Waggle dances", "", "the dance of α-helices"]
    assert analyse(texts) == [tokens(text) for text in texts]


def test_surfaces_are_words_as_they_stand() -> None:
    assert surfaces(["Glaciers and one glacier. β-helix"])[0] == {"glacier": "Glaciers", "beta": "β", "helix": "helix"}


def test_flat_text_knows_no_hyphens() -> None:
    assert flat("Few\u2013shot  \nlearning") == "few shot learning"


def test_folding_is_idempotent() -> None:
    assert fold(fold("Ärger ΣΤΟΑ ½")) == fold("Ärger ΣΤΟΑ ½")
