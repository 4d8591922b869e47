"""A subscriber says what they think of a paper; it counts from the next digest on, and never leaves the install."""

from datetime import datetime

from digestd.domain.feedback import Verdict
from digestd.domain.paper import PaperId
from digestd.errors import NotFound
from digestd.links import Keys
from digestd.store import feedback, papers
from digestd.store.database import Database
from digestd.subscribe.leaving import find


def say_of(db: Database, keys: Keys, address: str, paper: PaperId, verdict: Verdict, now: datetime) -> None:
    """Note a verdict. Raises NotFound for an unknown address or paper."""
    with db.write() as session:
        subscriber = find(session, keys, address)
        found = papers.find(session, paper)
        if found is None:
            raise NotFound(f"{paper}: no such paper; `digestd paper list` shows what is there")
        feedback.give(session, subscriber.key, found.key, verdict, now)


def take_back(db: Database, keys: Keys, address: str, paper: PaperId, now: datetime) -> Verdict:
    """Take back the newest verdict on a paper: the one before it counts again. Raises NotFound where there is none."""
    with db.write() as session:
        subscriber = find(session, keys, address)
        found = papers.find(session, paper)
        taken = feedback.undo(session, subscriber.key, found.key, now) if found else None
        if taken is None:
            raise NotFound(f"{address} has said nothing of {paper} that stands")
        return taken
