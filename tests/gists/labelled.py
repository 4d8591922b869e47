"""Read the labels that gists are trained and measured on: our own, without any text, and CSAbstruct.

`read.txt` says of the sentences of abstracts, by reading, which name the contribution (`c`, the best first), the
result (`r`; `v` if vaguely) and which need the one before them (`n`). `judged.txt.gz` has four octal digits for each
sentence of 6,000 abstracts: the chances of its traits, in sevenths, as an earlier model judged them that was fitted to
CSAbstruct, SciTLDR and rules.
"""

import gzip
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from digestd.gists.model import NEEDS, NEW, OUT, TRAITS
from digestd.gists.sentences import split_sentences
from digestd.text.sanitise import clean
from digestd.text.tex import to_plain

OTHER_CONTRIBUTION, VAGUE_RESULT = 0.6, 0.3
"""What a sentence counts that names the contribution not best, or the result only vaguely."""
READ = (NEW, OUT, NEEDS)
"""The traits that were labelled by reading."""
_HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class LabelledAbstract:
    """The sentences of an abstract with the chances of their traits, (sentences, traits)."""

    title: str
    sentences: Sequence[str]
    traits: NDArray[np.float64]


def read_read(papers: Sequence[Path]) -> list[LabelledAbstract]:
    """Return the abstracts that were labelled by reading, of papers in these files."""
    labels = dict(line.split(" ", 1) for line in (_HERE / "read.txt").read_text().splitlines())
    found = list[LabelledAbstract]()
    for name, title, sentences in _abstracts(papers, labels):
        traits = np.zeros((len(sentences), len(TRAITS)))
        marks = {mark: [int(place) for place in places.split(",") if place] for mark, _, places in (
            part.partition("=") for part in labels[name].split())}  # fmt: skip
        traits[marks["v"], OUT] = VAGUE_RESULT
        traits[marks["r"], OUT] = 1
        traits[marks["c"], NEW] = [1, *[OTHER_CONTRIBUTION] * (len(marks["c"]) - 1)]
        traits[marks["n"], NEEDS] = 1
        found.append(LabelledAbstract(title, sentences, traits))
    return found


def read_judged(papers: Sequence[Path]) -> list[LabelledAbstract]:
    """Return the abstracts that a model judged; those that are split otherwise now are left out."""
    lines = gzip.decompress((_HERE / "judged.txt.gz").read_bytes()).decode().splitlines()
    labels = dict(line.split() for line in lines)
    found = list[LabelledAbstract]()
    for name, title, sentences in _abstracts(papers, labels):
        if len(sentences) * len(TRAITS) == len(labels[name]):
            digits = np.array([int(digit) for digit in labels[name]]).reshape(-1, len(TRAITS))
            found.append(LabelledAbstract(title, sentences, digits / 7))
    return found


def read_csabstruct(file: Path) -> list[LabelledAbstract]:
    """Return the abstracts of a split of CSAbstruct, without titles: objectives and methods count as contribution."""
    found = list[LabelledAbstract]()
    for one in records(file):
        traits = np.zeros((len(one["labels"]), len(TRAITS)))
        traits[:, NEW] = [label in ("objective", "method") for label in one["labels"]]
        traits[:, OUT] = [label == "result" for label in one["labels"]]
        found.append(LabelledAbstract("", one["sentences"], traits))
    return found


def _abstracts(papers: Sequence[Path], wanted: dict[str, str]) -> Iterator[tuple[str, str, list[str]]]:
    """Yield the id, title and sentences of the wanted papers, each once."""
    seen = set[str]()
    for paper in (paper for file in papers for paper in records(file)):
        if paper["id"] in wanted and paper["id"] not in seen:
            seen.add(paper["id"])
            sentences = split_sentences(clean(to_plain(paper["abstract"])))
            yield paper["id"], to_plain(paper["title"]), [sentence.text for sentence in sentences]


def records(file: Path) -> list[Any]:
    """Return the records of a file in JSON lines, which may be compressed."""
    content = file.read_bytes()
    text = gzip.decompress(content) if file.suffix == ".gz" else content
    return [json.loads(line) for line in text.splitlines()]
