"""Profiles: a subscriber's interests, compiled against the model and the day's papers."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np

from digestd.domain.interest import Interest, Kind, Wish, values
from digestd.domain.paper import PaperId
from digestd.ranking.arrays import Doubles, Floats, Ints
from digestd.ranking.drift import recency
from digestd.ranking.echoes import Echo
from digestd.ranking.lookup import NOWHERE, positions
from digestd.ranking.model import TextModel
from digestd.ranking.pool import Pool
from digestd.ranking.ridge import dual
from digestd.ranking.seeds import Seed, Shelf
from digestd.ranking.text import tokens
from digestd.ranking.topics import Topic, compile_topics

__all__ = ["Match", "Profile", "Seed", "Tastes", "Wants", "compile_profiles"]


@dataclass(frozen=True, slots=True)
class Wants:
    """What a subscriber asked for. `seeds`: the text of each liked or disliked paper that is known."""

    interests: tuple[Interest, ...] = ()
    seeds: Mapping[PaperId, Seed] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Match:
    """An interest that names something: `value` as typed, the `papers` (sorted positions) that have it.

    `written`: as which it stands there, where that may differ.
    """

    value: str
    papers: Ints
    written: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Tastes:
    """Likes and dislikes: rows of a shelf, `seeds` in the same order, `weights` (k,) of the ridge regression.

    `liked` and `disliked`: the recency of each, summing to 1.
    """

    shelf: Shelf
    likes: Ints
    dislikes: Ints
    seeds: tuple[Seed, ...]
    weights: Floats
    liked: Floats
    disliked: Floats

    @property
    def rows(self) -> Ints:
        """Likes, then dislikes: (k,)."""
        return np.concatenate([self.likes, self.dislikes])


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """One subscriber, for one pool.

    `echo`: what the topics find in the archive. `plain`: nothing to go by, so only trends count.
    `muted`: positions never shown.
    """

    topics: tuple[Topic, ...]
    echo: Echo
    phrases: tuple[Match, ...]
    authors: tuple[Match, ...]
    categories: tuple[Match, ...]
    tastes: Tastes | None
    plain: bool
    muted: Ints

    @property
    def likes(self) -> int:
        """How many liked papers are known."""
        return len(self.tastes.likes) if self.tastes else 0

    def follows(self, pool: Pool, j: int) -> bool:
        """Whether a followed author wrote paper j."""
        return 0 <= j < len(pool) and any(j in match.written for match in self.authors)


def compile_profiles(wants: Sequence[Wants], model: TextModel, pool: Pool) -> Sequence[Profile]:
    """Compile a block of subscribers with one encoding of all their topics and seeds.

    `model` must be the one the pool was built with.
    """
    if model.version != pool.model.version:
        raise ValueError(f"the pool was built with text model {pool.model.version}, not {model.version}")
    compiler = _Compiler(wants, pool)
    return [compiler.profile(want, echo) for want, echo in zip(wants, compiler.echoes, strict=True)]


class _Compiler:
    """What a block shares: each distinct topic, seed and name is looked up once."""

    def __init__(self, wants: Sequence[Wants], pool: Pool) -> None:
        self.pool = pool
        self.topics = compile_topics((v for w in wants for v in values(w.interests, Kind.TOPIC)), pool)
        self.echoes = self._echoes(wants)
        self.shelf = pool.shelves.holding(seed for w in wants for seed in w.seeds.values())
        self.prior = pool.background.prior(self.shelf.features)
        self.numbers = {paper.id: j for j, paper in enumerate(pool.papers)}
        self.author = cache(self._author)
        self.phrase = cache(lambda value: Match(value, pool.lookup.phrase(value)))
        self.category = cache(lambda value: Match(value, pool.lookup.category(value)))

    def profile(self, want: Wants, echo: Echo) -> Profile:
        liked: dict[Kind, list[str]] = {kind: [] for kind in Kind}
        for interest in want.interests:
            if interest.wish is Wish.LIKED:
                liked[interest.kind].append(interest.value)
        tastes = self._tastes(want)
        topics = self._topics(want)
        named = any(map(str.isalnum, "".join(liked[Kind.PHRASE] + liked[Kind.AUTHOR] + liked[Kind.CATEGORY])))
        return Profile(
            topics=topics,
            echo=echo,
            phrases=tuple(map(self.phrase, liked[Kind.PHRASE])),
            authors=tuple(map(self.author, liked[Kind.AUTHOR])),
            categories=tuple(map(self.category, liked[Kind.CATEGORY])),
            tastes=tastes,
            plain=not (topics or named or tastes),
            muted=self._muted(want.interests),
        )

    def _topics(self, want: Wants) -> tuple[Topic, ...]:
        return tuple(self.topics[value] for value in values(want.interests, Kind.TOPIC) if value in self.topics)

    def _echoes(self, wants: Sequence[Wants]) -> list[Echo]:
        each = [self._topics(want) for want in wants]
        terms = [np.concatenate([NOWHERE, *(topic.terms for topic in topics)]) for topics in each]
        nothing = np.zeros(self.pool.model.dims, dtype=np.float32)
        places = np.array([sum((topic.vector for topic in topics), nothing) for topics in each], dtype=np.float32)
        places = places.reshape(len(wants), self.pool.model.dims)
        return [Echo(*found) for found in self.pool.model.archive.best(terms, places)]

    def _author(self, value: str) -> Match:
        written = self.pool.lookup.author(value)
        return Match(value, positions(written), written)

    def _tastes(self, want: Wants) -> Tastes | None:
        likes, liked = _known(want, Wish.LIKED)
        if not likes:
            return None
        dislikes, disliked = _known(want, Wish.MUTED)
        rows = self.shelf.rows_of([*likes, *dislikes])
        weights = dual(self.shelf, self.prior, rows, liked, disliked, len(self.pool.model.vocabulary))
        own, other = np.split(rows, [len(likes)])
        return Tastes(self.shelf, own, other, (*likes, *dislikes), weights, _whole(liked), _whole(disliked))

    def _muted(self, interests: Iterable[Interest]) -> Ints:
        muted = [i for i in interests if i.wish is Wish.MUTED]
        return positions({int(j) for i in muted for j in self._hits(i)})

    def _hits(self, interest: Interest) -> Iterable[int]:
        match interest.kind:
            case Kind.TOPIC:
                return self.pool.lexicon.holding(tokens(interest.value))
            case Kind.PHRASE:
                return self.phrase(interest.value).papers
            case Kind.AUTHOR:
                return self.author(interest.value).papers
            case Kind.CATEGORY:
                return self.category(interest.value).papers
            case Kind.PAPER:
                return [self.numbers[PaperId(interest.value)]] if interest.value in self.numbers else []


def _known(want: Wants, wish: Wish) -> tuple[list[Seed], Doubles]:
    """The papers of one wish whose text is known, and the recency of each."""
    said = {PaperId(i.value): i.since for i in want.interests if i.kind is Kind.PAPER and i.wish is wish}
    known = [name for name in said if name in want.seeds]
    return [want.seeds[name] for name in known], recency([said[name] for name in known])


def _whole(weights: Doubles) -> Floats:
    shares: Floats = (weights / max(weights.sum(), 1e-9)).astype(np.float32)
    return shares
