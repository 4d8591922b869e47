"""Lengths: how long titles and abstracts are, by which kinds of papers differ: a letter from a review, a case report
from a benchmark, a field that writes abstracts by sections from one that does not."""

from collections.abc import Iterable

import numpy as np

from digestd.ranking.arrays import Floats


def lengths(title: str, text: str) -> tuple[int, int]:
    """In characters, of the title and of what comes after it."""
    return len(title), len(text) - len(title)


def table(found: Iterable[tuple[int, int]]) -> Floats:
    """Lengths as rows (n, 2)."""
    return np.array(list(found), dtype=np.float32).reshape(-1, 2)
