"""Which of the ranked papers make the subscribers' digests: pure, for a block of them at a time.

terms     from what and on what terms, and what comes of it
choosing  papers whose chance reaches the bar, and where the subscriber lets us one drawn from outside the usual
spread    over subjects and interests
table     the picks with score, section, chance and reason
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
