"""Term contributions.

The words that make a paper a match for a subscriber's likes as a whole.

The regression on likes is a sum over terms, Σ x_t · w_t with w = Aᵀα, where A holds the TF-IDF rows of likes and
dislikes and α their dual weights. The reason names the single words that add the most; it is used when no
individual like is close to the paper.
"""

import numpy as np

from digestd.domain.digest import ReasonKind
from digestd.ranking.arrays import Bools, Cells, Floats, Ints
from digestd.ranking.candidates import CandidateSet
from digestd.ranking.profile import Profiles
from digestd.ranking.signals.base import ReasonEvidence, Words

LEAST = 0.08
"""Minimum contribution of all likes together: about that of one like that is just close enough."""
MOST = 3
"""Maximum number of words."""
PART = 0.05
"""Minimum share of the sum that a word must add."""


def explain_words(candidates: CandidateSet, profiles: Profiles, at: Cells) -> ReasonEvidence:
    """Return up to three words of the paper, as written there."""
    feedback = profiles.feedback
    seeds, rows = feedback.seeds.members(at.rows)
    each = feedback.dual_weights[rows] * feedback.seed_table.cosine[feedback.places[rows], at.columns[seeds.owner]]
    joint = np.bincount(seeds.owner, each, minlength=len(at)).astype(np.float32)
    strongest = {
        k: named
        for k in np.flatnonzero(joint >= LEAST).tolist()
        if (named := _heaviest(candidates, profiles, int(at.rows[k]), int(at.columns[k])))
    }

    def words(k: int) -> Words:
        return "", strongest[k]

    strength = np.where(np.isin(np.arange(len(at)), list(strongest)), np.minimum(joint, 1), 0).astype(np.float32)
    return ReasonEvidence(ReasonKind.WORDS, strength, words, at.rows * len(candidates) + at.columns)


def _heaviest(candidates: CandidateSet, profiles: Profiles, row: int, j: int) -> tuple[str, ...]:
    start, end = candidates.encoded.sparse.indptr[j : j + 2]
    columns: Ints = candidates.encoded.sparse.indices[start:end].astype(np.intp)
    values: Floats = candidates.encoded.sparse.data[start:end]
    adds: Floats = values * _weights(profiles, row, columns)
    single = candidates.bm25_index.row_of[columns] >= 0
    heavy = np.flatnonzero(single & _weighty(adds))
    heavy = heavy[np.argsort(-adds[heavy], kind="stable")][:MOST]
    stems = [candidates.bm25_index.stems[number] for number in candidates.bm25_index.row_of[columns[heavy]].tolist()]
    return tuple(
        dict.fromkeys(candidates.surface_forms[j][stem] for stem in stems if stem in candidates.surface_forms[j])
    )


def _weighty(adds: Floats) -> Bools:
    enough: Bools = (adds > 0) & (adds >= PART * adds.sum())
    return enough


def _weights(profiles: Profiles, row: int, columns: Ints) -> Floats:
    """Return the weight w_t of each of these terms for one subscriber (len(columns),)."""
    feedback, total = profiles.feedback, np.zeros(len(columns), dtype=np.float32)
    start = int(feedback.seeds.starts[row])
    for number in range(start, start + int(feedback.seeds.sizes[row])):
        seed = feedback.seed_table.seeds[feedback.places[number]]
        if len(seed.columns):
            place = np.minimum(np.searchsorted(seed.columns, columns), len(seed.columns) - 1)
            total += feedback.dual_weights[number] * np.where(seed.columns[place] == columns, seed.values[place], 0)
    return total
