"""Tell how well each sentence of an abstract says what the paper is about.

How well one sentence tells what a paper is about is scored by a linear model of its role, its place, its words in
common with the title and some turns of phrase. Its weights were fitted to SciTLDR (Cachola et al., Findings of EMNLP
2020) so that the expected ROUGE with the authors' own summaries is greatest; see NOTICE.
"""

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from digestd.gists.roles import Floats
from digestd.gists.sentences import METHOD, OBJECTIVE, RESULT, ROLES

_WORD = re.compile(r"[a-z0-9]+")
_STEM = 6
"""Letters of a word that count when titles and sentences are compared."""
_SMALL = (
    "a an the on of for in and with by via at as is are be we this that it its our which these from to or using can "
    "has "
    "have been not also such their than more how what"
)
_FUNCTION_WORDS = frozenset(_SMALL.split())
_ADVERB = r"(?:\w+ly )?"
_PATTERNS = tuple(
    re.compile(cue)  # of lower-case text
    for cue in (
        r"^(?:in this (?:paper|work|article|study)|here),? we\b",
        rf"\bwe {_ADVERB}(?:then |also |further |first )?(?:propose|introduce|present|develop|design|describe"
        rf"|provide|"
        r"devise)\b",
        rf"\bthis (?:paper|work|article|study) {_ADVERB}(?:proposes|introduces|presents|develops|describes|studies|"
        r"investigates)\b",
        rf"\bwe {_ADVERB}(?:study|investigate|explore|examine|analy[sz]e|consider|address|revisit|ask)\b",
        rf"\bwe {_ADVERB}(?:show|demonstrate|prove|find|observe|establish|reveal|verify)\b",
        r"outperform|state[- ]of[- ]the[- ]art|surpass|achiev|improv",
        r"^(?:however|moreover|furthermore|additionally|in addition|unfortunately|also|besides|thus|therefore|hence|"
        r"consequently)\b",
        r"^(?:this|these|it|they|such|those)\b",
        r"\bto (?:address|overcome|tackle|solve|mitigate|this end)\b",
        r"^we\b",
        r"\d",
        r"https?:|github|code\b",
        r"experiment|empirical|results|evaluat",
        r"^(?:specifically|in particular|concretely|more precisely|for example|for instance)\b",
        r"[():;]",
        r"^(?:first|second|third|finally|lastly)\b",
        r"\?$",
    )
)
_WORD_SETS = tuple(
    frozenset(words.split())
    for words in (
        "novel new",
        "method approach framework algorithm model architecture benchmark dataset",
        "called named termed dubbed coined",
        "our",
        "further",
        "hope",
        "by",
        "which",
        "recent existing previous prior traditional current",
    )
)
_HERE, _PROPOSE, _SHOW = 0, 1, 4
_CROSSED = 8
"""Products of features, which come after the cues."""
_NAMED = re.compile(r"([^\s:]+(?: [^\s:]+){0,2}):")
_LIKE_A_NAME = re.compile(r"[A-Z].*[A-Z]|\d")


def features(title: str, sentences: Sequence[str], roles: Floats) -> Floats:
    """Return the features of each sentence for the choice of one, (sentences, features).

    Args:
        roles: the probabilities of the roles, (sentences, roles).
    """
    lower = [sentence.lower() for sentence in sentences]
    all_words = [_WORD.findall(sentence) for sentence in lower]
    words = [_content_words(text) for text in all_words]
    spread = Counter(word for text in words for word in set(text))
    title_words = _content_words(_WORD.findall(title.lower()))
    name = system_name(title)
    rows = []
    for place, (sentence, text) in enumerate(zip(sentences, words, strict=True)):
        shared = _shared(title_words, text)
        cues = [float(cue.search(lower[place]) is not None) for cue in _PATTERNS]
        cues += [float(not names.isdisjoint(all_words[place])) for names in _WORD_SETS]
        own = set(text)
        is_named = bool(name and name in sentence)
        central = sum(spread[word] - 1 for word in own) / max(1, len(own))
        repeated = sum(spread[word] > 1 for word in text) / max(1, len(text))
        row = [*roles[place], *shared, is_named, central, repeated, *_place(place, len(sentences))]
        row += [*_length(sentence), *cues]
        overlap, objective = shared[0], roles[place][ROLES.index(OBJECTIVE)]
        row += [cues[_PROPOSE] * overlap, cues[_PROPOSE] * objective, overlap * objective]
        row += [overlap * roles[place][ROLES.index(METHOD)], overlap * roles[place][ROLES.index(RESULT)]]
        row += [cues[_PROPOSE] * (place < len(sentences) / 2), cues[_HERE] * cues[_PROPOSE], overlap * cues[_SHOW]]
        rows.append(row)
    found = np.array(rows, dtype=np.float64)
    best = found[:, [len(ROLES), len(ROLES) + 2, len(ROLES) + 3]]
    is_best = (best >= best.max(axis=0)) & (best.max(axis=0) > 0)
    likely = np.column_stack([roles[:, 1:4], roles[:, 1] + roles[:, 2]])
    is_likely = likely >= likely.max(axis=0)
    return np.hstack(
        [
            np.log(roles + 1e-3),
            found,
            is_best,
            is_likely,
            _around_first(found[:, -_CROSSED - len(_PATTERNS) - len(_WORD_SETS) + _PROPOSE]),
        ]
    )


def _around_first(proposing: Floats) -> Floats:
    """Tell which sentence is the first that proposes something, and which stand before and after it."""
    if not proposing.any():
        return np.zeros((len(proposing), 4))
    distance = np.arange(len(proposing)) - proposing.argmax()
    return np.array([distance == 0, distance < 0, distance > 0, distance == 1], dtype=np.float64).T


def _content_words(words: Sequence[str]) -> list[str]:
    return [word[:_STEM] for word in words if word not in _FUNCTION_WORDS]


def system_name(title: str) -> str:
    """Return the name that a title gives to a system ("BERT: Pre-training of …"), or ""."""
    found = _NAMED.match(title)
    return found[1] if found and _LIKE_A_NAME.search(found[1]) else ""


def _shared(title: list[str], text: list[str]) -> list[float]:
    """Return how much title and sentence have in common, by words and pairs of words."""
    names, own = set(title), set(text)
    pairs = set(pairwise(title))
    overlap = len(names & own) / max(1, len(names))
    both = len(pairs & set(pairwise(text))) / max(1, len(pairs))
    return [overlap, overlap**2, len(names & own) / max(1, len(own)), both]


def _place(place: int, count: int) -> list[float]:
    return [place == 0, place == 1, place == 2, place == count - 1, place == count - 2, place / count]


def _length(sentence: str) -> list[float]:
    count = len(sentence.split())
    return [
        min(count, 60) / 20,
        (count / 25) ** 2 / 4,
        *(count < most for most in (8, 12, 16, 20, 24)),
        *(count > least for least in (28, 32, 36, 45)),
    ]
