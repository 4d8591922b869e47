"""Precision and recall of `same_work` on labelled pairs."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from digestd.papers.similarity import blocking_keys, same_work
from tests.papers.pairs.invented import Pair


@dataclass
class Report:
    """What came of some pairs.

    A work found must share a likeness key too, else nobody looks.
    """

    name: str
    positives: int = 0
    negatives: int = 0
    found: int = 0
    false: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)

    @property
    def precision(self) -> float:
        """Of what was joined, how much rightly."""
        return self.found / ((self.found + len(self.false)) or 1)

    @property
    def recall(self) -> float:
        """Of what should be joined, how much was."""
        return self.found / (self.positives or 1)

    def line(self) -> str:
        """For people."""
        return (
            f"{self.name:24} {self.positives:6} positives, recall {self.recall:.4f}; "
            f"{self.negatives:6} negatives, {len(self.false)} false; precision {self.precision:.4f}"
        )


def measure(name: str, pairs: Iterable[Pair]) -> Report:
    """Judge each pair."""
    report = Report(name)
    for pair in pairs:
        verdict = same_work(pair.one, pair.other)
        where = f"{pair.kind}: {pair.one.ids[0]} | {pair.other.ids[0]} | {pair.one.words.title[:60]} | {verdict}"
        report.positives += pair.same
        report.negatives += not pair.same
        if not pair.same and verdict.is_same_work:
            report.false.append(where)
        if pair.same and verdict.is_same_work and not blocking_keys(pair.one).isdisjoint(blocking_keys(pair.other)):
            report.found += 1
        elif pair.same:
            report.missed.append(where)
    return report


def kinds(pairs: Iterable[Pair]) -> Counter[tuple[str, bool]]:
    """How many pairs of each kind."""
    return Counter((pair.kind, pair.same) for pair in pairs)
