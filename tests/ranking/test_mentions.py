"""Test the search for mentions against a plain one, word by word."""

from random import Random

import numpy as np
import pytest

from digestd.ranking.concepts import Names
from digestd.ranking.mentions import FEATURES, OFTEN
from tests.ranking.library import candidates, retitled

WORDS = ("moon", "sun", "star", "comet")


def places(text: list[str], form: tuple[str, ...]) -> set[int]:
    """Return where a form starts: each word next or next but one, or two words as neighbours the other way round."""
    found = set()
    for start, word in enumerate(text):
        if word == form[0]:
            last = start
            for later in form[1:]:
                last = next((place for place in (last + 1, last + 2) if text[place : place + 1] == [later]), len(text))
            found |= {start} if last < len(text) else set()
        if len(form) == 2 and text[start : start + 2] == [*form[::-1]]:
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
    often = np.rint(np.expm1(found.features[:, FEATURES.index("often")])).astype(int)
    cells = zip(found.cells.rows.tolist(), found.cells.columns.tolist(), strict=True)
    assert dict(zip(cells, often.tolist(), strict=True)) == expected


def test_concepts_without_names_are_not_mentioned() -> None:
    index = candidates([retitled("Suns", "Stars of the sea.")]).subjects.mentions
    unheard = Names((("unheard", "star"), ("", "")), ("XYZ",), (), ("none",))
    assert not len(index.of([unheard, Names((), (), (), ())]).cells)
    assert not len(index.of([]).cells)
