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
from itertools import accumulate, chain, repeat, takewhile
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from digestd.gists.cues import cues

Floats = NDArray[np.float64]
TRAITS = NEW, OUT, NEEDS, UNWANTED = range(4)
"""Traits of a sentence: it names the contribution; it names the result; it needs the one before it; it is on code,
hopes or the text."""
KEY_BITS = 24
SHIFT = 32 - KEY_BITS
_WORD, _PAIR = crc32(b"w "), crc32(b"b ")
MODEL = "model.npz"
_TOKEN = re.compile(r"[a-z]+(?:[-'’][a-z]+)*|\d+(?:\.\d+)?|[%:;()?]")
_SIGNS = "%:;()?"
_STEM = 5
_NOUNS = 3
"""Words after "these" or "the" among which the noun is."""
_DEMONSTRATIVES = frozenset(("this", "these", "those", "such", "our"))
_TITLE_NAME = 5
_BEGINNING, _NEIGHBOUR_BEGINNING, _EARLY = 3, 4, 8


@dataclass(frozen=True, slots=True)
class GistModel:
    """The weights: `keys` of the known features, ascending, and `weights` (features, traits) in units of `scale`."""

    keys: NDArray[np.uint32]
    weights: NDArray[np.int8]
    scale: Floats
    bias: Floats

    def judge(self, title: str, plain: Sequence[str], shown: Sequence[str]) -> Floats:
        """Return the probabilities of the traits of sentences, as written and as shown, (sentences, traits)."""
        found = features(title, plain, shown)
        keys = np.fromiter(chain.from_iterable(found), np.uint32) >> SHIFT
        rows = np.searchsorted(self.keys[:-1], keys)
        known = self.weights[rows] * (self.keys[rows] == keys)[:, None]
        sums = np.add.reduceat(known, [0, *accumulate(map(len, found[:-1]))], dtype=np.int32)
        scores = self.bias + sums * self.scale
        chances: Floats = 1 / (1 + np.exp(-np.maximum(scores, -500)))  # an odd sentence scores without bounds
        return chances


@cache
def load_model() -> GistModel:
    """Return the model that ships with digestd, which `python -m tests.gists.train` wrote."""
    with as_file(files(__package__).joinpath(MODEL)) as path, np.load(path) as arrays:
        keys = np.cumsum(arrays["gaps"].astype(np.uint32), dtype=np.uint32)
        scale, bias = (arrays[name].astype(np.float64) for name in ("scale", "bias"))
        return GistModel(keys, arrays["weights"], scale, bias)


def features(title: str, plain: Sequence[str], shown: Sequence[str]) -> list[list[int]]:
    """Return the features of each sentence, as it was written and as it is shown, as CRC-32 of their names."""
    texts = [tokens(sentence) for sentence in shown]
    roots = [roots_of(sentence) for sentence in shown]
    known = stems(tokens(title)) - stems(cues("function_words"))
    name = title.partition(":")[0] if ":" in title else ""
    name = name if len(name.split()) <= _TITLE_NAME else ""
    announcing = [_announces(text) for text in texts]
    overlaps = [5 * len(known & own) // max(1, len(known)) for own in roots]
    first = announcing.index(True) if any(announcing) else len(texts)
    best = max(overlaps, default=0)
    before, found = set[str](), list[list[int]]()
    for place, text in enumerate(texts):
        around = [("p", texts[place - 1] if place else []), ("n", texts[place + 1] if place + 1 < len(texts) else [])]
        names = [*_beginning(text), *_leanings(text, known, before), *_place(place, len(texts), first)]
        names += [f"{side} {word}" for side, other in around for word in other[:_NEIGHBOUR_BEGINNING]]
        if known:
            names += [f"o {overlaps[place]}", f"oa {overlaps[place]} {announcing[place]}"]
            names += [f"o {overlaps[place]} {' '.join(text[:1])}", f"o best {overlaps[place] == best}"]
        if name and name in shown[place]:
            starts = shown[place].startswith((name, f"The {name}"))
            names.append(f"name start {'is' in text[1:6]}" if starts else f"name {announcing[place]}")
        if plain[place] != shown[place]:
            names += [f"l {word}" for word in tokens(plain[place])[:_NEIGHBOUR_BEGINNING]]
        found.append([*_words(text), *map(crc32, "\n".join(names).encode().split(b"\n"))])
        before |= roots[place]
    return found


@lru_cache(maxsize=256)  # of the sentences of an abstract
def tokens(sentence: str) -> Sequence[str]:
    """Return the words in lower case, numbers as 0, and some signs; "this letter" and its like as "this paper"."""
    found = [token if "a" <= token < "{" or token in _SIGNS else "0" for token in _TOKEN.findall(sentence.lower())]
    if "this" not in found:
        return found
    texts = cues("texts")
    return [
        "paper" if token in texts and "this" in found[max(0, at - 2) : at] else token for at, token in enumerate(found)
    ]


@lru_cache(maxsize=256)
def roots_of(sentence: str) -> frozenset[str]:
    """Return the stems of the words of a sentence."""
    return frozenset(stems(tokens(sentence)))


def _words(text: Sequence[str]) -> set[int]:
    """Return the features of the words of a sentence (`w word`), and of each with the next (`b word next`)."""
    line = " ".join(("<s>", *text, "</s>")).encode()
    words, following = line.split(b" "), line.replace(b" ", b"\n ").split(b"\n")
    single = map(crc32, words[1:-1], repeat(_WORD))
    return {*single, *map(crc32, following[1:], map(crc32, words, repeat(_PAIR)))}


def _beginning(text: Sequence[str]) -> list[str]:
    words = [f"s{at} {word}" for at, word in enumerate(text[:_BEGINNING])]
    return [*words, f"len {min(len(text) // 6, 9)}", f"t {' '.join(text[:_BEGINNING])}"]


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
    pronouns, pointers = cues("pronouns"), cues("pointers")
    for at, word in enumerate(text):
        if word in pronouns and at < _EARLY:
            yield f"x early {word}"
        if word not in pointers or text[at + 1 : at + 2] == ["paper"]:
            continue
        phrase = _phrase(text, at)
        nouns = stems(phrase[:_NOUNS])
        if word in ("the", "our", "each"):
            seen = (nouns & before) - title - cues("plain_nouns")
            is_told = text[at + 1 + len(phrase) :][:1] in (["of"], ["that"])
            if seen and not is_told and seen - stems(text[:at]):
                yield f"x {word} seen"
        elif not nouns:
            yield f"x {word} alone"
        else:
            places = (("here", stems(text[:at])), ("title", title), ("before", before))
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
    return {word[:_STEM].rstrip("s") for word in words if word >= "a"}
