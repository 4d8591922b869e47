"""A vocabulary for other languages: pieces of their words in place of English pieces that papers do not use.

The vocabulary of the model is English. Chinese characters are unknown to it, and words of other languages fall into
letters. New pieces are found by WordPiece (Schuster & Nakajima 2012). A new piece begins where names that mean the same
begin: the mean of its vector and of the others of a name is that of the English name (ridge regression).
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

WORDS = "embeddings.word_embeddings.weight"
PIECES = 12_000
"""Pieces of all languages in which new ones are looked for."""
FREQUENCY_MIN = 3
ENGLISH_USES = 5
"""A piece that papers would use as often is left out, so that English is read as before."""
RIDGE = 0.3


def extend(
    tokenizer: Tokenizer,
    weights: Mapping[str, jax.Array],
    translations: Sequence[tuple[str, str]],
    english: Sequence[str],
) -> tuple[Tokenizer, dict[str, jax.Array], np.ndarray]:
    """Return a tokenizer with new pieces, the weights with vectors for them, and their ids.

    Args:
        translations: an English text and the same in another language, each.
        english: texts that are read as before.
    """
    pieces = _pieces(tokenizer, [foreign for _, foreign in translations])
    free = _unused(tokenizer, [*english, *(text for text, _ in translations)])
    tried = _replaced(tokenizer, pieces, free)
    uses = _counts(tried, english)
    names = tried.get_vocab()
    rare = [piece for piece in pieces[: len(free)] if uses[names[piece]] < ENGLISH_USES]
    after = _replaced(tokenizer, rare, free)
    ids = np.array([after.get_vocab()[piece] for piece in rare])
    return after, _begun(after, weights, translations, ids), ids


def _pieces(tokenizer: Tokenizer, texts: Sequence[str]) -> list[str]:
    """Return pieces that the tokenizer lacks, the most frequent first."""
    made = Tokenizer(models.WordPiece(unk_token="[UNK]"))  # no password
    made.normalizer, made.pre_tokenizer = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(
        vocab_size=PIECES, min_frequency=FREQUENCY_MIN, special_tokens=["[UNK]"], show_progress=False
    )
    made.train_from_iterator(texts, trainer)
    known, names = tokenizer.get_vocab(), {n: piece for piece, n in made.get_vocab().items()}
    counts = _counts(made, texts)
    found = [names[n] for n, count in counts.most_common() if count >= FREQUENCY_MIN]
    return [piece for piece in found if piece not in known]


def _unused(tokenizer: Tokenizer, english: Sequence[str]) -> list[int]:
    """Return the ids of pieces that no text uses and that are no letters, the rarest in general English first."""
    seen = _counts(tokenizer, english)
    letters = {n for piece, n in tokenizer.get_vocab().items() if len(piece.removeprefix("##")) == 1}
    special = {n for n, token in tokenizer.get_added_tokens_decoder().items() if token.special}
    every = sorted(set(tokenizer.get_vocab().values()) - set(seen) - letters - special, reverse=True)
    unused = [n for n in every if str(tokenizer.id_to_token(n)).startswith("[unused")]
    return [*unused, *(n for n in every if n not in set(unused))]


def _replaced(tokenizer: Tokenizer, pieces: Iterable[str], free: Sequence[int]) -> Tokenizer:
    written = json.loads(tokenizer.to_str())
    by_id = {n: piece for piece, n in written["model"]["vocab"].items()}
    by_id |= dict(zip(free, pieces, strict=False))
    written["model"]["vocab"] = {piece: n for n, piece in sorted(by_id.items())}
    return Tokenizer.from_str(json.dumps(written))


def _counts(tokenizer: Tokenizer, texts: Sequence[str]) -> Counter[int]:
    return Counter(n for own in _ids(tokenizer, texts) for n in own)


def _ids(tokenizer: Tokenizer, texts: Sequence[str]) -> list[list[int]]:
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return [read.ids for read in tokenizer.encode_batch(list(texts), add_special_tokens=False)]


def _begun(
    tokenizer: Tokenizer,
    weights: Mapping[str, jax.Array],
    translations: Sequence[tuple[str, str]],
    ids: np.ndarray,
) -> dict[str, jax.Array]:
    """Return the weights with the vectors of new pieces that bring translations nearest to the English."""
    vectors = np.array(weights[WORDS])
    column = {n: place for place, n in enumerate(ids.tolist())}
    shares = np.zeros((len(translations), len(ids)), dtype=np.float32)
    missing = np.zeros((len(translations), vectors.shape[1]), dtype=np.float32)
    both = [_ids(tokenizer, texts) for texts in zip(*translations, strict=True)]
    for row, (own, read) in enumerate(zip(*both, strict=True)):
        if not own or not read:
            continue
        missing[row] = vectors[own].mean(axis=0)
        for n in read:
            if n in column:
                shares[row, column[n]] += 1 / len(read)
            else:
                missing[row] -= vectors[n] / len(read)
    kept = shares.any(axis=1)
    shares, missing = shares[kept], missing[kept]
    mean = vectors.mean(axis=0)
    missing -= shares.sum(axis=1, keepdims=True) * mean
    normal = shares.T @ shares + RIDGE * np.eye(len(ids), dtype=np.float32)
    vectors[ids] = mean + np.linalg.solve(normal, shares.T @ missing)
    return {**weights, WORDS: jnp.asarray(vectors)}
