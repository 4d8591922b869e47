"""Test quotes."""

import re

import pytest

from digestd.ranking.quotes import BACKGROUND, CONTRIBUTION, OWN, PASSING, WORDS_MAX, excerpt, sentences


@pytest.mark.parametrize(
    ("text", "quote"),
    [
        ("Old news. We weigh our far moons, at 3.5 tons. They are far.", "We weigh our far moons, at 3.5 tons"),
        ("They rest; then two old moons: all of them.", ""),
        ('Are they "far moons?" Old news.', ""),  # not within quotation marks
        ("moons", ""),  # says no more than the topic
        ("In this paper, we weigh the moons of distant planets.", "we weigh the moons of distant planets"),
        ("Sights of far seas drew old sailors, who all know, at last, our small moons", "our small moons"),
        ("They measure (mass, size, moons in reach) of the planets.", ""),
        (
            "They measured: two old planets (of moons in reach) from afar.",
            "two old planets (of moons in reach) from afar",
        ),
        ("Samples of moons are available at", ""),
    ],
)
def test_excerpt_reads_by_itself(text: str, quote: str) -> None:
    start = text.rindex("moons")
    assert excerpt(text, start, start + len("moons")) == quote


def test_excerpt_is_short_and_whole() -> None:
    text = "Sights of far seas drew the old brave sailors of all ages, who counted moons of salt in heavy silver boxes"
    for found in re.finditer(r"\w+", text):
        quote = excerpt(text, *found.span())
        assert len(quote.split()) <= WORDS_MAX
        assert f" {quote} " in f" {text.replace(',', '')} " or quote in text
        assert found[0] in quote or not quote


def test_sentences_tell_own_work_from_other() -> None:
    text = "Goats are old. We keep goats. We propose a herd to evaluate. It outperforms baselines. It grazes."
    assert [tells for _, tells in sentences(text)][:5] == [BACKGROUND, OWN, CONTRIBUTION, PASSING, OWN]
    assert {tells for _, tells in sentences("Goats graze. They rest.")} == {OWN}
