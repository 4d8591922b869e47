"""Interests that are matched exactly: followed authors, phrases, and categories, institutions and venues."""

import re

import numpy as np

from digestd.domain.digest import ReasonKind
from digestd.domain.interest import COLLECTIONS
from digestd.domain.paper import Paper
from digestd.ranking.arrays import Cells
from digestd.ranking.candidates import CandidateSet
from digestd.ranking.inverted_index import phrase_pattern
from digestd.ranking.profile import Profiles
from digestd.ranking.quotes import OWN, excerpt, sentences
from digestd.ranking.signals.base import ReasonEvidence, SparseValues, Words, sparse_values
from digestd.ranking.text import phrase_form

CATEGORY_STRENGTH = 0.1
"""Chance of a paper in a chosen collection: a category holds hundreds a day, and hardly anyone wants them all."""
MEANT, IN_PASSING = 1.0, 0.5
"""The strength of a phrase in the title or in what the authors did, and of one in the background or the results."""
PUNCTUATION = ".,;:()[]"
GAP = r"[\s\-\u2010-\u2015\u2212]+"
WORDS = r"[^\s\-\u2010-\u2015\u2212]+"


def author(candidates: CandidateSet, profiles: Profiles) -> SparseValues:  # noqa: ARG001  # the interface of all signals
    return sparse_values(profiles.authors)


def explain_author(candidates: CandidateSet, profiles: Profiles, at: Cells) -> ReasonEvidence:
    """Return the first author as followed, and all followed ones as written in the paper."""
    found = profiles.authors.cells.find(at, len(candidates))

    def words(k: int) -> Words:
        row, column = int(at.rows[k]), int(at.columns[k])
        matches = profiles.authors.at(row, column)
        return matches[0].value, tuple(dict.fromkeys(match.written[column] for match in matches))

    return ReasonEvidence(ReasonKind.AUTHOR, (found >= 0).astype(np.float32), words, found)


def collection(candidates: CandidateSet, profiles: Profiles) -> SparseValues:  # noqa: ARG001  # the interface of all signals
    return sparse_values(profiles.collections)


def collection_evidence(candidates: CandidateSet, profiles: Profiles) -> SparseValues:  # noqa: ARG001  # the interface of all signals
    """Return the chance of a paper by its collections alone."""
    return sparse_values(profiles.collections, CATEGORY_STRENGTH)


def explain_collection(candidates: CandidateSet, profiles: Profiles, at: Cells) -> ReasonEvidence:
    """Return the collection as chosen, and an institution or venue as written in the paper."""
    found = profiles.collections.cells.find(at, len(candidates))

    def words(k: int) -> Words:
        match = profiles.collections.matches[found[k]]
        written = match.written.get(int(at.columns[k]))
        return match.value, (written,) if written else ()

    def kind(k: int) -> ReasonKind:
        return _KINDS[profiles.collections.matches[found[k]].kind]

    strength = np.where(found >= 0, np.float32(CATEGORY_STRENGTH), np.float32(0))
    return ReasonEvidence(ReasonKind.CATEGORY, strength, words, found, kind)


_KINDS = {kind: ReasonKind(kind) for kind in COLLECTIONS}


def phrase(candidates: CandidateSet, profiles: Profiles) -> SparseValues:  # noqa: ARG001  # the interface of all signals
    """Return 1 for papers with any of the phrases, matched as whole words."""
    return sparse_values(profiles.phrases)


def explain_phrase(candidates: CandidateSet, profiles: Profiles, at: Cells) -> ReasonEvidence:
    """Return the phrase, and how the title has it, or else the most telling sentence of the abstract with it."""
    found = profiles.phrases.cells.find(at, len(candidates))
    distinct, which = np.unique(found, return_inverse=True)
    first = np.zeros(len(distinct), dtype=np.intp)
    first[which] = np.arange(len(which))
    quotes = [
        quoted_phrase(candidates.papers[column], profiles.phrases.matches[match].value) if match >= 0 else (0.0, ())
        for match, column in zip(distinct.tolist(), at.columns[first].tolist(), strict=True)
    ]
    strength = np.array([strength for strength, _ in quotes], dtype=np.float32)[which]

    def words(k: int) -> Words:
        return profiles.phrases.matches[found[k]].value, quotes[which[k]][1]

    def kind(k: int) -> ReasonKind:
        return ReasonKind.PHRASE if strength[k] >= MEANT else ReasonKind.PASSING

    return ReasonEvidence(ReasonKind.PHRASE, strength, words, found, kind)


def quoted_phrase(paper: Paper, phrase: str) -> tuple[float, tuple[str, ...]]:
    """Return how much it says that the paper has the phrase, MEANT or IN_PASSING, and a quote with it, () if none."""
    for start, end in _places(paper.plain_title, phrase):
        return MEANT, (paper.plain_title[start:end],)
    text = paper.plain_abstract
    places = _places(text, phrase)
    if not places:
        return MEANT, ()
    told = list(sentences(text))
    tells = [
        OWN
        if text[end:].startswith(" (")
        else next(tells for last, tells in told if start < last)  # an acronym follows
        for start, end in places
    ]
    best = max(tells)
    quote = excerpt(text, *places[tells.index(best)])
    return MEANT if best >= OWN else IN_PASSING, (quote,) if quote else ()


def _places(text: str, phrase: str) -> list[tuple[int, int]]:
    """Return where the phrase stands in the text: the runs of words that fold to it."""
    wanted = phrase_form(phrase)
    found = re.finditer(phrase_pattern(wanted).pattern.replace(r"\ ", GAP), text, re.IGNORECASE)
    if places := [match.span() for match in found]:
        return places
    chunks = list(re.finditer(WORDS, text))
    span = len(wanted.split(" "))
    runs = [(first.start(), last.end()) for first, last in zip(chunks, chunks[span - 1 :], strict=False)]
    return [_bare(text, *run) for run in runs if phrase_pattern(wanted).search(phrase_form(text[slice(*run)]))]


def _bare(text: str, start: int, end: int) -> tuple[int, int]:
    """Return the place of text[start:end] without punctuation around it."""
    run = text[start:end]
    return start + len(run) - len(run.lstrip(PUNCTUATION)), end - len(run) + len(run.rstrip(PUNCTUATION))
