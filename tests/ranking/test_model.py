"""The text model: the same every time, on any input, and through its bytes."""

import numpy as np
import pytest

from digestd.ranking.model import dumps, fit, loads
from tests.ranking.library import papers

TEXTS = [p.text for p in papers()]


def test_the_same_texts_give_the_same_model() -> None:
    assert dumps(fit(TEXTS)) == dumps(fit(iter(TEXTS)))


def test_other_texts_give_another_version() -> None:
    assert fit(TEXTS).version != fit(TEXTS[1:]).version


@pytest.mark.parametrize("texts", [[], [""], ["ice"], ["ice", "ice"], ["the", "of"], TEXTS[:2], TEXTS])
def test_any_number_of_texts_will_do_and_nothing_becomes_nan(texts: list[str]) -> None:
    model = fit(texts)
    encoded = model.encode(["", "unheard of", "ice cores", *texts])
    assert len(encoded) == 3 + len(texts)
    assert np.isfinite(encoded.dense).all()
    assert np.isfinite(encoded.sparse.data).all()
    assert np.isfinite(model.precision).all()


def test_rows_have_length_one_or_zero() -> None:
    encoded = fit(TEXTS).encode([*TEXTS, "", "zymurgy"])
    for rows in (encoded.sparse.toarray(), encoded.dense):
        lengths = np.linalg.norm(rows, axis=1)
        assert lengths == pytest.approx([1] * len(TEXTS) + [0, 0], abs=1e-5)


def test_a_text_is_encoded_alike_alone_and_in_company() -> None:
    model = fit(TEXTS)
    alone, together = model.encode(TEXTS[3:4]), model.encode(TEXTS)
    assert np.allclose(alone.dense[0], together.dense[3], atol=1e-6)
    assert (alone.sparse - together.sparse[[3]]).count_nonzero() == 0


def test_a_model_survives_its_bytes() -> None:
    model = fit(TEXTS)
    again = loads(dumps(model))
    assert again.version == model.version
    assert np.array_equal(again.encode(TEXTS).dense, model.encode(TEXTS).dense)
    assert (again.negative_prior - model.negative_prior).count_nonzero() == 0
    assert dumps(again) == dumps(model)


def test_an_empty_model_survives_its_bytes() -> None:
    assert loads(dumps(fit([]))).encode(["ice"]).dense.shape == (1, 0)


def test_bytes_of_another_make_are_refused() -> None:
    with pytest.raises(ValueError, match="pickle"):
        loads(b"no archive at all")


def test_a_rare_word_counts_in_a_small_library_and_not_in_a_large_one() -> None:
    assert "pacioli" in fit(TEXTS).vocabulary
    assert "pacioli" not in fit(TEXTS + ["honeybees dance"] * 50).vocabulary
