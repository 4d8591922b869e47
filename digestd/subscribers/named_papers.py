"""What is known about the papers that a subscriber named by identifier: which count, and why the others do not."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlmodel import Session

from digestd.domain.lookup import LookupState, registries_of
from digestd.domain.paper import Paper, PaperId
from digestd.domain.reference import Reference
from digestd.store import paper_lookups, references
from digestd.text.tex import to_plain


@dataclass(frozen=True, slots=True)
class NamedPaperState:
    """What is known about a paper that a subscriber named.

    Attributes:
        title: its title; empty until it is known.
        state: of its lookup; None if it is known, or is not looked up.
        registries: the names of the registries that it is looked up at.
    """

    paper: PaperId
    title: str = ""
    state: LookupState | None = None
    registries: tuple[str, ...] = ()


def named_paper_states(session: Session, subscriber: int, names: Sequence[PaperId]) -> list[NamedPaperState]:
    """Return what is known about papers that a subscriber named, in their order."""
    known = references.resolved(session, subscriber, names)
    states = paper_lookups.states(session, subscriber)
    return [_state(name, known.get(name), states.get(name)) for name in names]


def _state(name: PaperId, found: Paper | Reference | None, state: LookupState | None) -> NamedPaperState:
    title = found.plain_title if isinstance(found, Paper) else to_plain(found.words.title) if found else ""
    return NamedPaperState(name, title, None if title else state, registries_of(name))
