"""Evaluation: how well the ranker finds what people turned out to want.

    files ──► cases.read_* ──► Library, [Judgment] ──► run.evaluate ──► [Outcome] ──► metrics.summary

A judgment says what one user had asked for and liked, what the candidates of a day were, and which
of them were right. Needs neither settings nor a database.
"""

from digestd.evaluate.cases import Judgment, Library, read_judgments, read_papers
from digestd.evaluate.dense import Vectors, encode
from digestd.evaluate.metrics import Estimate, summary
from digestd.evaluate.run import Outcome, evaluate

__all__ = [
    "Estimate",
    "Judgment",
    "Library",
    "Outcome",
    "Vectors",
    "encode",
    "evaluate",
    "read_judgments",
    "read_papers",
    "summary",
]
