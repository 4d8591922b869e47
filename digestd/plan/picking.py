"""The picks of digests: chosen by the weights in force, or drafted by them and those on trial."""

from collections.abc import Mapping
from dataclasses import replace

from digestd import compose
from digestd.compose import Choice, Terms, luck
from digestd.domain.digest import Pick
from digestd.plan.day import Day
from digestd.plan.shard import Shard
from digestd.ranking.draft import team_draft


def picks_of(day: Day, shard: Shard, periods: Mapping[int, str], explore: bool) -> dict[int, tuple[Pick, ...]]:
    """The picks of some subscribers of a shard, each for a period. `explore`: whether the install draws any at random.

    What is said of a pick is what the weights in force make of it, whichever team took it. What is drawn
    at random belongs to none.
    """
    chosen = {i: _choice(day, shard, i, period, explore) for i, period in periods.items()}
    reasons = shard.reasons(day.pool, {i: choice.positions for i, (choice, _) in chosen.items()})
    made = {}
    for i, (choice, teams) in chosen.items():
        picks = compose.picks(day.pool, shard.ranked(i), choice, day.own, reasons[i])
        drafted = tuple(replace(pick, team=team) for pick, team in zip(picks, teams, strict=False))
        made[i] = drafted + picks[len(teams) :]
    return made


def _choice(day: Day, shard: Shard, i: int, period: str, explore: bool) -> tuple[Choice, list[str]]:
    agreed = terms(day, shard, i, period, explore)
    return _drafted(day, shard, i, period, agreed, compose.choose(day.pool, shard.ranked(i), agreed))


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
