"""Make a sentence stand alone where that changes no meaning, and tell what it leans on.

A leading connective ("However,", "To address this gap,") is dropped, and so is a clause that only says that something
unseen is solved. Two kinds of features show what a sentence still leans on: its words, and whether the things it
points to ("these tokens", "the module") are in it, in the title or only in the sentences before it. A linear model
weighs them, see `digestd.gists.roles`. The phrases are in `cues.toml`.
"""

import re
import tomllib
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from itertools import takewhile

_URL = r"(?:https?://|www\.)[^\s()]{3,200}"
_LINK = re.compile(
    rf" ?\((?:(?:\w+ )?available (?:at|from) |see )?{_URL}\)"
    rf"|,? (?:which|that) (?:is|are) (?:\w+ )?(?:available|accessible|released) (?:at|on|from|via) {_URL}(?<![.,;])"
)
_WORD = re.compile(r"[a-z0-9][\w-]*")
_POINTER = re.compile(r"\b(this|these|those|such|that|the|our|each|both) (?=((?:[\w-]+ ){0,4}[\w-]+))", re.IGNORECASE)
_ITEM = re.compile(r"(?:\(|%|[a-z]{2,}[\s,]|(?:[ivx]{1,4}|[a-h]|\d{1,2})[).]|[-•*–—]|[a-z]\b)")
_PARENTHESIS = re.compile(r"\((?!(?:i{1,3}|[1-3a-c])\))[^()]*\)")
"""A parenthesis that is not the sign of an item."""
_LISTED = re.compile(r"(?<![\w(.])\(?(i|1|a|ii|2|b|iii|3|c)\)(?= ?\w)")
_LONE_ITEM = re.compile(r":\s\(?(?:i|1|a)\)\s(?!.*[\s(](?:ii|2|b)\)).*$")
"""The first item of a list whose others are in the sentences after it."""
_BARE_WORD = re.compile(r"(?:[a-z](?=[a-z'’-]+(?:\s|,|$))|a(?=\s))")
_VARIABLE = re.compile(r"[b-z]\s")
_CLAUSE_MAX = 130
"""Characters of a leading clause that may be dropped."""
_EARLY = 50
"""Characters of a sentence in which a pronoun is likely to stand for something before it."""
_NOUNS = 3
"""Words after "these" or "the" among which the noun is."""
_PLURALS = ("these", "those", "both")
"""Words that are likely to point to the last sentence with their noun; "this" points to the sentence before."""
_ARTICLES = ("the", "our", "each")
_PRONOUNS = frozenset(("it", "its", "they", "their", "them", "another", "both", "others", "similar", "also"))
_STEM = 5


@cache
def _table() -> dict[str, list[str]]:
    return tomllib.loads(files(__package__).joinpath("cues.toml").read_text(encoding="utf-8"))


def listed(name: str) -> list[str]:
    """Return the phrases of a list in `cues.toml`, the longest first."""
    return sorted(_table()[name], key=len, reverse=True)


def phrases(name: str) -> str:
    """Return the alternation that matches the phrases of a list in `cues.toml`."""
    return "(?:" + "|".join(re.escape(one).replace(r"\*", r"[\w-]*").replace(r"\ ", " ") for one in listed(name)) + ")"


TEXTS = frozenset(listed("texts"))
_SILENT_E = tuple(listed("silent_e"))
_NOUN_ENDS = frozenset(listed("noun_ends"))
_PLAIN_NOUNS = frozenset(listed("plain_nouns"))
_LEADING = re.compile(
    rf"(?:(?:and|but|so)\s+)?{phrases('connectives')}(?:\s*,\s+|\s+(?=we\s))|(?:and|but|yet|so)\s+(?=\w)", re.IGNORECASE
)
_LINKING = re.compile(rf"{phrases('linking')}\b", re.IGNORECASE)
_LEADING_CLAUSE = re.compile(
    rf"[^,:;.]{{3,{_CLAUSE_MAX}}}, (?=(?:we|our|this {phrases('texts')}|the authors|i|in this \w+)\b)"
    r"|to [^,:;.]{3,60} (?=we \w)",
    re.IGNORECASE,
)
_POINTS = re.compile(rf"\b{phrases('pointers')}\b(?! {phrases('texts')}\b)", re.IGNORECASE)
_AFTER_WE = re.compile(rf"(We|I|This {phrases('texts')}) (?:{phrases('adding')},? ){{1,2}}(?=[a-z])")
_SOLVES = rf"{phrases('solving')} (?:this|these|that|such|the above|both)(?: [\w-]+){{0,4}}?"
_WE_SOLVE = re.compile(
    rf"(We|This {phrases('texts')}) (?:aims? to |seeks? to )?{_SOLVES} "
    r"(?:(?:by|through|with|via) (?:(?P<act>\w+?)ing |(?=an? |[A-Z]))"
    r"|and (?P<verb>introduce|propose|present|develop|design)s? )"
)
_TRAILING = re.compile(
    rf"(?: (?:designed|intended|developed))?,? (?:to|in order to|for|thereby|thus|that|which)(?: \w+ly)? {_SOLVES}"
    r"(?=[.;,]|$| (?:through|with|via|using)\b)"
)
_AIMING = ("aim", "aims", "seek", "attempt", "try", "want", "used", "able", "needed", "way", "how", "need")
_SHOWN = re.compile(rf"(?:these|those|such|our) (?P<noun>{phrases('results')}) (?=\w)", re.IGNORECASE)


def stand(sentence: str) -> str:
    """Return the sentence as it can be shown alone."""
    text = _LONE_ITEM.sub(".", _LINK.sub("", sentence.strip()))
    for _ in range(3):
        found = _LEADING.match(text) or _pointing_clause(text)
        if found is None or _VARIABLE.match(text, found.end()):
            break
        text = capitalised(text[found.end() :])
    text = _WE_SOLVE.sub(lambda we: f"{we[1]} {_present(we['act'] or we['verb'] or 'present', we[1])} ", text, count=1)
    text = _AFTER_WE.sub(r"\1 ", text, count=1)
    text = _TRAILING.sub(lambda tail: tail[0] if text[: tail.start()].endswith(_AIMING) else "", text)
    return _SHOWN.sub(lambda found: f"The {found['noun'].lower()} ", text) if _SHOWN.match(text) else text


def is_linked(sentence: str) -> bool:
    """Return True if the connective of a sentence stays where the sentence before it is shown."""
    return _LINKING.match(sentence) is not None


def is_broken(text: str) -> bool:
    """Return True for an item of a list, a half of a sentence or one with unpaired brackets."""
    if _ITEM.match(text) or text.endswith((":", "...", "…", ",", ";", "i.e.", "e.g.")) or len(text.split()) < 3:
        return True
    outside = _PARENTHESIS.sub("", text)
    items = _LISTED.findall(outside)
    if items and (items[0] not in ("i", "1", "a") or len(items) == 1):
        return True
    plain = _LISTED.sub("", outside)
    return plain.count("(") != plain.count(")") or text.count("“") != text.count("”") or text.count('"') % 2 == 1


def leanings(title: str, texts: Sequence[str]) -> list[list[str]]:
    """Return the names of what each sentence leans on: features of the model, besides its words."""
    stems = [_stems(text) for text in texts]
    known, before, found = _stems(title), set[str](), list[list[str]]()
    for text, own in zip(texts, stems, strict=True):
        names = [_leaning(text, phrase, known, before) for phrase in _POINTER.finditer(text)]
        names += [f"x early {word}" for word in _WORD.findall(text[:_EARLY].lower()) if word in _PRONOUNS]
        found.append([name for name in dict.fromkeys(names) if name])
        before |= own
    return found


def antecedents(texts: Sequence[str]) -> list[frozenset[int]]:
    """Return the sentences that each sentence may lean on: the one before, and the last with the noun of "these"."""
    stems = [_stems(text) for text in texts]
    found = list[frozenset[int]]()
    for place, text in enumerate(texts):
        pointed = [phrase for phrase in _POINTER.finditer(text) if phrase[1].lower() in _PLURALS]
        nouns = [_nouns(phrase[2].lower().split()) - _PLAIN_NOUNS for phrase in pointed]
        met = [max((at for at in range(place) if not stems[at].isdisjoint(one)), default=-1) for one in nouns]
        found.append(frozenset(at for at in [place - 1, *met] if at >= 0))
    return found


def _leaning(text: str, phrase: re.Match[str], known: set[str], before: set[str]) -> str:
    """Return the kind of a phrase that points to something, by whether that is at hand; "" if it explains itself."""
    words, kind = phrase[2].lower().split(), phrase[1].lower()
    nouns = _nouns(words)
    if kind == "this" and not TEXTS.isdisjoint(words[:2]):
        return ""
    if not nouns:
        return f"x {kind} alone" if kind not in _ARTICLES else ""
    here = _stems(text[: phrase.start()])
    is_seen = not nouns.isdisjoint(before)
    if kind in _ARTICLES:
        nouns -= _PLAIN_NOUNS | known | here
        return "" if _end(words) in ("of", "that") or nouns.isdisjoint(before) else f"x {kind} seen"
    where = "here" if nouns & here else "title" if nouns & known else "before" if is_seen else "nowhere"
    return f"x {kind} {where} {'start' if phrase.start() < 4 else 'later'}"


def _nouns(words: Sequence[str]) -> set[str]:
    """Return the stems of the words before the end of a phrase."""
    return {_stem(word) for word in list(takewhile(lambda word: word not in _NOUN_ENDS, words))[:_NOUNS]}


def _end(words: Sequence[str]) -> str:
    return next((word for word in words if word in _NOUN_ENDS), "")


def _stems(text: str) -> set[str]:
    return {_stem(word) for word in _WORD.findall(text.lower())}


def _stem(word: str) -> str:
    return word[:_STEM].rstrip("s")


def _pointing_clause(text: str) -> re.Match[str] | None:
    """Return a leading clause that points to something unseen: "Building on this insight, "."""
    found = _LEADING_CLAUSE.match(text)
    return found if found and _POINTS.search(text, 0, found.end()) else None


def _present(stem: str, subject: str) -> str:
    """Return the present tense of "introduc", from "introducing"."""
    verb = f"{stem}e" if stem.endswith(_SILENT_E) and not stem.endswith("ss") else stem
    return verb if subject == "We" else f"{verb}s"


def capitalised(text: str) -> str:
    """Return a text that begins with a capital, unless a name or a variable begins it."""
    return text[0].upper() + text[1:] if _BARE_WORD.match(text) else text
