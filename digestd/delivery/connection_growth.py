"""Decide how many connections to open to a relay: more while they make sending faster and the relay accepts them.

Postfix grows its deliveries to a destination with each success and shrinks them with each failure (SCHEDULER_README).
Here the number grows fourfold, and the rate decides as well: a relay that is busy, or our own CPU, gains nothing by
more connections, but each takes a process of the relay.
"""

START = 8
"""Connections at first."""
GROWTH = 4
"""The factor by which connections are increased."""
GAIN = 0.2
"""Added connections must bring this share of what they would bring to an idle relay, or they are closed again."""
SEEN, SEEN_SECONDS = 1, 0.2
"""Answers per connection and seconds after which a gain is believed, so that a slow relay is soon used in full."""
MEASURED, MEASURED_SECONDS = 3, 0.3
"""Answers per connection and seconds without a gain before connections are closed again: chance must not decide."""
HOLD, HOLD_AFTER_FAILURE = 8, 64
"""Measurements until more connections are tried again: after they were no faster, and after the relay refused one."""


class ConnectionGrowth:
    """The number of connections wanted to one relay in a run.

    Args:
        most: The maximum, by the operator's setting.

    Attributes:
        wanted: Connections to have open now.
    """

    def __init__(self, most: int) -> None:
        self.wanted = min(START, most)
        self._most = most
        self._ceiling = most
        self._answers = 0
        self._began: float | None = None
        self._best: tuple[int, float] | None = None
        self._hold = 0

    def record_answer(self, now: float, working: int) -> None:
        """Count an answer to a final dot; it may end a measurement and change `wanted`.

        Args:
            now: A time in seconds.
            working: Connections that have had an answer. Nothing is measured until all have.
        """
        self._answers += 1
        if self._began is None:
            if working >= self.wanted:
                self._answers, self._began = 0, now
        elif self._answers >= SEEN * self.wanted and (seconds := now - self._began) >= SEEN_SECONDS:
            is_long = self._answers >= MEASURED * self.wanted and seconds >= MEASURED_SECONDS
            self._decide(self._answers / seconds, is_long)

    def record_failure(self, working: int) -> None:
        """Note that one connection failed while `working` others go on: for now, the relay bears no more than those."""
        self._ceiling, self._hold = max(1, working), HOLD_AFTER_FAILURE
        self._restart(min(self.wanted, self._ceiling))

    def _decide(self, rate: float, is_long: bool) -> None:
        if self._best is not None and rate < self._expected(*self._best):
            if is_long:
                self._hold = max(self._hold, HOLD)
                self._restart(self._best[0])
        elif is_long or not self._hold:
            self._best, self._hold = (self.wanted, rate), max(0, self._hold - 1)
            if self._hold:
                self._restart(min(self.wanted, self._ceiling))
            else:
                self._ceiling = self._most
                self._restart(min(GROWTH * self.wanted, self._most))

    def _expected(self, before: int, rate: float) -> float:
        """Return the rate that pays for the connections added to so many that brought `rate`; 0 if none were."""
        return rate * (1 + GAIN * (self.wanted / before - 1)) if self.wanted > before else 0

    def _restart(self, wanted: int) -> None:
        self.wanted, self._answers, self._began = wanted, 0, None
