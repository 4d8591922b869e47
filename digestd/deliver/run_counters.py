"""The counts of one run, shared by its lanes."""

from collections import Counter
from dataclasses import dataclass, field

from digestd.retry import Stage


@dataclass(slots=True)
class RunCounters:
    """What became of the claimed deliveries; `refusals` counts 5xx by stage and code since one was accepted.

    A mail that was refused counts as deferred until its verdict makes it rejected.

    `uncomposed`: of those deferred or poisoned, what could not be composed.
    """

    accepted: int = 0
    deferred: int = 0
    rejected: int = 0
    skipped: int = 0
    expired: int = 0
    uncertain: int = 0
    poisoned: int = 0
    uncomposed: int = 0
    refusals: Counter[tuple[Stage, int]] = field(default_factory=Counter)
    stopped: str | None = None
    """Why a lane stopped, if one did."""

    @property
    def ended(self) -> int:
        """How many deliveries are done with, for this run at least."""
        return (
            self.accepted + self.deferred + self.rejected + self.skipped + self.expired + self.uncertain + self.poisoned
        )
