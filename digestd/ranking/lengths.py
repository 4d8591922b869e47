"""Lengths of titles and abstracts: they differ between kinds of papers, such as letters, reviews and benchmarks."""

from collections.abc import Iterable

import numpy as np

from digestd.ranking.arrays import Floats


def lengths(title: str, text: str) -> tuple[int, int]:
    """Return the number of characters of the title and of the rest of the text."""
    return len(title), len(text) - len(title)


def table(found: Iterable[tuple[int, int]]) -> Floats:
    """Return lengths as rows (n, 2)."""
    return np.array(list(found), dtype=np.float32).reshape(-1, 2)
