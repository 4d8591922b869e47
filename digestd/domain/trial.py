"""Trials: compare two rankers in the digests of live subscribers.

Their feedback decides (interleaving).

Team A ranks with the weights in force, team B with those on trial.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import blake2b

_WHOLE = float(1 << 64)


class Team(StrEnum):
    """The ranker that put a pick into a digest."""

    A = "a"  # the weights in force
    B = "b"  # the weights on trial


@dataclass(frozen=True, slots=True)
class Trial:
    """A trial.

    Attributes:
        weights: those of team B, as `ranking.fusion.dump_weights` writes them.
        share: the share of the subscribers, in (0, 1].
    """

    key: int
    name: str
    weights: str
    share: float
    started: datetime
    stopped: datetime | None = None

    def includes(self, subscriber: int) -> bool:
        """Return True if a subscriber takes part: the same ones during a trial, others in another trial."""
        drawn = blake2b(f"{self.name}|{subscriber}".encode(), digest_size=8).digest()
        return int.from_bytes(drawn, "big") / _WHOLE < self.share

    def random_bits(self, subscriber: int, period: str) -> bytes:
        """Return the coin flips of one digest, one bit each.

        They are the same whenever it is drafted.
        """
        return blake2b(f"{self.name}|{subscriber}|{period}".encode(), digest_size=64).digest()
