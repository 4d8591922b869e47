"""Search papers by words and by meaning: `search_papers`.

A query that is the identifier or address of a paper finds that paper. By words: each word of the query must begin a
word of the title, the abstract, the authors or a reader's own notes.
By meaning: the papers whose stored vectors are nearest to the query's, if there is a dense model. Both lists are merged
by reciprocal rank (Cormack, Clarke & Buettcher 2009), so a paper that is on both comes first.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import NamedTuple
from unicodedata import normalize

import numpy as np
from sqlmodel import Session

from digestd.domain.paper import paper_id
from digestd.errors import BadRecord
from digestd.ranking.dense import FLOOR, Encoder
from digestd.ranking.text import STOP_WORDS, is_unspaced, stems, word_tokens, words
from digestd.store import papers
from digestd.store.papers.search import SearchText, public_papers, texts_of, texts_with
from digestd.store.ranking import embeddings
from digestd.text.sanitise import clean
from digestd.text.scripts import fold

QUERY_MAX = 200
"""Letters of a query that are read."""
RESULTS_MAX = 50
_WORDS_MAX = 10
_FOUND_MAX, _CHECKED_MAX = 200, 4_000
"""Papers of the archive that contain the words, and that are checked for them, the newest."""
_NAMED, _MENTIONED = 3, 1
"""Points of a word in the title, the authors or the notes, and in the abstract alone."""
_K = 60
"""The constant of the fusion, as its authors chose it."""
_SHORT = 3
"""Letters of a word that must not be only the beginning of another."""


class Found(NamedTuple):
    """A paper (row number) that fits a query, and how well compared with the others."""

    paper: int
    score: float


class _Word(NamedTuple):
    """A word of a query. `written`: as the database finds it; `start`: its beginning in folded text, and `pattern`."""

    written: str
    start: str
    pattern: re.Pattern[str]

    def is_in(self, folded: str) -> bool:
        return self.start in folded and self.pattern.search(folded) is not None


def search_papers(
    session: Session,
    encoder: Encoder,
    query: str,
    among: Collection[int] | None = None,
    notes: Mapping[int, str] | None = None,
    limit: int = RESULTS_MAX,
) -> list[Found]:
    """Return the papers that fit a query best, the best first.

    Args:
        among: row numbers of the papers to search, such as those of one reader; None for the public archive, of which
            the newest are searched.
        notes: what the reader who searches has noted about papers.
        limit: how many at most.
    """
    query = clean(query)[:QUERY_MAX]
    if identified := _identified(session, query, among):
        return identified
    wanted = _words(query)
    if not wanted:
        return []
    if among is None:
        texts = islice(texts_with(session, [word.written for word in wanted]), _CHECKED_MAX)
        named = list(islice(_by_words(texts, wanted, {}), _FOUND_MAX))
        near = _near_archive(session, encoder, query) if encoder.dims else []
    else:
        theirs = texts_of(session, among)
        named = list(_by_words(theirs, wanted, notes or {}))
        near = _near(session, encoder, query, theirs) if encoder.dims else []
    best = sorted(named, key=lambda one: (one.score, one.paper), reverse=True)
    return _fused(([one.paper for one in best], near), limit)


def _identified(session: Session, query: str, among: Collection[int] | None) -> list[Found]:
    """Return the paper whose identifier or address the query is, if it is one of those to search."""
    try:
        found = papers.find(session, paper_id("".join(query.split())))
    except BadRecord:
        return []
    if found is None or (found.withdrawn if among is None else found.key not in among):
        return []
    return [Found(found.key, 1.0)]


def _words(query: str) -> list[_Word]:
    tokens = {token: word for word in words(query) for token in word_tokens(word)}
    telling = [token for token in tokens if token not in STOP_WORDS] or list(tokens)
    return [_word(token, tokens[token]) for token in telling[:_WORDS_MAX]]


def _word(token: str, written: str) -> _Word:
    """Return a word by its stem, so that `studies` finds `study`."""
    if is_unspaced(token):
        folded = _folded(written)
        at = folded.find(token)
        as_written = written[at : at + len(token)] if len(folded) == len(written) else token
        return _Word(as_written, token, re.compile(re.escape(token)))
    start, ending = token, r"s?(?![^\W\d_])"
    if len(token) > _SHORT:
        stem = next(iter(stems([token])[token]), token)
        start = stem.removesuffix("i")
        start, ending = (start, "[iye]" * stem.endswith("i")) if token.startswith(start) else (token, "")
    pattern = re.compile(rf"\b{re.escape(start)}{ending}")
    return _Word(start if written.isascii() else written, start, pattern)


def _folded(text: str) -> str:
    """Return folded text as `word_tokens` has it: with the syllables of Korean in one piece."""
    return text.lower() if text.isascii() else normalize("NFC", fold(text))


def _by_words(texts: Iterable[SearchText], wanted: Sequence[_Word], notes: Mapping[int, str]) -> Iterator[Found]:
    """Yield the papers that contain every word, with more points if they name it."""
    for text in texts:
        if points := _points(text, wanted, notes.get(text.paper, "")):
            yield Found(text.paper, points)


def _points(text: SearchText, wanted: Sequence[_Word], notes: str) -> int:
    """Return the points of a paper; 0 if it lacks a word."""
    naming = _folded("\n".join((text.title, *text.authors, notes)))
    abstract = _folded(text.abstract)
    points = 0
    for word in wanted:
        if word.is_in(naming):
            points += _NAMED
        elif word.is_in(abstract):
            points += _MENTIONED
        else:
            return 0
    return points


def _near_archive(session: Session, encoder: Encoder, query: str) -> list[int]:
    """Return the public papers nearest to a query, the nearest first."""
    [vector] = encoder.encode([query])
    found = embeddings.nearest(session, encoder.version, vector, FLOOR, _FOUND_MAX)
    public = public_papers(session, found)
    return [public[revision] for revision in found if revision in public]


def _near(session: Session, encoder: Encoder, query: str, texts: Sequence[SearchText]) -> list[int]:
    """Return those of the papers that are near to a query, the nearest first."""
    theirs = {text.revision: text.paper for text in texts}
    stored = embeddings.embeddings_of(session, encoder.version, theirs)
    vectors = {revision: vector for revision, vector in stored.items() if len(vector) == encoder.dims}
    if not vectors:
        return []
    [vector] = encoder.encode([query])
    cosines = np.stack(list(vectors.values())) @ vector
    ranked = sorted(zip(cosines, vectors, strict=True), reverse=True)
    return [theirs[revision] for cosine, revision in ranked if cosine >= FLOOR]


def _fused(lists: Iterable[Iterable[int]], limit: int) -> list[Found]:
    """Return the papers of several lists by the sum of their reciprocal ranks."""
    scores = Counter[int]()
    for ranked in lists:
        scores.update({paper: 1 / (_K + rank) for rank, paper in enumerate(ranked, 1)})
    return [Found(*one) for one in scores.most_common(limit)]
