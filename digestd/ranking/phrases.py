"""Phrases: the subjects that a topic names, which may be a list, a question or a paragraph.

"Fairness and bias in AI" is fairness in AI and bias in AI; "audio & music generation" shares its head; "search and
rescue" is one subject. Of sentences, what introduces a subject ("I am interested in") and what is refused ("nothing on
crypto") are dropped.
"""

import re
from collections.abc import Sequence
from itertools import chain, pairwise, takewhile
from typing import Protocol

from digestd.ranking.lexicon import acronym, lemmas
from digestd.text.refusals import without_refusals

MOST_PHRASES = 10
"""Maximum number of phrases of a topic."""
LONGEST_QUESTION = 12
"""Content words of a question up to which it is also asked as a whole."""
_PART_END = re.compile(r"(?<!\b[A-Z])(?<!\bvs)(?<!\be\.g)(?<!\bi\.e)(?<!\bal)[.!?;:]+(?=\s|$)|[。！？；：\n•]")
_COMMA = re.compile(r"\s*[,，、]\s*|\s+/\s+|\s\(|\)(?=\s|$)")
_AND = re.compile(r"\s+(?:&|\+|and|or)\s+|(?<=\w)/(?=\w)", re.IGNORECASE)
_AND_FIRST = re.compile(r"^(?:and|or|e\.g\.|i\.e\.|including|such as|especially)\s+", re.IGNORECASE)
_PREPOSITION = re.compile(
    r"\s(?:in|for|of|on|with|from|by|to|at|about|under|using|across|without|via)\s", re.IGNORECASE
)
_BETWEEN = re.compile(r"\b(?:between|versus|vs|both|its|their)\b", re.IGNORECASE)
_INTRODUCTIONS = (
    r"(?:and|also|as well as|plus|but|so|then|especially|particularly|in particular|mainly|mostly|including|such as)",
    r"(?:e\.g\.,?|for example|for instance|like|please|i\.e\.)",
    r"(?:i|we)(?:'m|’m|'re|’re|\s+am|\s+are)?\s+(?:an?|the)\s[^,.;:]{0,80}?\b(?:working|interested|focus\w*|specializ\w*|"
    r"specialis\w*|research\w*|studying|doing research|who\s+\w+)\s+(?:on|in|with)",
    r"(?:i|we)(?:'m|’m|'re|’re|\s+am|\s+are|\s+do|\s+have|\s+would|'d|’d)?\s+(?:\w+ly\s+|also\s+)?(?:working|work|"
    r"interested|focus\w*|care|read|follow|study|studying|research|look\w*|curious|like|love|need|want|build|develop|"
    r"design|use)(?:\s+to\s+(?:read|know|see|learn|follow|get|find|understand)(?:\s+more)?)?"
    r"(?:\s+(?:on|in|about|for|into|at|with|by)\b)?",
    r"(?:i|we)(?:'m|’m|'re|’re|\s+am|\s+are)\s+(?:an?|the)\s[^,.;:]*",
    r"(?:my|our)\s+(?:main\s+)?(?:research|work|interests?|phd|thesis|focus|field|topic)s?\s+"
    r"(?:interests\s+)?(?:is|are|lies?|focuses|includes?|deals)(?:\s+(?:on|in|about|with))?",
    r"(?:show|send|give|tell|find|keep)\s+me(?:\s+(?:posted|updated|up to date|everything|anything|all|more|papers))*"
    r"(?:\s+(?:on|about))?",
    r"(?:looking\s+for|interested\s+in|working\s+on|everything|anything|something|all)(?:\s+(?:about|on))?",
    r"(?:(?:the\s+)?(?:recent|new|latest|good|any|interesting)\s+)*(?:papers?|works?|research|articles?|advances|"
    r"progress|results|news|developments|studies)\s+(?:on|about|in|that|which)",
    r"(?:how|why|when|where)\s+(?:do|does|did|can|could|should|would|will|is|are|to|much|many|well)?",
    r"(?:what|which|who)\s+(?:makes?|causes?|drives?|is|are|do|does|happens\s+(?:when|if|in)|can|the)?",
    r"(?:can|could|do|does|is|are|should|will)",
    r"(?:ich|wir)\s+(?:arbeite|arbeiten|forsche|forschen|interessiere\s+mich|interessieren\s+uns)\s+(?:an|für|zu|über)",
    r"(?:je\s+(?:travaille|m'intéresse|m’intéresse)|nous\s+travaillons)\s+(?:sur|à|au|aux)",
    r"(?:me\s+interesan?|trabajo\s+(?:en|con|sobre)|investigo|trabalho\s+com|interesso-me\s+por)(?:\s+(?:el|la|los|las))?",
    r"(?:about|on|whether|if|that|the|an?)",
)
"""Words before a subject, as regular expressions."""
_INTRODUCTION = re.compile(rf"(?:{'|'.join(_INTRODUCTIONS)})(?:\s+|$)", re.IGNORECASE)
_REFUSAL = re.compile(
    r"(?:(?:but|and|please)\s+)?(?:(?:i|we)\s+)?(?:do not|don't|don’t|am not|'m not|’m not|are not|no|not|nothing|"
    r"never|none|except|excluding|avoid|skip|ignore|less)(?![-\w])",
    re.IGNORECASE,
)
"""Beginnings of a phrase that is not wanted, as all are that follow in its sentence."""
_PRONOUN = re.compile(r"(?:they|them|it|this|these|those|you|he|she)\b", re.IGNORECASE)
_QUESTION = re.compile(r".*\?|(?:how|why|what|which|when|can|do|does|is|are)\s", re.IGNORECASE)
_SENTENCE = re.compile(
    r"(?:i|we|my|our)\b(?![/-])|(?:how|why|what|which|when|looking for|interested in|ich|wir|je|nous|me)\s",
    re.IGNORECASE,
)
_AROUND = " \t\"'“”„«»‘’()[]{}-–—*•#.,"
_GENERIC = frozenset(
    lemmas(
        "paper papers research work works study studies topic topics new recent latest news thing things stuff field"
        " fields area areas application applications use uses technique techniques method methods approach approaches"
        " result results question questions problem problems science technology student phd professor researcher"
        " engineer scientist postdoc interest interests interested related general similar good interesting state art"
        " efficient better faster smaller data model models system systems tool tools advance advances progress idea"
        " care read follow love please"
    )
)


class Knows(Protocol):
    """Knowledge of glossary and archive about phrases."""

    def english(self, text: str) -> str:
        """Return the translation of a text in another language, and any other text as it is."""

    def name(self, text: str) -> bool:
        """Return True for the name of a subject, or an acronym with a known long form."""

    def pair(self, text: str) -> bool:
        """Return True if papers use these words together."""

    def binomial(self, one: str, other: str) -> bool:
        """Return True if papers mostly use a word together with another: search and rescue."""


def phrases(typed: str, knows: Knows) -> tuple[str, ...]:
    """Return the English of the subjects that a topic names, in order; of the topic itself if it names one or none."""
    typed = without_refusals(" ".join(typed.split()))
    if knows.name(typed):
        return (typed,)
    parts = [part for one in _PART_END.split(typed) if (part := one.strip(_AROUND))]
    is_sentence = len(parts) > 1 or _SENTENCE.match(typed) is not None or typed.endswith("?")
    found = (
        list(chain.from_iterable(_of_sentence(part, knows) for part in parts)) if is_sentence else _split(typed, knows)
    )
    if _QUESTION.match(typed) and len(parts) == 1 and len(found) > 1 and len(lemmas(typed)) <= LONGEST_QUESTION:
        found.append(typed.rstrip("?"))
    distinct = {tuple(lemmas(phrase)): phrase for phrase in reversed(found) if not _is_generic(phrase)}
    return tuple(reversed(distinct.values()))[:MOST_PHRASES] or (knows.english(typed),)


def _is_generic(phrase: str) -> bool:
    return _GENERIC.issuperset(lemmas(phrase))


def _of_sentence(sentence: str, knows: Knows) -> list[str]:
    """Return the phrases of a sentence without introductions, up to what it refuses."""
    pieces = [piece for one in _COMMA.split(sentence) if (piece := one.strip(_AROUND))]
    wanted = [_without_introduction(piece) for piece in takewhile(lambda piece: not _REFUSAL.match(piece), pieces)]
    pieces = [piece for piece in wanted if piece and not _PRONOUN.match(piece)]
    found = _split(", ".join(pieces), knows)
    return found if len(found) > 1 else list(chain.from_iterable(_split(piece, knows) for piece in pieces))


def _without_introduction(piece: str) -> str:
    piece = piece.strip(_AROUND)
    while (found := _INTRODUCTION.match(piece)) and found.end():
        piece = piece[found.end() :]
    return piece.strip(_AROUND)


def _split(topic: str, knows: Knows) -> list[str]:
    """Return the subjects that a topic joins, or the topic itself."""
    if knows.name(topic) or _BETWEEN.search(topic):
        return [topic]
    pieces = [knows.english(piece) for one in _COMMA.split(topic) if (piece := _AND_FIRST.sub("", one.strip(_AROUND)))]
    if len(pieces) == 1:
        return _joined(pieces[0], knows) or pieces
    found = [one for piece in pieces for one in _joined(piece, knows) or [piece]]
    shares_none = " " not in "".join(found[-1:]) or any(map(knows.name, found))
    if all(_stands(one, knows) for one in found) or (shares_none and not _AND.search(topic)):
        return found  # a list is a list, however common its words are
    sides = [side for piece in pieces for side in _sides(piece)]
    return _shared(sides, knows) or [topic]


def _joined(topic: str, knows: Knows) -> list[str]:
    """Return the sides of "A and B", with the head or the tail that they share; none if it is one subject."""
    if knows.name(topic):
        return []
    sides = _sides(topic)
    return _shared(sides, knows) or (sides if " " not in topic and any(map(knows.name, sides)) else [])


def _sides(topic: str) -> list[str]:
    return [side for one in _AND.split(topic) if (side := one.strip(_AROUND))]


def _shared(sides: Sequence[str], knows: Knows) -> list[str]:
    """Return the sides of a list with what they share; none if they are one subject."""
    if len(sides) < 2 or any(knows.binomial(one.split()[-1], other.split()[0]) for one, other in pairwise(sides)):
        return []
    *others, last = sides
    leads = [*_PREPOSITION.finditer(sides[0])]
    if (tail := _PREPOSITION.search(last)) and not any(map(_PREPOSITION.search, others)):
        sides = [*(one + last[tail.start() :] for one in others), last]
    elif leads and not tail:
        sides = [sides[0], *(sides[0][: leads[-1].end()] + one for one in sides[1:])]
    elif not all(_stands(side, knows) for side in sides):
        sides = _with_head(sides, knows)
    return list(sides) if all(_stands(side, knows) for side in sides) else []


def _with_head(sides: Sequence[str], knows: Knows) -> Sequence[str]:
    """Return "audio" and "music generation" as "audio generation" and "music generation", or what shares a modifier."""
    *others, last = sides
    head, modifier = last.partition(" ")[2], others[0].partition(" ")[0]
    if head and not any(" " in side for side in others):
        return [*(f"{side} {head}" for side in others), last]
    if not head and " " in others[0] and knows.pair(f"{modifier} {last}"):
        return [*others, f"{modifier} {last}"]
    return sides


def _stands(side: str, knows: Knows) -> bool:
    return knows.name(side) or len(lemmas(side)) > 1 or bool(acronym(side))
