"""The ranker of arxiv-sanity-lite at commit d7a303b4 (MIT), as a baseline.

With likes: a linear SVM per user on TF-IDF, the likes against every other paper (compute.py, send_emails.py).
With topics only: a count of the query's words in title, summary and authors (serve.py, search_rank).
"""

from collections.abc import Mapping, Sequence

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.svm import LinearSVC

from digestd.domain.interest import Kind, Stance
from digestd.domain.paper import Paper
from digestd.evaluation.judgments import Judgment, Library
from digestd.evaluation.scoring import Case
from digestd.ranking.arrays import Doubles


class Sanity:
    """The TF-IDF rows of all papers."""

    def __init__(self, library: Library) -> None:
        self.papers: Sequence[Paper] = list(library.values())
        self.places: Mapping[str, int] = {name: i for i, name in enumerate(library)}
        vectorizer = TfidfVectorizer(
            input="content",
            encoding="utf-8",
            decode_error="replace",
            strip_accents="unicode",
            lowercase=True,
            analyzer="word",
            stop_words="english",
            token_pattern=r"(?u)\b[a-zA-Z_][a-zA-Z0-9_]+\b",
            ngram_range=(1, 2),
            max_features=20_000,
            norm="l2",
            use_idf=True,
            smooth_idf=True,
            sublinear_tf=True,
            max_df=0.1,
            min_df=5,
        )
        self.rows = vectorizer.fit_transform(map(_text, self.papers)).astype(np.float32)

    def scores(self, case: Case, judgment: Judgment) -> dict[str, float]:
        """Return the score of each candidate of a case."""
        likes = [i.value for i in judgment.interests if i.kind is Kind.PAPER and i.stance is Stance.LIKED]
        places = [self.places[name] for name in case.names]
        known = [self.places[name] for name in likes if name in self.places]
        if known:
            values = self._svm(known)[places]
        else:
            query = " ".join(i.value for i in judgment.interests if i.kind is Kind.TOPIC).lower().split()
            values = np.array([_count(self.papers[place], query) for place in places])
        return dict(zip(case.names, map(float, values), strict=True))

    def _svm(self, likes: Sequence[int]) -> Doubles:
        target = np.zeros(len(self.papers))
        target[likes] = 1
        machine = LinearSVC(class_weight="balanced", verbose=False, max_iter=10_000, tol=1e-6, C=0.01)
        machine.fit(self.rows, target)
        values: Doubles = np.asarray(machine.decision_function(self.rows), dtype=np.float64)
        return values


def _text(paper: Paper) -> str:
    return " ".join([paper.words.title, paper.words.abstract, " ".join(paper.words.authors)])


def _count(paper: Paper, query: Sequence[str]) -> float:
    """Return the score of a query (serve.py, count_match).

    Distinct words of the query in authors and title count once, all words in the summary up to three times each.
    """
    authors, title = " ".join(paper.words.authors).lower(), paper.words.title.lower()
    summary = paper.words.abstract.lower()
    return (
        10.0 * sum(word in authors for word in query)
        + 20.0 * sum(word in title for word in query)
        + sum(min(3, summary.count(word)) for word in query)
    )
