"""Test the text model: deterministic, robust and serialisable."""

import numpy as np
import pytest

from digestd.ranking.model import dumps, fit, loads
from tests.ranking.library import papers

TEXTS = [p.text for p in papers()]


def test_model_is_deterministic() -> None:
    assert dumps(fit(TEXTS)) == dumps(fit(iter(TEXTS)))


@pytest.mark.parametrize("texts", [[], [""], ["ice"], ["ice", "ice"], ["the", "of"], TEXTS[:2], TEXTS])
def test_model_of_few_texts_is_finite(texts: list[str]) -> None:
    model = fit(texts)
    encoded = model.encode(["", "unheard of", "ice cores", *texts])
    assert len(encoded) == 3 + len(texts)
    assert np.isfinite(encoded.dense).all()
    assert np.isfinite(encoded.sparse.data).all()


def test_rows_have_unit_length_or_zero() -> None:
    encoded = fit(TEXTS).encode([*TEXTS, "", "zymurgy"])
    for rows in (encoded.sparse.toarray(), encoded.dense):
        lengths = np.linalg.norm(rows, axis=1)
        assert lengths == pytest.approx([1] * len(TEXTS) + [0, 0], abs=1e-5)


def test_encoding_is_independent_of_batch() -> None:
    model = fit(TEXTS)
    alone, together = model.encode(TEXTS[3:4]), model.encode(TEXTS)
    assert np.allclose(alone.dense[0], together.dense[3], atol=1e-6)
    assert (alone.sparse - together.sparse[[3]]).count_nonzero() == 0


def test_model_survives_serialisation() -> None:
    model = fit(TEXTS)
    again = loads(dumps(model))
    assert again.version == model.version
    assert np.array_equal(again.encode(TEXTS).dense, model.encode(TEXTS).dense)
    assert (again.negative_prior - model.negative_prior).count_nonzero() == 0
    assert dumps(again) == dumps(model)


def test_loads_refuses_other_formats() -> None:
    with pytest.raises(ValueError, match="pickle"):
        loads(b"no archive at all")


def test_minimum_frequency_grows_with_corpus() -> None:
    assert "pacioli" in fit(TEXTS).vocabulary
    assert "pacioli" not in fit(TEXTS + ["honeybees dance"] * 50).vocabulary
