"""Which of the ranked papers make the subscribers' digests: pure, for a block of them at a time.

terms     from what and on what terms, and what comes of it
choosing  papers whose chance reaches the bar, and where the subscriber lets us one drawn from outside the usual
spread    over subjects and interests
table     the picks with score, section, chance and reason
"""

from digestd.compose.choosing import GOOD, choose
from digestd.compose.table import held, table
from digestd.compose.terms import Choice, Choices, Ranked, Terms, luck

__all__ = ["GOOD", "Choice", "Choices", "Ranked", "Terms", "choose", "held", "luck", "table"]
