"""Sightings of one work by several sources, and the papers made from them."""

from datetime import timedelta

from digestd.domain.paper import Sighting
from digestd.store import papers
from digestd.store.database import Database
from tests.papers.makers import rows, seen

A, B, D = "arxiv:2611.00001", "arxiv:2611.00002", "doi:10.5555/d"
TITLE = "Winter mixing below thin ice in small northern lakes"
PEOPLE = ["Maja Lindqvist", "Tomás Ferreira", "Aroha Ngata"]
BY_OTHERS = ["Lindqvist, M.", "Ferreira, T.", "Ngata, A."]
HOUR = timedelta(hours=1)


def at_arxiv(**more: object) -> Sighting:
    return seen(A, title=TITLE, authors=PEOPLE, version=1, **more)


def in_journal(**more: object) -> Sighting:
    return seen(D, title=TITLE.title(), authors=BY_OTHERS, **more)


def works(db: Database) -> set[frozenset[str]]:
    """Return the identifiers of each paper."""
    found: dict[int, set[str]] = {}
    for row in rows(db, "paper_alias"):
        if not row.alias.startswith(papers.MERGED):
            found.setdefault(row.paper, set()).add(row.alias)
    return set(map(frozenset, found.values()))
