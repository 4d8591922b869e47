"""Texts drawn towards their company in the archive."""

import numpy as np

from digestd.ranking.arrays import Floats
from digestd.ranking.company import SAME, drawn
from digestd.ranking.model import unit

CHANCE = np.random.default_rng(5)
TEXTS = unit(CHANCE.standard_normal((6, 8)).astype(np.float32))


def beside(text: int, count: int, spread: float = 0.2) -> Floats:
    """So many neighbours of a text, all on one side of it."""
    side = CHANCE.standard_normal(8).astype(np.float32) * spread
    return unit(TEXTS[text] + side + CHANCE.standard_normal((count, 8)).astype(np.float32) * 0.02)


def test_a_text_is_drawn_to_the_middle_of_its_neighbours() -> None:
    near = beside(0, 12, 0.4)
    middle = unit(near.mean(axis=0, keepdims=True))[0]
    places = drawn(TEXTS, near)
    assert places[0] @ middle > TEXTS[0] @ middle
    assert np.allclose(np.linalg.norm(places, axis=1), 1, atol=1e-6)


def test_a_text_is_no_company_for_itself() -> None:
    assert np.allclose(drawn(TEXTS[:1], TEXTS[:1]), TEXTS[:1])
    assert (TEXTS[:1] @ TEXTS[:1].T).item() > SAME


def test_the_nearer_the_company_the_nearer_a_text_comes_to_the_middle_of_both() -> None:
    text, deviations = np.eye(8, dtype=np.float32)[:1], np.eye(8, dtype=np.float32)[1:2]
    near, far = (drawn(text, unit(text + part * deviations)) for part in (0.6, 4.0))
    middle = [unit(text + unit(text + part * deviations)) for part in (0.6, 4.0)]
    assert float((near @ middle[0].T).item()) > float((far @ middle[1].T).item())
    assert np.array_equal(drawn(text, -text), text)  # the opposite draws nobody


def test_an_empty_archive_or_a_text_without_a_place_changes_nothing() -> None:
    no_values = np.zeros((2, 8), dtype=np.float32)
    assert np.array_equal(drawn(TEXTS, no_values[:0]), TEXTS)
    assert np.array_equal(drawn(no_values, TEXTS), no_values)
    assert drawn(no_values[:, :0], TEXTS[:, :0]).shape == (2, 0)
