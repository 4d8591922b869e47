"""Counters of one delivery run, shared by its workers."""

from collections import Counter
from dataclasses import dataclass, field

from digestd.delivery.retry import Stage


@dataclass(slots=True)
class RunCounters:
    """Outcomes of the claimed deliveries.

    A refused mail counts as deferred until it is judged and counts as rejected.

    Attributes:
        not_composed: How many of the deferred and poisoned mails could not be composed.
        refusals: 5xx replies by stage and code since the last accepted mail.
        stopped: Why a relay was stopped, or None.
    """

    accepted: int = 0
    deferred: int = 0
    rejected: int = 0
    skipped: int = 0
    expired: int = 0
    uncertain: int = 0
    poisoned: int = 0
    not_composed: int = 0
    refusals: Counter[tuple[Stage, int]] = field(default_factory=Counter)
    stopped: str | None = None

    @property
    def ended(self) -> int:
        """Return how many deliveries this run has finished with."""
        return (
            self.accepted + self.deferred + self.rejected + self.skipped + self.expired + self.uncertain + self.poisoned
        )
