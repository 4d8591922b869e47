"""Search papers by words and by meaning.

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

from digestd.domain.paper import Paper, paper_id
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


class _Word(NamedTuple):
    """A word of a query. `written`: as the database finds it; `start`: its beginning in folded text, and `pattern`."""

    written: str
    start: str
    pattern: re.Pattern[str]

    def is_in(self, folded: str) -> bool:
        return self.start in folded and self.pattern.search(folded) is not None


def search_archive(session: Session, encoder: Encoder, query: str, limit: int = RESULTS_MAX) -> list[Paper]:
    """Return the public papers that fit a query best, the best first; the newest papers are searched."""
    query = clean(query)[:QUERY_MAX]
    found = _identified(session, query, None)
    if not found and (wanted := _words(query)):
        texts = islice(texts_with(session, [word.written for word in wanted]), _CHECKED_MAX)
        named = islice(_by_words(texts, wanted, {}), _FOUND_MAX)
        found = _fused(named, near_archive(session, encoder, query, _FOUND_MAX), limit)
    known = papers.by_keys(session, found)
    return [known[key] for key in found if key in known]


def search_papers(
    session: Session,
    encoder: Encoder,
    query: str,
    among: Collection[int],
    notes: Mapping[int, str],
) -> list[int]:
    """Return those of some papers that fit a query best, the best first; at most RESULTS_MAX.

    Args:
        among: row numbers of the papers, such as those of one reader.
        notes: what the reader who searches has noted about papers.
    """
    query = clean(query)[:QUERY_MAX]
    found = _identified(session, query, among)
    if not found and (wanted := _words(query)):
        texts = texts_of(session, among)
        found = _fused(_by_words(texts, wanted, notes), _near(session, encoder, query, texts), RESULTS_MAX)
    return found


def near_archive(session: Session, encoder: Encoder, text: str, limit: int) -> list[int]:
    """Return the public papers (row numbers) that are nearest to a text, the nearest first; none without an encoder."""
    if not encoder.dims:
        return []
    [vector] = encoder.encode([text])
    found = embeddings.nearest(session, encoder.version, vector, FLOOR, limit)
    public = public_papers(session, found)
    return [public[revision] for revision in found if revision in public]


def _identified(session: Session, query: str, among: Collection[int] | None) -> list[int]:
    """Return the paper whose identifier or address the query is, if it is one of those to search."""
    try:
        found = papers.find(session, paper_id("".join(query.split())))
    except BadRecord:
        return []
    if found is None or (found.withdrawn if among is None else found.key not in among):
        return []
    return [found.key]


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


def _by_words(
    texts: Iterable[SearchText], wanted: Sequence[_Word], notes: Mapping[int, str]
) -> Iterator[tuple[int, int]]:
    """Yield the points of the papers that contain every word, more if they name it, and the papers."""
    for text in texts:
        if points := _points(text, wanted, notes.get(text.paper, "")):
            yield points, text.paper


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


def _near(session: Session, encoder: Encoder, query: str, texts: Sequence[SearchText]) -> list[int]:
    """Return those of the papers that are near to a query, the nearest first."""
    theirs = {text.revision: text.paper for text in texts}
    stored = embeddings.embeddings_of(session, encoder.version, theirs)
    vectors = {revision: vector for revision, vector in stored.items() if len(vector) == encoder.dims}
    if not encoder.dims or not vectors:
        return []
    [vector] = encoder.encode([query])
    cosines = np.stack(list(vectors.values())) @ vector
    ranked = sorted(zip(cosines, vectors, strict=True), reverse=True)
    return [theirs[revision] for cosine, revision in ranked if cosine >= FLOOR]


def _fused(named: Iterable[tuple[int, int]], near: Iterable[int], limit: int) -> list[int]:
    """Return the papers of both lists by the sum of their reciprocal ranks."""
    scores = Counter[int]()
    for ranked in ([paper for _, paper in sorted(named, reverse=True)], near):
        scores.update({paper: 1 / (_K + rank) for rank, paper in enumerate(ranked, 1)})
    return [paper for paper, _ in scores.most_common(limit)]
