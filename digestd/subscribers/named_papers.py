"""What is known about the papers that a subscriber named by identifier: which count, and why the others do not."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlmodel import Session

from digestd.domain.paper import Paper, PaperId
from digestd.domain.reference import LookupState, Reference, registries_of
from digestd.store import references
from digestd.text.tex import to_plain


@dataclass(frozen=True, slots=True)
class NamedPaper:
    """A paper that a subscriber named.

    Attributes:
        found: the public paper, else their own reference; None if neither is known.
        state: of its lookup; None if there is none.
    """

    paper: PaperId
    found: Paper | Reference | None
    state: LookupState | None

    @property
    def title(self) -> str:
        """Return its title; empty until it is known, and until then it does not count."""
        if isinstance(self.found, Paper):
            return self.found.plain_title
        return to_plain(self.found.words.title) if self.found else ""

    @property
    def is_known(self) -> bool:
        """Return True if its title is known. Operators' templates of 0.1.0 ask for it."""
        return bool(self.title)

    @property
    def url(self) -> str | None:
        return self.found.url if isinstance(self.found, Paper) else None

    @property
    def registries(self) -> tuple[str, ...]:
        return registries_of(self.paper)


def named_papers(session: Session, subscriber: int, names: Sequence[PaperId]) -> list[NamedPaper]:
    """Return what is known about papers that a subscriber named, in their order."""
    known = references.resolved(session, subscriber, names)
    states = references.lookup_states(session, subscriber)
    return [NamedPaper(name, known.get(name), states.get(name)) for name in names]
