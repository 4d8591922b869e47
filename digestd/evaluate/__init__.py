"""Evaluation: how well the ranker finds what people turned out to want.

    files ──► cases.read_* ──► Library, [Judgment] ──► run.cases ──► [Case] ─┬► run.outcome ──► metrics.summary
                                                                            ├► compare: against another, ablation
                                                                            └► learn: the weights of the signals

A judgment says what one user had asked for and liked, what the candidates of a day were, and which
of them were right. Needs neither settings nor a database.
"""

from digestd.evaluate.cases import Judgment, Library, read_judgments, read_papers
from digestd.evaluate.compare import Difference, ablation, alone, by_scores, difference, differences
from digestd.evaluate.dense import Vectors, encode
from digestd.evaluate.learn import FOLDS, learn
from digestd.evaluate.metrics import Estimate, summary
from digestd.evaluate.run import Case, Outcome, cases, evaluate, outcome

__all__ = [
    "FOLDS",
    "Case",
    "Difference",
    "Estimate",
    "Judgment",
    "Library",
    "Outcome",
    "Vectors",
    "ablation",
    "alone",
    "by_scores",
    "cases",
    "difference",
    "differences",
    "encode",
    "evaluate",
    "learn",
    "outcome",
    "read_judgments",
    "read_papers",
    "summary",
]
