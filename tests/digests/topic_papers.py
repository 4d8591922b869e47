"""Papers and readers whose match is known beforehand.

On an archive of other words.

Where the topic stands in a paper makes it strong, weak, near or no match.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import cache

from sqlalchemy import select

from digestd.domain.digest import Pick
from digestd.domain.paper import Paper, PaperId
from digestd.papers.paper_import import import_papers
from digestd.store import core, papers
from digestd.store.ledger import queries
from digestd.store.ledger.packing import unpack_picks
from tests.support import sample_data
from tests.support.install import Install

DAY = timedelta(days=1)
TOPIC = "glimmering vostok tidepool lanterns"
ALL, HALF, PART, NONE = 3, 2, 1, 0
"""The topic stands in title and abstract, in the abstract alone, only its first half there, or nowhere."""
Record = dict[str, object]


def archive(install: Install) -> None:
    """Import archived papers, so that there is a text model."""
    report = import_papers(
        install.db, sample_data.lines(sample_data.papers(80, seed=5, first=900_000)), install.clock.now, True
    )
    assert not report.refused


def paper(name: str, strength: int = ALL, **said: object) -> Record:
    """Return a paper that TOPIC stands in as `strength` says, and otherwise other text."""
    filler = _filler()[sum(map(ord, name)) % len(_filler())]
    title, abstract = (TOPIC if strength >= least else "" for least in (ALL, HALF))
    abstract = f"{TOPIC}, {TOPIC}" if strength == ALL else abstract
    abstract = " ".join(TOPIC.split()[:2]) if strength == PART else abstract
    return {
        "id": f"shelf:{name}",
        "title": f"{title} {filler[0]} {name}",
        "abstract": f"{abstract}. {filler[1]}",
        **said,
    }


def shelf(prefix: str, count: int, strength: int = ALL, **said: object) -> Iterator[Record]:
    """Yield several such papers."""
    return (paper(f"{prefix}{number:02}", strength, **said) for number in range(count))


def reader(**said: object) -> Record:
    """Return a subscriber who is interested in TOPIC."""
    return {"email": "reader@example.net", "topics": [TOPIC], **said}


def welcome(install: Install) -> None:
    """Give every subscriber a first digest, which comes even if nothing is near, and go on to the next day."""
    install.papers([paper("welcome", NONE)])
    install.plan()
    install.clock.go(DAY)


@dataclass(frozen=True)
class Held:
    """A planned digest: its ledger row and its papers."""

    key: int
    period: str
    covers_from: str
    state: str
    picks: tuple[Pick, ...]
    names: tuple[str, ...]


def digests(install: Install, address: str = "reader@example.net") -> list[Held]:
    """Return the digests of a subscriber, oldest first.

    Papers without the prefix `shelf:`.
    """
    delivery, subscriber = core.delivery.c, core.subscriber.c
    query = (
        select(core.delivery)
        .join_from(core.delivery, core.subscriber, subscriber.id == delivery.subscriber_id)
        .where(subscriber.address == address, delivery.kind == "digest")
        .order_by(delivery.id)
    )
    with install.db.read() as session:
        rows = session.connection().execute(query).all()
        picks = [unpack_picks(row.picks) for row in rows]
        known = papers.by_keys(session, {pick.paper for held in picks for pick in held})
    return [
        Held(row.id, row.key, row.covers_from, row.state, held, tuple(_name(known[pick.paper]) for pick in held))
        for row, held in zip(rows, picks, strict=True)
    ]


def planned(install: Install, address: str = "reader@example.net") -> tuple[str, ...]:
    """Plan, and return the papers in a subscriber's newest digest."""
    install.plan()
    return digests(install, address)[-1].names


def mail(install: Install, delivery: int) -> bytes:
    """Compose a digest from the database, without any cache."""
    from digestd.delivery.composer import Composer  # noqa: PLC0415  # a new one each time: nothing is cached

    with install.db.read() as session:
        claim = queries.as_claim(session, delivery)
    assert claim is not None
    composer = Composer(install.db, install.app.sender, install.app.templates)
    composer.prepare([claim])
    return composer.compose(claim).message


def subscriber(install: Install, address: str = "reader@example.net") -> int:
    """Return the row number of a subscriber."""
    query = select(core.subscriber.c.id).where(core.subscriber.c.address == address)
    with install.db.read() as session:
        return int(session.connection().execute(query).scalar_one())


def named(name: str) -> PaperId:
    """Return the identifier of such a paper."""
    return PaperId(f"shelf:{name}")


@cache
def _filler() -> list[tuple[str, str]]:
    return [(str(record["title"]), str(record["abstract"])) for record in sample_data.papers(200, seed=11)]


def _name(known: Paper) -> str:
    return known.id.removeprefix("shelf:")
