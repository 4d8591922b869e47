"""Composition: which of the ranked papers go into the digests. Pure, for a block of subscribers at a time.

options           what a digest may hold, and what was selected from which candidates
selection         papers above the minimum score, and one exploration slot where the subscriber allows it
diversification   variety of subjects, and a share for every interest
pick_table        the picks with score, section, probability and reason

It knows nothing of the store, of time or of mail.
"""

from digestd.compose.options import DigestOptions, RankedCandidates, Selection, Selections, sampling_seed
from digestd.compose.pick_table import build_pick_table, selected_cells
from digestd.compose.selection import CARRY_OVER_PROBABILITY, select

__all__ = [
    "CARRY_OVER_PROBABILITY",
    "DigestOptions",
    "RankedCandidates",
    "Selection",
    "Selections",
    "build_pick_table",
    "sampling_seed",
    "select",
    "selected_cells",
]
