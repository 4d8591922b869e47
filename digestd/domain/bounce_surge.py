"""Recognise bounce surges.

So many mails fail at once that the cause is the relay or the receiving server, not the readers.

No real list loses more than half of a handful of readers, or a fifth of many, within an hour or a day. Such failures
come from a relay's map, a directory behind it, or the sender's reputation, and end when somebody repairs that. So
nobody is suppressed for them, and refused mails wait.
"""

from dataclasses import dataclass

FEW, MANY = 3, 10
"""The number of failed readers that can be a surge; from MANY on a smaller share is enough."""
FEW_PART, MANY_PART = 0.5, 0.2


@dataclass(frozen=True, slots=True)
class FailureCounts:
    """Counts of recently mailed readers: all, permanently failed, and reached."""

    tried: int = 0
    failed: int = 0
    reached: int = 0

    @property
    def is_unusual(self) -> bool:
        """Return True if more failed than the readers themselves can account for."""
        return (self.failed >= FEW and self.failed > FEW_PART * self.tried) or (
            self.failed >= MANY and self.failed > MANY_PART * self.tried
        )
