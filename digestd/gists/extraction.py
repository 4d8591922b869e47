"""Extract a gist from an abstract: the sentences that name contribution and result, in their order.

Each sentence is judged by how likely it names the contribution and the result (`choice`), by what it leans on
(`roles`, `acronyms`) and by what speaks against it. The best set of up to three sentences that fits is taken; what a
sentence leans on counts little if the sentence before it is taken as well.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations, product

import numpy as np
from numpy.typing import NDArray

from digestd.gists import acronyms
from digestd.gists.choice import features, introduces, system_name
from digestd.gists.roles import ANNOUNCING, CONCRETE, EMPTY, NEEDS, UNWANTED, Floats, GistModel, load_model
from digestd.gists.sentences import CONCLUSION, METHOD, OBJECTIVE, RESULT, ROLES, Sentence
from digestd.gists.shortening import shorter_forms
from digestd.gists.standing import antecedents, is_broken, is_linked, leanings, stand

Booleans = NDArray[np.bool_]
SENTENCES_MAX = 40
"""Sentences that are read; a longer text is cut."""
_CANDIDATES_MAX = 11
_SHOWN_MAX = 3
_BRIEF = 400
"""Below so many characters the contribution counts more than the result."""
_NEW, _NEW_BRIEF, _OUT = 2.4, 4.2, 2.0
"""Weights of the logarithms of the chances that contribution and result are named."""
_DOUBT = 0.03
_NEED, _MET = 7.0, 0.08
"""Cost of a sentence that needs the one before it, and the share that is left where that is shown."""
_OURS = re.compile(
    r"\bthis (?:approach|method|framework|model|strategy|design|dataset|benchmark|task|algorithm|system|technique)\b",
    re.I,
)
_OURS_NEEDS = 0.4
"""Share that is left of the need of the one before in a sentence that speaks of what was announced."""
_UNWANTED, _EMPTY, _CONCRETE = 5.0, 1.0, 0.5
_COINED_NAME, _OTHER_NAME, _ACRONYM, _EXPANDED = 0.7, 0.4, 0.15, 0.05
"""Costs of a name that another sentence introduces, or uses first, and of an acronym without and with a long form."""
_REPEATED, _REPEATED_COST = 0.5, 2.0
"""The share of words that two sentences have in common above which the second adds little, and its price."""
_ADDED, _NEXT, _TOLD = 0.1, 0.12, 0.6
"""The price of each sentence, what it is worth to follow another, and what contribution or result in it is worth."""
_SHORTENED = 0.2
"""The cost of each sentence that has to be shortened to fit."""
_LOST = 0.1
"""The cost of 100 characters that have to go."""
_LABEL_WEIGHT = 0.9
"""The probability of what a label of the abstract says."""
_OBJECTIVE, _METHOD, _RESULT = map(ROLES.index, (OBJECTIVE, METHOD, RESULT))
_BY_ROLE, _UNTITLED, _METHOD_NEW = 0.1, 0.7, 0.85
"""The share of the role in the chance that a sentence names contribution or result; the same without a title, by which
the contribution is told; and the share of a method in it."""
_LIKELY = 0.5
_DIGITS = frozenset("0123456789")
_FIGURES_LOST, _CUT = 100, 25
"""Costs of a shortened form, compared with the characters that are lost."""


@dataclass(frozen=True, slots=True)
class Abstract:
    """An abstract whose sentences are judged.

    Attributes:
        texts: The sentences as they are shown.
        linked: The same with their connectives, for those that follow the sentence before.
        shorter: Their shortened forms, the longest first.
        new, out: The probability that a sentence names the contribution, and the result.
        traits: See `digestd.gists.roles.TRAITS`.
        names: The names that each sentence uses and the title lacks.
        antecedents: The places of the sentences that each may lean on.
        long_forms: What the acronyms among them stand for.
        candidates: The places of the sentences to choose from.
    """

    texts: tuple[str, ...]
    linked: tuple[str, ...]
    shorter: tuple[tuple[str, ...], ...]
    new: Floats
    out: Floats
    traits: Floats
    names: tuple[frozenset[str], ...]
    antecedents: tuple[frozenset[int], ...]
    long_forms: dict[str, str]
    candidates: NDArray[np.int64]

    def coins(self, place: int, name: str) -> bool:
        """Return True if a sentence introduces a name as that of the work."""
        text = self.texts[place]
        return bool(self.traits[place, ANNOUNCING] > _LIKELY) and (f"({name}" in text or introduces(text, name))

    def results(self) -> list[int]:
        """Return the places of the sentences that are results and can be shown alone, the best first."""
        worth = self.out - self.traits[:, NEEDS] - self.traits[:, UNWANTED]
        return sorted((int(place) for place in self.candidates if worth[place] >= _LIKELY), key=lambda p: -worth[p])

    def shown(self, places: Sequence[int], limit: int) -> list[str]:
        """Return sentences as they read together, shortened if need be, with long forms of acronyms if they fit."""
        texts = self._fitted(places, limit)
        room = limit - sum(map(len, texts.values())) - len(texts) + 1
        for place in places:
            added = len(self.linked[place]) - len(self.texts[place])
            if place - 1 in texts and added <= room and texts[place] == self.texts[place]:
                texts[place] = self.linked[place]
                room -= added
        seen = set[str]()
        for place in places:
            for name in sorted(self.names[place] & self.long_forms.keys() - seen):
                expanded = acronyms.expand(texts[place], name, self.long_forms[name])
                added = len(expanded) - len(texts[place])
                if f"({name}" not in texts[place] and added <= room:
                    texts[place] = expanded
                    room -= added
            seen |= self.names[place]
        return list(texts.values())

    def _fitted(self, places: Sequence[int], limit: int) -> dict[int, str]:
        """Return the forms of sentences that keep most and fit together."""
        full = [self.texts[place] for place in places]
        forms = product(*[(self.texts[place], *self.shorter[place]) for place in places])
        fitting = [form for form in forms if len(" ".join(form)) <= limit]
        kept = max(fitting, key=lambda form: sum(map(len, form)) - sum(map(_loss, full, form)), default=full)
        return dict(zip(places, kept, strict=True))


def judge(title: str, sentences: Sequence[Sentence], model: GistModel | None = None) -> Abstract:
    """Judge the sentences of an abstract.

    Args:
        title: What is read before the gist, as plain text.
        sentences: The sentences of the abstract.
        model: The weights; those that ship with digestd by default.
    """
    model = model or load_model()
    sentences = sentences[:SENTENCES_MAX]
    plain = [sentence.text for sentence in sentences]
    texts = [stand(text) for text in plain]
    roles, traits = model.judge(texts, leanings(title, texts))
    ours = [place for place, text in enumerate(texts) if _OURS.search(text)]
    after = traits[:, ANNOUNCING].cumsum() - traits[:, ANNOUNCING] > _LIKELY
    traits[ours, NEEDS] *= np.where(after[ours], _OURS_NEEDS, 1)
    concluded = [place for place, sentence in enumerate(sentences) if sentence.label == CONCLUSION]
    traits[concluded, CONCRETE] = 1  # its authors say that it is the result
    named = model.named(features(title, texts, roles, traits))
    told = np.column_stack([roles[:, _OBJECTIVE] + _METHOD_NEW * roles[:, _METHOD], roles[:, _RESULT]])
    new, out = _labelled(named + (_BY_ROLE if title else _UNTITLED) * (told - named), sentences).T
    name = system_name(title)
    known = acronyms.names(title)
    broken = np.array([is_broken(text) for text in texts])
    likely = np.where(broken, -1, np.maximum(new, out) - traits[:, UNWANTED] * (1 - new))
    candidates = np.sort(np.argsort(-likely, kind="stable")[: min(_CANDIDATES_MAX, int((~broken).sum()))])
    chosen = set(candidates.tolist())
    return Abstract(
        texts=tuple(texts),
        linked=tuple(text if is_linked(text) else stood for text, stood in zip(plain, texts, strict=True)),
        shorter=tuple(_usable_forms(text, name) if place in chosen else () for place, text in enumerate(texts)),
        new=new,
        out=out,
        traits=traits,
        names=tuple(frozenset(acronyms.names(text) - known) for text in texts),
        antecedents=tuple(antecedents(texts)),
        long_forms=dict(acronyms.long_forms(plain)),
        candidates=candidates,
    )


def choose(abstract: Abstract, limit: int) -> tuple[int, ...]:
    """Return the places of the sentences of a gist of at most `limit` characters, in order; none if none fits."""
    places = abstract.candidates
    if not len(places):
        return ()
    sets = _subsets(len(places))
    lengths = sets @ np.array([len(abstract.texts[place]) + 1 for place in places]) - 1
    least = sets @ np.array([len((abstract.texts[place], *abstract.shorter[place])[-1]) + 1 for place in places]) - 1
    worth = _worth(abstract, sets, is_brief=limit < _BRIEF)
    worth -= _SHORTENED * (lengths > limit) * sets.sum(axis=1) + _LOST * (lengths - limit).clip(0) / 100
    worth[least > limit] = -np.inf
    best = int(worth.argmax())
    return tuple(int(place) for place in places[sets[best]]) if worth[best] > -np.inf else ()


def _worth(abstract: Abstract, sets: Booleans, *, is_brief: bool) -> Floats:
    """Return the score of each set: the chance that it names contribution and result, and what else counts."""
    places, counts = abstract.candidates, sets.sum(axis=1)
    new, out, traits = abstract.new[places], abstract.out[places], abstract.traits[places]
    any_out = 1 - np.exp(sets @ np.log1p(-out.clip(0, 0.99)))
    found = (_NEW_BRIEF if is_brief else _NEW) * np.log(np.where(sets, new, 0.0).max(axis=1) + _DOUBT)
    found += _OUT * np.log(any_out + _DOUBT)
    found += _CONCRETE * np.where(sets, out * traits[:, CONCRETE], 0.0).max(axis=1)
    found += _TOLD * sets @ np.maximum(new, out) - _ADDED * counts
    follows = np.zeros(sets.shape, dtype=np.bool_)
    follows[:, 1:] = sets[:, 1:] & sets[:, :-1] & (np.diff(places) == 1)
    if not is_brief:
        found += _NEXT * follows.sum(axis=1)
    leans = np.array([[place in abstract.antecedents[other] for other in places] for place in places])
    met = sets & (sets @ leans)
    needs = _NEED * traits[:, NEEDS] ** 2
    found -= sets @ needs - (1 - _MET) * (met @ needs)
    found -= sets @ ((_UNWANTED * traits[:, UNWANTED] + _EMPTY * traits[:, EMPTY]) * (1 - new))
    return np.asarray(found - _unknown(abstract, sets) - _repeated(abstract, sets))


def _unknown(abstract: Abstract, sets: Booleans) -> Floats:
    """Return the cost of the names in each set that only sentences outside it introduce."""
    found = np.zeros(len(sets))
    for column, place in enumerate(abstract.candidates):
        for name in abstract.names[place]:
            before = [other for other in range(place) if name in abstract.names[other]]
            if before and f"({name}" not in abstract.texts[place]:
                shown = [other for other, at in enumerate(abstract.candidates) if at in before]
                cost = _EXPANDED if name in abstract.long_forms else _ACRONYM if name.isupper() else _OTHER_NAME
                if abstract.coins(before[0], name):
                    cost = _COINED_NAME
                found += cost * (sets[:, column] & ~sets[:, shown].any(axis=1))
    return found


def _repeated(abstract: Abstract, sets: Booleans) -> Floats:
    """Return the cost of the pairs in each set that say the same."""
    words = [
        {word[:6] for word in abstract.texts[place].lower().split() if len(word) > 3} for place in abstract.candidates
    ]
    found = np.zeros(len(sets))
    for one, other in combinations(range(len(words)), 2):
        share = len(words[one] & words[other]) / max(1, min(len(words[one]), len(words[other])))
        if share > _REPEATED:
            found += _REPEATED_COST * (share - _REPEATED) * (sets[:, one] & sets[:, other])
    return found


@cache
def _subsets(count: int) -> Booleans:
    """Return all sets of one to three of so many things, (sets, things)."""
    chosen = [places for size in range(1, _SHOWN_MAX + 1) for places in combinations(range(count), size)]
    found = np.zeros((len(chosen), count), dtype=np.bool_)
    for row, places in enumerate(chosen):
        found[row, list(places)] = True
    return found


def _labelled(naming: Floats, sentences: Sequence[Sentence]) -> Floats:
    """Return the chances that sentences name contribution and result, with the abstract's own labels."""
    found = naming.copy()
    for place, sentence in enumerate(sentences):
        if sentence.label in (RESULT, CONCLUSION):
            found[place] *= 1 - _LABEL_WEIGHT
            found[place, 1] += _LABEL_WEIGHT
        elif sentence.label:
            found[place, 1] *= 1 - _LABEL_WEIGHT
            found[place, 0] *= 1 if sentence.label in (OBJECTIVE, METHOD) else 1 - _LABEL_WEIGHT
    return found


def _loss(full: str, form: str) -> int:
    """Return what is lost by a shortened form, besides its characters."""
    if form == full:
        return 0
    figures = not _DIGITS.isdisjoint(full) and _DIGITS.isdisjoint(form)
    return _CUT + _FIGURES_LOST * figures


def _usable_forms(text: str, name: str) -> tuple[str, ...]:
    """Return the shortened forms of a sentence; those of one that introduces the system of the title keep its name."""
    forms = shorter_forms(text)
    return tuple(form for form in forms if name in form) if name and introduces(text, name) else forms
