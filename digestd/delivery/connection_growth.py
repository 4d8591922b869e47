"""How many connections to a relay: few at first, more while they make sending faster and the relay accepts them.

Postfix grows its deliveries to a destination with each success and shrinks them with each failure (SCHEDULER_README).
Here the number doubles, and the rate decides as well: a relay that is busy, or our own CPU, gains nothing by more
connections, but each takes a process of the relay.
"""

START = 4
"""Connections at first."""
GAIN = 1.2
"""Twice as many connections must be faster by this factor, or they are closed again."""
MEASURED, MEASURED_SECONDS = 2, 0.5
"""Answers per connection and seconds of a measurement, at least: with fewer, chance decides."""
HOLD = 8
"""Measurements until more connections are tried again."""


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
        self._answers = 0
        self._began: float | None = None
        self._best: tuple[int, float] | None = None
        self._hold = 0
        self._failed = False

    def record_answer(self, now: float, working: int) -> None:
        """Count an answer to a final dot; it may end a measurement and change `wanted`.

        Args:
            now: A time in seconds.
            working: Connections that have had an answer. Nothing is measured until all have.
        """
        self._answers += 1
        if self._began is None:
            if working < self.wanted:
                self._answers = 0
            elif self._answers >= self.wanted:
                self._answers, self._began = 0, now
        elif self._answers >= MEASURED * self.wanted and (seconds := now - self._began) >= MEASURED_SECONDS:
            self._decide(self._answers / seconds)

    def record_failure(self, working: int) -> bool:
        """Note that one connection failed while `working` others go on: the relay bears no more than those.

        Return True the first time.
        """
        first, self._failed = not self._failed, True
        self._most = max(1, working)
        self._restart(min(self.wanted, self._most))
        return first

    def _decide(self, rate: float) -> None:
        if self._best is not None and self.wanted > self._best[0] and rate < GAIN * self._best[1]:
            self._hold = HOLD
            self._restart(self._best[0])
            return
        self._best, self._hold = (self.wanted, rate), max(0, self._hold - 1)
        self._restart(self.wanted if self._hold else min(2 * self.wanted, self._most))

    def _restart(self, wanted: int) -> None:
        self.wanted, self._answers, self._began = wanted, 0, None
