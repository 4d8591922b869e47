"""Test the search for mentions against a plain one, word by word."""

from random import Random

import numpy as np
import pytest

from digestd.ranking.concepts import Names
from digestd.ranking.lexicon import lemmas
from digestd.ranking.mentions import OFTEN
from digestd.ranking.quotes import BACKGROUND
from tests.ranking.library import candidates, retitled

WORDS = ("moon", "sun", "star", "comet")


def places(text: list[str], form: tuple[str, ...]) -> set[int]:
    """Return where a form starts: each word next or next but one, or as neighbours with the last word first."""
    found = set()
    for start, word in enumerate(text):
        if word == form[0]:
            last = start
            for later in form[1:]:
                last = next((place for place in (last + 1, last + 2) if text[place : place + 1] == [later]), len(text))
            found |= {start} if last < len(text) else set()
        if len(form) > 1 and text[start : start + len(form)] == [form[-1], *form[:-1]]:
            found.add(start)
    return found


@pytest.mark.parametrize("seed", range(5))
def test_forms_are_found_as_word_by_word(seed: int) -> None:
    draw = Random(seed)
    texts = [draw.choices(WORDS, k=12) for _ in range(20)]
    index = candidates([retitled("", " ".join(text)) for text in texts]).subjects.mentions
    forms = [tuple(draw.choices(WORDS, k=draw.randint(1, 4))) for _ in range(10)]
    found = index.of([Names((form,), (), (), ()) for form in forms])
    expected = {
        (topic, paper): min(len(standing), OFTEN)
        for topic, form in enumerate(forms)
        for paper, text in enumerate(texts)
        if (standing := places(text, form))
    }
    often = np.rint(np.expm1(found.often)).astype(int)
    cells = zip(found.cells.rows.tolist(), found.cells.columns.tolist(), strict=True)
    assert dict(zip(cells, often.tolist(), strict=True)) == expected


@pytest.mark.parametrize(
    ("abstract", "named"),
    [
        ("Drums of rock salt fill up.", True),
        ("Old drums, rock salt and sand.", False),
        ("Salt and rock drums.", False),
        ("They store rock salt drums.", True),
        ("They store rock. Salt drums leak.", False),
        ("Goods such as rock salt drums leak.", False),
        ("Goods such as sand can leak, and rock salt drums hold.", True),
        ("Goods (e.g. rock salt drums) leak.", False),
        ("Rock-salt-sand drums leak.", False),
        ("Of rock slides, salt drums leak.", False),
        ("Rock sea-salt drums leak.", False),
        ("Rock-salt based drums leak.", True),
        ("Hard-rock salt drums leak.", False),
        ("Hard-rock-salt-drum leaks.", True),
    ],
)
def test_forms_stand_within_a_phrase(abstract: str, *, named: bool) -> None:
    index = candidates([retitled("", abstract)]).subjects.mentions
    assert len(index.of([Names((("rock", "salt", "drum"),), (), (), ())]).cells) == named


def test_hint_is_a_phrase_of_its_own() -> None:
    texts = ["Rock-salt drums.", "Rock, salt drums.", "Rock-salt-sand drums.", "A rock salt."]
    index = candidates([retitled("", text) for text in texts]).subjects.mentions
    hinted = Names((), (), (("rock", "salt"),), ())
    assert index.of([hinted]).cells.columns.tolist() == [0, 3]


def test_quote_is_of_what_the_authors_did() -> None:
    text = "Moons are old. Moons, as all know, are far. We weigh moons; then we rest. Moons are round."
    index = candidates([retitled("The sky", text), retitled("Moons afar", text)]).subjects.mentions
    found = index.of([Names((("moon",),), (), (), ())])
    quotes = [index.quote(*place) for place in zip(found.starts.tolist(), found.lengths.tolist(), strict=True)]
    assert quotes == ["We weigh moons", "Moons"]


@pytest.mark.parametrize(
    "abstract",
    [
        "We fly to stars without moons.",
        "We avoid moons and stars, and weigh bees.",
        "We weigh stars rather than moons.",
    ],
)
def test_what_is_avoided_is_background(abstract: str) -> None:
    index = candidates([retitled("", f"{abstract} We found bees.")]).subjects.mentions
    found = index.of([Names((("moon",),), (), (), ()), Names((("bee",),), (), (), ())])
    assert (index.tells[found.starts] == BACKGROUND).tolist() == [True, False]


@pytest.mark.parametrize(
    ("abstract", "form", "named"),
    [
        ("Stars of salt.", "salt star", True),
        ("Star-salt drums.", "salt star", False),
        ("Salts to moon stars.", "salt star", False),
        ("Salts of moon stars.", "salt star", True),
        ("We generate salt.", "salt generation", True),
        ("Generative salt.", "salt generation", False),
    ],
)
def test_words_name_no_concept_in_another_sense(abstract: str, form: str, *, named: bool) -> None:
    index = candidates([retitled("", abstract)]).subjects.mentions
    assert len(index.of([Names((tuple(lemmas(form)),), (), (), ())]).cells) == named


def test_quote_prefers_whole_form_to_acronym() -> None:
    index = candidates([retitled("Mr. SD: Oiled Salt Drums", "Salt.")]).subjects.mentions
    found = index.of([Names((("salt", "drum"),), ("SD",), (), ())])
    assert index.quote(int(found.starts[0]), int(found.lengths[0])) == "Salt Drums"


def test_acronym_ends_no_compound() -> None:
    index = candidates([retitled("XYZ-based", "The Big-XYZ."), retitled("Big-XYZ", "")]).subjects.mentions
    assert index.of([Names((), ("XYZ",), (), ())]).cells.columns.tolist() == [0]


def test_related_words_stand_close() -> None:
    title = "Salt from the sea of moons and of all the other far and cold places under stars"
    abstract = "The sea is far. We melt salt with stars. Salt is dear."
    index = candidates([retitled(title, ""), retitled("Bees", abstract)]).subjects.mentions

    def related(form: str, paper: int) -> str:
        place = index.related(tuple(form.split()), paper)
        return index.quote(*place) if place else ""

    assert related("sea salt", 0) == "", "“Salt from the sea” is torn"
    assert related("salt star", 0) in ("Salt", "stars")
    assert related("salt star map", 0) == "", "one word of three"
    assert related("star salt", 1) == "We melt salt with stars"
    assert related("sea salt", 1) == "We melt salt with stars", "no other sentence has two"
    assert related("comet", 1) == ""


def test_concepts_without_names_are_not_mentioned() -> None:
    index = candidates([retitled("Suns", "Stars of the sea.")]).subjects.mentions
    unheard = Names((("unheard", "star"), ("", "")), ("XYZ",), (), ("none",))
    assert not len(index.of([unheard, Names((), (), (), ())]).cells)
    assert not len(index.of([]).cells)
