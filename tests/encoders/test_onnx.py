"""An ONNX encoder by path.

What its vectors are, and what is said where there is none.
"""

from pathlib import Path

import numpy as np
import pytest

from digestd.errors import BadSetting
from digestd.ranking import encoders
from digestd.ranking.dense import CachedEncoder
from digestd.ranking.encoders import open_encoder
from tests.encoders.tiny import DIMS, LENGTH, tiny_encoder


def test_none_encodes_nothing() -> None:
    silent = open_encoder("none")
    assert silent.dims == 0
    assert silent.encode(["glacier", ""]).shape == (2, 0)


def test_vectors_have_length_one_and_put_a_field_together(tmp_path: Path) -> None:
    encoder = open_encoder(str(tiny_encoder(tmp_path)))
    ice, water, bees = encoder.encode(["glacier ice", "meltwater", "honeybee nectar"])
    assert encoder.dims == DIMS
    assert np.linalg.norm([ice, water, bees], axis=1) == pytest.approx(1, abs=1e-5)
    assert ice @ water > 0.8 > ice @ bees


def test_padding_and_neighbours_change_no_vector(tmp_path: Path) -> None:
    encoder = open_encoder(str(tiny_encoder(tmp_path)))
    texts = ["glacier", "ice and the hive and qubit", "", "ledger the", "nectar"] * 300
    alone = np.vstack([encoder.encode([text]) for text in texts[:5]])
    assert encoder.encode(texts) == pytest.approx(np.tile(alone, (300, 1)), abs=1e-6)


def test_topics_are_encoded_once_alone_or_together(tmp_path: Path) -> None:
    encoder = open_encoder(str(tiny_encoder(tmp_path)))
    topics = ["glacier", "ice and the hive and qubit", "", "glacier"]
    alone, together = CachedEncoder(encoder), CachedEncoder(encoder, in_batches=True)
    assert together.encode(topics) == pytest.approx(alone.encode(topics), abs=1e-3)
    assert together.encode([]).shape == (0, DIMS)
    assert sorted(together._known) == sorted(set(topics))


def test_a_text_is_read_up_to_the_models_length(tmp_path: Path) -> None:
    encoder = open_encoder(str(tiny_encoder(tmp_path)))
    read = " ".join(["glacier"] * LENGTH)
    assert encoder.encode([read + " ledger hive"]) == pytest.approx(encoder.encode([read]))


def test_a_text_of_nothing_is_no_error(tmp_path: Path) -> None:
    encoder = open_encoder(str(tiny_encoder(tmp_path)))
    assert np.isfinite(encoder.encode(["", " ", "\x00", "日本語", "🧪" * 10_000])).all()
    assert encoder.encode([]).shape == (0, DIMS)


def test_other_weights_are_another_version(tmp_path: Path) -> None:
    one, same, other = (tiny_encoder(tmp_path / str(n) / "tiny", seed) for n, seed in enumerate((0, 0, 1)))
    assert open_encoder(str(one)).version == open_encoder(str(same)).version
    assert open_encoder(str(one)).version != open_encoder(str(other)).version


@pytest.mark.parametrize("name", encoders.FILES)
def test_a_folder_without_a_model_is_refused(tmp_path: Path, name: str) -> None:
    (tiny_encoder(tmp_path) / name).unlink()
    with pytest.raises(BadSetting, match=name):
        open_encoder(str(tmp_path))


@pytest.mark.parametrize("name", encoders.FILES)
def test_a_broken_model_is_refused(tmp_path: Path, name: str) -> None:
    (tiny_encoder(tmp_path) / name).write_bytes(b"nonsense")
    with pytest.raises(BadSetting, match="cannot read the model"):
        open_encoder(str(tmp_path))


def test_a_folder_needs_the_runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoders, "RUNTIME", ("no_such_package_anywhere",))
    with pytest.raises(BadSetting, match="needs no_such_package_anywhere"):
        open_encoder(str(tiny_encoder(tmp_path)))
