"""Test tokens, and spellings that are treated alike."""

import pytest

from digestd.ranking.text import analyse, phrase_form, surfaces, tokens
from digestd.text.scripts import fold


def test_tokens_are_stems_without_stop_words() -> None:
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
def test_spellings_share_tokens(one: str, other: str) -> None:
    assert tokens(one) == tokens(other)


def test_decomposed_letters_equal_composed() -> None:
    assert tokens("e\u0301tale") == tokens("étale")


@pytest.mark.parametrize("text", ["", "   ", "the of and", "2026 12", "…", "\ud800", "_"])
def test_text_without_words_has_no_tokens(text: str) -> None:
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
def test_scripts_without_spaces_use_character_pairs(text: str, parts: list[str]) -> None:
    assert tokens(text) == parts


def test_batch_equals_single_texts() -> None:
    texts = ["Waggle dances", "", "the dance of α-helices"]
    assert analyse(texts) == [tokens(text) for text in texts]


def test_surfaces_are_original_words() -> None:
    assert surfaces(["Glaciers and one glacier. β-helix"])[0] == {"glacier": "Glaciers", "beta": "β", "helix": "helix"}


def test_flat_text_has_no_hyphens() -> None:
    assert phrase_form("Few\u2013shot  \nlearning") == "few shot learning"


def test_folding_is_idempotent() -> None:
    assert fold(fold("Ärger ΣΤΟΑ ½")) == fold("Ärger ΣΤΟΑ ½")
