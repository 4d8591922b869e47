"""Named phrases, matched as whole words."""

import re

import numpy as np

from digestd.domain.digest import ReasonKind
from digestd.ranking.arrays import Cells
from digestd.ranking.candidates import CandidateSet
from digestd.ranking.inverted_index import phrase_pattern
from digestd.ranking.profile import Profiles
from digestd.ranking.quotes import excerpt
from digestd.ranking.signals.base import ReasonEvidence, SparseValues, Words, sparse_values
from digestd.ranking.text import phrase_form

NAME = "phrase"
GAP = r"[\s\-\u2010-\u2015\u2212]+"
WORDS = r"[^\s\-\u2010-\u2015\u2212]+"


def score(candidates: CandidateSet, profiles: Profiles) -> SparseValues:  # noqa: ARG001  # the interface of all signals
    """Return 1 for papers with any of the phrases."""
    return sparse_values(profiles.phrases)


evidence = score


def explain(candidates: CandidateSet, profiles: Profiles, at: Cells) -> ReasonEvidence:
    """Return the phrase, and how the title has it, or else the sentence of the abstract."""
    found = profiles.phrases.cells.find(at, len(candidates))

    def words(k: int) -> Words:
        value = profiles.phrases.matches[found[k]].value
        paper = candidates.papers[at.columns[k]]
        return value, standing(paper.plain_title, value) or quoted(paper.plain_abstract, value)

    return ReasonEvidence(ReasonKind.PHRASE, (found >= 0).astype(np.float32), words, found)


def quoted(text: str, phrase: str) -> tuple[str, ...]:
    """Return the phrase as written in the text, with the sentence around it."""
    return tuple(excerpt(text, start := text.index(found), start + len(found)) for found in standing(text, phrase))


def standing(text: str, phrase: str) -> tuple[str, ...]:
    """Return the phrase as written in the text.

    The first run of words that folds to it.
    """
    wanted = phrase_form(phrase)
    found = re.search(phrase_pattern(wanted).pattern.replace(r"\ ", GAP), text, re.IGNORECASE)
    if found:
        return (found[0],)
    chunks = list(re.finditer(WORDS, text))
    span = len(wanted.split(" "))
    runs = (text[first.start() : last.end()] for first, last in zip(chunks, chunks[span - 1 :], strict=False))
    return next(((run.strip(".,;:()[]"),) for run in runs if phrase_pattern(wanted).search(phrase_form(run))), ())
