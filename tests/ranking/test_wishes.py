"""Test what a typed topic asks for."""

import pytest

from digestd.ranking.model import TextModel, fit
from digestd.ranking.wishes import PARTS_MAX, understand


@pytest.fixture(scope="module")
def archive() -> TextModel:
    told = ["Bee dance networks (BDN) draw tidal models of honey."] * 6
    return fit([*told, "Medical phase maps of ledgers.", "Medical phase maps and phage."] * 3)


def texts(typed: str, archive: TextModel) -> list[str]:
    return [wish.text for wish in understand(typed, archive)]


@pytest.mark.parametrize(
    ("typed", "wishes"),
    [
        ("tidal models", ["tidal models"]),
        ("honey, bees; and wax", ["honey", "bees", "wax"]),
        ("蜜蜂、蜂蜡", ["蜜蜂", "蜂蜡"]),
        ("fairness and bias in hives", ["fairness and bias in hives"]),
        ("honey / wax", ["honey", "wax"]),
        ("honey\nwax\n", ["honey", "wax"]),
        ("robots, but no drones", ["robotics"]),
        ("I count bees. Nothing on wax please.", ["I count bees."]),
        ("robots for hives, rather than drones", ["robots for hives"]),
        ("nlp/cl", ["natural language processing"]),
        ("honey/wax", ["honey/wax"]),
        ("the the", []),
    ],
)
def test_topic_asks_for_its_parts(typed: str, wishes: list[str], archive: TextModel) -> None:
    assert texts(typed, archive) == wishes


@pytest.mark.parametrize(
    "typed",
    [
        "I study bees, their wax and their honey. I like to read about flowers, too.",
        "What makes bees dance, and why?",
        "methods that count the bees of a hive by sound alone, such as microphones",
    ],
)
def test_sentence_is_one_wish(typed: str, archive: TextModel) -> None:
    [wish] = understand(typed, archive)
    assert (wish.text, wish.part) == (typed, "")


def test_long_list_is_cut(archive: TextModel) -> None:
    assert len(understand(", ".join(f"moon{n}" for n in range(99)), archive)) == PARTS_MAX


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("tidel modles", "tidal models"),
        ("tidel of geese", "tidel of geese"),  # no phrase of the archive
        ("phagi", "phagi"),  # a lone short word
        ("networcks", "networks"),
    ],
)
def test_misspelling_is_corrected(typed: str, read: str, archive: TextModel) -> None:
    [wish] = understand(typed, archive)
    assert (wish.name, wish.is_corrected) == (read, read != typed)


@pytest.mark.parametrize(
    ("typed", "read", "forms"),
    [
        ("BDN", "bee dance network", {("bdn",), ("bee", "danc", "network")}),
        ("bdn", "bdn", {("bdn",)}),  # perhaps a word
        ("BDN of sea", "bee dance network of sea", {("bdn", "sea"), ("bee", "danc", "network", "sea")}),
    ],
)
def test_acronym_is_spelt_out(typed: str, read: str, forms: set[tuple[str, ...]], archive: TextModel) -> None:
    [wish] = understand(typed, archive)
    assert (wish.text, set(wish.forms)) == (read, forms)


@pytest.mark.parametrize(
    "typed", ["LLM", "“LLMs”.", "large language models", "大语言模型", "grandes modelos de lenguaje"]
)
def test_glossary_names_the_subject(typed: str, archive: TextModel) -> None:
    [wish] = understand(typed, archive)
    assert wish.text == "large language model"
    assert "instruction tuning" in wish.listed
    assert ("larg", "languag", "model") in wish.forms


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("LLMs in law", "large language model in law"),
        ("rag dolls", "rag dolls"),  # no acronym
    ],
)
def test_glossary_spells_out_acronyms(typed: str, read: str, archive: TextModel) -> None:
    assert texts(typed, archive) == [read]


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("graph neural networks", "graph neural networks"),
        ("redes neuronales", "neural network"),
        ("GNNs", "graph neural network"),
    ],
)
def test_name_tells_only_what_was_not_typed(typed: str, name: str, archive: TextModel) -> None:
    assert [wish.name for wish in understand(typed, archive)] == [name]


def test_subjects_within_a_foreign_topic_are_compared_in_english(archive: TextModel) -> None:
    [wish] = understand("redes neuronales y aprendizaje profundo en medicina", archive)
    assert wish.words.endswith("neural network deep learning medicine")
    [wish] = understand("用强化学习控制机器人", archive)
    assert "reinforcement learning" in wish.words
