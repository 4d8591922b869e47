"""Find what a sentence of an abstract takes for granted: things, names and acronyms that earlier sentences introduce.

"The clusters" can be read once a sentence with clusters was shown, "IdeaSpark" once it was named. The title stands
above a gist, so that its words are known. A definite phrase whose noun no earlier sentence has ("the brain") explains
itself. Acronyms are matched with their long forms as by Schwartz and Hearst (PSB 2003).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from digestd.gists.standing import Standing

HARD = 6.0
"""The cost of a sentence that cannot be read without the one before."""
_POINTED = 1.3
"""The cost of "such a problem" where no sentence before tells of one."""
_ADDED_TO = 0.25
"""The cost of a sentence that adds ("Furthermore, …") to one that is not shown."""
_LOOSE = 0.8
"""The cost of "the method" before any method is named."""
_UNSEEN, _UNSEEN_MAX = 0.4, 1.2
"""The cost of a thing that is introduced elsewhere, and of all those of a sentence."""
_COUNTED = 1.0
"""The cost of a number of things that are introduced elsewhere: "the two simulators"."""
_UNNAMED_COUNT = 0.1
"""The cost of a number of things that are introduced nowhere: "all six benchmarks"."""
_UNKNOWN_NAME, _SYMBOL = 1.1, 0.3
_IN_APPOSITION = 0.3
"""Share that is left of the cost of a name after the word for what it is: "the algorithm MERGE"."""
_EXPANDED = 0.05
"""The cost of an acronym whose long form has to be added."""
_INTRODUCED = 0.35
"""The probability of a contribution above which "the method" is taken to be its own."""

_WORD = re.compile(r"[a-z][a-z]+")
_NAME = re.compile(
    r"\b(?:[A-Za-z]*[A-Z][A-Za-z0-9]*[A-Z0-9][A-Za-z0-9]*|[a-z]+[A-Z]\w*|(?<![\w/-])[B-HJ-Z](?=[\s,.;:)(=]))|[α-ωΓ-Ω]"
)
_KNOWN_NAMES_TEXT = (
    "AI LLM GPU CPU DNA RNA API GPT 3D 2D RGB PDF URL HTML JSON SQL US USA UK EU HIV MRI CT PCR ImageNet "
    "ChatGPT OpenAI GitHub YouTube COVID SOTA PC WWW XML CPUs iOS GPT4 JavaScript TV UN C R Q A B PhD MSc mRNA"
)
_KNOWN_NAMES = frozenset(_KNOWN_NAMES_TEXT.split())
_PHRASE = re.compile(
    r"\b(?:(?P<det>the|our|these|those|all|both|all the|each of the|all of the)(?: above| following"
    r"| aforementioned| other| remaining)? (?P<count>two|three|four|five|six|seven"
    r"|eight|nine|ten|\d{1,2}) |(?:the|our|each|every) )(?P<words>[A-Za-z][\w-]*(?: [A-Za-z][\w-]*){0,4})",
    re.IGNORECASE,
)
_ENDS_PHRASE_TEXT = (
    "of and or to in is are was were be been for with on by as a an the that which while when where can from at than "
    "into we our its their it they has have had will would may might should must could through via over under across "
    "between but not also then so if because since without within during after before against among about achieves "
    "achieve outperforms outperform improves improve shows show provides provide enables enable reduces reduce "
    "uses use "
    "using consists consist yields yield leads lead requires require remains remain becomes become does do did makes "
    "make allows allow works work performs perform exhibits exhibit suggests suggest demonstrates demonstrate reveals "
    "reveal indicates indicate supports support offers offer generates generate produces produce learns learn "
    "including "
    "such both each based given only even still often significantly effectively consistently whose who how why what "
    "like per only"
)
_ENDS_PHRASE = frozenset(_ENDS_PHRASE_TEXT.split())
_COMPLEMENTS = frozenset(
    ("by", "used", "of", "that", "which", "whose", "who", "for", "between", "to", "in", "needed", "required", "behind")
)
_UNIQUE = re.compile(
    r"(?:first|second|third|last|most|least|best|same|only|very|more|\w{2,}est|current|existing|previous|prior"
    r"|proposed|"
    r"recent|entire|whole|overall|traditional|general|other|full|original|\d{2,4}s?)\b",
    re.IGNORECASE,
)
_SELF_EXPLANATORY_TEXT = (
    "perfor accura qualit field litera world commun intern web abilit need state art time cost number rest presen "
    "absenc role impact effect idea way case end basis contex potent import public human use user past future result "
    "finding experi study paper work articl author data year propos questi fact effici capaci baseli averag scienc "
    "societ goal aim reader"
)
_SELF_EXPLANATORY = frozenset(_SELF_EXPLANATORY_TEXT.split())
"""Stems of nouns that need no introduction."""
_KINDS = (
    r"(?:algorithm|benchmark|code|corpus|database|data set|dataset|framework|gene|library|method|model|platform|program"
    r"|protein|simulator|software|system|tool|toolkit|language|language model|metric|protocol|server|package)s?,?"
)
_SHORT_FORM = re.compile(r"\((?P<short>[A-Za-z][\w-]{1,11})(?:[;,][^()]*)?\)")
_COINED = re.compile(
    r"\b(?:introduce|propose|present|develop|construct|build|release|curate|design|create|contribute|use|with|by|on"
    r"|from|and|namely|called) (?:the )?(?P<name>[A-Z][A-Za-z0-9-]{1,24})"
    r", (?P<what>an? [a-z][\w-]*(?: (?!that\b|which\b|for\b|to\b|with\b|where\b|by\b|and\b)"
    r"[\w-]+){1,6})"
    r"(?=[.,;]| (?:that|which|for|to|with|where|by)\b)"
)
_BEFORE_COINED = r"(?<![Tt]he )(?<![Oo]ur )(?<![Aa]n )(?<!\b[Aa] )"
_AFTER_COINED = (
    r"(?=[.,;:]| (?:is|was|can|has|also|on|in|to|with|for|by|over|across|at|from|and|achieves?|outperforms?"
    r"|reach(?:es)?|improves?|shows?|reduces?|surpass(?:es)?|provides?|enables?|consistently|significantly|substantially)\b)"
)
_LONG_WORDS = re.compile(r"[^\s()]+")
_PART = re.compile(r"[^\W_]+")
_SMALL = frozenset(("a", "an", "and", "as", "at", "by", "for", "from", "in", "of", "on", "or", "the", "to", "with"))
_STEM = 6


@dataclass(frozen=True, slots=True)
class Need:
    """Something that a sentence takes for granted.

    Attributes:
        place: Of the sentence.
        before: The places of the sentences before it of which one has to be shown.
        cost: What speaks against the sentence if none is.
        long_form: If the acronym `name` can be explained instead, what it stands for.
    """

    place: int
    before: frozenset[int]
    cost: float
    name: str = ""
    long_form: str = ""

    @property
    def length(self) -> int:
        """Return the number of characters that the long form adds."""
        return len(self.long_form) + 3 if self.long_form else 0


def find_needs(known: str, standings: Sequence[Standing], new: Sequence[float]) -> list[Need]:
    """Return what each sentence takes for granted, where earlier sentences of the abstract introduce it.

    Args:
        known: What is read before the gist: the title.
        standings: The sentences as they are shown.
        new: The probability of each sentence that it tells what is new.
    """
    texts = [standing.text for standing in standings]
    index = _Index(known, texts)
    found = list[Need]()
    for place, standing in enumerate(standings):
        if standing.needs_before:
            found.append(Need(place, frozenset((place - 1,)) if place else frozenset(), HARD))
        if standing.pointed:
            found.append(Need(place, index.near(standing.pointed, place), _POINTED))
        if standing.is_added and place:
            found.append(Need(place, frozenset((place - 1,)), _ADDED_TO))
        if standing.is_loose:
            found.append(Need(place, frozenset(one for one in range(place) if new[one] > _INTRODUCED), _LOOSE))
        if known.strip():  # else it is unknown what is known
            found += index.phrases(place)
            found += index.names_of(place)
    return found


def long_forms(texts: Sequence[str]) -> dict[str, str]:
    """Return the long forms, in the singular, of the acronyms that texts explain: "guided policy search (GPS)"."""
    found = dict[str, str]()
    for text in texts:
        for match in _SHORT_FORM.finditer(text):
            short = _singular_name(match["short"])
            if sum(letter.isupper() for letter in short) >= 2 and (
                long_form := _long_form(text[: match.start()], short)
            ):
                is_plural = short != match["short"] and long_form.endswith("s")
                found.setdefault(short, long_form[:-1] if is_plural else long_form)
    return found


def appositions(texts: Sequence[str]) -> dict[str, str]:
    """Return what coined names are said to be: "a set of oaks" for "we use TREES, a set of oaks"."""
    found = dict[str, str]()
    for text in texts:
        for match in _COINED.finditer(text):
            if match["name"] in names(text):
                found.setdefault(match["name"], match["what"])
    return found


def expand(text: str, name: str, long_form: str) -> str:
    """Return a text with the long form put before the first use of an acronym, if it can stand there."""
    is_coined = long_form.startswith(("a ", "an "))
    after = _AFTER_COINED if is_coined else ""
    before = _BEFORE_COINED if is_coined else ""
    pattern = re.compile(rf"{before}(?<![\w(-]){re.escape(name)}(?P<plural>s?)(?![\w)-])(?! \([A-Z]){after}")
    uncountable = is_coined or long_form.endswith("ing")

    def expanded(found: re.Match[str]) -> str:
        if is_coined and found.start() == 0:
            return f"{long_form[0].upper()}{long_form[1:]} ({found[0]})"
        return f"{long_form}{'' if uncountable else found['plural']} ({found[0]})"

    return pattern.sub(expanded, text, count=1)


class _Index:
    """Where each word and name of an abstract is first met."""

    def __init__(self, known: str, texts: Sequence[str]) -> None:
        self.texts = texts
        self.known = _stems(known)
        self.known_names = names(known)
        self.known_initials = "".join([part[0][0].lower() for part in _PART.finditer(known)])
        self.stems = [_stems(text) for text in texts]
        self.all_names = [names(text) for text in texts]
        self.long_forms: Mapping[str, str] = appositions(texts) | long_forms(texts)

    def phrases(self, place: int) -> list[Need]:
        """Return the definite phrases whose noun earlier sentences have."""
        text, found, total = self.texts[place], list[Need](), 0.0
        for match in _PHRASE.finditer(text):
            words, after = _cut(match["words"])
            counted = match["count"] is not None
            if not words or (not counted and (after in _COMPLEMENTS or _UNIQUE.match(match["words"]))):
                continue
            here = _stems(text[: match.start()])
            stems = [stem for word in words for stem in _stems(word)]
            if not stems or stems[-1] in here or stems[-1] in self.known:
                continue
            named = [stem for stem in stems if any(stem in earlier for earlier in self.stems[:place])]
            if counted or match[0].lower().startswith(("each", "every")):
                cost = _COUNTED if named else _UNNAMED_COUNT
            elif not named or named[-1] in _SELF_EXPLANATORY or named[-1] in here or named[-1] in self.known:
                continue
            else:
                cost = _UNSEEN
            if (cost := min(cost, _UNSEEN_MAX - total)) > 0:
                total += cost
                found.append(Need(place, self._having(named[-1], place) if named else frozenset(), cost, match[0]))
        return found

    def names_of(self, place: int) -> list[Need]:
        """Return the names and acronyms that earlier sentences introduce."""
        found = list[Need]()
        for name in self.all_names[place] - self.known_names - _KNOWN_NAMES:
            before = frozenset(one for one in range(place) if name in self.all_names[one])
            if not before:
                continue
            long_form = self.long_forms.get(name, "")
            text = self.texts[place]
            if long_form.startswith(("a ", "an ")) and expand(text, name, long_form) == text:
                long_form = ""
            is_known = len(name) > 2 and name.lower() in self.known_initials
            if f"({name}" in self.texts[place] or (is_known and not long_form):
                continue
            cost = _EXPANDED if long_form else _SYMBOL if len(name) == 1 else _UNKNOWN_NAME
            if not long_form and re.search(rf"\b{_KINDS} {re.escape(name)}", self.texts[place]):
                cost *= _IN_APPOSITION
            found.append(Need(place, before, cost, name, long_form))
        return found

    def near(self, named: str, place: int) -> frozenset[int]:
        """Return the places before one of the sentence next to it and of those that have a noun."""
        beside = frozenset((place - 1,)) if place else frozenset()
        return beside.union(*[self._having(stem, place) for stem in _stems(named)])

    def _having(self, stem: str, place: int) -> frozenset[int]:
        return frozenset(one for one in range(place) if stem in self.stems[one])


def _cut(phrase: str) -> tuple[list[str], str]:
    """Return the words of a phrase up to one that cannot be part of it, and that one."""
    words = phrase.lower().split()
    for count, word in enumerate(words):
        if word in _ENDS_PHRASE or (count and word.endswith(("ed", "ing"))):
            return words[:count], word
    return words, ""


def _stems(text: str) -> set[str]:
    return {_singular(word)[:_STEM] for word in _WORD.findall(text.lower())}


def _singular(word: str) -> str:
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    return word[:-1] if word.endswith("s") and not word.endswith("ss") and len(word) > 3 else word


def names(text: str) -> set[str]:
    """Return the names and acronyms in a text, in the singular."""
    return {_singular_name(name) for name in _NAME.findall(text)}


def _singular_name(name: str) -> str:
    return name[:-1] if len(name) > 2 and name.endswith("s") and name[-2].isupper() else name


def _long_form(before: str, short: str) -> str:
    """Return the end of a text that an acronym after it stands for, or ""."""
    words = _LONG_WORDS.findall(before)
    tail = " ".join(words[-min(len(short) + 5, 2 * len(short)) :])
    found = _with_initials(tail, short) or _with_letters(tail, short)
    is_long = len(short) < len(found) and len(found.split()) <= len(short) + 1
    return found if is_long and not found.endswith((",", ";", ":")) else ""


def _with_initials(text: str, short: str) -> str:
    """Return the shortest end of a text whose words begin with the letters of an acronym."""
    wanted, initials = short.replace("-", "").lower(), ""
    for word in reversed(list(_PART.finditer(text))):
        if word[0].lower() not in _SMALL or wanted.endswith(word[0][0].lower() + initials):
            initials = word[0][0].lower() + initials
        if initials == wanted:
            return text[word.start() :]
    return ""


def _with_letters(text: str, short: str) -> str:
    """Return the shortest end of a text that has the letters of an acronym in order, the first where a word begins."""
    at = len(text)
    for letter in reversed([sign for sign in short.lower() if sign.isalnum()]):
        at = text.lower().rfind(letter, 0, at)
        if at < 0:
            return ""
    while at > 0 and text[at - 1].isalnum():
        at = text.lower().rfind(short[0].lower(), 0, at)
        if at < 0:
            return ""
    return text[at:]
