"""Team-draft interleaving of two rankings.

Source: Radlinski, Kurup & Joachims 2008, section 3.

Two captains choose teams: in each round a coin decides who picks first, and each picks the best paper of their
ranking that is still free. Neither ranking gains from position, so the team with more likes has the better ranking.
"""

from collections.abc import Sequence
from itertools import islice

from digestd.domain.trial import Team


def team_draft(ours: Sequence[int], theirs: Sequence[int], size: int, coins: bytes) -> list[tuple[int, Team | None]]:
    """Return up to `size` papers of two rankings (best first).

    Each has the team that picked it.

    As many papers as the longer ranking has. What is left of the longer one when the other ends belongs to no team,
    so that length alone earns no credit.

    Args:
        coins: Random bits, one per round, reused from the start if there are more rounds.
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
    """Return the team that picks the n-th paper.

    By coin in even turns, else the other team.
    """
    if n % 2:
        return Team.A if list(taken.values())[-1] is Team.B else Team.B
    place = n // 2 % (8 * len(coins))
    return Team.B if coins[place // 8] >> place % 8 & 1 else Team.A
