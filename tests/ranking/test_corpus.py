"""Test that a corpus in numbers equals its texts in words."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digestd.ranking import vocabulary
from digestd.ranking.model import fit
from digestd.ranking.text import analyse, tokens
from digestd.ranking.vocabulary import choose_vocabulary, count_corpus_terms, count_terms, grams, read_corpus, title
from tests.ranking.library import papers

WORDS = st.sampled_from(
    ["bee", "bees", "ice", "The", "42", "β-VAE", "机器学习", "лёд", "cores.", "ice. Old", "-", "\ud800"]
)
TEXTS = st.lists(st.lists(WORDS, max_size=12).map(" ".join), max_size=12)


@settings(max_examples=60)
@given(TEXTS)
def test_corpus_holds_stems_of_text_and_title(texts: list[str]) -> None:
    corpus = read_corpus(iter(texts))
    named = [[corpus.names[n] for n in corpus.stems[start:end]] for start, end in pairwise(corpus.ends)]
    assert named == analyse(texts)
    assert [stems[:n] for stems, n in zip(named, corpus.heads, strict=True)] == [tokens(title(text)) for text in texts]


@settings(max_examples=60)
@given(TEXTS)
def test_terms_are_counted_per_text(texts: list[str]) -> None:
    corpus = read_corpus(texts)
    terms = choose_vocabulary(corpus)
    docs = analyse(texts)
    seen = Counter(term for doc in docs for term in set(grams(doc)))
    assert dict(zip(terms.columns, terms.frequency.tolist(), strict=True)) == seen
    assert list(terms.columns) == sorted(seen, key=lambda term: (-seen[term], term))
    assert np.array_equal(
        count_corpus_terms(corpus, terms).toarray(), count_terms(map(grams, docs), terms.columns).toarray()
    )


def test_chunk_size_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [paper.text for paper in papers()]
    whole = fit(texts)
    monkeypatch.setattr(vocabulary, "CHUNK", 5)
    parted = fit(texts)
    assert parted.vocabulary == whole.vocabulary
    assert np.array_equal(parted.kept.toarray(), whole.kept.toarray())
    assert np.array_equal(parted.heads.toarray(), whole.heads.toarray())
    assert np.allclose(parted.components, whole.components, atol=1e-3)


def test_vocabulary_keeps_commonest_terms(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vocabulary, "MAX_TERMS", 3)
    assert list(choose_vocabulary(read_corpus(["bee ice", "bee ice", "bee lake"])).columns) == ["bee", "bee ice", "ice"]
