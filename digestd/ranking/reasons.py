"""Why this paper: one reason, the strongest, and never more than is so."""

from digestd.domain.digest import Reason, Why
from digestd.ranking.pool import Pool
from digestd.ranking.profile import Profile
from digestd.ranking.signals import (
    author,
    category,
    dense_likes,
    dense_topic,
    kin,
    latent,
    likes,
    meaning,
    phrase,
    topic,
    trend,
)
from digestd.ranking.signals.base import Evidence, Module

STRONG = 0.4
"""A topic named before a liked paper must for the most part stand in the text."""

ORDER: tuple[tuple[Module, float], ...] = (
    (author, 0.0),
    (phrase, 0.0),
    (topic, STRONG),
    (likes, 0.0),
    (dense_likes, 0.0),
    (latent, 0.0),
    (kin, 0.0),
    (dense_topic, 0.0),
    (meaning, 0.0),
    (topic, 0.0),
    (category, 0.0),
    (trend, 0.0),
)
"""Signals from the strongest reason to the weakest, each with the strength it needs there."""


def reason(pool: Pool, profile: Profile, j: int) -> Reason:
    """The reason for paper j."""
    asked: dict[str, Evidence | None] = {}
    for module, least in ORDER:
        name = module.NAME
        found = asked[name] if name in asked else asked.setdefault(name, module.explain(pool, profile, j))
        if found is not None and found.strength >= least:
            return Reason(found.why, found.value, found.words)
    return Reason(Why.NEW)
