"""Store the picks of many digests column by column.

Planning makes thousands, and an object each would be slow.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from digestd.domain.digest import Pick, Reason, Section
from digestd.domain.trial import Team

SECTIONS = tuple(Section)
TEAMS = ("", *Team)
Numbers: TypeAlias = NDArray[np.int64] | NDArray[np.intp]
Shares: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class PickTable:
    """The q picks of n digests, one digest after the other, best first.

    The columns have the meaning of `Pick`. `section` and `team` are indices into SECTIONS and TEAMS, `reason` into
    `reasons`. None is 0 in `rank`, and NaN in `probability`, `prior` and `propensity`.

    Attributes:
        sizes: the number of picks of each digest (n,); all other arrays are (q,).
    """

    sizes: Numbers
    paper: Numbers
    revision: Numbers
    score: NDArray[np.float32]
    section: Numbers
    reason: Numbers
    rank: Numbers
    probability: Shares
    prior: Shares
    propensity: Shares
    team: Numbers
    reasons: Sequence[Reason]

    def __len__(self) -> int:
        return len(self.sizes)

    @property
    def starts(self) -> Numbers:
        """Return the index of each digest's first pick (n,)."""
        starts: Numbers = np.cumsum(self.sizes) - self.sizes
        return starts

    def of(self, digest: int) -> tuple[Pick, ...]:
        """Return the picks of one digest."""
        start = int(self.starts[digest])
        return tuple(self._pick(n) for n in range(start, start + int(self.sizes[digest])))

    def _pick(self, n: int) -> Pick:
        return Pick(
            paper=int(self.paper[n]),
            revision=int(self.revision[n]),
            score=float(self.score[n]),
            section=SECTIONS[self.section[n]],
            reason=self.reasons[self.reason[n]],
            rank=int(self.rank[n]) or None,
            probability=_known(self.probability[n]),
            prior=_known(self.prior[n]),
            propensity=_known(self.propensity[n]),
            team=TEAMS[self.team[n]],
        )


def _known(share: np.float64) -> float | None:
    return None if np.isnan(share) else float(share)
