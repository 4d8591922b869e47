"""Lines of a file that did not go in, each with the remedy."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from digestd.errors import BadRecord

LISTED_MAX = 1_000
"""So many are told one by one: a wrong file must not fill the memory."""


@dataclass(frozen=True, slots=True)
class RejectedLine:
    """A line that did not go in: its number, the field, and what to do."""

    line: int
    field: str
    message: str


@dataclass(slots=True)
class RejectedLines:
    """All of them; beyond LISTED_MAX they are only counted."""

    listed: list[RejectedLine] = field(default_factory=list)
    unlisted: int = 0

    def add(self, line: int, problem: BadRecord) -> None:
        """Note one more."""
        if len(self.listed) < LISTED_MAX:
            self.listed.append(RejectedLine(line, problem.field, problem.message))
        else:
            self.unlisted += 1

    def __len__(self) -> int:
        return len(self.listed) + self.unlisted

    def __iter__(self) -> Iterator[RejectedLine]:
        """Those that are told, and at the end how many are not."""
        yield from self.listed
        if self.unlisted:
            yield RejectedLine(self.listed[-1].line, "", f"{self.unlisted} more bad lines follow")
