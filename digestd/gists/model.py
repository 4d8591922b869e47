"""Judge the sentences of an abstract: what names the contribution and the result, and what cannot stand alone.

One logistic regression for each trait, on the words of a sentence, pairs of words, beginning, place, words in common
with the title, the beginnings of its neighbours, and what it points to ("these tokens", "the module"): whether that is
in it, in the title or only in the sentences before it. `python -m tests.gists.train` fits them; see NOTICE.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import as_file, files
from itertools import pairwise, takewhile
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from digestd.gists.cues import cues

Floats = NDArray[np.float64]
TRAITS = NEW, OUT, NEEDS, UNWANTED = range(4)
"""Traits of a sentence: it names the contribution; it names the result; it needs the one before it; it is on code,
hopes or the text."""
KEY_BITS = 24
MODEL = "model.npz"
_TOKEN = re.compile(r"[a-z]+(?:[-'’][a-z]+)*|\d+(?:\.\d+)?|[%:;()?]")
_STEM = 5
_NOUNS = 3
"""Words after "these" or "the" among which the noun is."""
_DEMONSTRATIVES = ("this", "these", "those", "such", "our")
_TITLE_NAME = 5
_BEGINNING, _NEIGHBOUR_BEGINNING, _EARLY = 3, 4, 8


@dataclass(frozen=True, slots=True)
class GistModel:
    """The weights: `rows` has the row of `weights` (features, traits) for the key of each feature."""

    rows: dict[int, int]
    weights: Floats
    bias: Floats

    def judge(self, title: str, plain: Sequence[str], shown: Sequence[str]) -> Floats:
        """Return the probabilities of the traits of sentences, as written and as shown, (sentences, traits)."""
        rows, shift = self.rows, 32 - KEY_BITS
        scores = np.tile(self.bias, (len(plain), 1))
        for place, names in enumerate(features(title, plain, shown)):
            known = [row for name in names if (row := rows.get(crc32(name.encode()) >> shift)) is not None]
            scores[place] += self.weights[known].sum(axis=0)
        found: Floats = 1 / (1 + np.exp(-scores.clip(-500, 500)))  # an odd sentence scores without bounds
        return found


@cache
def load_model() -> GistModel:
    """Return the model that ships with digestd, which `python -m tests.gists.train` wrote."""
    with as_file(files(__package__).joinpath(MODEL)) as path, np.load(path) as arrays:
        keys = np.cumsum(arrays["gaps"].astype(np.int64))
        weights = arrays["weights"] * arrays["scale"].astype(np.float64)
        return GistModel({int(name): row for row, name in enumerate(keys)}, weights, arrays["bias"].astype(np.float64))


def key(feature: str) -> int:
    return crc32(feature.encode()) >> (32 - KEY_BITS)


def features(title: str, plain: Sequence[str], shown: Sequence[str]) -> list[list[str]]:
    """Return the names of the features of each sentence, as it was written and as it is shown."""
    texts = [tokens(sentence) for sentence in shown]
    roots = [stems(text) for text in texts]
    known = stems(tokens(title)) - stems(cues("function_words"))
    name = title.partition(":")[0] if ":" in title else ""
    name = name if len(name.split()) <= _TITLE_NAME else ""
    announcing = [_announces(text) for text in texts]
    overlaps = [5 * len(known & own) // max(1, len(known)) for own in roots]
    first = announcing.index(True) if any(announcing) else len(texts)
    before, found = set[str](), list[list[str]]()
    for place, text in enumerate(texts):
        around = [("p", texts[place - 1] if place else []), ("n", texts[place + 1] if place + 1 < len(texts) else [])]
        names = [*_words(text), *_leanings(text, known, before), *_place(place, len(texts), first)]
        names += [f"{side} {word}" for side, other in around for word in other[:_NEIGHBOUR_BEGINNING]]
        if known:
            names += [f"o {overlaps[place]}", f"oa {overlaps[place]} {announcing[place]}"]
            names += [f"o {overlaps[place]} {' '.join(text[:1])}", f"o best {overlaps[place] == max(overlaps)}"]
        if name and name in shown[place]:
            starts = shown[place].startswith((name, f"The {name}"))
            names.append(f"name start {'is' in text[1:6]}" if starts else f"name {announcing[place]}")
        if plain[place] != shown[place]:
            names += [f"l {word}" for word in tokens(plain[place])[:_NEIGHBOUR_BEGINNING]]
        found.append(names)
        before |= roots[place]
    return found


@lru_cache(maxsize=256)  # of the sentences of an abstract
def tokens(sentence: str) -> Sequence[str]:
    """Return the words in lower case, numbers as 0, and some signs; "this letter" and its like as "this paper"."""
    found = ["0" if token[0].isdigit() else token for token in _TOKEN.findall(sentence.lower())]
    texts = cues("texts")
    return [
        "paper" if token in texts and "this" in found[max(0, at - 2) : at] else token for at, token in enumerate(found)
    ]


def _words(text: Sequence[str]) -> list[str]:
    pairs = [f"b {one} {other}" for one, other in pairwise(["<s>", *text, "</s>"])]
    beginning = [f"s{at} {word}" for at, word in enumerate(text[:_BEGINNING])]
    return list(dict.fromkeys([
        *[f"w {word}" for word in text], *pairs, *beginning, f"len {min(len(text) // 6, 9)}", f"t {' '.join(text[:3])}"
    ]))  # fmt: skip


def _announces(text: Sequence[str]) -> bool:
    """Return True for "we present" and "this paper then introduces"."""
    verbs = cues("announcing")
    return any(
        word in ("we", "i", "paper") and any(other.rstrip("s") in verbs for other in text[at + 1 : at + 3])
        for at, word in enumerate(text[:20])
    )


def _place(place: int, count: int, first: int) -> list[str]:
    after = place - first
    announced = "a none" if first == count else f"a {max(-2, min(after, 2))}"
    return [f"i {min(place, 6)}", f"e {min(count - 1 - place, 6)}", f"r {10 * place // count}", announced]


def _leanings(text: Sequence[str], title: set[str], before: set[str]) -> Iterator[str]:
    """Yield what a sentence points to, by where that is met; nothing for what explains itself."""
    for at, word in enumerate(text):
        if word in cues("pronouns") and at < _EARLY:
            yield f"x early {word}"
        if word not in cues("pointers") or text[at + 1 : at + 2] == ["paper"]:
            continue
        phrase = _phrase(text, at)
        nouns, here = stems(phrase[:_NOUNS]), stems(text[:at])
        if word in ("the", "our", "each"):
            nouns -= cues("plain_nouns") | title | here
            is_told = text[at + 1 + len(phrase) :][:1] in (["of"], ["that"])
            if not is_told and not nouns.isdisjoint(before):
                yield f"x {word} seen"
        elif not nouns:
            yield f"x {word} alone"
        else:
            places = (("here", here), ("title", title), ("before", before))
            where = next((name for name, known in places if not nouns.isdisjoint(known)), "nowhere")
            yield f"x {word} {where} {'start' if at < 2 else 'later'}"


def pointed_at(text: Sequence[str]) -> list[Sequence[str]]:
    """Return the nouns of "these tokens" and its like in the tokens of a sentence."""
    phrases = (_phrase(text, at)[:_NOUNS] for at, word in enumerate(text) if word in _DEMONSTRATIVES)
    return [phrase for phrase in phrases if phrase[:1] != ["paper"]]


def _phrase(text: Sequence[str], at: int) -> list[str]:
    return list(takewhile(lambda other: other not in cues("noun_ends"), text[at + 1 : at + 6]))


def stems(words: Iterable[str]) -> set[str]:
    """Return the first letters of words, without those of numbers and signs."""
    return {word[:_STEM].rstrip("s") for word in words if word[0].isalpha()}
