"""Extract a gist from an abstract: the sentences that name contribution and result, in their order.

Each sentence is judged by how likely it names the contribution and the result, and needs the one before it (`model`).
The best set of up to three sentences that fits is taken; what a sentence needs costs little where the one before it, or
another that tells what it points to, is taken as well.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise, product
from math import inf, log

from digestd.gists import acronyms
from digestd.gists.cues import cues
from digestd.gists.model import NEEDS, NEW, OUT, UNWANTED, load_model, pointed_at, roots_of, stems, tokens
from digestd.gists.sentences import BACKGROUND, CONCLUSION, RESULT, Sentence
from digestd.gists.standing import is_broken, leans, shorter_forms, stand

SENTENCES_MAX = 40
"""Sentences that are read; a longer text is cut."""
_CANDIDATES_MAX, _SHOWN_MAX = 6, 3
_NEW, _OUT, _DOUBT = 7.0, 3.5, 0.06
"""Weights of the logarithms of the chances that contribution and result are named."""
_NEED, _MET, _TOLD_BEFORE, _BORNE = 15.0, 0.06, 0.3, 0.45
"""Cost of what needs the sentence before it; shares left if that or an antecedent is shown, borne for what is new."""
_NAME = 0.3
"""Cost of a name that another sentence uses first, and that has no long form that can be shown."""
_ADDED, _UNWANTED, _TOLD = 0.5, 5.0, 1.5
"""Costs of each sentence, and of one on code or hopes; what contribution or result in it is worth."""
_SHORTENED, _LOST, _UNTOLD, _UNEXPLAINED = 0.2, 0.002, 3.0, 0.6
"""Costs of each shortened sentence, of each character that goes, of a figure or comparison, and of long forms."""
_FORMS_MAX = 8
_FIGURE = re.compile(r"(?<![A-Za-z\d-])\d+(?:[.,]\d+)*(?=[x×]|\b(?!-))")
_LIKELY, _UNLIKELY = 0.5, 0.1
"""The probability of what counts as named, and of what a label of the abstract denies."""
_LEANS, _OURS = 0.9, 0.1
"""Chances that "this issue" and "our method" need more."""
_OTHERS, _COMPARED, _VAGUE = 0.3, 0.9, 0.5
"""Shares of results of others, and of those without figures."""


@dataclass(frozen=True, slots=True)
class Abstract:
    """An abstract whose sentences are judged.

    Attributes:
        texts: The sentences as they are shown.
        traits: See `digestd.gists.model.TRAITS`.
        names: The names that each sentence uses and the title lacks, with their cost where no other introduces them.
        long_forms: What the acronyms among them stand for.
        sets: The sets of up to three sentences with their scores, the best first.
    """

    texts: Sequence[str]
    traits: Sequence[Sequence[float]]
    names: Sequence[dict[str, float]]
    long_forms: Mapping[str, str]
    sets: Sequence[tuple[float, tuple[int, ...]]]

    def results(self) -> list[int]:
        """Return the places of the sentences that are results and can be shown alone, the best first."""
        worth = [traits[OUT] - traits[NEEDS] - traits[UNWANTED] for traits in self.traits]
        good = [place for place, text in enumerate(self.texts) if worth[place] >= _LIKELY and not is_broken(text)]
        return sorted(good, key=lambda place: -worth[place])

    def fitted(self, places: Sequence[int], limit: int, most: float = inf) -> tuple[float, list[str]]:
        """Return sentences as they read together, shortened where they do not fit, and what is lost; none if none fit.

        Acronyms are explained at their first use. `most`: what may be lost at most.
        """
        sentences, seen = list[_Unexplained](), set[str]()
        for place in places:
            names = self.names[place].keys()
            unknown = sorted(names & self.long_forms.keys() - seen) if names else ()
            seen |= names
            sentences.append((self.texts[place], tuple((name, self.long_forms[name]) for name in unknown)))
        full = [_explained(*one) for one in sentences]
        if len(" ".join(full)) <= limit:
            return 0, full
        if most <= _SHORTENED:
            return 0, []
        forms = [_forms(*one, self.traits[place][OUT]) for one, place in zip(sentences, places, strict=True)]
        room = limit - len(places) + 1
        fitting = [one for one in product(*forms) if sum(len(text) for _, text in one) <= room]
        return min(((sum(loss for loss, _ in one), [text for _, text in one]) for one in fitting), default=(0, []))


_Unexplained = tuple[str, tuple[tuple[str, str], ...]]
"""A sentence, and the acronyms that it uses first with their long forms."""


@lru_cache(maxsize=64)  # sets of sentences share them
def _explained(text: str, introduced: tuple[tuple[str, str], ...]) -> str:
    for name, long_form in introduced:
        text = acronyms.expand(text, name, long_form)
    return text


@lru_cache(maxsize=64)
def _forms(text: str, introduced: tuple[tuple[str, str], ...], result: float) -> list[tuple[float, str]]:
    """Return the forms of a sentence that is a result with this probability, each with what it loses."""
    found, told = dict[str, float](), [word for word in cues("telling") if word in text] + _FIGURE.findall(text)
    for form in (text, *shorter_forms(text)):
        loss = _loss(text, form, result, told)
        explained = _explained(form, introduced)
        found.setdefault(explained, loss)
        found.setdefault(form, loss + _UNEXPLAINED * (form != explained))
    return sorted((loss, form) for form, loss in found.items())[:_FORMS_MAX]


def judge(title: str, sentences: Sequence[Sentence]) -> Abstract:
    """Judge the sentences of an abstract; the title is what is read before the gist, as plain text."""
    sentences = sentences[:SENTENCES_MAX]
    plain = [sentence.text for sentence in sentences]
    texts = [stand(text) for text in plain]
    judged = load_model().judge(title, plain, texts).tolist()
    traits = [_labelled(found, sentence.label) for found, sentence in zip(judged, sentences, strict=True)]
    for text, one in zip(texts, traits, strict=True):
        one[NEEDS] = max(one[NEEDS], _LEANS * leans(text), _OURS * _is_ours(text))
        one[OUT] *= _OTHERS if _has(text, "of_others") else 1
        one[OUT] *= 1 if _FIGURE.search(text) else _COMPARED if " that " in text or _has(text, "telling") else _VAGUE
    likely = [max(one[NEW], one[OUT]) - one[UNWANTED] * (1 - one[NEW]) for one in traits]
    for place in range(len(texts) - 1):  # what a good sentence needs
        likely[place] = max(likely[place], likely[place + 1] * traits[place + 1][NEEDS])
    whole = [place for place, text in enumerate(texts) if not is_broken(text)]
    candidates = sorted(sorted(whole, key=lambda place: -likely[place])[:_CANDIDATES_MAX])
    long_forms = acronyms.long_forms(plain)
    names, told = _names(title, texts, long_forms), _antecedents(texts, traits)
    return Abstract(
        texts=texts,
        traits=traits,
        names=names,
        long_forms=long_forms,
        sets=sorted(_scored(candidates, traits, names, told), reverse=True),
    )


def _has(text: str, name: str) -> bool:
    """Return True if a text has any of the cues of this name."""
    return any(map(text.__contains__, cues(name)))


def _is_ours(text: str) -> bool:
    """Return True for "our method", which another sentence has to name."""
    return any(one in ("our", "proposed") and other in cues("own") for one, other in pairwise(tokens(text)))


def _antecedents(texts: Sequence[str], traits: Sequence[Sequence[float]]) -> list[set[int]]:
    """Return for each sentence those before it that tell what it points to: "these tokens", or the work itself."""
    found = [set[int]() for _ in texts]
    for place, text in enumerate(texts):
        if place and max(traits[place][NEEDS], *traits[place - 1][:2]) > _LIKELY:
            found[place].add(place - 1)
        pointed = pointed_at(tokens(text))
        for before in range(place if pointed else 0):
            known = roots_of(texts[before]) | (cues("own") if traits[before][NEW] > _LIKELY else set())
            if not any(known.isdisjoint({*one, *stems(one)}) for one in pointed):
                found[place].add(before)
    return found


def _names(title: str, texts: Sequence[str], long_forms: Mapping[str, str]) -> list[dict[str, float]]:
    """Return the names that each sentence uses, with their cost if no sentence before it is shown."""
    found, known = list[dict[str, float]](), acronyms.names(title)
    known -= {name for name in known & long_forms.keys() if long_forms[name].lower() not in title.lower()}
    costs = dict.fromkeys(acronyms.names(title), 0.0)
    for text in texts:
        used = acronyms.names(text)
        found.append({name: costs.get(name, 0) for name in used - known})
        costs |= {name: _NAME * (name not in long_forms) for name in used - costs.keys()}
    return found


def choose(abstract: Abstract, limit: int) -> tuple[tuple[int, ...], Sequence[str]]:
    """Return the sentences of a gist of at most `limit` characters, by place and as they read; none if none fit."""
    best, chosen = -inf, (tuple[int, ...](), list[str]())
    for worth, places in abstract.sets:
        if worth <= best:
            break
        loss, forms = abstract.fitted(places, limit, worth - best)
        if forms and worth - loss > best:
            best, chosen = worth - loss, (places, forms)
    return chosen


_Set = tuple[tuple[int, ...], float, float, float, frozenset[str]]
"""Places, their worth, the chances that contribution and result are named, and the names used."""


def _scored(
    candidates: Sequence[int],
    traits: Sequence[Sequence[float]],
    names: Sequence[Mapping[str, float]],
    told: Sequence[set[int]],
) -> Iterator[tuple[float, tuple[int, ...]]]:
    """Yield the sets of up to three sentences, each with the chance that it names contribution and result."""
    sets: list[_Set] = [((), 0.0, 0.0, 0.0, frozenset())]
    for _ in range(_SHOWN_MAX):
        sets = [
            _with(one, place, traits[place], names[place], told[place])
            for one in sets
            for place in candidates
            if not one[0] or place > one[0][-1]
        ]
        for places, worth, new, out, _names in sets:
            yield worth + _NEW * log(new + _DOUBT) + _OUT * log(out + _DOUBT), places


def _with(one: _Set, place: int, judged: Sequence[float], names: Mapping[str, float], told: set[int]) -> _Set:
    """Return a set with one more sentence: what it is worth, less what it leans on."""
    places, worth, new, out, seen = one
    worth += _TOLD * max(judged[NEW], judged[OUT]) ** 2 - _ADDED - _UNWANTED * judged[UNWANTED] * (1 - judged[NEW])
    unmet = 1 if told.isdisjoint(places) else _MET if place - 1 in places else _TOLD_BEFORE
    worth -= _NEED * judged[NEEDS] * unmet * (1 - _BORNE * judged[NEW])
    if names:
        worth -= sum(cost for name, cost in names.items() if name not in seen)
        seen = seen.union(names)
    return (*places, place), worth, max(new, judged[NEW]), max(out, judged[OUT]), seen


def _labelled(traits: Sequence[float], label: str) -> list[float]:
    """Return the traits of a sentence with what its label says."""
    new, out, *others = traits
    if label in (RESULT, CONCLUSION):
        return [_UNLIKELY * new, 1 - _UNLIKELY * (1 - out if label == CONCLUSION else 4), *others]
    return [new * (_UNLIKELY if label == BACKGROUND else 1), out * (_UNLIKELY if label else 1), *others]


def _loss(full: str, form: str, result: float, told: Sequence[str]) -> float:
    """Return what is lost by a shortened form of a sentence that is a result with this probability."""
    if form == full:
        return 0
    untold = any(word not in form for word in told)
    return _SHORTENED + _LOST * (len(full) - len(form)) + _UNTOLD * result * untold
