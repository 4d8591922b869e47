"""Test quotes."""

import pytest

from digestd.ranking.quotes import BEFORE, MAX, excerpt

LONG = " ".join(f"word{n}" for n in range(40))


@pytest.mark.parametrize(
    ("text", "quote"),
    [
        ("Old news. We weigh moons, at 3.5 tons each. They are far.", "We weigh moons, at 3.5 tons each"),
        ("moons", "moons"),
        ("They rest; then moons: all of them.", "then moons"),
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


def test_excerpt_ends_with_no_function_word() -> None:
    text = f"moons {'x' * 70} of the {'x' * 40}"
    assert excerpt(text, 0, 5) == f"moons {'x' * 70}…"
