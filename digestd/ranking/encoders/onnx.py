"""Sentence encoders in ONNX format: the built-in MiniLM, or any from a folder.

A folder holds `model.onnx` and `tokenizer.json`, as sentence-transformers
(https://sbert.net/docs/package_reference/util.html) and `optimum-cli export onnx` write them. Vectors are the mean of
the token vectors under the attention mask, or the first token's if `1_Pooling/config.json` says so, or what the model
itself pools, scaled to length 1.

The built-in model is sentence-transformers/all-MiniLM-L6-v2 (Wang et al. 2020, arXiv:2002.10957; Reimers & Gurevych
2019, arXiv:1908.10084), trained further and quantised to 8 bits by `tests/fitting`; see deploy/docs/encoder.md.
"""

import json
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np
import onnxruntime  # noqa: TID251  # this package has turned its telemetry off
from tokenizers import Encoding, Tokenizer
from tokenizers.implementations.bert_wordpiece import BertWordPieceTokenizer

from digestd.errors import BadSetting
from digestd.ranking.arrays import Floats
from digestd.ranking.encoders import NONE, SETTING
from digestd.ranking.model import unit

LONGEST = 128
"""Tokens read of a text at most. 256 take twice the time and measured no better in fusion."""
BATCH = 512
"""Tokens, padding included, that go through the model at a time. More take memory and save no time."""
FILLED = 0.75
"""Share of the longest text that the others of a batch have at least: padding takes as long as words."""


@dataclass(frozen=True, slots=True, eq=False)
class OnnxEncoder:
    """One model in memory.

    `first_token`: its vector is the text's, instead of the mean.
    """

    version: str
    dims: int
    session: onnxruntime.InferenceSession
    tokenizer: Tokenizer | BertWordPieceTokenizer
    first_token: bool

    def encode(self, texts: Sequence[str]) -> Floats:
        """Return unit vectors (n, e). Texts are batched by length to save padding."""
        read = self.tokenizer.encode_batch([text or " " for text in texts])
        order = sorted(range(len(read)), key=lambda i: len(read[i].ids))
        out = np.zeros((len(read), self.dims), dtype=np.float32)
        lengths = [len(read[i].ids) for i in order]
        while lengths:
            longest = max(1, lengths[-1])
            start = max(len(lengths) - max(1, BATCH // longest), bisect_left(lengths, FILLED * lengths[-1]))
            batch = order[start:]
            del order[start:], lengths[start:]
            out[batch] = self._vectors([read[i] for i in batch])
        return unit(np.where(np.isfinite(out).all(axis=1, keepdims=True), out, 0))

    def _vectors(self, read: Sequence[Encoding]) -> Floats:
        longest = max(1, *(len(one.ids) for one in read))
        given = {
            "input_ids": _padded([one.ids for one in read], longest),
            "attention_mask": _padded([one.attention_mask for one in read], longest),
            "token_type_ids": _padded([one.type_ids for one in read], longest),
        }
        wanted = {one.name for one in self.session.get_inputs()}
        answers = self.session.run(None, {name: value for name, value in given.items() if name in wanted})
        pooled = [answer for answer in answers if answer.ndim == 2 and answer.shape[1] == self.dims]
        if pooled:
            return np.asarray(pooled[-1], dtype=np.float32)
        tokens = np.asarray(answers[0], dtype=np.float32)
        if self.first_token:
            return np.asarray(tokens[:, 0])
        mask = given["attention_mask"][:, :, None].astype(np.float32)
        summed = (tokens * mask).sum(axis=1)
        mean: Floats = (summed / np.maximum(mask.sum(axis=1), 1)).astype(np.float32, copy=False)
        return mean


def open_minilm(version: str, threads: int = 2) -> OnnxEncoder:
    """Load the built-in model. Raises BadSetting if its files are damaged."""
    with as_file(files(__package__) / "minilm") as folder:
        try:
            tokenizer = BertWordPieceTokenizer(str(folder / "vocab.txt"), lowercase=True)
            session = _session(folder / "model.onnx", threads)
        except Exception as error:  # neither library names its own errors
            remedy = f"install digestd again, or set {NONE}"
            raise BadSetting(f"{SETTING}: cannot read the built-in model: {str(error)[:200]}; {remedy}") from error
        tokenizer.enable_truncation(LONGEST)
        return OnnxEncoder(version, _dims(session, folder), session, tokenizer, first_token=False)


def open_folder(folder: Path, threads: int = 2) -> OnnxEncoder:
    """Load a model from its two files. Raises BadSetting for what is no such model."""
    files = [folder / "model.onnx", folder / "tokenizer.json"]
    digest = sha256(b"".join(sha256(file.read_bytes()).digest() for file in files)).hexdigest()
    try:
        session = _session(files[0], threads)
        tokenizer = _tokenizer(files[1], folder)
    except Exception as error:  # neither library names its own errors
        raise BadSetting(f"{SETTING}: cannot read the model in {folder}: {str(error)[:200]}") from error
    return OnnxEncoder(
        version=f"{folder.name[:40]}:{digest[:16]}",
        dims=_dims(session, folder),
        session=session,
        tokenizer=tokenizer,
        first_token=bool(_config(folder / "1_Pooling" / "config.json").get("pooling_mode_cls_token")),
    )


def _session(file: Path, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False  # it never gives back what the longest batch took
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # others need the cores as well
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])


def _tokenizer(file: Path, folder: Path) -> Tokenizer:
    tokenizer = Tokenizer.from_file(str(file))
    lengths = [
        (tokenizer.truncation or {}).get("max_length"),
        _config(folder / "sentence_bert_config.json").get("max_seq_length"),
        _config(folder / "config.json").get("max_position_embeddings"),
    ]
    known = [length for length in lengths if isinstance(length, int) and length > 0]
    tokenizer.enable_truncation(min([LONGEST, *known[:1]]))
    tokenizer.no_padding()
    return tokenizer


def _dims(session: onnxruntime.InferenceSession, folder: Path) -> int:
    """Return the length of a vector, as the outputs declare it or else measured on one text."""
    sizes = [one.shape[-1] for one in session.get_outputs() if len(one.shape) in {2, 3}]
    declared = [size for size in sizes if isinstance(size, int)]
    hidden = _config(folder / "config.json").get("hidden_size")
    if declared:
        return declared[-1]
    if isinstance(hidden, int):
        return hidden
    raise BadSetting(f"{SETTING}: {folder / 'model.onnx'} does not say how long its vectors are; add its config.json")


def _config(file: Path) -> dict[str, object]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _padded(rows: Sequence[Sequence[int]], width: int) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    out = np.zeros((len(rows), width), dtype=np.int64)
    for i, row in enumerate(rows):
        out[i, : len(row)] = row
    return out
