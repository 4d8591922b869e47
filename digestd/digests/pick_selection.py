"""Select picks by the current weights, or by team draft with weights on trial."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

import numpy as np

from digestd.digests.group_reasons import with_groups
from digestd.digests.planning_day import PlanningDay
from digestd.digests.selection import DigestOptions, Selections, build_picks, sampling_seed, select, selected_cells
from digestd.digests.shard import Shard
from digestd.domain.digest import Pick
from digestd.domain.trial import Team
from digestd.ranking.interleaving import team_draft
from digestd.ranking.reasons import reasons

Draft: TypeAlias = list[tuple[int, Team | None]]
"""The papers of a digest, each with the team that picked it."""
Picks: TypeAlias = list[tuple[Pick, ...]]
"""The picks of each digest of a shard."""


def select_picks(day: PlanningDay, shard: Shard, periods: Sequence[str], explore: bool) -> Picks:
    """Return the picks of a shard, one period per subscriber.

    `explore`: the install's setting.

    Reasons and scores come from the current weights, regardless of the team. Exploration papers have no team.
    """
    options = [digest_options(shard, i, period, explore) for i, period in enumerate(periods)]
    selections = select(day.candidates, shard.ranked, options, day.calibration)
    if day.trial is None or not shard.trial_totals:
        return _picks(day, shard, selections)
    drafts = _drafts(day, shard, selections, options)
    teams = {
        i: team_draft(
            *drafts[i], _slots(options[i], selections, i), day.trial.random_bits(shard.subscribers[i].key, periods[i])
        )
        for i in shard.trial_totals
    }
    return _by_teams(day, shard, selections, teams)


def digest_options(shard: Shard, i: int, period: str, explore: bool) -> DigestOptions:
    """Return the options of a digest: the subscriber's, limited by the install's."""
    due = shard.subscribers[i]
    wanted = due.preferences
    return DigestOptions(wanted.size, wanted.min_score, explore and wanted.explore, sampling_seed(due.key, period))


def _picks(day: PlanningDay, shard: Shard, selections: Selections) -> Picks:
    found = reasons(day.candidates, shard.ranked.profiles, selected_cells(selections))
    picks = build_picks(day.candidates, shard.ranked, selections, day.calibration, found)
    return with_groups(picks, [due.key for due in shard.subscribers], shard.shared, shard.recommended)


def _slots(options: DigestOptions, selections: Selections, i: int) -> int:
    """Return the number of places besides the exploration slot."""
    return options.size - int(selections.explored[i] >= 0)


def _drafts(
    day: PlanningDay, shard: Shard, ours: Selections, options: Sequence[DigestOptions]
) -> dict[int, tuple[list[int], list[int]]]:
    """Return what each ranking of a trial would choose, without exploration."""
    unexplored = [each._replace(size=max(_slots(each, ours, i), 1), explore=False) for i, each in enumerate(options)]
    trial_selections = select(day.candidates, shard.trial_ranking, unexplored, day.calibration)
    return {
        i: (list(ours[i].chosen), [j for j in trial_selections[i].chosen if j != ours.explored[i]])
        for i in shard.trial_totals
    }


def _by_teams(day: PlanningDay, shard: Shard, selections: Selections, drafted: Mapping[int, Draft]) -> Picks:
    """Replace the selections of participants by what the teams drafted."""
    width = max(selections.chosen.shape[1], *map(len, drafted.values()))
    chosen = np.full((len(selections), width), -1, dtype=np.intp)
    chosen[:, : selections.chosen.shape[1]] = selections.chosen
    for i, draft in drafted.items():
        chosen[i] = -1
        chosen[i, : len(draft)] = [j for j, _ in draft]
    picks = _picks(day, shard, replace(selections, chosen=chosen))
    for i, draft in drafted.items():
        by_team = [pick._replace(team=team or "") for pick, (_, team) in zip(picks[i], draft, strict=False)]
        picks[i] = (*by_team, *picks[i][len(draft) :])
    return picks
