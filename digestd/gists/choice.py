"""Tell how well each sentence of an abstract says what the paper is about, by a linear model of its features.

The features of a sentence are its role, its traits, its place and length, and its words in common with the title. Their
weights for the choice of one sentence were fitted to SciTLDR (Cachola et al., Findings of EMNLP 2020) so that the
expected ROUGE with the authors' own summaries is greatest; those for what names contribution and result, to labels by
reading. See NOTICE.
"""

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from digestd.gists.roles import ANNOUNCING, CONCRETE, Floats
from digestd.gists.sentences import METHOD, OBJECTIVE, RESULT, ROLES
from digestd.gists.standing import TEXTS, listed

_WORD = re.compile(r"[a-z0-9]+")
_STEM = 6
"""Letters of a word that count when titles and sentences are compared."""
_FUNCTION_WORDS = frozenset(listed("function_words"))
_NAMED = re.compile(r"([^\s:]+(?: [^\s:]+){0,2}):")
_LIKE_A_NAME = re.compile(r"[A-Z].*[A-Z]|\d")
_IS_A = re.compile(r",? (?:is )?an? \w")
_INTRODUCING = ("introduc", "present", "propos", "develop", "describ", "call", "dub", "nam", "term", "releas")
_DIGITS = frozenset("0123456789")
_HERE = ("in this ", "here, we", "here we", "we ", *[f"this {text}" for text in TEXTS])
_BEGINNINGS = ("this ", "these ", "it ", "they ", "such ", "also", "first", "second", "finally", "however", "to ")
_WORD_SETS = tuple(
    frozenset(words.split())
    for words in (
        "novel new first",
        "method approach framework algorithm model architecture benchmark dataset",
        "our",
        "by",
        "which",
        "recent existing previous prior traditional current",
        "we",
        "study investigate explore examine analyze analyse consider",
        "show demonstrate prove find observe establish reveal",
        "proposed presented introduced developed discussed described explored applied used",
    )
)


def features(title: str, sentences: Sequence[str], roles: Floats, traits: Floats) -> Floats:
    """Return the features of each sentence, (sentences, features).

    Args:
        roles: The probabilities of the roles, (sentences, roles).
        traits: The probabilities of the traits, (sentences, traits).
    """
    all_words = [_WORD.findall(sentence.lower()) for sentence in sentences]
    words = [[word[:_STEM] for word in text if word not in _FUNCTION_WORDS] for text in all_words]
    spread = Counter(word for text in words for word in set(text))
    title_words = [word[:_STEM] for word in _WORD.findall(title.lower()) if word not in _FUNCTION_WORDS]
    name = system_name(title).replace("-", " ")
    rows = []
    for place, (sentence, text) in enumerate(zip(sentences, words, strict=True)):
        lower, own = sentence.lower(), set(text)
        shared = _shared(title_words, text)
        spaced = sentence.replace("-", " ")
        is_named = bool(name) and name in spaced
        objective, method, result = (roles[place][ROLES.index(role)] for role in (OBJECTIVE, METHOD, RESULT))
        announcing, concrete, overlap = traits[place][ANNOUNCING], traits[place][CONCRETE], shared[0]
        rows.append([
            *roles[place], *traits[place], *shared, is_named, is_named and introduces(spaced, name),
            sum(spread[word] - 1 for word in own) / max(1, len(own)),
            sum(spread[word] > 1 for word in text) / max(1, len(text)),
            *_place(place, len(sentences)), *_length(sentence), lower.startswith(_HERE), sentence.endswith("?"),
            *[lower.startswith(beginning) for beginning in _BEGINNINGS],
            not _DIGITS.isdisjoint(sentence), "%" in sentence, sum(map(sentence.count, "():;")) / 4,
            *[not names.isdisjoint(all_words[place]) for names in _WORD_SETS],
            announcing * overlap, announcing * objective, overlap * objective, overlap * method, overlap * result,
            announcing * (place < len(sentences) / 2), concrete * result, overlap * concrete,
        ])  # fmt: skip
    found = np.array(rows, dtype=np.float64)
    best = found[:, [10, 12, 13]]
    is_best = (best >= best.max(axis=0)) & (best.max(axis=0) > 0)
    likely = np.column_stack([roles[:, 1:4], roles[:, 1] + roles[:, 2], traits[:, [CONCRETE, ANNOUNCING]]])
    is_likely = likely >= likely.max(axis=0)
    return np.hstack([np.log(roles + 1e-3), found, is_best, is_likely, _around_first(traits[:, ANNOUNCING] > 0.5)])


def system_name(title: str) -> str:
    """Return the name that a title gives to a system ("BERT: Pre-training of …", "A Model of Trees: OakSim"), or ""."""
    found, last = _NAMED.match(title), title.rpartition(":")[2].strip()
    names = [found[1] if found else "", last if " " not in last else ""]
    return next((name for name in names if _LIKE_A_NAME.search(name)), "")


def introduces(sentence: str, name: str) -> bool:
    """Return True for "We present NAME" and "NAME is a …"."""
    place = sentence.find(name)
    if place == 0:
        return _IS_A.match(sentence, len(name)) is not None
    return any(word.startswith(_INTRODUCING) for word in sentence[: max(0, place)].lower().split()[-3:])


def _around_first(announcing: NDArray[np.bool_]) -> Floats:
    """Tell which sentence is the first that announces the work, and which stand before and after it."""
    if not announcing.any():
        return np.zeros((len(announcing), 4))
    distance = np.arange(len(announcing)) - announcing.argmax()
    return np.array([distance == 0, distance < 0, distance > 0, distance == 1], dtype=np.float64).T


def _shared(title: list[str], text: list[str]) -> list[float]:
    """Return how much title and sentence have in common, by words and pairs of words."""
    names, own, pairs = set(title), set(text), set(pairwise(title))
    overlap = len(names & own) / max(1, len(names))
    both = len(pairs & set(pairwise(text))) / max(1, len(pairs))
    return [overlap, overlap**2, len(names & own) / max(1, len(own)), both]


def _place(place: int, count: int) -> list[float]:
    return [place == 0, place == 1, place == 2, place == count - 1, place == count - 2, place / count]


def _length(sentence: str) -> list[float]:
    count = len(sentence.split())
    return [min(count, 60) / 20, (count / 25) ** 2 / 4, count < 12, count < 20, count > 28, count > 36]
