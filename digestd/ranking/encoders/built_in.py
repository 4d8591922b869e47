"""The built-in encoder, MiniLM as `tests/fitting` trained it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module

import numpy as np

from digestd.ranking.arrays import Floats
from digestd.ranking.dense import Encoder


@dataclass(frozen=True, slots=True)
class MiniLM:
    """The built-in encoder. The runtime and the model are loaded for the first text: most runs have none to encode.

    `version` is the start of the SHA-256 of the weights, which a test keeps true; vectors of another are replaced.
    """

    version: str = "digestd-minilm:d9f36d4614f892d2"
    dims: int = 384

    def encode(self, texts: Sequence[str]) -> Floats:
        return _loaded(self.version).encode(texts) if texts else np.zeros((0, self.dims), dtype=np.float32)


@lru_cache(maxsize=1)
def _loaded(version: str) -> Encoder:
    opened: Encoder = import_module("digestd.ranking.encoders.onnx").open_minilm(version)
    return opened
