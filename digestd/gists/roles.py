"""Classify the role of each sentence of an abstract, and score it.

A linear-chain CRF over five roles has been fitted to CSAbstruct (Cohan et al., EMNLP 2019). Its features are the words
of a sentence, pairs of words, beginning, length and place, and the beginnings of its neighbours; `probabilities`
returns the marginals of the forward-backward algorithm (Rabiner 1989). Logistic regressions on the words
predict the traits of a sentence. `python -m tests.gists.train` fits all of them; see NOTICE.
"""

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import as_file, files
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from digestd.gists.sentences import ROLES
from digestd.gists.standing import TEXTS

Floats = NDArray[np.float64]
KEY_BITS = 24
MODEL = "model.npz"
_TOKEN = re.compile(r"[a-z]+(?:[-'][a-z]+)*|\d+(?:\.\d+)?|[%:;()?]")
_TEXT = "paper"
"""The token for each kind of text after "this"."""
_BEGINNING = 3
_NEIGHBOUR_BEGINNING = 4
_COUNT_MAX = 12
TRAITS = NEEDS, UNWANTED, EMPTY, CONCRETE, ANNOUNCING = range(5)
"""Traits of a sentence: it needs the one before it; it is on code, hopes or the text; it tells what was tried, praises
or promises; it tells a result with figures, a comparison or a finding; it announces the work."""


@dataclass(frozen=True, slots=True)
class GistModel:
    """The weights that ship with digestd.

    Attributes:
        rows: The row of `weights` for the key of a feature.
        weights: (features, roles and traits).
        transitions: (roles, roles), from the row's role to the column's.
        bias: Of the traits.
        choice: The weights of `digestd.gists.choice.features`, for the choice of one sentence.
        naming: Those for the probability that a sentence names the contribution, and the result, (features + 1, 2).
    """

    rows: dict[int, int]
    weights: Floats
    transitions: Floats
    bias: Floats
    choice: Floats
    naming: Floats

    def scores(self, sentences: Sequence[str], leanings: Sequence[Sequence[str]] = ()) -> Floats:
        """Return the score of each role and trait for each sentence, (sentences, roles and traits).

        Args:
            sentences: The sentences of an abstract; as they are shown, for their traits.
            leanings: What `digestd.gists.standing.leanings` tells of them.
        """
        found = np.zeros((len(sentences), self.weights.shape[1]))
        for place, names in enumerate(sentence_features(sentences, leanings)):
            known = [row for name in names if (row := self.rows.get(key(name))) is not None]
            found[place] = self.weights[known].sum(axis=0)
        return found

    def judge(self, sentences: Sequence[str], leanings: Sequence[Sequence[str]]) -> tuple[Floats, Floats]:
        """Return the probabilities of roles and of traits, (sentences, roles) and (sentences, traits)."""
        scores = self.scores(sentences, leanings)
        return self.probabilities(scores[:, : len(ROLES)]), logistic(scores[:, len(ROLES) :] + self.bias)

    def named(self, features: Floats) -> Floats:
        """Return the probabilities that each sentence names the contribution, and the result, (sentences, 2)."""
        return logistic(features @ self.naming[:-1] + self.naming[-1])

    def probabilities(self, scores: Floats) -> Floats:
        """Return the probability of each role for each sentence from its scores, (sentences, roles)."""
        forward, backward = scores.copy(), np.zeros_like(scores)
        for place in range(1, len(scores)):
            forward[place] += np.logaddexp.reduce(forward[place - 1][:, None] + self.transitions, axis=0)
        for place in range(len(scores) - 2, -1, -1):
            following = scores[place + 1] + backward[place + 1]
            backward[place] = np.logaddexp.reduce(self.transitions + following, axis=1)
        joint = forward + backward
        joint -= joint.max(axis=1, keepdims=True)
        found: Floats = np.exp(joint)
        found /= found.sum(axis=1, keepdims=True)
        return found

    def roles(self, sentences: Sequence[str]) -> list[str]:
        """Return the most probable sequence of roles (Viterbi)."""
        scores = self.scores(sentences)[:, : len(ROLES)]
        best, back = scores[0], []
        for emission in scores[1:]:
            ways = best[:, None] + self.transitions
            back.append(ways.argmax(axis=0))
            best = ways.max(axis=0) + emission
        path = [int(best.argmax())]
        for step in reversed(back):
            path.append(int(step[path[-1]]))
        return [ROLES[role] for role in reversed(path)]


@cache
def load_model() -> GistModel:
    """Return the model that ships with digestd."""
    with as_file(files(__package__).joinpath(MODEL)) as path:
        return read_model(path)


def read_model(path: Path) -> GistModel:
    """Return the model of a file that `python -m tests.gists.train` wrote."""
    with np.load(path) as arrays:
        keys = np.cumsum(arrays["gaps"].astype(np.int64))
        return GistModel(
            rows={int(name): row for row, name in enumerate(keys)},
            weights=arrays["weights"] * arrays["scale"].astype(np.float64),
            **{name: arrays[name].astype(np.float64) for name in ("transitions", "bias", "choice", "naming")},
        )


def logistic(scores: Floats) -> Floats:
    found: Floats = 1 / (1 + np.exp(-np.clip(scores, -500, 500)))  # an odd sentence scores without bounds
    return found


@lru_cache(maxsize=65_536)  # most features are common to many sentences
def key(feature: str) -> int:
    return zlib.crc32(feature.encode()) >> (32 - KEY_BITS)


def tokens(sentence: str) -> list[str]:
    """Return the words in lower case, numbers as 0, and some signs; "this letter" and its like as "this paper"."""
    found = ["0" if token[0].isdigit() else token for token in _TOKEN.findall(sentence.lower())]
    return [
        _TEXT if token in TEXTS and "this" in found[max(0, place - 2) : place] else token
        for place, token in enumerate(found)
    ]


def sentence_features(sentences: Sequence[str], leanings: Sequence[Sequence[str]] = ()) -> list[list[str]]:
    """Return the names of the features of each sentence: those of the traits, then of its place and neighbours."""
    texts = [tokens(sentence) for sentence in sentences]
    found = [own_features(text, place) for place, text in enumerate(texts)]
    for place, leaning in enumerate(leanings):
        found[place] += leaning
    return [own + _place(place, len(texts)) + _neighbours(texts, place) for place, own in enumerate(found)]


def own_features(text: Sequence[str], place: int) -> list[str]:
    """Return the names of the features of a sentence without the others, from its tokens."""
    words = [f"w {word}" for word in sorted(set(text))]
    pairs = [f"b {one} {other}" for one, other in sorted(set(pairwise(["<s>", *text, "</s>"])))]
    beginning = [f"s{place} {word}" for place, word in enumerate(text[:_BEGINNING])]
    whole = [f"len {min(len(text) // 6, 9)}", f"t {' '.join(text[:3])}", f"last {text[-1] if text else ''}"]
    return [*words, *pairs, *beginning, *whole, *(["first"] if not place else [])]


def _place(place: int, count: int) -> list[str]:
    found = [f"i {min(place, 6)}", f"e {min(count - 1 - place, 6)}", f"r {10 * place // count}"]
    return [*found, f"n{min(count, _COUNT_MAX)} {place}", "bias", *(["only"] if count == 1 else [])]


def _neighbours(texts: list[list[str]], place: int) -> list[str]:
    found: list[str] = []
    for name, other in (("p", place - 1), ("n", place + 1)):
        if 0 <= other < len(texts):
            found += [f"{name} {word}" for word in texts[other][:_NEIGHBOUR_BEGINNING]]
            found.append(f"{name}b {' '.join(texts[other][:2])}")
    return found
