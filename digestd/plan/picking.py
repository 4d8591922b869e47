"""The picks of one digest: chosen by the weights in force, or drafted by them and those on trial."""

from dataclasses import replace
from itertools import zip_longest

from digestd import compose
from digestd.compose import Choice, Terms, luck
from digestd.domain.digest import Pick
from digestd.plan.day import Day
from digestd.plan.shard import Shard
from digestd.ranking.draft import team_draft


def picks_of(day: Day, shard: Shard, i: int, period: str, explore: bool) -> tuple[Pick, ...]:
    """The picks of the i-th subscriber of a shard for a period. `explore`: whether the install draws any at random.

    What is said of a pick is what the weights in force make of it, whichever team took it. What is drawn
    at random belongs to none.
    """
    ranked, agreed = shard.ranked(i), terms(day, shard, i, period, explore)
    choice = compose.choose(day.pool, ranked, agreed)
    choice, teams = _drafted(day, shard, i, period, agreed, choice)
    picks = compose.picks(day.pool, ranked, choice, agreed.own)
    return tuple(replace(pick, team=team) if team else pick for pick, team in zip_longest(picks, teams))


def terms(day: Day, shard: Shard, i: int, period: str, explore: bool) -> Terms:
    """On what terms a digest is composed: the subscriber's, and those of the install."""
    due = shard.subscribers[i]
    return Terms(due.size, due.bar, explore and due.explore, luck(due.key, period), day.own)


def _drafted(day: Day, shard: Shard, i: int, period: str, agreed: Terms, ours: Choice) -> tuple[Choice, list[str]]:
    """The choice as the two rankings of a trial draft it, and the team of each that was not drawn at random."""
    rival = shard.rival(i)
    if day.trial is None or rival is None:
        return ours, []
    size = agreed.size - (ours.drawn is not None)
    theirs = compose.choose(day.pool, rival, replace(agreed, size=max(size, 1), explore=False))
    coins = day.trial.coins(shard.subscribers[i].key, period)
    drafted = team_draft(ours.chosen, [j for j in theirs.chosen if j != ours.drawn], size, coins)
    return replace(ours, chosen=tuple(j for j, _ in drafted)), [team or "" for _, team in drafted]
