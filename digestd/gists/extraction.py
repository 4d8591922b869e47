"""Extract a gist from an abstract: the sentences that carry contribution and result, in their order.

Every sentence is judged three times: how well it tells what is new (`choice`), how likely it is a result (`roles`),
and what it takes for granted (`standing`, `references`). The best set of up to
three sentences that fits is taken.
"""

import math
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations, product

import numpy as np
from numpy.typing import NDArray

from digestd.gists import cues
from digestd.gists.choice import features, system_name
from digestd.gists.references import HARD, Need, expand, find_needs, names
from digestd.gists.roles import Floats, GistModel, load_model
from digestd.gists.sentences import BACKGROUND, CONCLUSION, METHOD, OBJECTIVE, OTHER, RESULT, ROLES, Sentence
from digestd.gists.shortening import shorter_forms
from digestd.gists.standing import Standing, stand

Booleans = NDArray[np.bool_]
_LINK = re.compile(
    r"(?:however|therefore|thus|hence|instead|in contrast|by contrast|conversely|specifically|furthermore|moreover"
    r"|in addition|additionally|in particular|as a result|consequently|nevertheless|nonetheless|to this end"
    r"|accordingly)\b",
    re.IGNORECASE,
)
"""Connectives that stay where the sentence before is shown, too."""
SENTENCES_MAX = 40
"""Sentences that are read; a longer text is cut."""
_CANDIDATES_MAX = 11
_SHOWN_MAX = 3
_BACKGROUND, _OBJECTIVE, _METHOD, _RESULT, _OTHER = map(ROLES.index, (BACKGROUND, OBJECTIVE, METHOD, RESULT, OTHER))
_LABEL_WEIGHT = 0.9
"""The probability of a role that the abstract itself names."""
_BEFORE = 0.3
"""Share that is left of the probability of a contribution or result before the sentence that announces the work."""
_NAMING = 0.2
"""Weight of the sentence that introduces the system of the title as the announcement of the work."""
_UNANNOUNCED = 2.0
"""Least amount by which a sentence before the best one is less fit than it."""
_METHOD_NEW = 0.85
"""Share to which a sentence on the method tells what is new."""
_TRIED = 0.4
"""Share that is left of the probability of a result in a sentence that says what was tried, not what came out."""
_PROMISED = 0.5
"""Share that is left of the probability of a result in a sentence that only praises or promises."""
_FITNESS, _FITNESS_MIN = 0.6, -6.0
"""Weight of the fitness compared with the roles. Without a title there is little to tell it by: it counts nothing."""
_BRIEF = 400
"""Below so many characters the contribution counts more than the result."""
_NAMED = 3.0
"""Amount added to the fitness of a sentence that introduces the system of the title."""
_FAR = -1.0
"""A gist whose sentences are all less fit than this does not tell what the paper is about."""
_UNFIT = 0.025
"""Weight of the fitness of each sentence compared with that of the best."""
_DOUBT = 0.02
_LIKELY = 0.5
_CONCLUDED = 0.5
"""Bonus for a sentence from the conclusions of a structured abstract."""
_UNEXPLAINED = 0.8
"""The cost of acronyms whose long forms do not fit."""
_ADDED, _ALONE = 0.03, 0.3
"""The cost of each sentence after the first, and of a sentence alone."""
_PROBLEM, _OTHER_BACKGROUND = 0.2, 0.08
"""Bonus for one sentence on the problem, or on the background, before the others."""
_REPEATED, _REPEATED_COST = 0.5, 2.0
"""The share of words that two sentences have in common above which the second adds little, and its price."""
_IS_A = re.compile(r",? (?:is )?an? \w")
_INTRODUCING = ("introduc", "present", "propos", "develop", "describ")
_POINTS = re.compile(
    r"\b(?:this|these|those|they|them|their|its|such (?!as\b)|the (?:problem|issue|challenge|task|former|latter"
    r"|above))\b"
    r"|\bit\b(?! (?:is|remains|has been|becomes)\b)",
    re.IGNORECASE,
)
"""Words that make a sentence a bad opening, even if it names what they point to."""
_BOTH = 3.5
"""Bonus for a gist with a contribution and a result that a reader can use."""
_USABLE = 0.4
"""The probability of a contribution or result from which on it counts so."""
_WEAK = 0.7
"""Weight of a result that tells no figures and names no outcome."""
_SHORTENED, _SHORTENED_THIRD, _PAIR = 1.0, 1.8, 2
"""The cost of a gist whose sentences fit only in a shortened form: two of them, and more."""
_CUT, _FIGURES_LOST, _NAME_LOST = 25, 100, 300
"""Costs of a shortened sentence, of lost figures and of a lost name, compared with the characters that are lost."""
_LONG_WORD = re.compile(r"[a-z0-9]{4,}")
_OTHERS = 0.25
"""Weight of the concreteness of a result compared with that of the best."""


@dataclass(frozen=True, slots=True)
class Emphasis:
    """Content that a gist of some length needs.

    Attributes:
        new: The weight of the contribution beside that of the result.
        lacking: How little a missing result counts: the probability in its place.
    """

    new: float
    lacking: float


LONG, SHORT = Emphasis(0.7, 0.02), Emphasis(1.9, 0.09)


@dataclass(frozen=True, slots=True)
class Abstract:
    """An abstract whose sentences are judged.

    Attributes:
        texts: The sentences as they are shown.
        linked: The same with their connectives, for those that follow the sentence before.
        lengths: Their characters.
        shorter: Their shortened forms, the longest first.
        shortest: The characters of the shortest form.
        new, out: The probability that a sentence tells what is new, and what came out.
        fitness: How well a sentence alone tells what the paper is about, at most 0.
        opening: What speaks for a sentence as the first, on the problem.
        gain: How concrete a result is.
        is_new: Whether a sentence can stand for the contribution.
        strength: How much a sentence can stand for the result, from 0 to 1.
        cost: How much speaks against showing a sentence.
        shared: The words that pairs of sentences have in common, as a cost, (sentences, sentences).
        needs: What the sentences take for granted.
        candidates: The places of the sentences to choose from.
    """

    texts: tuple[str, ...]
    linked: tuple[str, ...]
    lengths: NDArray[np.int64]
    shorter: tuple[tuple[str, ...], ...]
    shortest: NDArray[np.int64]
    new: Floats
    out: Floats
    fitness: Floats
    opening: Floats
    gain: Floats
    is_new: Booleans
    strength: Floats
    cost: Floats
    shared: Floats
    needs: tuple[Need, ...]
    candidates: NDArray[np.int64]

    def too_long(self, limit: int, chosen: Collection[int]) -> str:
        """Return the fittest sentence if it does not fit and nothing chosen comes near it, else ""."""
        if not len(self.candidates):
            return ""
        fittest = int(self.candidates[self.fitness[self.candidates].argmax()])
        if self.shortest[fittest] <= limit or any(self.fitness[place] > _FAR for place in chosen):
            return ""
        return self.texts[fittest]

    def results(self) -> list[int]:
        """Return the places of the sentences that are results and can be shown alone, the best first."""
        alone = np.ones(len(self.texts), dtype=np.bool_)
        alone[[need.place for need in self.needs if need.cost >= HARD]] = False
        found = [int(place) for place in self.candidates if self.out[place] >= _LIKELY and alone[place]]
        return sorted(found, key=lambda place: self.cost[place] - self.gain[place] - self.out[place])

    def shown(self, places: Sequence[int], limit: int) -> list[str]:
        """Return sentences as they read together, shortened if need be, with long forms of acronyms if they fit."""
        texts = self._fitted(places, limit)
        room = limit - sum(map(len, texts.values())) - len(texts) + 1
        for place in places:
            added = len(self.linked[place]) - len(self.texts[place])
            if place - 1 in texts and added <= room and texts[place] == self.texts[place]:
                texts[place] = self.linked[place]
                room -= added
        for need in self.needs:
            if need.place in texts and need.long_form and need.length <= room and need.before.isdisjoint(texts):
                texts[need.place] = expand(texts[need.place], need.name, need.long_form)
                room -= need.length
        return list(texts.values())

    def _fitted(self, places: Sequence[int], limit: int) -> dict[int, str]:
        """Return the forms of sentences that keep most and fit together."""
        full = [self.texts[place] for place in places]
        if len(" ".join(full)) <= limit:
            return dict(zip(places, full, strict=True))
        fitting = [
            forms
            for forms in product(*[(self.texts[place], *self.shorter[place]) for place in places])
            if len(" ".join(forms)) <= limit
        ]
        kept = max(
            fitting,
            key=lambda forms: sum(map(len, forms)) - sum(map(_loss, full, forms)) - _unexplained(full, forms),
            default=full,
        )
        return dict(zip(places, kept, strict=True))


def judge(title: str, sentences: Sequence[Sentence], model: GistModel | None = None, summary: str = "") -> Abstract:
    """Judge the sentences of an abstract.

    Args:
        title: The title of the paper, as plain text.
        sentences: The sentences of the abstract.
        model: The weights; those that ship with digestd by default.
        summary: What is shown between title and gist.
    """
    model = model or load_model()
    sentences = sentences[:SENTENCES_MAX]
    plain = [sentence.text for sentence in sentences]
    standings = [stand(text) for text in plain]
    lower = [standing.text.lower() for standing in standings]
    roles = _with_outcomes(model.probabilities(plain), lower)
    roles = _labelled(roles, sentences)
    fitness = features(title, plain, roles) @ model.choice
    roles = _with_title(roles, fitness, plain, title) if title else roles
    roles = _announced(roles, fitness, lower, title)
    fitness = (_FITNESS if title else 0.0) * np.maximum(fitness - fitness.max(), _FITNESS_MIN)
    new = roles[:, _OBJECTIVE] + _METHOD_NEW * roles[:, _METHOD]
    out = roles[:, _RESULT]
    is_conclusion = np.array([sentence.label == CONCLUSION for sentence in sentences])
    cost = np.array([cues.reluctance(*one) for one in zip(lower, out, strict=True)]) - _CONCLUDED * is_conclusion
    needs = find_needs(f"{title} {summary}", standings, list(new))
    alone = np.ones(len(plain), dtype=np.bool_)
    alone[[need.place for need in needs if need.cost >= HARD and not need.before]] = False
    promised = np.array([cues.is_outlook(text) for text in lower])
    weights = np.array([cues.result_weight(text) for text in lower])
    weights[is_conclusion] = np.maximum(weights[is_conclusion], 1 - _WEAK)
    is_result = alone & (out >= _USABLE) & ((weights > 0) | is_conclusion) & (cost < 1) & ~promised
    is_new = new >= _USABLE
    is_new[fitness.argmax()] |= bool(title)
    is_needed = is_result | is_new
    shorter = [
        _usable_forms(one.text, is_result=bool(is_result[place])) if is_needed[place] else ()
        for place, one in enumerate(standings)
    ]
    return Abstract(
        texts=tuple([standing.text for standing in standings]),
        linked=tuple([text if _LINK.match(text) else one.text for text, one in zip(plain, standings, strict=True)]),
        lengths=np.array([len(text) for text in lower]),
        shorter=tuple(shorter),
        shortest=np.array([len((text, *forms)[-1]) for text, forms in zip(lower, shorter, strict=True)]),
        new=new,
        out=out,
        fitness=fitness,
        opening=roles[:, _BACKGROUND] * [_as_opening(standing) for standing in standings],
        gain=out * [cues.concreteness(text) for text in lower],
        is_new=is_new,
        strength=is_result * np.minimum(_WEAK + weights, 1.0),
        cost=cost,
        shared=_shared(lower),
        needs=tuple(needs),
        candidates=_candidates(np.log(new + _DOUBT), np.log(out + _DOUBT), cost, standings),
    )


def choose(abstract: Abstract, limit: int) -> tuple[int, ...]:
    """Return the places of the sentences of a gist of at most `limit` characters, in order; none if none fits."""
    places = abstract.candidates
    if not len(places):
        return ()
    sets = _subsets(len(places))
    lengths = sets @ (abstract.lengths[places] + 1) - 1
    added, cost = _needed(abstract, sets)
    cost += np.where((added > 0) & (lengths + added > limit), _UNEXPLAINED, 0.0)
    worth = _worth(abstract, sets, SHORT if limit < _BRIEF else LONG) - cost
    worth -= (lengths > limit) * np.where(sets.sum(axis=1) > _PAIR, _SHORTENED_THIRD, _SHORTENED)
    worth[sets @ (abstract.shortest[places] + 1) - 1 > limit] = -math.inf
    best = int(worth.argmax())
    return tuple(int(place) for place in places[sets[best]]) if worth[best] > -math.inf else ()


def _worth(abstract: Abstract, sets: Booleans, emphasis: Emphasis) -> Floats:
    """Return the score of each set: the chance that it tells what is new and what came out, and what else counts."""
    places, counts = abstract.candidates, sets.sum(axis=1)
    new = 1 - np.exp(sets @ np.log1p(-abstract.new[places].clip(0, 0.999)))
    out = 1 - np.exp(sets @ np.log1p(-abstract.out[places].clip(0, 0.999)))
    named = emphasis.new * np.log(new + _DOUBT) + np.log(out + emphasis.lacking)
    fitness = np.where(sets, abstract.fitness[places], -math.inf).max(axis=1)
    fitness += _UNFIT * sets @ (abstract.fitness[places] * (abstract.out[places] < 0.5))
    opening = abstract.opening[places][sets.argmax(axis=1)]
    gain = np.where(sets, abstract.gain[places], 0.0)
    concrete = (1 - _OTHERS) * gain.max(axis=1) + _OTHERS * gain.sum(axis=1)
    repeated = ((sets @ abstract.shared[np.ix_(places, places)]) * sets).sum(axis=1)
    found: Floats = (
        named
        + fitness
        + opening
        + concrete
        - sets @ abstract.cost[places]
        - repeated
        - _ADDED * (counts - 1)
        - _ALONE * (counts == 1)
        + _BOTH * (sets @ abstract.is_new[places]) * (sets * abstract.strength[places]).max(axis=1)
    )
    return found


def _needed(abstract: Abstract, sets: Booleans) -> tuple[NDArray[np.int64], Floats]:
    """Return the characters to add to each set for acronyms, and the cost of what it takes for granted."""
    where = {int(place): column for column, place in enumerate(abstract.candidates)}
    needs = [need for need in abstract.needs if need.place in where]
    if not needs:
        return np.zeros(len(sets), dtype=np.int64), np.zeros(len(sets))
    before = np.zeros((sets.shape[1], len(needs)))
    for row, need in enumerate(needs):
        before[[where[place] for place in need.before if place in where], row] = 1
    unmet = sets[:, [where[need.place] for need in needs]] & (sets @ before == 0)
    return unmet @ np.array([need.length for need in needs]), unmet @ np.array([need.cost for need in needs])


@cache
def _subsets(count: int) -> Booleans:
    """Return all sets of one to three of so many things, (sets, things)."""
    chosen = [places for size in range(1, _SHOWN_MAX + 1) for places in combinations(range(count), size)]
    found = np.zeros((len(chosen), count), dtype=np.bool_)
    for row, places in enumerate(chosen):
        found[row, list(places)] = True
    return found


def _loss(full: str, form: str) -> int:
    """Return what is lost by a shortened form, besides its characters."""
    if form == full:
        return 0
    return _CUT + _FIGURES_LOST * (cues.concreteness(form.lower()) < cues.concreteness(full.lower()))


def _unexplained(full: Sequence[str], forms: Sequence[str]) -> int:
    """Return the cost of names that a shortened form no longer introduces and another sentence uses."""
    dropped = [names(text) - names(form) if text != form else set() for text, form in zip(full, forms, strict=True)]
    later = [" ".join(forms[place + 1 :]) for place in range(len(forms))]
    return _NAME_LOST * sum(name in text for found, text in zip(dropped, later, strict=True) for name in found)


def _usable_forms(text: str, *, is_result: bool) -> tuple[str, ...]:
    """Return the shortened forms of a sentence; those of a result have one."""
    found = list[str]()
    for form in shorter_forms(text):
        if not is_result or cues.result_weight(form.lower()) or text.endswith(form[1:]):
            found.append(form)
    return tuple(found)


def _candidates(new: Floats, out: Floats, cost: Floats, standings: Sequence[Standing]) -> NDArray[np.int64]:
    """Return the places of the sentences that can be shown, the most likely ones of a long abstract."""
    places = np.array([place for place, standing in enumerate(standings) if not standing.is_broken], dtype=np.int64)
    likely = np.maximum(new, out)[places] - cost[places]
    return np.sort(places[np.argsort(-likely, kind="stable")[:_CANDIDATES_MAX]])


def _shared(sentences: Sequence[str]) -> Floats:
    """Return the cost of showing two sentences that say the same, (sentences, sentences)."""
    words = [{word[:6] for word in _LONG_WORD.findall(sentence)} for sentence in sentences]
    found = np.zeros((len(words), len(words)))
    for one, other in combinations(range(len(words)), 2):
        share = len(words[one] & words[other]) / max(1, min(len(words[one]), len(words[other])))
        found[one, other] = _REPEATED_COST * max(0.0, share - _REPEATED)
    return found


def _announced(roles: Floats, fitness: Floats, sentences: Sequence[str], title: str) -> Floats:
    """Return the probabilities of roles, less for what is new and came out before the work is announced.

    `fitness` of the latter is lowered.
    """
    name = system_name(title).lower()
    weights = [
        cues.announcement(sentence) or (_NAMING if name and _introduces(sentence, name) else 0.0)
        for sentence in sentences
    ]
    first = next((place for place, weight in enumerate(weights) if weight), 0)
    if first > 0:
        fitness[:first] = np.minimum(fitness[:first], fitness[first:].max() - _UNANNOUNCED)
    found = roles.copy()
    found[first] *= 1 - weights[first]
    found[first, _OBJECTIVE] += weights[first]
    for role in (_OBJECTIVE, _METHOD, _RESULT):
        found[:first, _BACKGROUND] += (1 - _BEFORE) * found[:first, role]
        found[:first, role] *= _BEFORE
    return found


def _with_outcomes(roles: Floats, sentences: Sequence[str]) -> Floats:
    """Return the probabilities of roles, that of a result raised where a sentence compares or measures."""
    found = roles.copy()
    for place, sentence in enumerate(sentences):
        if cues.is_set_up(sentence):
            found[place, _METHOD] += (1 - _TRIED) * found[place, _RESULT]
            found[place, _RESULT] *= _TRIED
        elif cues.is_outlook(sentence):
            found[place, _OTHER] += (1 - _PROMISED) * found[place, _RESULT]
            found[place, _RESULT] *= _PROMISED
        elif weight := cues.result_weight(sentence):
            found[place] *= 1 - weight
            found[place, _RESULT] += weight
    return found


def _labelled(roles: Floats, sentences: Sequence[Sentence]) -> Floats:
    """Return the probabilities of roles, with the abstract's own labels where it has them."""
    found = roles.copy()
    for place, sentence in enumerate(sentences):
        if sentence.label:
            role = RESULT if sentence.label == CONCLUSION else sentence.label
            found[place] *= 1 - _LABEL_WEIGHT
            found[place, ROLES.index(role)] += _LABEL_WEIGHT
    return found


def _with_title(roles: Floats, fitness: Floats, sentences: Sequence[str], title: str) -> Floats:
    """Return the probabilities of roles, given the title: the fittest sentence and those that introduce its system.

    `fitness` of the latter is raised.
    """
    found = roles.copy()
    if name := system_name(title):
        named = np.array([_introduces(sentence, name) for sentence in sentences])
        fitness += _NAMED * named
        found[named] *= 1 - _LABEL_WEIGHT
        found[named, _OBJECTIVE] += _LABEL_WEIGHT
    chances = np.exp(fitness - fitness.max())
    chances /= chances.sum()
    found[:, _OBJECTIVE] += (1 - found[:, _OBJECTIVE] - found[:, _METHOD]).clip(0) * _LABEL_WEIGHT * chances
    return found


def _introduces(sentence: str, name: str) -> bool:
    """Return True for "We present NAME" and "NAME is a …"."""
    place = sentence.find(name)
    if place < 0:
        return False
    if place == 0:
        return _IS_A.match(sentence, len(name)) is not None
    return any(word.startswith(_INTRODUCING) for word in sentence[:place].lower().split()[-2:])


def _as_opening(standing: Standing) -> float:
    """Return what speaks for a sentence on the background as the first."""
    if standing.is_added or standing.pointed or standing.needs_before or _POINTS.search(standing.text):
        return 0.0
    return _PROBLEM if cues.names_problem(standing.text.lower()) else _OTHER_BACKGROUND
