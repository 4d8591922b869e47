"""Generate papers and subscribers of invented words, deterministic by seed.

A paper belongs to one of 40 fields; its words follow Zipf's law, half from the field and half common to all.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from hashlib import blake2b
from itertools import islice

import numpy as np

from digestd.domain.interest import Interest, Kind
from digestd.domain.subscriber import Cause, Preferences, Status, Subscriber
from digestd.papers.paper_import import import_papers
from digestd.store import subscribers
from digestd.store.database import Database

FIELDS = 40
COMMON, OWN = 4_000, 400
"""Words that all fields share, and that each has for itself."""
WORDS = 150
"""Words of an abstract."""
_SYLLABLES = [
    *("ba", "ce", "di", "fo", "gu", "ha", "je", "ki", "lo", "mu", "na", "pe"),
    *("ro", "su", "ta", "ve", "wi", "xo", "zu", "bra", "cle", "dri", "flo", "gru"),
]


def _hashed(address: str) -> bytes:
    return blake2b(address.encode(), digest_size=32).digest()


def synthetic_papers(count: int, seed: int, scheme: str) -> Iterator[bytes]:
    """Yield papers as lines of `paper import`."""
    rng = np.random.default_rng(seed)
    for number in range(count):
        title, abstract = _text(rng, number % FIELDS, 9), _text(rng, number % FIELDS, WORDS)
        record = {
            "id": f"{scheme}:{number}",
            "title": title,
            "abstract": abstract,
            "authors": [_name(int(n)) for n in rng.integers(20_000, size=4)],
            "categories": [f"inv.{number % FIELDS}"],
            "signals": {"upvotes": int(rng.pareto(1.2))},
        }
        yield json.dumps(record).encode() + b"\n"


def fill_database(
    db: Database,
    archive: int,
    papers: int,
    people: Iterable[Subscriber],
    now: datetime,
    known_by: Callable[[str], bytes] = _hashed,
) -> None:
    """Import so many earlier papers and papers of the day, and add the subscribers.

    `known_by` returns the key of an address.
    """
    import_papers(db, synthetic_papers(archive, 1, "old"), now, archive=True)
    import_papers(db, synthetic_papers(papers, 2, "new"), now + timedelta(hours=20))
    add_subscribers(db, people, now, known_by)


def add_subscribers(
    db: Database, people: Iterable[Subscriber], now: datetime, known_by: Callable[[str], bytes]
) -> None:
    """Add the subscribers in blocks."""
    remaining = iter(people)
    while block := list(islice(remaining, 5_000)):
        with db.write() as session:
            subscribers.insert_many(session, {known_by(str(one.address)): one for one in block}, Cause.IMPORT, now)


def synthetic_subscribers(count: int, archive: int, likes: int, size: int = 15) -> Iterator[Subscriber]:
    """Yield subscribers with one to three topics.

    Half of them like up to 2 · `likes` papers of the archive; some follow an author or choose a category.

    Args:
        likes: mean number of likes.
        size: picks per digest.
    """
    for number in range(count):
        rng = np.random.default_rng(number)
        field = int(rng.integers(FIELDS))
        interests = [Interest(Kind.TOPIC, _text(rng, field, 3)) for _ in range(int(rng.integers(1, 4)))]
        if rng.random() < 0.5 and archive >= FIELDS and likes:
            ranks = rng.integers(archive // FIELDS, size=int(rng.integers(1, 2 * likes + 1)))
            interests += [Interest(Kind.PAPER, f"old:{int(rank) * FIELDS + field}") for rank in ranks]
        if rng.random() < 0.3:
            interests.append(Interest(Kind.AUTHOR, _name(int(rng.integers(20_000)))))
        if rng.random() < 0.3:
            interests.append(Interest(Kind.CATEGORY, f"inv.{field}"))
        own = tuple(dict.fromkeys(interests))
        yield Subscriber(0, f"reader{number}@example.net", Status.ACTIVE, 1, Preferences(size=size), own)


def _text(rng: np.random.Generator, field: int, count: int) -> str:
    own = rng.random(count) < 0.5
    rank = np.exp(rng.random(count) * np.log(np.where(own, OWN, COMMON))).astype(np.int64)
    return " ".join(_word(int(r) + (COMMON + field * OWN if mine else 0)) for r, mine in zip(rank, own, strict=True))


def _word(number: int) -> str:
    base = len(_SYLLABLES)
    return "".join(_SYLLABLES[number // base**place % base] for place in range(4))


def _name(number: int) -> str:
    return f"{_word(number % 97).title()} {_word(1_000 + number).title()}"
