"""Rejected lines of an imported file, each with what to do about it."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from digestd.errors import BadRecord

LISTED_MAX = 1_000
"""The maximum number of lines listed one by one, so that a wrong file does not fill the memory."""


@dataclass(frozen=True, slots=True)
class RejectedLine:
    """A rejected line: its number, the field, and what to do."""

    line: int
    field: str
    message: str


@dataclass(slots=True)
class RejectedLines:
    """Rejected lines of a file; beyond LISTED_MAX they are only counted."""

    listed: list[RejectedLine] = field(default_factory=list)
    unlisted: int = 0

    def add(self, line: int, problem: BadRecord) -> None:
        """Add one line."""
        if len(self.listed) < LISTED_MAX:
            self.listed.append(RejectedLine(line, problem.field, problem.message))
        else:
            self.unlisted += 1

    def __len__(self) -> int:
        return len(self.listed) + self.unlisted

    def __iter__(self) -> Iterator[RejectedLine]:
        """Yield the listed lines, and at the end one that gives the number of the others."""
        yield from self.listed
        if self.unlisted:
            yield RejectedLine(self.listed[-1].line, "", f"{self.unlisted} more bad lines follow")
