"""Test quotes."""

import pytest

from digestd.ranking.quotes import (
    BACKGROUND,
    BEFORE,
    CONTRIBUTION,
    MAX,
    OWN,
    PASSING,
    excerpt,
    sentences,
    title_phrase,
)

LONG = " ".join(f"word{n}" for n in range(40))


@pytest.mark.parametrize(
    ("text", "quote"),
    [
        ("Old news. We weigh moons, at 3.5 tons each. They are far.", "We weigh moons, at 3.5 tons each"),
        ("moons", "moons"),
        ("They rest; then moons: all of them.", "then moons"),
        ('Are they "far moons?" Old news.', 'Are they "far moons'),
    ],
)
def test_excerpt_is_the_sentence(text: str, quote: str) -> None:
    start = text.index("moons")
    assert excerpt(text, start, start + len("moons")) == quote


def test_excerpt_is_cut_between_words() -> None:
    text = f"{LONG} moons {LONG}"
    found = excerpt(text, text.index("moons"), text.index("moons") + len("moons"))
    assert len(found) <= MAX + len("……")
    assert found.index("moons") <= BEFORE + 1
    assert set(found.strip("…").split()) <= set(text.split())
    assert (found[0], found[-1]) == ("…", "…")


def test_excerpt_at_the_end_shows_more_of_what_comes_before() -> None:
    text = f"Old brave sailors of all the seven seas far from home counted {'a' * BEFORE} moons"
    start = text.index("moons")
    assert len(excerpt(text, start, start + 5)) > BEFORE + 20
    assert excerpt("x " * 60 + "moons", 120, 125).endswith("x x moons")


def test_excerpt_ends_with_no_function_word() -> None:
    text = f"moons {'x' * 70} of the {'x' * 40}"
    assert excerpt(text, 0, 5) == f"moons {'x' * 70}…"


def test_excerpt_is_cut_between_phrases() -> None:
    text = f"Sights of far seas drew old brave sailors of all ages, who counted moons {'and moons ' * 12}for years"
    start = text.index("moons")
    assert excerpt(text, start, start + 5).startswith("…who counted moons and moons")
    assert excerpt(f"moons{' tug' * 23} in heavy silver boxes", 0, 5) == f"moons{' tug' * 23}…"


@pytest.mark.parametrize(
    ("title", "word", "quote"),
    [
        ("Raising Tame Salt Marsh Goats for Milk", "Marsh", "Tame Salt Marsh Goats"),
        ("Old Goats Eating Salt", "Goats", "Old Goats"),
        ("On Goat Keeping: A Survey", "Goat", "Goat Keeping"),
        ("Herds of Goat, Sheep and Cow", "Goat", "Goat"),
        ("Goats", "Goats", "Goats"),
        ("Tests of Goat Milk Based on Salt", "Goat", "Goat Milk"),
    ],
)
def test_title_phrase_is_a_noun_phrase(title: str, word: str, quote: str) -> None:
    start = title.index(word)
    assert title_phrase(title, start, start + len(word)) == quote


def test_sentences_tell_own_work_from_other() -> None:
    text = "Goats are old. We keep goats. We propose a herd to evaluate. It outperforms baselines. It grazes."
    assert [tells for _, tells in sentences(text)][:5] == [BACKGROUND, OWN, CONTRIBUTION, PASSING, OWN]
    assert {tells for _, tells in sentences("Goats graze. They rest.")} == {OWN}
