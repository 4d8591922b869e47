"""Team-draft interleaving of two rankings (Radlinski, Kurup & Joachims 2008, section 3).

As two captains choose their teams: in each round a coin decides who chooses first, and each takes the
best of its ranking that is not taken yet. So whatever one ranking gains by standing in front, the
other gains as often, and who likes more of a team's papers likes its ranking more.
"""

from collections.abc import Sequence
from itertools import islice

from digestd.domain.trial import Team


def team_draft(ours: Sequence[int], theirs: Sequence[int], size: int, coins: bytes) -> list[tuple[int, Team | None]]:
    """Up to `size` papers of two rankings, best first, each with the team that took it.

    As many as the longer ranking has. What is left of it when the other ends belongs to no team: the
    longer one would be credited for its length alone. `coins`: a bit for each round, used again from
    the start where there are more rounds.
    """
    most = min(size, max(len(ours), len(theirs)))
    rankings = {Team.A: ours, Team.B: theirs}
    taken: dict[int, Team | None] = {}
    for n in range(most):
        team = _turn(n, coins, taken)
        best = next((paper for paper in rankings[team] if paper not in taken), None)
        if best is None:
            break
        taken[best] = team
    rest = [paper for paper in (*ours, *theirs) if paper not in taken]
    taken.update(dict.fromkeys(islice(rest, most - len(taken)), None))
    return list(taken.items())


def _turn(n: int, coins: bytes, taken: dict[int, Team | None]) -> Team:
    """Who takes the n-th paper: by the coin of the round, then the other."""
    if n % 2:
        return Team.A if list(taken.values())[-1] is Team.B else Team.B
    place = n // 2 % (8 * len(coins))
    return Team.B if coins[place // 8] >> place % 8 & 1 else Team.A
