"""The built-in encoder: its real weights, and what is said without them."""

from collections.abc import Iterator
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from structlog.testing import capture_logs

from digestd import app as wiring
from digestd.errors import BadSetting
from digestd.ranking import encoders
from digestd.ranking.dense import Encoder, NoEncoder
from digestd.ranking.encoders import describe_encoder, missing_package, onnx, open_encoder

pytestmark = pytest.mark.skipif(missing_package("") is not None, reason="there are no wheels for this machine")


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return open_encoder("")


@pytest.fixture
def missing(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Hide the runtime."""
    monkeypatch.setattr(encoders, "RUNTIME", ("no_such_package",))
    wiring._encoder.cache_clear()
    yield
    wiring._encoder.cache_clear()


def test_minilm_reads_meaning(encoder: Encoder) -> None:
    vectors = encoder.encode(["a fast car", "a quick automobile", "honeybees dance", ""])
    assert vectors.shape == (4, encoder.dims)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)
    cosine = vectors @ vectors.T
    assert cosine[0, 1] > cosine[0, 2] + 0.4
    assert encoder.encode([]).shape == (0, encoder.dims)


def test_minilm_splits_words_like_bert(encoder: Encoder) -> None:
    """Accents, case, Chinese characters and punctuation make no difference where BERT sees none."""
    for one, other in (("Naïve BAYES", "naive bayes"), ("强化学习", "强 化 学 习"), ("self-play", "self - play")):
        assert encoder.encode([one]) == pytest.approx(encoder.encode([other]), abs=1e-6)


def test_version_is_of_the_weights() -> None:
    weights = files("digestd.ranking.encoders").joinpath("minilm", "model.onnx").read_bytes()
    assert open_encoder("").version == f"digestd-minilm:{sha256(weights).hexdigest()[:16]}"


def test_damaged_model_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "minilm").mkdir()
    (tmp_path / "minilm" / "vocab.txt").write_text("[UNK]\n[CLS]\n[SEP]\n[PAD]\n[MASK]\n", encoding="utf-8")
    (tmp_path / "minilm" / "model.onnx").write_bytes(b"half a file")
    monkeypatch.setattr(onnx, "files", lambda _package: tmp_path)
    with pytest.raises(BadSetting, match=r"cannot read the built-in model.*install digestd again, or set none"):
        onnx.open_minilm("")


@pytest.mark.usefixtures("missing")
def test_missing_package_is_reported_once() -> None:
    app = SimpleNamespace(settings=SimpleNamespace(embedding_model=""))
    with capture_logs() as logs:
        assert [wiring.App.encoder.fget(app) for _ in range(2)] == [NoEncoder(), NoEncoder()]  # type: ignore[attr-defined]
    assert [(entry["log_level"], entry["missing"]) for entry in logs] == [("warning", "no_such_package")]
    assert describe_encoder("") == (
        "warning: no-such-package is not installed, so papers are matched by their words alone"
    )


def test_description_names_the_encoder_in_use() -> None:
    assert "built-in" in describe_encoder("")
    assert "none" in describe_encoder("none")
    assert "/models/x" in describe_encoder("/models/x")
