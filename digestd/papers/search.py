"""Search papers by words and by meaning.

A query that is the identifier or address of a paper finds that paper. By words: each word of the query must be a word
of the title, the abstract, the authors or a reader's own notes, or begin one; the database has an index of them.
By meaning: the papers whose stored vectors are nearest to the query's, if there is a dense model. Both lists are merged
by reciprocal rank (Cormack, Clarke & Buettcher 2009), so a paper that is on both comes first.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

import numpy as np
from sqlmodel import Session

from digestd.domain.paper import Paper, paper_id
from digestd.errors import BadRecord
from digestd.ranking.dense import FLOOR, Encoder
from digestd.ranking.text import STOP_WORDS
from digestd.store import papers
from digestd.store.papers.search import SearchText, public_papers, texts_of, texts_with
from digestd.store.ranking import embeddings
from digestd.text.sanitise import clean
from digestd.text.tokens import NAMED, is_unspaced, search_words, stem, word_tokens, words

QUERY_MAX = 200
"""Letters of a query that are read."""
RESULTS_MAX = 50
_WORDS_MAX = 10
_FOUND_MAX = 100
"""Papers of the archive that contain the words, the newest of those that name them and of all."""
_RARE, _COUNTED_MAX, _CUT_MAX = 50, 4, 3
"""Papers that have a rare word; of a query, the rarest may be the beginning of others. Words, the longest, that are
counted for that, and letters to leave out."""
_NAMED, _MENTIONED = 3, 1
"""Points of a word in the title, the authors or the notes, and in the abstract alone."""
_K = 60
"""The constant of the fusion, as its authors chose it."""
_SHORT = 3
"""Letters of a word that must not be only the beginning of another."""


def search_archive(session: Session, encoder: Encoder, query: str, limit: int = RESULTS_MAX) -> list[Paper]:
    """Return the public papers that fit a query best, the best first."""
    query = clean(query)[:QUERY_MAX]
    found = _identified(session, query, None)
    if not found and (terms := _terms(query)):
        named = _in_archive(session, terms)
        if len(named) < _FOUND_MAX:
            named |= next(filter(None, (_in_archive(session, wider) for wider in _widened(session, terms))), {})
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
    if not found and (terms := [f"{term}*" if _may_begin(term) else term for term in _terms(query)]):
        texts = texts_of(session, among)
        read = ((one.paper, f"{one.words} {search_words(notes.get(one.paper, ''), '', ())}") for one in texts)
        named = {paper: points for paper, text in read if (points := _points(text, terms))}
        found = _fused(named, _near(session, encoder, query, texts), RESULTS_MAX)
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


def _terms(query: str) -> list[str]:
    """Return the telling words of a query as the index has them; a lone character of Chinese with *."""
    tokens = list(dict.fromkeys(token for word in words(query) for token in word_tokens(word)))
    telling = [token for token in tokens if token not in STOP_WORDS] or tokens
    return [f"{token}*" if is_unspaced(token) and len(token) == 1 else stem(token) for token in telling[:_WORDS_MAX]]


def _may_begin(term: str) -> bool:
    return len(term) > _SHORT and not is_unspaced(term)


def _in_archive(session: Session, terms: Sequence[str]) -> dict[int, int]:
    """Return the points of the newest papers that have all terms, first of those that name them."""
    found = texts_with(session, [f"{NAMED}{term}" for term in terms], _FOUND_MAX)
    if len(found) < _FOUND_MAX:
        found += texts_with(session, terms, _FOUND_MAX)
    return {text.paper: _points(text.words, terms) for text in found}


def _widened(session: Session, terms: Sequence[str]) -> Iterator[list[str]]:
    """Yield the terms with the rarest as the beginning of others; if none has it, without its ending (`optimiz`)."""
    longest = sorted(filter(_may_begin, terms), key=len, reverse=True)[:_COUNTED_MAX]
    counts = [(len(texts_with(session, [term], _RARE)), term) for term in longest]
    count, rarest = min(counts, default=(_RARE, ""))
    if count < _RARE:
        cuts = [rarest[:-n] for n in range(1, _CUT_MAX + 1) if not count and len(rarest) - n > _SHORT]
        yield from ([wider if term == rarest else term for term in terms] for wider in (f"{rarest}*", *cuts))


def _points(text: str, terms: Sequence[str]) -> int:
    """Return the points of a paper with these words; 0 if it lacks one."""
    text, points = f" {text} ", 0
    for term in terms:
        wanted = term.removesuffix("*") if term.endswith("*") else f"{term} "
        if f" {NAMED}{wanted}" in text:
            points += _NAMED
        elif f" {wanted}" in text:
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


def _fused(named: Mapping[int, int], near: Iterable[int], limit: int) -> list[int]:
    """Return the papers of both lists by the sum of their reciprocal ranks."""
    scores = Counter[int]()
    for ranked in (sorted(named, key=lambda paper: (named[paper], paper), reverse=True), near):
        scores.update({paper: 1 / (_K + rank) for rank, paper in enumerate(ranked, 1)})
    return [paper for paper, _ in scores.most_common(limit)]
