"""Generate papers and subscribers of invented words, deterministic by seed.

A paper belongs to one of 40 fields. Its title and the sentences of its abstract name terms of the field, the frequent
ones first (Zipf's law), so that digests quote them as they quote real papers.
"""

import json
from bisect import bisect
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from hashlib import blake2b
from itertools import accumulate, islice
from random import Random

from digestd.domain.interest import Interest, Kind
from digestd.domain.subscriber import Cause, Preferences, Status, Subscriber
from digestd.papers.paper_import import import_papers
from digestd.store import subscribers
from digestd.store.database import Database

FIELDS = 40
TERMS = 60
"""Terms of two words that each field has."""
WORDS = 4_000
"""Words that all fields share."""
SENTENCES = 9
"""Sentences of an abstract."""
_TITLES = (
    "{0}: {2} {1} without {3}",
    "Towards {2} {0} with {1}",
    "{2} {0} for {1}",
    "How {0} and {1} change {3}",
    "A {2} view of {0}",
)
_PATTERNS = (
    "We present {2} {3}, a method for {0} that needs no {1} and runs on a single {4}.",
    "Earlier work on {0} relies on {1}, and fails as soon as the {2} {3} changes.",
    "In experiments on {5} sets of {0}, our approach improves {2} {3} by {6}% over {1}.",
    "We show that {0} is equivalent to {1} under mild assumptions on the {2}.",
    "However, {0} remains hard because {2} and {3} interact with {1} in ways that nobody has measured.",
    "Our analysis of {0} reveals that most of the {2} comes from {1}, not from the {3}.",
    "A study with {5} {2} participants confirms that {0} helps with {1}.",
    "We release the {2} code, the {3} data and {5} trained models for {0}.",
    "The key idea is to treat {0} as a {2} problem and to solve it with {1} and a {3} of fixed size.",
    "This matters for {0}, where {2} {3} is scarce and {1} costs {6} times as much.",
    "Compared with {1}, the proposed {2} needs {6} times fewer {3} at the same quality of {0}.",
)
"""Patterns of sentences: two terms, three words and two numbers."""
_WEIGHTS = list(accumulate(1 / rank for rank in range(1, TERMS + 1)))
_SYLLABLES = [
    *("ba", "ce", "di", "fo", "gu", "ha", "je", "ki", "lo", "mu", "na", "pe"),
    *("ro", "su", "ta", "ve", "wi", "xo", "zu", "bra", "cle", "dri", "flo", "gru"),
]


def _hashed(address: str) -> bytes:
    return blake2b(address.encode(), digest_size=32).digest()


def synthetic_papers(count: int, seed: int, scheme: str) -> Iterator[bytes]:
    """Yield papers as lines of `paper import`."""
    rng = Random(seed)
    for number in range(count):
        field = number % FIELDS
        title = _filled(rng, rng.choice(_TITLES), field)
        record = {
            "id": f"{scheme}:{number}",
            "title": f"{title[0].upper()}{title[1:]}",
            "abstract": " ".join(_filled(rng, pattern, field) for pattern in rng.sample(_PATTERNS, SENTENCES)),
            "authors": [_name(rng.randrange(20_000)) for _ in range(4)],
            "categories": [f"inv.{field}"],
            "published": "2026-11-24",
            "signals": {"upvotes": int(rng.paretovariate(1.2)) - 1},
            "links": {"pdf": f"https://papers.example/{scheme}/{number}.pdf"},
            "url": f"https://papers.example/{scheme}/{number}",
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
    """Yield subscribers with three topics of their own: terms of a field, most with a further word.

    Half of them like up to 2 · `likes` papers of the archive; some follow an author or choose a category.

    Args:
        likes: mean number of likes.
        size: picks per digest.
    """
    for number in range(count):
        rng = Random(number)
        field = rng.randrange(FIELDS)
        interests = [Interest(Kind.TOPIC, _topic(rng, field)) for _ in range(3)]
        if rng.random() < 0.5 and archive >= FIELDS and likes:
            ranks = (rng.randrange(archive // FIELDS) for _ in range(rng.randrange(1, 2 * likes + 1)))
            interests += [Interest(Kind.PAPER, f"old:{rank * FIELDS + field}") for rank in ranks]
        if rng.random() < 0.3:
            interests.append(Interest(Kind.AUTHOR, _name(rng.randrange(20_000))))
        if rng.random() < 0.3:
            interests.append(Interest(Kind.CATEGORY, f"inv.{field}"))
        own = tuple(dict.fromkeys(interests))
        yield Subscriber(0, f"reader{number}@example.net", Status.ACTIVE, 1, Preferences(size=size), own)


def _filled(rng: Random, pattern: str, field: int) -> str:
    """Return a sentence or title of the field."""
    words = [_word(rng.randrange(WORDS)) for _ in range(3)]
    return pattern.format(_term(rng, field), _term(rng, field), *words, rng.randrange(2, 90), rng.randrange(2, 20))


def _topic(rng: Random, field: int) -> str:
    term = _term(rng, field)
    return term if rng.random() < 0.3 else f"{term} {rng.choice(['of', 'for', 'with'])} {_word(rng.randrange(WORDS))}"


def _term(rng: Random, field: int) -> str:
    """Return a term of the field, the first ones more often."""
    number = WORDS + 2 * (field * TERMS + bisect(_WEIGHTS, rng.random() * _WEIGHTS[-1]))
    return f"{_word(number)} {_word(number + 1)}"


def _word(number: int) -> str:
    base = len(_SYLLABLES)
    return "".join(_SYLLABLES[number // base**place % base] for place in range(4))


def _name(number: int) -> str:
    return f"{_word(number % 97).title()} {_word(1_000 + number).title()}"
