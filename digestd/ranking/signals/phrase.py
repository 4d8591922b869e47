"""A phrase stands in the text, as whole words."""

import re
from collections.abc import Sequence

from digestd.domain.digest import Why
from digestd.ranking.arrays import Floats
from digestd.ranking.lookup import literal
from digestd.ranking.pool import Pool
from digestd.ranking.profile import Profile
from digestd.ranking.signals.base import Evidence, first, hits
from digestd.ranking.text import flat

NAME = "phrase"
GAP = r"[\s\-\u2010-\u2015\u2212]+"
WORDS = r"[^\s\-\u2010-\u2015\u2212]+"


def score(pool: Pool, profiles: Sequence[Profile]) -> Floats:
    """1 for a paper with any of the phrases."""
    return hits(pool, profiles, lambda profile: profile.phrases)


evidence = score


def explain(pool: Pool, profile: Profile, j: int) -> Evidence | None:
    """The phrase, and the words as they stand in the paper."""
    match = first(profile.phrases, j)
    return Evidence(Why.PHRASE, 1.0, match.value, standing(pool.papers[j].text, match.value)) if match else None


def standing(text: str, phrase: str) -> tuple[str, ...]:
    """The part of the text that is the phrase, as it stands there: the first run of words that folds to it."""
    wanted = flat(phrase)
    found = re.search(literal(wanted).pattern.replace(r"\ ", GAP), text, re.IGNORECASE)
    if found:
        return (found[0],)
    chunks = list(re.finditer(WORDS, text))
    span = len(wanted.split(" "))
    runs = (text[first.start() : last.end()] for first, last in zip(chunks, chunks[span - 1 :], strict=False))
    return next(((run.strip(".,;:()[]"),) for run in runs if literal(wanted).search(flat(run))), ())
