"""Trials: two rankers meet in the digests of live subscribers, and what these say of the picks decides.

Team A ranks with the weights in force, team B with those on trial.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import blake2b

_WHOLE = float(1 << 64)


class Team(StrEnum):
    """Which ranker put a pick into a digest."""

    A = "a"  # the weights in force
    B = "b"  # the weights on trial


@dataclass(frozen=True, slots=True)
class Trial:
    """`weights`: of team B, as `ranking.weights` writes them. `share`: of the subscribers, in (0, 1]."""

    key: int
    name: str
    weights: str
    share: float
    started: datetime
    stopped: datetime | None = None

    def includes(self, subscriber: int) -> bool:
        """Whether a subscriber takes part: the same ones from its start to its end, others in another trial."""
        drawn = blake2b(f"{self.name}|{subscriber}".encode(), digest_size=8).digest()
        return int.from_bytes(drawn, "big") / _WHOLE < self.share

    def random_bits(self, subscriber: int, period: str) -> bytes:
        """The coin flips of one digest, a bit each: the same whenever it is drafted."""
        return blake2b(f"{self.name}|{subscriber}|{period}".encode(), digest_size=64).digest()
