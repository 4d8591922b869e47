"""Test the training of the encoder on a model with few weights."""

from pathlib import Path

import jax.numpy as jnp
import numpy as np
import onnxruntime  # noqa: TID251  # `bert` has turned its telemetry off
import pytest
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from tests.fitting import bert
from tests.fitting.encoder import Lessons, Recipe, encode, train
from tests.fitting.labels import WANTED, Names, Reading, Text
from tests.fitting.vocabulary import WORDS, extend

WIDTH, WIDE = 24, 48
SUBJECTS = (("bees", "honey", "hive", "nectar"), ("comets", "orbit", "tail", "nucleus"))
FILLERS = ("we", "study", "new", "method", "data", "result")


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    words = ["[PAD]", "[UNK]", *FILLERS, *(word for subject in SUBJECTS for word in subject)]
    made = Tokenizer(models.WordLevel({word: n for n, word in enumerate(words)}, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    return made


@pytest.fixture(scope="module")
def weights() -> dict[str, bert.Array]:
    random = np.random.default_rng(1)
    shapes: dict[str, tuple[int, ...]] = {
        "embeddings.word_embeddings.weight": (20, WIDTH),
        "embeddings.position_embeddings.weight": (160, WIDTH),
        "embeddings.token_type_embeddings.weight": (2, WIDTH),
    }
    for n in range(bert.LAYERS):
        layer = f"encoder.layer.{n}"
        for part in ("attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense"):
            shapes |= {f"{layer}.{part}.weight": (WIDTH, WIDTH), f"{layer}.{part}.bias": (WIDTH,)}
        shapes |= {f"{layer}.intermediate.dense.weight": (WIDE, WIDTH), f"{layer}.intermediate.dense.bias": (WIDE,)}
        shapes |= {f"{layer}.output.dense.weight": (WIDTH, WIDE), f"{layer}.output.dense.bias": (WIDTH,)}
    made = {name: jnp.asarray(random.normal(0, 0.2, shape).astype(np.float32)) for name, shape in shapes.items()}
    norms = ["embeddings.LayerNorm"]
    for part in ("attention.output", "output"):
        norms += [f"encoder.layer.{n}.{part}.LayerNorm" for n in range(bert.LAYERS)]
    return made | {f"{n}.weight": jnp.ones(WIDTH) for n in norms} | {f"{n}.bias": jnp.zeros(WIDTH) for n in norms}


def test_export_computes_what_was_trained(weights: dict[str, bert.Array], tmp_path: Path) -> None:
    ids = np.array([[2, 3, 9, 12, 0, 0], [5, 6, 7, 8, 9, 10]])
    bert.export(weights, tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    mask = (ids > 0).astype(np.int64)
    [states] = session.run(None, {"input_ids": ids, "attention_mask": mask})
    mean = (states * mask[:, :, None]).sum(axis=1)
    exported = mean / np.linalg.norm(mean, axis=1, keepdims=True)
    expected = np.asarray(bert.pool(weights, ids, bert.embed(weights, ids, 0), 0))
    assert np.vecdot(exported, expected) == pytest.approx(1, abs=0.05)  # 8 bits of few weights are coarse


def test_vocabulary_gets_pieces_of_other_languages() -> None:
    english = ["bees dance", "honey of bees", "comets orbit"] * 6
    known = ["[PAD]", "[UNK]", "bees", "dance", "honey", "of", "comets", "orbit", *(f"[unused{n}]" for n in range(20))]
    tokenizer = Tokenizer(models.WordPiece({word: n for n, word in enumerate(known)}, unk_token="[UNK]"))
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()
    vectors = np.random.default_rng(3).normal(0, 1, (len(known), WIDTH)).astype(np.float32)
    translations = [("bees", "bienen"), ("honey", "honig"), ("comets", "蜂")] * 4
    after, weights, new = extend(tokenizer, {WORDS: jnp.asarray(vectors)}, translations, english)
    assert [after.encode(text).ids for text in english] == [tokenizer.encode(text).ids for text in english]
    assert "[UNK]" not in after.encode("bienen 蜂").tokens
    found = np.asarray(weights[WORDS])
    changed = np.flatnonzero((found != vectors).any(axis=1))
    assert set(changed) == set(new)
    own, other = (found[after.encode(text).ids].mean(axis=0) for text in ("bienen", "蜂"))
    assert own @ vectors[2] > other @ vectors[2]


def test_training_brings_topics_to_their_papers(weights: dict[str, bert.Array], tokenizer: Tokenizer) -> None:
    random = np.random.default_rng(2)
    texts: dict[str, Text] = {}
    for n in range(48):
        own = [str(word) for word in random.choice(SUBJECTS[n % 2][1:], 4)]
        texts[str(n)] = Text(own[0], " ".join([*own, *map(str, random.choice(FILLERS, 6))]))
    readings = [
        Reading(name, "train", "short", "day", {"en": [name]}, (), {str(n): WANTED for n in range(s, 48, 2)}, True)
        for s, (name, *_) in enumerate(SUBJECTS)
    ]
    liked = [[texts[str(n)].both for n in range(s, 48, 2)] for s in (0, 1)]
    asked = {str(n): [[SUBJECTS[n % 2][0]]] for n in range(48)}
    names = [Names((name, other), (*others,)) for name, other, *others in SUBJECTS]
    lessons = Lessons(readings, {"day": texts}, asked, names, liked)
    after = train(weights, tokenizer, np.array([0]), lessons, Recipe(60, 3, 3e-3))
    assert _margin(after, tokenizer, texts) > max(0.2, 2 * _margin(weights, tokenizer, texts))


def _margin(weights: bert.Weights, tokenizer: Tokenizer, texts: dict[str, Text]) -> float:
    """Return how much nearer a topic is to its own papers than to others."""
    topics = encode(weights, tokenizer, [name for name, *_ in SUBJECTS])
    cosines = topics @ encode(weights, tokenizer, [text.both for text in texts.values()]).T
    own = np.arange(len(texts)) % 2 == np.arange(2)[:, None]
    return float(cosines[own].mean() - cosines[~own].mean())
