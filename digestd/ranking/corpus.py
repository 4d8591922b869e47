"""A corpus: texts as numbered stems, read as a stream, at 4 bytes per word."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice

import numpy as np
from numpy.typing import NDArray

from digestd.ranking.text import stems, words

CHUNK = 2_000
"""Texts held as words at a time."""
Numbers = NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class Corpus:
    """n texts with T stems in total.

    Attributes:
        names: The stem of each number.
        stems: (T,) stem numbers, text after text.
        ends: (n + 1,) offsets at which texts start and end.
        heads: (n,) number of leading stems that belong to the title.
    """

    names: Sequence[str]
    stems: Numbers
    ends: NDArray[np.int64]
    heads: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.heads)

    def titles(self, rows: NDArray[np.int64]) -> "Corpus":
        """Return the titles of these texts as a corpus."""
        lengths = self.heads[rows]
        ends = np.concatenate([[0], np.cumsum(lengths)])
        places = np.arange(ends[-1]) + np.repeat(self.ends[rows] - ends[:-1], lengths)
        return Corpus(self.names, self.stems[places], ends, lengths)


def read_corpus(texts: Iterable[str]) -> Corpus:
    """Read texts that start with their titles. Stems are numbered in order of first appearance."""
    reader = _Reader()
    parts = [reader.read(chunk) for chunk in _chunks(texts)]
    none = np.zeros(0, dtype=np.int64)
    lengths, heads = (np.concatenate([none, *(part[place] for part in parts)]) for place in (1, 2))
    return Corpus(
        names=list(reader.names),
        stems=np.concatenate([none.astype(np.int32), *(part[0] for part in parts)]),
        ends=np.concatenate([[0], np.cumsum(lengths)]),
        heads=heads,
    )


def title(text: str) -> str:
    """Return the first sentence: a paper's text starts with its title."""
    return text.partition(". ")[0]


class _Reader:
    """The words seen so far: `surfaces` numbers them, `starts` says where the stems of each begin."""

    def __init__(self) -> None:
        self.names: dict[str, int] = {}
        self.surfaces: dict[str, int] = {}
        self.starts = [0]
        self.stems: list[int] = []

    def read(self, texts: Sequence[str]) -> tuple[Numbers, NDArray[np.int64], NDArray[np.int64]]:
        """Return the stem numbers of these texts, the length of each text, and the length of each title."""
        rows = [words(text) for text in texts]
        heads = [len(words(title(text))) for text in texts]
        self._learn(dict.fromkeys(chain.from_iterable(rows)))
        count = sum(map(len, rows))
        numbers = np.fromiter(map(self.surfaces.__getitem__, chain.from_iterable(rows)), np.int64, count)
        starts, known = np.array(self.starts), np.array(self.stems, dtype=np.int32)
        each = starts[numbers + 1] - starts[numbers]
        before = np.concatenate([[0], np.cumsum(each)])
        places = np.arange(before[-1]) + np.repeat(starts[numbers] - before[:-1], each)
        begins = np.cumsum([0, *map(len, rows)])
        return known[places], np.diff(before[begins]), before[begins[:-1] + heads] - before[begins[:-1]]

    def _learn(self, found: Iterable[str]) -> None:
        new = [word for word in found if word not in self.surfaces]
        for word, parts in stems(new).items():
            self.surfaces[word] = len(self.surfaces)
            self.stems.extend(self.names.setdefault(stem, len(self.names)) for stem in parts)
            self.starts.append(len(self.stems))


def _chunks(texts: Iterable[str]) -> Iterator[list[str]]:
    stream = iter(texts)
    while chunk := list(islice(stream, CHUNK)):
        yield chunk
