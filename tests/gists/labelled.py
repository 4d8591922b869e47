"""Read the labelled abstracts that gists are trained and measured on: CSAbstruct, SciTLDR, and our own labels.

Our labels are kept without any text: `read.txt` says of the sentences of 282 abstracts, by reading, which name the
contribution (`c`, the best first), the result (`r`; `v` if vaguely) and which need the one before them (`n`).
`traits.txt.gz` has the traits of the sentences of 6,000 abstracts, one sign of base 32 for each sentence, the lowest
bit first; they were told by rules that the model has replaced.
"""

import gzip
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from digestd.gists.roles import NEEDS, TRAITS
from digestd.gists.sentences import split_sentences
from digestd.text.sanitise import clean
from digestd.text.tex import to_plain

OTHER_CONTRIBUTION, VAGUE_RESULT = 0.6, 0.4
"""What a sentence counts that names the contribution not best, or the result only vaguely."""


_HERE = Path(__file__).parent


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


@dataclass(frozen=True, slots=True)
class ReadAbstract:
    """Sentences with our labels.

    Attributes:
        naming: How well each names contribution and result, (sentences, 2).
        traits: See `digestd.gists.roles.TRAITS`, (sentences, traits).
    """

    id: str
    title: str
    sentences: Sequence[str]
    naming: NDArray[np.float64]
    traits: NDArray[np.float64]


def read_read(papers: Sequence[Path]) -> list[ReadAbstract]:
    """Return the abstracts that were labelled by reading, of papers in these files."""
    labels = dict(line.split(" ", 1) for line in (_HERE / "read.txt").read_text().splitlines())
    found = list[ReadAbstract]()
    for name, title, sentences in _abstracts(papers, labels):
        naming, traits = np.zeros((len(sentences), 2)), np.zeros((len(sentences), len(TRAITS)))
        marks = {mark: [int(place) for place in places.split(",") if place] for mark, _, places in (
            part.partition("=") for part in labels[name].split())}  # fmt: skip
        naming[marks["v"], 1] = VAGUE_RESULT
        naming[marks["r"], 1] = 1
        naming[marks["c"], 0] = [1, *[OTHER_CONTRIBUTION] * (len(marks["c"]) - 1)]
        traits[marks["n"], NEEDS] = 1
        found.append(ReadAbstract(name, title, sentences, naming, traits))
    return found


def read_traits(papers: Sequence[Path]) -> list[ReadAbstract]:
    """Return the abstracts whose traits rules told; those that are split otherwise now are left out."""
    lines = gzip.decompress((_HERE / "traits.txt.gz").read_bytes()).decode().splitlines()
    labels = dict(line.split() for line in lines)
    bits = 1 << np.arange(len(TRAITS))
    found = list[ReadAbstract]()
    for name, title, sentences in _abstracts(papers, labels):
        if len(sentences) == len(labels[name]):
            traits = np.array([int(sign, 32) & bits for sign in labels[name]]) > 0
            found.append(ReadAbstract(name, title, sentences, np.zeros((0, 2)), traits.astype(np.float64)))
    return found


def _abstracts(papers: Sequence[Path], wanted: dict[str, str]) -> Iterator[tuple[str, str, list[str]]]:
    """Yield the id, title and sentences of the wanted papers, each once."""
    seen = set[str]()
    for paper in (paper for file in papers for paper in _records(file)):
        if paper["id"] in wanted and paper["id"] not in seen:
            seen.add(paper["id"])
            sentences = split_sentences(clean(to_plain(paper["abstract"])))
            yield paper["id"], to_plain(paper["title"]), [sentence.text for sentence in sentences]


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
