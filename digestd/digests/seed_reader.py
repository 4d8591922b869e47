"""Read the papers that subscribers named.

Public papers are read once per run, because many subscribers name the same ones. Private references are read for
their owner only.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple

import numpy as np
from sqlmodel import Session

from digestd.digests.text_model import seed_vectors
from digestd.domain.paper import Paper, PaperId, votes
from digestd.ranking.arrays import Floats
from digestd.ranking.dense import EmbeddingSpace
from digestd.ranking.model import TextModel, encode_term_counts
from digestd.ranking.seeds import Seed
from digestd.store import papers
from digestd.store.ranking import text_models
from digestd.store.references import DerivedVectors, StoredReference, identifiers

CACHE_SIZE = 20_000
"""Maximum number of cached papers: about 50 MB of text."""
PRIVATE = -1
"""Replaces the revision of a private reference, which has none."""


class SeedPaper(NamedTuple):
    """A paper that a subscriber named: row number (0 for a private reference), revision, and what ranking needs."""

    key: int
    revision: int
    seed: Seed


@dataclass(frozen=True, slots=True)
class SeedReader:
    """Reads named papers, with a bounded cache.

    Attributes:
        new_terms: Term counts computed in this run, to be stored, by revision.
        new_references: The same for references, by subscriber and name.
    """

    model: TextModel
    space: EmbeddingSpace
    new_terms: dict[int, bytes] = field(default_factory=dict)
    new_references: dict[tuple[int, PaperId], DerivedVectors] = field(default_factory=dict)
    _cache: dict[PaperId, SeedPaper] = field(default_factory=dict)
    _unknown: set[PaperId] = field(default_factory=set)

    def of(self, session: Session, names: Iterable[PaperId]) -> dict[PaperId, SeedPaper]:
        """Return the papers known under these names; unknown ones are absent."""
        wanted = set(names)
        found = {name: self._cache[name] for name in wanted if name in self._cache}
        missing = sorted(wanted - found.keys() - self._unknown)
        if missing:
            fresh = self._read(session, missing)
            self._unknown.update(wanted - found.keys() - fresh.keys())
            self._cache.update(fresh)
            found |= fresh
            for oldest in list(islice(self._cache, max(0, len(self._cache) - CACHE_SIZE))):
                del self._cache[oldest]
        return found

    def private(
        self, references: Mapping[tuple[int, PaperId], StoredReference]
    ) -> dict[tuple[int, PaperId], SeedPaper]:
        """Return these references, by subscriber and name, as ranking needs them."""
        if not references:
            return {}
        unread = {key: one for key, one in references.items() if one.terms is None or not self._is_encoded(one)}
        terms = encode_term_counts(self.model, [one.reference.text for one in unread.values()])
        texts = {key: one.reference.text for key, one in unread.items() if not self._is_encoded(one)}
        vectors = dict(zip(texts, self._vectors(list(texts.values())), strict=True))
        fresh = {
            key: DerivedVectors(
                one.added, self.model.version, found, self._version, vectors.get(key, self._stored_vector(one))
            )
            for (key, one), found in zip(unread.items(), terms, strict=True)
        }
        self.new_references.update(fresh)
        return {
            key: _private(one, fresh[key].terms, fresh[key].vector)
            if key in fresh
            else _private(one, one.terms, self._stored_vector(one))
            for key, one in references.items()
        }

    def _is_encoded(self, stored: StoredReference) -> bool:
        return self._version is None or stored.encoder == self._version

    def _stored_vector(self, stored: StoredReference) -> Floats | None:
        """Return the stored embedding; None if another encoder made it, or none is in use."""
        return stored.vector if stored.encoder == self._version else None

    @property
    def _version(self) -> str | None:
        return None if self.space.is_empty else self.space.encoder.version

    def _vectors(self, texts: Sequence[str]) -> Sequence[Floats | None]:
        """Return embeddings in half precision, as the next run reads them."""
        if self._version is None or not texts:
            return [None] * len(texts)
        return list(self.space.encoder.encode(texts).astype(np.float16).astype(np.float32))

    def _read(self, session: Session, names: Sequence[PaperId]) -> dict[PaperId, SeedPaper]:
        found = papers.by_ids(session, names)
        vectors = seed_vectors(session, self.space, list(found.values()))
        terms = self._terms(session, {paper.revision: paper for paper in found.values()})
        return {
            name: _named(paper, vectors.get(paper.revision), terms[paper.revision]) for name, paper in found.items()
        }

    def _terms(self, session: Session, read: Mapping[int, Paper]) -> dict[int, bytes]:
        terms = text_models.encodings_of(session, self.model.version, read)
        missing = [revision for revision in read if revision not in terms]
        new_terms = dict(zip(missing, encode_term_counts(self.model, [read[key].text for key in missing]), strict=True))
        self.new_terms.update(new_terms)
        return terms | new_terms


@dataclass(frozen=True, slots=True)
class NamedPapers:
    """The papers that each subscriber of a shard named: public if a source knows them, else their reference.

    `references` and `private` are keyed by subscriber and name.
    """

    public: Mapping[PaperId, SeedPaper]
    references: Mapping[int, Mapping[PaperId, StoredReference]]
    private: Mapping[tuple[int, PaperId], SeedPaper]

    def find(self, subscriber: int, name: PaperId) -> SeedPaper | None:
        """Return the paper that a name refers to for a subscriber; None if unknown."""
        found = self.public.get(name)
        if found is not None or subscriber not in self.references:
            return found
        stored = self.references[subscriber].get(name)
        return (_public(self.public, name, stored) if stored else None) or self.private.get((subscriber, name))

    def revision(self, subscriber: int, name: PaperId) -> int:
        """Return the revision that was read: PRIVATE for a reference, 0 if the name is unknown."""
        found = self.find(subscriber, name)
        return found.revision if found else 0

    def joined(self, other: "NamedPapers") -> "NamedPapers":
        return NamedPapers(
            {**self.public, **other.public}, {**self.references, **other.references}, {**self.private, **other.private}
        )


def find_seeds(
    session: Session,
    seed_reader: SeedReader,
    named: Mapping[int, Sequence[PaperId]],
    references: Mapping[int, Mapping[PaperId, StoredReference]],
) -> NamedPapers:
    """Look up the papers that subscribers (row number → names) named."""
    own = {
        (subscriber, name): theirs[name]
        for subscriber, theirs in references.items()
        for name in named.get(subscriber, ())
        if name in theirs
    }
    names = {name for each in named.values() for name in each}
    names.update(one for stored in own.values() for one in stored.reference.ids)
    public = seed_reader.of(session, names)
    unresolved = {
        (subscriber, name): stored
        for (subscriber, name), stored in own.items()
        if stored.reference.words.title and _public(public, name, stored) is None
    }
    return NamedPapers(public, references, seed_reader.private(unresolved))


def _public(public: Mapping[PaperId, SeedPaper], name: PaperId, stored: StoredReference) -> SeedPaper | None:
    return next((public[one] for one in identifiers(name, stored.reference) if one in public), None)


def _private(stored: StoredReference, terms: bytes | None, vector: Floats | None) -> SeedPaper:
    words, text = stored.reference.words, stored.reference.text
    return SeedPaper(0, PRIVATE, Seed(words.title, text, words.authors, 0.0, vector, terms, is_private=True))


def _named(paper: Paper, vector: Floats | None, terms: bytes) -> SeedPaper:
    weighted = votes(paper.signals)
    seed = Seed(paper.plain_title, paper.text, paper.words.authors, weighted, vector, terms, paper=paper.key)
    return SeedPaper(paper.key, paper.revision, seed)
