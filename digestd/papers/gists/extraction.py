"""Extract a gist from an abstract: the sentences that carry contribution and result, in their order.

Every sentence is judged three times: how well it tells what is new (`choice`), how likely it is a result (`roles`),
and whether it can be read without the ones before it (`standing`). The pair with the best sum that fits is taken; a
sentence that needs the one before it brings it along. What room is left goes to the next best sentence.
"""

import math
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from digestd.papers.gists.choice import features, system_name
from digestd.papers.gists.roles import Floats, GistModel, load_model
from digestd.papers.gists.sentences import CONCLUSION, METHOD, OBJECTIVE, RESULT, ROLES, Sentence
from digestd.papers.gists.standing import Standing, stand

SENTENCES_MAX = 40
"""Sentences that are read; a longer text is cut."""
_UNITS_MAX = 9
_SHOWN_MAX = 3
_NEEDED_MAX = 3
_OBJECTIVE, _METHOD, _RESULT = (ROLES.index(role) for role in (OBJECTIVE, METHOD, RESULT))
_LABEL_WEIGHT = 0.9
"""The probability of a role that the abstract itself names."""
_FITNESS, _FITNESS_MIN = 0.6, -6.0
"""How much the fitness counts beside the roles. Without a title there is little to tell it by, so it counts "
"nothing."""
_BRIEF = 400
"""Below so many characters the contribution counts more than the result."""
_NAMED = 3.0
"""What is added to the fitness of a sentence that introduces the system of the title."""
_FAR = -1.0
"""A gist whose sentences are all less fit than this does not tell what the paper is about."""
_UNFIT = 0.04
"""How much the fitness of each sentence counts beside that of the best."""
_DOUBT = 0.02
_COMPANION = 0.3
"""The cost of a sentence that is only there because the next needs it."""
_LOOSE = 1.0
"""The cost of a gist that begins with "the method"."""
_CONCLUDED = 0.3
"""What speaks for a sentence from the conclusions of a structured abstract."""
_ADDED = 0.05
"""The cost of each sentence after the first."""


def _cue(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)  # of lower-case text


_IS_A = re.compile(r",? (?:is )?an? \w")
_INTRODUCING = ("introduc", "present", "propos", "develop", "describ")
_OUTCOME_WEIGHT = 0.5
"""How much a comparison or a measurement counts as a result, whatever the roles say."""
_OUTCOME = _cue(
    r"\boutperform|\bsurpass|\bgains? of\b|\bachiev\w+ (?:a |an |the )?(?:new |superior|state|competitive|comparable"
    r"|strong|significant|up to|\d)|\b(?:significant|consistent|substantial|remarkable)(?:ly)? (?:gain|improv|reduc"
    r"|outperform|higher|better)|\bby (?:up to |over |about )?\d"
)
_PENALTIES = (
    (_cue(r"https?:|www\.|github|hugging ?face\.co|project (?:page|website)|\bavailable (?:at|from|on|upon|under"
          r"|online)\b"
          r"|\b(?:codes?|data|datasets?|demos?|videos?|weights|checkpoints|resources|implementation|software"
          r"|source)\b[^.]{0,60}"
          r"\b(?:available|released|found at|open-sourced)\b|\b(?:publicly|freely) (?:available|released)\b|\b(?:is"
          r"|are) public\b|open-?source[ds]?\b"
          r"|\bwe (?:will |also |publicly |fully )*(?:release|open-source|make (?:our|the|all))\b"), 3.0),
    (_cue(r"\bwe (?:\w+ )?(?:hope|believe|envision|anticipate|expect|plan)\b|^(?:e\.g\.|in "
          r"(?:the )?future)\b"), 2.0),
    (_cue(r"future (?:work|research|directions|studies)|\bpav(?:e|es|ing) the way|\bopens? (?:up )?(?:new|a new"
          r"|avenues|the door"
          r"|possibilities)|\bshed(?:s|ding)? (?:new )?light|\b(?:is|are) (?:also )?discussed\b|\bpromising "
          r"(?:direction|avenue|path)"
          r"|\bfurther research\b|^we discuss\b"), 0.5),
    (_cue(r"\bvaluable\b|\binsights? (?:into|for|on)\b"
          r"|\bprovides? (?:a |an )?(?:\w+ )?(?:foundation|basis|platform|testbed)|\boffers? a \w+ (?:testbed"
          r"|platform|"
          r"foundation|framework)|\beffectiveness (?:and \w+ )?of (?:our|the|each)\b"), 0.3),
    (_cue(r"\boutperform|\bsurpass|\bexceed|state[- ]of[- ]the[- ]art|\bby (?:up to |over |about )?\d|\d ?(?:%|×"
          r"|x\b)|\b\d{1,9}(?:\.\d{1,9})?"
          r" (?:points?|times|fold)\b|\bp ?[<=] ?0?\.\d|\b(?:higher|lower|faster|better|fewer|more accurate) "
          r"than\b"), -0.1),
    (_cue(r"\?$"), 0.7),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Unit:
    """One sentence as a candidate, with those before it that it needs.

    Attributes:
        places: Of the sentences, in order; the last is the candidate.
        new, out: The probability that it tells what is new, and what came out.
        fitness: How well it alone tells what the paper is about, at most 0.
        cost: How much speaks against showing it.
        is_loose: Whether it speaks of "the method", so that another should stand before it.
    """

    places: tuple[int, ...]
    new: float
    out: float
    fitness: float
    cost: float
    is_loose: bool


@dataclass(frozen=True, slots=True)
class Emphasis:
    """What a gist of some length is to say.

    Attributes:
        new: The weight of the contribution beside that of the result.
        lacking: How little a missing result counts: the probability in its place.
    """

    new: float
    lacking: float

    def worth(self, units: Sequence[Unit], count: int) -> float:
        """Return the score of units of `count` sentences: the chance that they tell what is new and what came out."""
        new, out, cost = 1.0, 1.0, 0.0
        for unit in units:
            new *= 1 - unit.new
            out *= 1 - unit.out
            cost += unit.cost
        named = self.new * math.log(1 - new + _DOUBT) + math.log(1 - out + self.lacking)
        fitness = max([unit.fitness for unit in units]) + _UNFIT * sum(
            [unit.fitness for unit in units if unit.out < 0.5]
        )
        if min(units, key=lambda unit: unit.places).is_loose:
            cost += _LOOSE
        return named + fitness - cost - _COMPANION * (count - len(units)) - _ADDED * (len(units) - 1)


LONG, SHORT = Emphasis(1.0, 0.04), Emphasis(2.0, 0.2)


@dataclass(frozen=True, slots=True)
class Abstract:
    """An abstract whose sentences are judged; `texts` are the sentences as they are shown."""

    texts: tuple[str, ...]
    lengths: tuple[int, ...]
    units: tuple[Unit, ...]

    def too_long(self, limit: int, chosen: Collection[int]) -> str:
        """Return the fittest sentence if it does not fit and nothing chosen comes near it, else ""."""
        fittest = max(self.units, key=lambda unit: unit.fitness, default=None)
        if fittest is None or len(fittest.places) > 1 or self.length(fittest.places) <= limit:
            return ""
        near = any(unit.fitness > _FAR for unit in self.units if unit.places[-1] in chosen)
        return "" if near else self.texts[fittest.places[-1]]

    def length(self, places: Collection[int]) -> int:
        """Return the characters of these sentences together."""
        return sum([self.lengths[place] for place in places]) + len(places) - 1


def judge(title: str, sentences: Sequence[Sentence], model: GistModel | None = None) -> Abstract:
    """Judge the sentences of an abstract."""
    model = model or load_model()
    sentences = sentences[:SENTENCES_MAX]
    plain = [sentence.text for sentence in sentences]
    roles = _labelled(_with_outcomes(model.probabilities(plain), plain), sentences)
    fitness = features(title, plain, roles) @ model.choice
    roles = _with_title(roles, fitness, plain, title) if title else roles
    fitness = (_FITNESS if title else 0.0) * np.maximum(fitness - fitness.max(), _FITNESS_MIN)
    standings = [stand(text) for text in plain]
    units = [
        Unit(
            places,
            new=float(roles[place, _OBJECTIVE] + roles[place, _METHOD]),
            out=float(roles[place, _RESULT]),
            fitness=float(fitness[place]),
            cost=_cost(sentences[place], standings[place]),
            is_loose=standings[places[0]].is_loose,
        )
        for place in range(len(plain))
        if (places := _needed(standings, place))
    ]
    units.sort(key=lambda unit: LONG.worth([unit], len(unit.places)), reverse=True)
    shown = tuple([standing.text for standing in standings])
    return Abstract(shown, tuple(map(len, shown)), tuple(units[:_UNITS_MAX]))


def best_sentence(title: str, sentences: Sequence[str], model: GistModel | None = None) -> int:
    """Return the place of the sentence that alone tells best what the paper is about."""
    model = model or load_model()
    return int((features(title, sentences, model.probabilities(sentences)) @ model.choice).argmax())


def _with_outcomes(roles: Floats, sentences: Sequence[str]) -> Floats:
    """Return the probabilities of roles, that of a result raised where a sentence compares or measures."""
    found = roles.copy()
    measured = np.array([_OUTCOME.search(sentence.lower()) is not None for sentence in sentences])
    found[measured] *= 1 - _OUTCOME_WEIGHT
    found[measured, _RESULT] += _OUTCOME_WEIGHT
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


def _cost(sentence: Sentence, standing: Standing) -> float:
    text = standing.text.lower()
    cost = sum([price for cue, price in _PENALTIES if cue.search(text)])
    return cost - (_CONCLUDED if sentence.label == CONCLUSION else 0.0)


def _needed(standings: Sequence[Standing], place: int) -> tuple[int, ...]:
    """Return a place and those before it that it needs; none if it cannot be shown."""
    first = place
    while standings[first].needs_before and first > 0 and place - first < _NEEDED_MAX - 1:
        first -= 1
    places = tuple(range(first, place + 1))
    return () if standings[first].needs_before or any(standings[one].is_broken for one in places) else places


def choose(abstract: Abstract, limit: int) -> tuple[int, ...]:
    """Return the places of the sentences of a gist of at most `limit` characters, in order; none if none fits.

    The best pair, and the sentence that then adds most.
    """
    emphasis = SHORT if limit < _BRIEF else LONG
    fitting = [unit for unit in abstract.units if abstract.length(unit.places) <= limit]
    sets: list[list[Unit]] = [[unit] for unit in fitting] + [list(pair) for pair in combinations(fitting, 2)]
    best, score = _best(abstract, sets, limit, emphasis)
    if len(best) == _SHOWN_MAX - 1:
        larger, larger_score = _best(abstract, [[*best, unit] for unit in fitting if unit not in best], limit, emphasis)
        best = larger if larger_score > score else best
    return tuple(sorted(_places(best)))


def _best(abstract: Abstract, sets: Sequence[list[Unit]], limit: int, emphasis: Emphasis) -> tuple[list[Unit], float]:
    best, score = list[Unit](), -math.inf
    for units in sets:
        places = _places(units)
        if abstract.length(places) <= limit and (worth := emphasis.worth(units, len(places))) > score:
            best, score = units, worth
    return best, score


def _places(units: Sequence[Unit]) -> frozenset[int]:
    return frozenset().union(*[unit.places for unit in units])
