"""Read the labelled abstracts that gists are trained and measured on: CSAbstruct and SciTLDR."""

import gzip
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class LabelledAbstract:
    """Sentences with the role that annotators gave them; `agreement` is the mean of their confidence."""

    sentences: Sequence[str]
    labels: Sequence[str]
    agreement: float


@dataclass(frozen=True, slots=True)
class SummarisedAbstract:
    """Sentences with their ROUGE-1, -2 and -L against the summaries of the paper, (sentences, 3)."""

    title: str
    sentences: Sequence[str]
    rouge: NDArray[np.float64]


def read_labelled(file: Path) -> list[LabelledAbstract]:
    """Return the abstracts of a split of CSAbstruct."""
    return [LabelledAbstract(one["sentences"], one["labels"], float(np.mean(one["confs"]))) for one in _records(file)]


def read_summarised(file: Path) -> list[SummarisedAbstract]:
    """Return the abstracts of a split of SciTLDR."""
    return [
        SummarisedAbstract(one["title"], one["source"], np.array([one["r1"], one["r2"], one["rl"]]).T)
        for one in _records(file)
    ]


def is_summarised(file: Path) -> bool:
    """Return True for a split of SciTLDR."""
    return "r1" in _records(file)[0]


def _records(file: Path) -> list[Any]:
    content = file.read_bytes()
    text = gzip.decompress(content) if file.suffix == ".gz" else content
    return [json.loads(line) for line in text.splitlines()]
