"""Generated papers and subscribers: any number, reproducible by seed."""

import json
from collections.abc import Iterator
from functools import lru_cache
from random import Random

_SYLLABLES = [
    "ba",
    "ce",
    "di",
    "fo",
    "gu",
    "ha",
    "je",
    "ki",
    "lo",
    "mu",
    "na",
    "pe",
    "qui",
    "ro",
    "su",
    "ta",
    "ve",
    "wi",
    "xo",
    "zu",
    "bra",
    "cle",
    "dri",
    "flo",
    "gru",
]
FIELDS = 10
PHRASES = 4
"""Phrases of two words that recur in the papers of a field, so that topics have papers about them."""


@lru_cache(maxsize=1)
def vocabulary() -> tuple[tuple[str, ...], ...]:
    """Return the invented words of each field."""
    rng = Random(7)
    return tuple(tuple(dict.fromkeys(_word(rng) for _ in range(60))) for _ in range(FIELDS))


def papers(count: int, seed: int = 1, first: int = 0) -> Iterator[dict[str, object]]:
    """Yield papers for `paper import`; each belongs mainly to one field."""
    return map(dict, _few_papers(count, seed, first)) if count <= 200 else _papers(count, seed, first)


@lru_cache(maxsize=64)
def _few_papers(count: int, seed: int, first: int) -> tuple[dict[str, object], ...]:
    return tuple(_papers(count, seed, first))


def _papers(count: int, seed: int, first: int) -> Iterator[dict[str, object]]:
    rng = Random(seed)
    for number in range(first, first + count):
        words = vocabulary()[number % FIELDS]
        yield {
            "id": f"invented:{number:06}",
            "title": _sentence(rng, words, 8),
            "abstract": " ".join(_sentence(rng, words, 14) for _ in range(8)),
            "authors": [_name(rng) for _ in range(rng.randint(1, 6))],
            "categories": [f"inv.{number % FIELDS}"],
            "signals": {"upvotes": int(rng.paretovariate(1.2))},
        }


def people(count: int, first: int = 0, **settings: object) -> Iterator[dict[str, object]]:
    """Yield subscribers for `subscriber import`, with one to three topics each."""
    for number in range(first, first + count):
        rng = Random(number)
        topics = [_phrase(rng, rng.choice(vocabulary())) for _ in range(rng.randint(1, 3))]
        yield {"email": f"reader{number}@example.net", "topics": topics, **settings}


def lines(records: Iterator[dict[str, object]]) -> Iterator[bytes]:
    """Yield records as JSON lines."""
    for record in records:
        yield json.dumps(record).encode() + b"\n"


def _word(rng: Random) -> str:
    return "".join(rng.choice(_SYLLABLES) for _ in range(rng.randint(2, 4)))


def _sentence(rng: Random, words: tuple[str, ...], length: int) -> str:
    others = [rng.choice(words if rng.random() < 0.6 else rng.choice(vocabulary())) for _ in range(length // 2)]
    phrases = [_phrase(rng, words) for _ in range(length // 4)]
    return " ".join(rng.sample([*others, *phrases], len(others) + len(phrases))) + "."


def _phrase(rng: Random, words: tuple[str, ...]) -> str:
    first = 2 * rng.randrange(PHRASES)
    return f"{words[first]} {words[first + 1]}"


def _name(rng: Random) -> str:
    return f"{_word(rng).title()} {_word(rng).title()}"
