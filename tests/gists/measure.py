"""Measure the gists on labelled abstracts: `python -m tests.gists.measure FILE…`.

A file is a split of CSAbstruct, or has papers that `read.txt` labels (.jsonl or .jsonl.gz).
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from digestd.gists import extraction
from digestd.gists.model import NEEDS, NEW, OUT
from digestd.gists.sentences import Sentence
from tests.gists.labelled import LabelledAbstract, read_csabstruct, read_read, records

LIMITS = (480, 320)


def main() -> None:
    """Print the measures of each file."""
    parser = argparse.ArgumentParser(description="Measure gists on labelled abstracts.")
    parser.add_argument("files", type=Path, nargs="+")
    for file in parser.parse_args().files:
        abstracts = read_csabstruct(file) if "labels" in records(file)[0] else read_read([file])
        for limit in LIMITS:
            new, out, dangling = measured(abstracts, limit)
            print(f"{file.name}: gist of {limit}: contribution {new:.3f}, result {out:.3f}, dangling {dangling:.3f}")


def measured(abstracts: Sequence[LabelledAbstract], limit: int) -> list[float]:
    """Return the shares of gists that name the contribution and the result, of those that can, and that dangle."""
    named: tuple[list[bool], list[bool], list[bool]] = ([], [], [])
    for abstract in abstracts:
        judged = extraction.judge(abstract.title, [Sentence(sentence) for sentence in abstract.sentences])
        shown = list(extraction.choose(judged, limit)[0])
        for found, trait in zip(named[:2], (NEW, OUT), strict=True):
            found += [bool(abstract.traits[shown, trait].any())] if abstract.traits[:, trait].any() else []
        named[2].append(any(abstract.traits[place, NEEDS] and place - 1 not in shown for place in shown))
    return [float(np.mean(found)) for found in named]


if __name__ == "__main__":
    main()
