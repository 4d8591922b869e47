"""Sentence encoders: dense models that turn texts into vectors. Nothing is ever downloaded.

The built-in one, MiniLM in 8 bits, lies in the folder `minilm`; `tests/fitting` trains it. `open_encoder`
turns the setting into an encoder; only then NumPy is imported.
"""

import os
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, cast

from digestd.errors import BadSetting

if TYPE_CHECKING:
    from digestd.ranking.dense import Encoder

# onnxruntime writes a device id to the home folder at its import, and reports to Microsoft from then on. Its function
# disable_telemetry_events() comes too late and stops neither. Only modules of this package import it.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

SETTING = "DIGESTD_EMBEDDING_MODEL"
BUILT_IN, NONE = "", "none"
RUNTIME = ("onnxruntime", "tokenizers")
"""The packages of any encoder. onnxruntime has no wheels for musl (Alpine), 32 bits, and Macs with Intel processors."""
FILES = ("model.onnx", "tokenizer.json")


def open_encoder(name: str) -> "Encoder":
    """Return the encoder that a setting names.

    Args:
        name: BUILT_IN, NONE, or the folder of an ONNX model.

    Returns:
        The encoder; one that encodes nothing for NONE, and for BUILT_IN if its runtime is missing.

    Raises:
        BadSetting: the folder holds no model.
    """
    if name == NONE or missing_package(name):
        return cast("Encoder", import_module("digestd.ranking.dense").NoEncoder())
    if name == BUILT_IN:
        return cast("Encoder", import_module("digestd.ranking.encoders.built_in").MiniLM())
    check_encoder(name)
    return cast("Encoder", import_module("digestd.ranking.encoders.onnx").open_folder(Path(name)))


def missing_package(name: str) -> str | None:
    """Return the package that the built-in model lacks; None if there is none or another model is set."""
    return _missing(RUNTIME) if name == BUILT_IN else None


def check_encoder(name: str) -> None:
    """Raise BadSetting where `open_encoder` would, without loading the model."""
    if name in {NONE, BUILT_IN}:
        return
    if missing := _missing(RUNTIME):
        raise BadSetting(f"{SETTING}: needs {missing}; install it, or set {NONE}")
    if lacking := next((file for file in FILES if not (Path(name) / file).is_file()), None):
        raise BadSetting(f"{SETTING}: there is no {lacking} in {name}; name a folder with {' and '.join(FILES)}")


def describe_encoder(name: str) -> str:
    """Return one sentence about the encoder in use, without loading it."""
    if missing := missing_package(name):
        return f"warning: {missing.replace('_', '-')} is not installed, so papers are matched by their words alone"
    if name == NONE:
        return f"papers are matched by their words alone: {SETTING} is {NONE}"
    return f"papers are also matched by meaning, with {name or 'the built-in model'}"


def _missing(packages: tuple[str, ...]) -> str | None:
    return next((package for package in packages if find_spec(package) is None), None)
