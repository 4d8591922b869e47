"""Tell what each sentence of an abstract is for: a linear-chain CRF over five roles.

The features of a sentence are its words, pairs of words, beginning, length and place, and the beginnings of its
neighbours. Their weights were fitted to CSAbstruct (Cohan et al., EMNLP 2019) by `python -m tests.gists.train`; see
NOTICE. `probabilities` returns the marginals of the forward-backward algorithm (Rabiner 1989).
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

Floats = NDArray[np.float64]
KEY_BITS = 24
MODEL = "model.npz"
_TOKEN = re.compile(r"[a-z]+(?:[-'][a-z]+)*|\d+(?:\.\d+)?|[%:;()?]")
_BEGINNING = 3
_NEIGHBOUR_BEGINNING = 4
_COUNT_MAX = 12


@dataclass(frozen=True, slots=True)
class GistModel:
    """The weights that ship with digestd.

    Attributes:
        rows: The row of `weights` for the key of a feature.
        weights: (features, roles).
        transitions: (roles, roles), from the row's role to the column's.
        choice: The weights of `digestd.gists.choice.features`.
    """

    rows: dict[int, int]
    weights: Floats
    transitions: Floats
    choice: Floats

    def emissions(self, sentences: Sequence[str]) -> Floats:
        """Return the score of each role for each sentence, (sentences, roles)."""
        scores = np.zeros((len(sentences), len(ROLES)))
        for place, names in enumerate(sentence_features(sentences)):
            known = [row for name in names if (row := self.rows.get(key(name))) is not None]
            scores[place] = self.weights[known].sum(axis=0)
        return scores

    def probabilities(self, sentences: Sequence[str]) -> Floats:
        """Return the probability of each role for each sentence, (sentences, roles)."""
        scores, count = self.emissions(sentences), len(sentences)
        forward, backward = scores.copy(), np.zeros_like(scores)
        for place in range(1, count):
            forward[place] += np.logaddexp.reduce(forward[place - 1][:, None] + self.transitions, axis=0)
        for place in range(count - 2, -1, -1):
            following = scores[place + 1] + backward[place + 1]
            backward[place] = np.logaddexp.reduce(self.transitions + following, axis=1)
        joint = forward + backward
        joint -= joint.max(axis=1, keepdims=True)
        found: Floats = np.exp(joint)
        found /= found.sum(axis=1, keepdims=True)
        return found

    def roles(self, sentences: Sequence[str]) -> list[str]:
        """Return the most probable sequence of roles (Viterbi)."""
        scores = self.emissions(sentences)
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
            weights=arrays["weights"] * float(arrays["scale"]),
            transitions=arrays["transitions"].astype(np.float64),
            choice=arrays["choice"].astype(np.float64),
        )


@lru_cache(maxsize=65_536)  # most features are common to many sentences
def key(feature: str) -> int:
    return zlib.crc32(feature.encode()) >> (32 - KEY_BITS)


def tokens(sentence: str) -> list[str]:
    """Return the words in lower case, numbers as 0, and some signs."""
    return ["0" if token[0].isdigit() else token for token in _TOKEN.findall(sentence.lower())]


def sentence_features(sentences: Sequence[str]) -> list[list[str]]:
    texts = [tokens(sentence) for sentence in sentences]
    return [_own(text) + _place(place, len(texts)) + _neighbours(texts, place) for place, text in enumerate(texts)]


def _own(text: list[str]) -> list[str]:
    words = [f"w {word}" for word in sorted(set(text))]
    pairs = [f"b {one} {other}" for one, other in sorted(set(pairwise(["<s>", *text, "</s>"])))]
    beginning = [f"s{place} {word}" for place, word in enumerate(text[:_BEGINNING])]
    return [*words, *pairs, *beginning, f"len {min(len(text) // 6, 9)}"]


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
