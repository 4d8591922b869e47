"""Dense models that turn texts into vectors.

Optional, off by default, never fetched from anywhere.

An encoder is one file here; `open_encoder` is how the setting becomes one.
"""

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from digestd.errors import BadSetting
from digestd.ranking.dense import Encoder, NoEncoder

SETTING = "DIGESTD_EMBEDDING_MODEL"
NEEDS = ("onnxruntime", "tokenizers")
FILES = ("model.onnx", "tokenizer.json")


def open_encoder(folder: str) -> Encoder:
    """Return the ONNX sentence encoder in a folder; for "", one that encodes nothing.

    Raises:
        BadSetting: the folder holds no model, or the extra `digestd[dense]` is not installed.
    """
    if not folder:
        return NoEncoder()
    check_encoder(folder)
    opened: Encoder = import_module("digestd.ranking.encoders.onnx").open_onnx(Path(folder))
    return opened


def check_encoder(folder: str) -> None:
    """Raise BadSetting if `open_encoder` would miss something.

    The model is not loaded.
    """
    if not folder:
        return
    if missing := next((name for name in NEEDS if find_spec(name) is None), None):
        raise BadSetting(f"{SETTING}: needs {missing}; install it with pip install 'digestd[dense]'")
    if lacking := next((name for name in FILES if not (Path(folder) / name).is_file()), None):
        raise BadSetting(f"{SETTING}: there is no {lacking} in {folder}; name a folder with {' and '.join(FILES)}")
