"""Words that weigh: those of a paper by which a subscriber's likes carry it, where no single like is near.

The regression on likes is a sum over terms, Σ x_t · w_t with w = Aᵀα, A the TF-IDF rows of likes and dislikes and
α their weights. Single words are named, those that add the most.
"""

import numpy as np

from digestd.domain.digest import Why
from digestd.ranking.arrays import Bools, Cells, Floats, Ints
from digestd.ranking.pool import Pool
from digestd.ranking.profile import Profiles
from digestd.ranking.signals.base import Evidence, Words

NAME = "words"
LEAST = 0.08
"""What likes must add in all: about what one alone adds to a paper that is just near it."""
MOST = 3
"""Words named."""
PART = 0.05
"""The part of that sum that a word must add to be named."""


def explain(pool: Pool, profiles: Profiles, at: Cells) -> Evidence:
    """Up to three words of the paper, as they stand there."""
    tastes = profiles.tastes
    asked, rows = tastes.seeds.members(at.rows)
    each = tastes.duals[rows] * tastes.shelf.cosine[tastes.places[rows], at.columns[asked.owner]]
    joint = np.bincount(asked.owner, each, minlength=len(at)).astype(np.float32)
    told = {
        k: named
        for k in np.flatnonzero(joint >= LEAST).tolist()
        if (named := _heaviest(pool, profiles, int(at.rows[k]), int(at.columns[k])))
    }

    def said(k: int) -> Words:
        return "", told[k]

    strength = np.where(np.isin(np.arange(len(at)), list(told)), np.minimum(joint, 1), 0).astype(np.float32)
    return Evidence(Why.WORDS, strength, said, at.rows * len(pool) + at.columns)


def _heaviest(pool: Pool, profiles: Profiles, row: int, j: int) -> tuple[str, ...]:
    start, end = pool.encoded.sparse.indptr[j : j + 2]
    columns: Ints = pool.encoded.sparse.indices[start:end].astype(np.intp)
    values: Floats = pool.encoded.sparse.data[start:end]
    adds: Floats = values * _weights(profiles, row, columns)
    single = pool.lexicon.row_of[columns] >= 0
    heavy = np.flatnonzero(single & _weighty(adds))
    heavy = heavy[np.argsort(-adds[heavy], kind="stable")][:MOST]
    stems = [pool.lexicon.stems[number] for number in pool.lexicon.row_of[columns[heavy]].tolist()]
    return tuple(dict.fromkeys(pool.surface[j][stem] for stem in stems if stem in pool.surface[j]))


def _weighty(adds: Floats) -> Bools:
    enough: Bools = (adds > 0) & (adds >= PART * adds.sum())
    return enough


def _weights(profiles: Profiles, row: int, columns: Ints) -> Floats:
    """What each of these terms weighs for a subscriber (len(columns),)."""
    tastes, total = profiles.tastes, np.zeros(len(columns), dtype=np.float32)
    start = int(tastes.seeds.starts[row])
    for number in range(start, start + int(tastes.seeds.sizes[row])):
        seed = tastes.shelf.seeds[tastes.places[number]]
        if len(seed.columns):
            place = np.minimum(np.searchsorted(seed.columns, columns), len(seed.columns) - 1)
            total += tastes.duals[number] * np.where(seed.columns[place] == columns, seed.values[place], 0)
    return total
