"""The built-in encoder, all-MiniLM-L6-v2."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from pathlib import Path

import numpy as np

from digestd.ranking.arrays import Floats
from digestd.ranking.dense import Encoder
from digestd.ranking.encoders import WEIGHTS_SHA256


@dataclass(frozen=True, slots=True)
class MiniLM:
    """The built-in encoder. The runtime and the model are loaded for the first text: most runs have none to encode."""

    weights: Path
    version: str = f"all-MiniLM-L6-v2:{WEIGHTS_SHA256[:16]}"
    dims: int = 384

    def encode(self, texts: Sequence[str]) -> Floats:
        return _loaded(self).encode(texts) if texts else np.zeros((0, self.dims), dtype=np.float32)


@lru_cache(maxsize=1)
def _loaded(model: MiniLM) -> Encoder:
    opened: Encoder = import_module("digestd.ranking.encoders.onnx").open_minilm(model.weights, model.version)
    return opened
