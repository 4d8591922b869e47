"""Counts of all mails over many trials, as Jepsen's `total-queue` checker."""

from collections.abc import Mapping
from dataclasses import dataclass, fields

from digestd.domain.delivery import State

ALLOWED_COPIES = {State.ACCEPTED: {1}, State.UNCERTAIN: {0, 1}}
"""Allowed numbers of copies at the relay in the end; 0 for all other states."""
PROMISING_STATES = frozenset({State.ACCEPTED, State.READY, State.LEASED, State.FINAL_DOT})
"""States that promise a mail; all others are final, with a reason in the ledger."""


@dataclass
class Counts:
    """Counts over all injected faults.

    `attempts`: mails at all points. `acknowledged`: accepted according to the ledger. `ok`: of these, exactly one copy
    arrived. `lost`: promised, but no copy arrived. `unexpected`: copies that no row or state of the ledger explains.
    `recovered`: arrived only after the restart. `uncertain`: uncertain according to the ledger; `arrived` of them did.
    """

    points: int = 0
    injected: int = 0
    attempts: int = 0
    acknowledged: int = 0
    ok: int = 0
    lost: int = 0
    doubled: int = 0
    unexpected: int = 0
    recovered: int = 0
    uncertain: int = 0
    arrived: int = 0

    def count(self, fates: Mapping[str, State], before: Mapping[str, int], after: Mapping[str, int]) -> None:
        """Add one trial.

        Args:
            fates: The final state of each Message-ID.
            before: Copies by Message-ID when the fault was injected.
            after: Copies by Message-ID at the end.
        """
        self.points += 1
        self.attempts += len(fates)
        for message_id, state in fates.items():
            copies = after.get(message_id, 0)
            self.acknowledged += state is State.ACCEPTED
            self.ok += state is State.ACCEPTED and copies == 1
            self.lost += state in PROMISING_STATES and copies == 0
            self.doubled += copies > 1
            self.unexpected += copies == 1 and state not in ALLOWED_COPIES
            self.recovered += copies == 1 and not before.get(message_id)
            self.uncertain += state is State.UNCERTAIN
            self.arrived += state is State.UNCERTAIN and copies == 1
        self.unexpected += len(after.keys() - fates.keys())

    def check(self) -> None:
        """Print the counts, and assert that no mail was lost, sent twice or unexplained."""
        print(self)
        assert (self.lost, self.doubled, self.unexpected) == (0, 0, 0), str(self)
        assert self.acknowledged == self.ok, str(self)

    def __str__(self) -> str:
        return ", ".join(f"{field.name} {getattr(self, field.name)}" for field in fields(self))
