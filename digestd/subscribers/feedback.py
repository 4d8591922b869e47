"""Record what a subscriber thinks of a paper, by address and paper id.

Feedback counts from the next digest on and never leaves the installation. For feedback by the links of a digest see
`pick_feedback`.
"""

from datetime import datetime

from sqlmodel import Session

from digestd.domain.interest import Interest, Kind, Verdict
from digestd.domain.paper import Paper, PaperId
from digestd.errors import BadInput, NotFound
from digestd.ranking.text import tokens
from digestd.security.keys import Keys
from digestd.store import feedback, papers
from digestd.store.database import Database
from digestd.subscribers.lookup import find


def add_feedback(db: Database, keys: Keys, address: str, paper: PaperId, verdict: Verdict, now: datetime) -> None:
    """Record a verdict on a paper. Raises NotFound for an unknown address or paper."""
    with db.write() as session:
        subscriber = find(session, keys, address)
        feedback.add(session, subscriber.key, find_paper(session, paper)[0].key, verdict, now)


def undo_feedback(db: Database, keys: Keys, address: str, paper: PaperId, now: datetime) -> Verdict:
    """Undo the newest verdict on a paper.

    The one before it counts again. Return it.

    Raises:
        NotFound: the address is unknown, or has given no feedback on the paper.
    """
    with db.write() as session:
        subscriber = find(session, keys, address)
        found = papers.find(session, paper)
        taken = feedback.undo(session, subscriber.key, found.key, now) if found else None
        if taken is None:
            raise NotFound(f"{address} has given no feedback on {paper}")
        return taken


def mute_from_paper(db: Database, keys: Keys, address: str, paper: PaperId, what: Interest, now: datetime) -> None:
    """Mute something that a paper has: a topic, phrase, author or category.

    Raises:
        NotFound: the address or the paper is unknown.
        BadInput: the paper does not have it.
    """
    with db.write() as session:
        subscriber = find(session, keys, address)
        found, _ = find_paper(session, paper)
        if not matches_interest(found, what):
            raise BadInput(f"{what.kind} {what.value!r}: {paper} has no such {what.kind}; nothing was muted")
        feedback.add_muting(session, subscriber.key, found.key, what.kind, what.value, now)


def undo_mute(db: Database, keys: Keys, address: str, paper: PaperId, now: datetime) -> Interest:
    """Undo the newest muting that was made from a paper, and return it.

    Raises:
        NotFound: the address is unknown, or has muted nothing from the paper.
    """
    with db.write() as session:
        subscriber = find(session, keys, address)
        found = papers.find(session, paper)
        taken = feedback.undo_muting(session, subscriber.key, found.key, now) if found else None
        if taken is None:
            raise NotFound(f"{address} has muted nothing of {paper}")
        return taken


def matches_interest(paper: Paper, what: Interest) -> bool:
    """Return True if muting `what` would exclude this paper."""
    from digestd.ranking.inverted_index import build_inverted_index  # noqa: PLC0415  # few processes rank

    if what.kind is Kind.TOPIC:
        stems = set(tokens(what.value))
        return bool(stems) and stems <= set(tokens(paper.text))
    find = build_inverted_index([paper]).finders.get(what.kind)
    return find is not None and len(find(what.value)) > 0


def find_paper(session: Session, name: PaperId) -> tuple[Paper, set[int]]:
    """Return a paper with the row numbers that it has and had. Raises NotFound."""
    found = papers.find(session, name)
    if found is None:
        raise NotFound(f"there is no paper {name}; check the identifier")
    return found, {found.key, *papers.former_keys(session, [found.key]).get(found.key, ())}
