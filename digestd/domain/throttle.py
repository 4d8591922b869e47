"""How fast mails may go to one relay or one recipient domain, and when a relay is left alone: pure arithmetic.

Kept as the one instant at which the next mail may go (the generic cell rate algorithm, ITU-T I.371 A.1): a
sliding window of one mail that needs no counters and survives a restart as a single number. A relay that asks
for less gets half; what it was asked to take before comes back by doubling every RECOVERY_SECONDS.

Instants are seconds since 1970, rates mails a second; a rate of 0 is no limit.
"""

from dataclasses import dataclass, replace

RECOVERY_SECONDS = 600.0
HORIZON_SECONDS = 3_600.0
SLOWEST = 1 / 60
"""One mail a minute: slower is silence, and then nobody would notice that the relay has recovered."""


@dataclass(frozen=True, slots=True)
class Throttle:
    """`free`: when the next mail may go. `lowered`: the rate since `slowed`; `before`: the rate it was lowered from."""

    free: float = 0.0
    lowered: float = 0.0
    slowed: float = 0.0
    before: float = 0.0

    def rate(self, limit: float, now: float) -> float:
        """The rate now, where the settings allow `limit`."""
        if not self.lowered:
            return limit
        recovered = self.lowered * 2 ** min(max(now - self.slowed, 0.0) / RECOVERY_SECONDS, 30.0)
        if recovered >= self.before:
            return limit
        return min(recovered, limit) if limit else recovered

    def wait(self, limit: float, now: float) -> float:
        """Seconds until the next mail may go. More than HORIZON_SECONDS was written under another clock."""
        ahead = self.free - now
        return ahead if self.rate(limit, now) and 0 < ahead <= HORIZON_SECONDS else 0.0

    def taken(self, count: int, limit: float, now: float) -> "Throttle":
        """After `count` mails that go now."""
        rate = self.rate(limit, now)
        return replace(self, free=now + self.wait(limit, now) + count / rate) if rate else self

    def asked_for_less(self, limit: float, seen: float, now: float) -> "Throttle":
        """After the relay asked for less; `seen`: the rate it was sent at of late."""
        present = self.rate(limit, now) or seen
        if not present:
            return self
        before = present if self.rate(limit, now) == limit else self.before
        return replace(self, lowered=max(present / 2, SLOWEST), slowed=now, before=max(before, 2 * SLOWEST))


@dataclass(frozen=True, slots=True)
class BackoffState:
    """How often a relay has not served us in a row, until when it is left alone for that, and why."""

    failures: int = 0
    until: float = 0.0
    why: str = ""
