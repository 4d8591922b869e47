"""Test quotes."""

import re

import pytest

from digestd.ranking.quotes import BACKGROUND, CONTRIBUTION, OWN, PASSING, WORDS_MAX, excerpt, sentences


@pytest.mark.parametrize(
    ("text", "quote"),
    [
        ("Old news. We weigh our far moons, at 3.5 tons. They are far.", "We weigh our far moons, at 3.5 tons"),
        ("They rest; then two old moons: all of them.", ""),  # not said of the work
        ('We ask: are they "far moons?" Old news.', ""),  # not within quotation marks
        ("moons", ""),  # says no more than the topic
        ("In this paper, we weigh the moons of distant planets.", "we weigh the moons of distant planets"),
        ("We keep scales, weights (all small), moons, old planets, suns, comets, and stars.", ""),  # a list
        ("To help all sailors of all seas and lakes we keep Scale, a tool to weigh moons.", ""),  # no verb
        ("We show that a strong keeper of old moons for sailors wins against all of the others.", ""),  # nor here
        ("(2) Many scales for moons.", ""),
        (
            "This paper introduces scales of moons, which all of the harbours keep for their old sailors.",
            "This paper introduces scales of moons",
        ),
        ("We keep two things: small scales for moons.", ""),
        ("We keep scales for old moons while all of the other sailors rest on land.", "We keep scales for old moons"),
        ("Our old scales of moons with all that the sailors kept of them are lost.", ""),
        ("Our work will be of use for moons of old planets.", ""),  # a hope
        ("This encourages sailors to weigh moons.", ""),  # says who knows what
        ("This work shows sailors how to weigh moons.", "This work shows sailors how to weigh moons"),
        ("Samples of moons are available at", ""),
    ],
)
def test_excerpt_reads_by_itself(text: str, quote: str) -> None:
    start = text.rindex("moons")
    assert excerpt(text, start, start + len("moons")) == quote


def test_excerpt_is_short_and_whole() -> None:
    text = "We draw old brave sailors of all ages, a crew that counted moons of salt in heavy (or full) silver boxes"
    for found in re.finditer(r"\w+", text):
        quote = excerpt(text, *found.span())
        assert len(quote.split()) <= WORDS_MAX
        assert f" {quote} " in f" {text.replace(',', '')} " or quote in text
        assert found[0] in quote or not quote


def test_sentences_tell_own_work_from_other() -> None:
    text = "Goats are old. We keep goats. We propose a herd to evaluate. It outperforms baselines. It grazes."
    assert [tells for _, tells in sentences(text)][:5] == [BACKGROUND, OWN, CONTRIBUTION, PASSING, OWN]
    assert {tells for _, tells in sentences("Goats graze. They rest.")} == {OWN}
