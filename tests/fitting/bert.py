"""MiniLM (a BERT of six layers) in JAX: its forward pass, to be differentiated, and its export to ONNX in 8 bits.

Wang et al. 2020, arXiv:2002.10957; Devlin et al. 2019, arXiv:1810.04805; mean pooling as in Reimers & Gurevych 2019,
arXiv:1908.10084. Weights are read from a `model.safetensors` of all-MiniLM-L6-v2.
"""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
import onnx
from jax.typing import ArrayLike
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic  # noqa: TID251  # the import above turned it off
from safetensors.numpy import load_file

import digestd.ranking.encoders  # noqa: F401  # turns the telemetry of ONNX Runtime off

LAYERS, HEADS = 6, 12
EPSILON = 1e-12

Array: TypeAlias = jax.Array
Weights: TypeAlias = Mapping[str, Array]


def load_weights(file: Path) -> dict[str, jax.Array]:
    """Return the weights by name, without the pooler and the positions, which need no training."""
    found = load_file(file)
    return {name: jnp.asarray(value) for name, value in found.items() if "pooler" not in name and "ids" not in name}


def trained_names(weights: Weights, layers: int) -> set[str]:
    """Return the names of the weights of the upper layers; all of them for LAYERS."""
    if layers >= LAYERS:
        return set(weights)
    return {name for name in weights if ".layer." in name and int(name.split(".")[2]) >= LAYERS - layers}


def embed(weights: Weights, ids: ArrayLike, layers: int) -> jax.Array:
    """Return the states (n, t, e) below the upper `layers` of texts, as token ids (n, t) padded with 0."""
    ids = jnp.asarray(ids)
    state = (
        weights["embeddings.word_embeddings.weight"][ids]
        + weights["embeddings.position_embeddings.weight"][: ids.shape[1]]
        + weights["embeddings.token_type_embeddings.weight"][0]
    )
    state = _normalised(weights, "embeddings.LayerNorm", state)
    for n in range(LAYERS - layers):
        state = _layer(weights, f"encoder.layer.{n}", state, _bias(ids))
    return state


def pool(weights: Weights, ids: ArrayLike, state: jax.Array, layers: int) -> jax.Array:
    """Return unit vectors (n, e) of texts from their states (n, t, e) below the upper `layers`."""
    ids = jnp.asarray(ids)
    for n in range(LAYERS - layers, LAYERS):
        state = _layer(weights, f"encoder.layer.{n}", state, _bias(ids))
    mask = (ids > 0)[..., None]
    mean = (state * mask).sum(1) / jnp.maximum(mask.sum(1), 1)
    return mean / jnp.sqrt((mean**2).sum(1, keepdims=True) + EPSILON)


def _bias(ids: jax.Array) -> jax.Array:
    return jnp.where(ids > 0, 0.0, -1e9)[:, None, None, :]


def _layer(weights: Weights, name: str, state: jax.Array, bias: jax.Array) -> jax.Array:
    n, t, width = state.shape
    query, key, value = (
        _dense(weights, f"{name}.attention.self.{part}", state).reshape(n, t, HEADS, width // HEADS)
        for part in ("query", "key", "value")
    )
    scores = jnp.einsum("nqhd,nkhd->nhqk", query, key) / np.sqrt(width // HEADS) + bias
    seen = jnp.einsum("nhqk,nkhd->nqhd", jax.nn.softmax(scores), value).reshape(n, t, width)
    seen = _dense(weights, f"{name}.attention.output.dense", seen)
    state = _normalised(weights, f"{name}.attention.output.LayerNorm", state + seen)
    wide = jax.nn.gelu(_dense(weights, f"{name}.intermediate.dense", state), approximate=False)
    return _normalised(weights, f"{name}.output.LayerNorm", state + _dense(weights, f"{name}.output.dense", wide))


def _dense(weights: Weights, name: str, state: jax.Array) -> jax.Array:
    return state @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]


def _normalised(weights: Weights, name: str, state: jax.Array) -> jax.Array:
    centred = state - state.mean(-1, keepdims=True)
    scaled = centred / jnp.sqrt((centred**2).mean(-1, keepdims=True) + EPSILON)
    return scaled * weights[f"{name}.weight"] + weights[f"{name}.bias"]


def export(weights: Weights, file: Path) -> None:
    """Write the model as ONNX with weights of 8 bits: ids and attention mask (n, t) in, token vectors (n, t, e) out."""
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder) / "model.onnx"
        onnx.save(_graph({name: np.asarray(value, dtype=np.float32) for name, value in weights.items()}), whole)
        quantize_dynamic(whole, file, weight_type=QuantType.QInt8, per_channel=True, reduce_range=True)


class _Graph:
    """A graph of ONNX as it grows: its nodes and constants."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, onnx.TensorProto] = {}

    def constant(self, name: str, value: object) -> str:
        self.constants[name] = numpy_helper.from_array(np.asarray(value), name)
        return name

    def add(self, kind: str, *given: str, out: str = "", **attributes: Any) -> str:
        out = out or f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(given), [out], **attributes))
        return out


def _graph(weights: Mapping[str, np.ndarray]) -> onnx.ModelProto:
    g = _Graph()
    width = weights["embeddings.LayerNorm.weight"].shape[0]
    heads = np.array([0, 0, HEADS, width // HEADS], dtype=np.int64)
    g.constant("heads", heads)
    g.constant("joined", np.array([0, 0, width], dtype=np.int64))
    g.constant("scale", np.float32(1 / np.sqrt(width // HEADS)))
    g.constant("one", np.float32(1))
    g.constant("half", np.float32(0.5))
    g.constant("root", np.float32(1 / np.sqrt(2)))
    g.constant("far", np.float32(-1e9))
    g.constant("axes", np.array([1, 2], dtype=np.int64))
    g.constant("zero", np.array([0], dtype=np.int64))
    g.constant("second", np.array([1], dtype=np.int64))

    def weight(name: str, transposed: bool = False) -> str:
        return g.constant(name, weights[name].T.copy() if transposed else weights[name])

    def dense(name: str, state: str) -> str:
        return g.add("Add", g.add("MatMul", state, weight(f"{name}.weight", True)), weight(f"{name}.bias"))

    def normalised(name: str, state: str) -> str:
        return g.add(
            "LayerNormalization", state, weight(f"{name}.weight"), weight(f"{name}.bias"), axis=-1, epsilon=EPSILON
        )

    word = g.add("Gather", weight("embeddings.word_embeddings.weight"), "input_ids")
    length = g.add("Slice", g.add("Shape", "input_ids"), "second", g.constant("two", np.array([2], dtype=np.int64)))
    position = g.add("Slice", weight("embeddings.position_embeddings.weight"), "zero", length, "zero")
    kind = g.constant("kind", weights["embeddings.token_type_embeddings.weight"][0])
    state = normalised("embeddings.LayerNorm", g.add("Add", g.add("Add", word, position), kind))
    mask = g.add("Cast", g.add("Unsqueeze", "attention_mask", "axes"), to=TensorProto.FLOAT)
    bias = g.add("Mul", g.add("Sub", "one", mask), "far")
    for n in range(LAYERS):
        name = f"encoder.layer.{n}"
        query, key, value = (
            g.add("Reshape", dense(f"{name}.attention.self.{part}", state), "heads")
            for part in ("query", "key", "value")
        )
        query, value = (g.add("Transpose", each, perm=[0, 2, 1, 3]) for each in (query, value))
        key = g.add("Transpose", key, perm=[0, 2, 3, 1])
        scores = g.add("Add", g.add("Mul", g.add("MatMul", query, key), "scale"), bias)
        seen = g.add("MatMul", g.add("Softmax", scores, axis=-1), value)
        seen = g.add("Reshape", g.add("Transpose", seen, perm=[0, 2, 1, 3]), "joined")
        seen = dense(f"{name}.attention.output.dense", seen)
        state = normalised(f"{name}.attention.output.LayerNorm", g.add("Add", state, seen))
        wide = dense(f"{name}.intermediate.dense", state)
        share = g.add("Mul", g.add("Add", g.add("Erf", g.add("Mul", wide, "root")), "one"), "half")
        narrow = dense(f"{name}.output.dense", g.add("Mul", wide, share))
        last = n == LAYERS - 1
        state = normalised(f"{name}.output.LayerNorm", g.add("Add", state, narrow))
        if last:
            g.add("Identity", state, out="last_hidden_state")
    given = [helper.make_tensor_value_info(n, TensorProto.INT64, ["n", "t"]) for n in ("input_ids", "attention_mask")]
    out = helper.make_tensor_value_info("last_hidden_state", TensorProto.FLOAT, ["n", "t", width])
    graph = helper.make_graph(g.nodes, "minilm", given, [out], list(g.constants.values()))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    onnx.checker.check_model(model)
    return model
