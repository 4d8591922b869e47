"""Recognise bounces that are too many at once to be about the readers, but about the relay or their mail server.

No real list loses more than half of a handful, or a fifth of many readers within an hour or a day. What fails then is
a map of the relay, a directory behind it, or the sender's reputation, and it heals when somebody repairs that. So
nobody is suppressed for it, and mails that were refused wait.
"""

from dataclasses import dataclass

FEW, MANY = 3, 10
"""Failed readers that set off the brake: fewer may be a coincidence; from MANY on a smaller part is enough."""
FEW_PART, MANY_PART = 0.5, 0.2


@dataclass(frozen=True, slots=True)
class FailureCounts:
    """Counts of readers who were mailed recently: all, those that failed for good, and those that were reached."""

    tried: int = 0
    failed: int = 0
    reached: int = 0

    @property
    def is_unusual(self) -> bool:
        """True if more failed than the readers themselves can account for."""
        return (self.failed >= FEW and self.failed > FEW_PART * self.tried) or (
            self.failed >= MANY and self.failed > MANY_PART * self.tried
        )
