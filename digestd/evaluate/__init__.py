"""Evaluation: how well the ranker finds what people turned out to want.

    files ──► cases.read_* ──► Library, [Judgment] ──► run.cases ──► [Case] ─┬► run.outcome ──► metrics.summary
    store ──► feedback.replay: the install's own digests ────────────────────┤► compare: against another, ablation
                  └──────────► verdicts: likes told from dislikes           ├► learn: the weights of the signals
    store ──► trial: two rankers in live digests                            ├► calibrate, promises: the chances
                                                                            └► plots

A judgment says what one user had asked for and liked, what the candidates of a day were, and which
of them were right. On files it needs neither settings nor a database; of the store it only reads.
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
