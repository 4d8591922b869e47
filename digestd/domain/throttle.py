"""Limit the rate to one relay or recipient domain, and lower it when that asks for less.

The state is the one time at which the next mail may go (generic cell rate algorithm, ITU-T I.371 A.1): a sliding
window that needs no counters and survives a restart as a single number. Who asks for less gets half the rate, which
doubles again every RECOVERY_SECONDS; for a domain, also with each mail that it accepts. Times are seconds since 1970,
rates mails per second; 0 is no limit.
"""

from dataclasses import dataclass, replace

RECOVERY_SECONDS = 600.0
HORIZON_SECONDS = 3_600.0
SLOWEST = 1 / 60
"""One mail a minute. At a lower rate nobody would notice that the relay has recovered."""


@dataclass(frozen=True, slots=True)
class Throttle:
    """The state of one rate limit.

    Attributes:
        free: when the next mail may go.
        lowered: the rate at `slowed`; 0 if not lowered.
        before: the rate before it was lowered.
    """

    free: float = 0.0
    lowered: float = 0.0
    slowed: float = 0.0
    before: float = 0.0

    def rate(self, limit: float, now: float) -> float:
        """Return the current rate, given the configured `limit`."""
        if not self.lowered:
            return limit
        recovered = self.lowered * 2 ** min(max(now - self.slowed, 0.0) / RECOVERY_SECONDS, 30.0)
        if recovered >= self.before:
            return limit
        return min(recovered, limit) if limit else recovered

    def wait(self, limit: float, now: float) -> float:
        """Return the seconds until the next mail may go.

        Waits over HORIZON_SECONDS come from a wrong clock.
        """
        ahead = self.free - now
        return ahead if self.rate(limit, now) and 0 < ahead <= HORIZON_SECONDS else 0.0

    def taken(self, count: int, limit: float, now: float) -> "Throttle":
        """Return the state after `count` mails sent now."""
        rate = self.rate(limit, now)
        return replace(self, free=now + self.wait(limit, now) + count / rate) if rate else self

    def slowed_after_busy(self, limit: float, seen: float, now: float) -> "Throttle":
        """Return the state after the relay asked for less.

        Args:
            seen: the recent sending rate.
        """
        present = self.rate(limit, now) or seen
        if not present:
            return self
        before = present if self.rate(limit, now) == limit else self.before
        return replace(self, lowered=max(present / 2, SLOWEST), slowed=now, before=max(before, 2 * SLOWEST))

    def raised_after_success(self, limit: float, now: float) -> "Throttle":
        """Return the state after a mail was accepted, with twice the rate."""
        if not self.lowered:
            return self
        doubled = 2 * self.rate(limit, now)
        is_over = self.rate(limit, now) == limit or doubled >= self.before
        return replace(self, lowered=0.0 if is_over else doubled, slowed=now)
