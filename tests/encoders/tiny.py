"""A sentence encoder of a few kilobytes, built here.

A table of invented token vectors, read by real ONNX Runtime.
"""

import json
from pathlib import Path

import numpy as np
from onnx import ModelProto, TensorProto, helper, numpy_helper, save

WORDS = ["[PAD]", "[UNK]", "glacier", "ice", "meltwater", "honeybee", "nectar", "hive", "qubit", "ledger", "and", "the"]
DIMS = 8
LENGTH = 6


def tiny_encoder(folder: Path, seed: int = 0) -> Path:
    """model.onnx and tokenizer.json in a folder.

    Words of one field lie close together.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    table = rng.standard_normal((len(WORDS), DIMS)).astype(np.float32)
    table[3:5] = table[2] + 0.1 * table[3:5]
    table[6:8] = table[5] + 0.1 * table[6:8]
    save(_model(table), str(folder / "model.onnx"))
    (folder / "tokenizer.json").write_text(json.dumps(_tokenizer()), encoding="utf-8")
    return folder


def _model(table: np.ndarray) -> ModelProto:
    given = [
        helper.make_tensor_value_info(name, TensorProto.INT64, ["n", "t"]) for name in ("input_ids", "attention_mask")
    ]
    out = helper.make_tensor_value_info("last_hidden_state", TensorProto.FLOAT, ["n", "t", DIMS])
    nodes = [helper.make_node("Gather", ["table", "input_ids"], ["last_hidden_state"])]
    graph = helper.make_graph(nodes, "tiny", given, [out], [numpy_helper.from_array(table, "table")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    return model


def _tokenizer() -> dict[str, object]:
    return {
        "version": "1.0",
        "truncation": {"direction": "Right", "max_length": LENGTH, "strategy": "LongestFirst", "stride": 0},
        "padding": None,
        "added_tokens": [],
        "normalizer": {"type": "Lowercase"},
        "pre_tokenizer": {"type": "Whitespace"},
        "post_processor": None,
        "decoder": None,
        "model": {"type": "WordLevel", "vocab": {word: i for i, word in enumerate(WORDS)}, "unk_token": "[UNK]"},
    }
