"""Extract a gist from an abstract: the sentences that name contribution and result, in their order.

Each sentence is judged by how likely it names the contribution and the result, and needs the one before it (`model`).
The best set of up to three sentences that fits is taken; what a sentence needs costs little where the one before it is
taken as well, and so adjacent sentences are preferred.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from math import inf, log

from digestd.gists import acronyms
from digestd.gists.cues import cues
from digestd.gists.model import NEEDS, NEW, OUT, UNWANTED, load_model
from digestd.gists.sentences import CONCLUSION, METHOD, OBJECTIVE, RESULT, Sentence
from digestd.gists.standing import is_broken, is_linked, shorter_forms, stand

SENTENCES_MAX = 40
"""Sentences that are read; a longer text is cut."""
_CANDIDATES_MAX, _SHOWN_MAX = 7, 3
_NEW, _OUT, _DOUBT = 4.5, 3.0, 0.06
"""Weights of the logarithms of the chances that contribution and result are named."""
_NEED, _MET, _OWN, _BORNE = 9.0, 0.08, 0.15, 0.45
"""Cost of what needs the sentence before it; shares left if that is shown or new, and borne for the contribution."""
_NAME, _EXPANDED = 0.3, 0.05
"""Costs of a name that another sentence uses first, without and with a long form that can be shown."""
_ADDED, _UNWANTED, _TOLD = 0.46, 5.0, 0.6
"""Costs of each sentence, and of one on code or hopes; what contribution or result in it is worth."""
_SHORTENED, _LOST, _UNTOLD = 0.2, 0.001, 0.5
"""Costs of each shortened sentence, of each character that has to go, and of its last figure or word of a result."""
_LIKELY, _UNLIKELY = 0.5, 0.1
"""The probability of what counts as named, and of what a label of the abstract denies."""


@dataclass(frozen=True, slots=True)
class Abstract:
    """An abstract whose sentences are judged.

    Attributes:
        texts: The sentences as they are shown.
        linked: The same with their connectives, for those that follow the sentence before.
        traits: See `digestd.gists.model.TRAITS`.
        names: The names that each sentence uses and the title lacks, with their cost where no other introduces them.
        long_forms: What the acronyms among them stand for.
        sets: The sets of up to three sentences with their scores, the best first.
    """

    texts: Sequence[str]
    linked: Sequence[str]
    traits: Sequence[Sequence[float]]
    names: Sequence[dict[str, float]]
    long_forms: Mapping[str, str]
    sets: Sequence[tuple[float, tuple[int, ...]]]

    def results(self) -> list[int]:
        """Return the places of the sentences that are results and can be shown alone, the best first."""
        worth = [traits[OUT] - traits[NEEDS] - traits[UNWANTED] for traits in self.traits]
        good = [place for place, text in enumerate(self.texts) if worth[place] >= _LIKELY and not is_broken(text)]
        return sorted(good, key=lambda place: -worth[place])

    def fitted(self, places: Sequence[int], limit: int) -> tuple[float, Sequence[str]]:
        """Return the forms of sentences that lose least and fit together, and what they lose; no forms if none fit."""
        full = [self.texts[place] for place in places]
        if len(" ".join(full)) <= limit:
            return 0, full
        forms = product(*[(text, *shorter_forms(text)) for text in full])
        fitting = [(sum(map(_loss, full, one)), one) for one in forms if len(" ".join(one)) <= limit]
        return min(fitting, default=(0, ()))

    def shown(self, places: Sequence[int], limit: int) -> list[str]:
        """Return sentences as they read together, with connectives and long forms of acronyms if they fit."""
        texts = list(self.fitted(places, limit)[1])
        seen = set[str]()
        for at, place in enumerate(places if texts else ()):
            room = limit - len(" ".join(texts)) + len(texts[at])
            if place - 1 in places and texts[at] == self.texts[place] and len(self.linked[place]) <= room:
                texts[at] = self.linked[place]
            for name in sorted(self.names[place].keys() & self.long_forms.keys() - seen):
                expanded = acronyms.expand(texts[at], name, self.long_forms[name])
                texts[at] = expanded if len(expanded) <= room else texts[at]
            seen |= self.names[place].keys()
        return texts


def judge(title: str, sentences: Sequence[Sentence]) -> Abstract:
    """Judge the sentences of an abstract; the title is what is read before the gist, as plain text."""
    sentences = sentences[:SENTENCES_MAX]
    plain = [sentence.text for sentence in sentences]
    texts = [stand(text) for text in plain]
    judged = load_model().judge(title, plain, texts).tolist()
    traits = [_labelled(found, sentence.label) for found, sentence in zip(judged, sentences, strict=True)]
    new = next((place for place, one in enumerate(traits) if one[NEW] > _LIKELY), len(traits))
    for text, one in zip(texts[new + 1 :], traits[new + 1 :], strict=True):
        one[NEEDS] *= _OWN if text.startswith("This ") and cues("own") & set(text.split()[1:4]) else 1
    likely = [max(one[NEW], one[OUT]) - one[UNWANTED] * (1 - one[NEW]) for one in traits]
    whole = [place for place, text in enumerate(texts) if not is_broken(text)]
    candidates = sorted(sorted(whole, key=lambda place: -likely[place])[:_CANDIDATES_MAX])
    long_forms = acronyms.long_forms(plain)
    names = _names(title, texts, long_forms)
    sets = [places for size in range(1, _SHOWN_MAX + 1) for places in combinations(candidates, size)]
    return Abstract(
        texts=texts,
        linked=[text if is_linked(text) else stood for text, stood in zip(plain, texts, strict=True)],
        traits=traits,
        names=names,
        long_forms=long_forms,
        sets=sorted(((_worth(places, traits, names), places) for places in sets), reverse=True),
    )


def _names(title: str, texts: Sequence[str], long_forms: Mapping[str, str]) -> list[dict[str, float]]:
    known, seen, found = acronyms.names(title), set[str](), list[dict[str, float]]()
    for text in texts:
        used = acronyms.names(text) - known
        found.append({name: 0 if name not in seen else _EXPANDED if name in long_forms else _NAME for name in used})
        seen |= used
    return found


def choose(abstract: Abstract, limit: int) -> tuple[int, ...]:
    """Return the places of the sentences of a gist of at most `limit` characters, in order; none if none fits."""
    best, chosen = -inf, tuple[int, ...]()
    for worth, places in abstract.sets:
        if worth <= best:
            break
        loss, forms = abstract.fitted(places, limit)
        if forms and worth - loss > best:
            best, chosen = worth - loss, places
    return chosen


def _worth(places: tuple[int, ...], traits: Sequence[Sequence[float]], names: Sequence[Mapping[str, float]]) -> float:
    """Return the score of a set: the chance that it names contribution and result, less what it leans on."""
    new, missed, worth, seen = 0.0, 1.0, 0.0, set[str]()
    for place in places:
        judged = traits[place]
        new = max(new, judged[NEW])
        missed *= 1 - judged[OUT]
        worth += _TOLD * max(judged[NEW], judged[OUT]) - _ADDED - _UNWANTED * judged[UNWANTED] * (1 - judged[NEW])
        worth -= _NEED * judged[NEEDS] * (_MET if place - 1 in places else 1 - _BORNE * judged[NEW])
        if names[place]:
            worth -= sum(cost for name, cost in names[place].items() if name not in seen)
            seen |= names[place].keys()
    return worth + _NEW * log(new + _DOUBT) + _OUT * log(1 - missed + _DOUBT)


def _labelled(traits: list[float], label: str) -> list[float]:
    """Return the traits of a sentence with what its label says."""
    found = list(traits)
    if label in (RESULT, CONCLUSION):
        found[NEW] *= _UNLIKELY
        found[OUT] = 1 - _UNLIKELY * (1 - found[OUT] if label == CONCLUSION else 4)
    elif label:
        found[OUT] *= _UNLIKELY
        found[NEW] *= 1 if label in (OBJECTIVE, METHOD) else _UNLIKELY
    return found


def _loss(full: str, form: str) -> float:
    """Return what is lost by a shortened form."""
    if form == full:
        return 0
    untold = any(map(str.isdigit, full)) and not any(map(str.isdigit, form))
    untold |= any(word in full and word not in form for word in cues("telling"))
    return _SHORTENED + _LOST * (len(full) - len(form)) + _UNTOLD * untold
