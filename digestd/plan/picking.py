"""The picks of one digest: chosen by the weights in force, or drafted by them and those on trial."""

from dataclasses import replace

from digestd import compose
from digestd.domain.digest import Pick
from digestd.plan.day import Day
from digestd.plan.shard import Shard
from digestd.ranking.draft import team_draft


def picks_of(day: Day, shard: Shard, i: int, period: str) -> tuple[Pick, ...]:
    """The picks of the i-th subscriber of a shard for a period.

    What is said of a pick is what the weights in force make of it, whichever team took it.
    """
    due, ranked, rival = shard.subscribers[i], shard.ranked(i), shard.rival(i)
    chosen = compose.choose(day.pool, ranked, due.size)
    if day.trial is None or rival is None:
        return compose.picks(day.pool, ranked, chosen)
    theirs = compose.choose(day.pool, rival, due.size)
    drafted = team_draft(chosen, theirs, due.size, day.trial.coins(due.key, period))
    picks = compose.picks(day.pool, ranked, [paper for paper, _ in drafted])
    return tuple(replace(pick, team=team or "") for pick, (_, team) in zip(picks, drafted, strict=True))
