"""Make sentences stand alone, and shorten them, only by cuts that leave what they say true.

A leading connective ("However,", "To address this gap,") is dropped. Shorter forms go without an aside, the phrase
before "we", "we test it and show that", or a clause after the main verb that adds a consequence or explains; never
without a verb, a restriction or a condition. The phrases are in `cues.toml`.
"""

import re
from collections.abc import Iterator
from functools import lru_cache

from digestd.gists.cues import cues, phrases

_LINK = re.compile(
    r"(?: ?\((?:(?:\w+ )?available (?:at|from) |see )?|,? (?:which|that) (?:is|are) (?:\w+ )?available \w+ )"
    r"(?:https?://|www\.)[^\s()]{3,200}(?:\)|(?<![.,;)]))| \([^()]{2,60} et al\.[^()]{0,60}\)"
)
_LEADING = re.compile(
    rf"(?:(?:and|but|so) )?{phrases('connectives')}(?: ?, | (?=we |this {phrases('texts')} ))(?![b-z] )"
    r"|(?:and|but|yet|so) (?=\w)|instead, (?=we )",
    re.I,
)
_CLAUSE = re.compile(
    r"(?:(?:[^,:;.]|\.\d){3,130}, ?|to [^,:;.]{3,60} )(?=(?:we|our|this \w+|the authors|(?-i:I)|in this \w+)\b[^.])"
    rf"|(?:to {phrases('solving')}|{phrases('guided')}) [^,:;.]{{3,130}}, (?=\w)",
    re.I,
)
_AFTER_WE = re.compile(rf"(We|I|This {phrases('texts')}(?! also)) (?:{phrases('adding')},? ){{1,2}}(?=[a-z])")
_SHOWN = re.compile(rf"(?:these|those|such|our) ({phrases('results')}) (?=\w)", re.I)
_SOLVING = re.compile(
    rf",? (?:(?:(?:designed|that \w+s) )?to|that|which) (?:effectively |directly )?{phrases('solving')} "
    r"(?:this|these|such|those)(?: [\w-]+){1,2}(?:(?=\.$|, )|( (?:by|through) ))"
)
_DOING = {f"{verb.removesuffix('e')}ing": verb for verb in cues("doing")}
_SOLVED = re.compile(
    rf"(We|I|(?:This|Our) {phrases('texts')}) (?:aims? to |takes? a step towards? )?{phrases('solving')} "
    rf"(?:this|these|that|such)(?: [\w-]+){{0,3}} "
    rf"(?:(?:by|through) ({'|'.join(_DOING)}) (?!and )|(?:by|through|with|via) (?!(?:\w+ly )?\w+ing\b))(?=\w)"
)
_SOLVED_BEFORE = (" this ", " these ", " that ", " those ", " such ")
"""Words of which the two above contain one; most sentences have none."""
_LISTED = re.compile(r": |\((?:i|1|a)\)")
_COUNTED = r"(?:two|three|four|five|several|some|the following)(?: [\w-]+){0,2}"
_COUNTING = re.compile(r"\b(?:two|three|four|five|several|following)(?: [\w-]+){1,6}$", re.I)

_LEANING = re.compile(
    rf"(?i)\b(?:(?:this|these|those|such|both)(?: [\w-]+)? {phrases('leaned_on')}\b"
    r"|these \d+|of the corresponding |the above\b)"
)
_LEANS_BY = ("this", "these", "those", "such", "both", "corresponding", "above")
"""Words of which it contains one; most sentences have none."""

_MIN, _SAVED = 45, 12
"""Characters that a shortened sentence has at least, and by which it is shorter."""
_ASIDE = re.compile(
    r"(?<![A-Z0-9])(?<![A-Z]s) \((?:(?=[^()]* )[^()\d]{8,200}|(?:e\.g\.|i\.e\.|such as) ?[^()]{3,200})\)"
)
"""A parenthesis without figures. One of a single word may explain an acronym."""
_LEAD = re.compile(rf"{phrases('leads')} [^;:.()]{{3,200}}?, (?=we \w)", re.I)
_REPORTED = re.compile(
    rf"{phrases('reports')}\b[^.;:]{{0,240}}? (?:show|demonstrat|reveal|confirm|find)(?:e?s|e|ing)? that (?=\w)", re.I
)
_TAIL = re.compile(
    rf"(?i), (?:\w+ly )?(?!{phrases('gerunds')}\b){phrases('clauses')}(?![\w-])|; (?=\w)|: (?=\w|\()"
    r"| while (?:maintain|preserv|retain)ing "
    rf"|,? (?:with|via|through|by|based on|(?:that|which) \w+s) {_COUNTED} {phrases('listed')}: "
)
_VERB = re.compile(rf"^(?:we|i|it|they|this {phrases('texts')}) \w|\b{phrases('verbs')}(?![\w-])", re.I)


def stand(sentence: str) -> str:
    """Return the sentence as it can be shown alone."""
    text = sentence.strip()
    if "://" in text or "www." in text or " et al." in text:
        text = _LINK.sub("", text)
    for _ in range(3):
        found = _LEADING.match(text) or _CLAUSE.match(text)
        if found is None or (found.re is _CLAUSE and not _points(found[0])):
            break
        text = capitalised(text[found.end() :])
    text = _AFTER_WE.sub(r"\1 ", text, count=1).replace(" aforementioned ", " ")
    if any(map(text.__contains__, _SOLVED_BEFORE)):
        text = _SOLVED.sub(
            lambda found: f"{found[1]} {_DOING.get(found[2], 'present')}{'s' * (len(found[1]) > 2)} ", text
        )
        if not cues("restricting") & _words(text.partition(" this ")[0].partition(" these ")[0]):
            text = _SOLVING.sub(lambda found: f" that works{found[1]}" if found[1] else "", text, count=1)
    return _SHOWN.sub(lambda found: f"The {found[1].lower()} ", text) if _SHOWN.match(text) else text


def leans(text: str) -> bool:
    """Return True if a sentence points to a problem or an idea that was told before it: "tackles this issue"."""
    if not any(map(text.lower().__contains__, _LEANS_BY)):
        return False
    found = _LEANING.search(text)
    return found is not None and found[0].split()[-1][:5] not in text[: found.start()]


def is_broken(text: str) -> bool:
    """Return True for a half of a sentence, a title, or one with unpaired brackets."""
    ends = (":", "...", "…", ",", ";", "i.e.", "e.g.")
    return len(text.split()) < 3 or text.endswith(ends) or not _is_closed(text)


def _is_closed(text: str) -> bool:
    return text.count("(") == text.count(")") and text.count("“") == text.count("”") and text.count('"') % 2 == 0


def capitalised(text: str) -> str:
    """Return a text that begins with a capital, unless a name or a variable begins it."""
    first = text.split(maxsplit=1)[0].rstrip(",") if text else ""
    is_word = first == "a" or (len(first) > 1 and first.islower() and first.replace("-", "").replace("’", "").isalpha())
    return text[0].upper() + text[1:] if is_word else text


@lru_cache(maxsize=64)  # sets of sentences share them
def shorter_forms(text: str) -> tuple[str, ...]:
    """Return shortened forms of a sentence, the longest first."""
    plain = _ASIDE.sub("", text)
    led = _without(_LEAD, plain)
    bodies = {plain, led, _without(_REPORTED, led)}
    forms = {form for body in bodies for form in (body, *_without_tail(body))}
    usable = [form for form in forms if _MIN <= len(form) <= len(text) - _SAVED]
    return tuple(sorted(usable, key=lambda form: (-len(form), form)))


def _points(clause: str) -> bool:
    """Return True for a clause that points to something unseen: "Building on this insight, "."""
    return any(f" {one} " in f" {clause.lower().replace(',', ' ')} " for one in cues("pointing"))


def _words(text: str) -> set[str]:
    return set(text.lower().split())


def _without(beginning: re.Pattern[str], text: str) -> str:
    found = beginning.match(text)
    if found is None or cues("referring") & _words(text[found.end() : found.end() + 50]):
        return text
    return capitalised(text[found.end() :])


def _without_tail(text: str) -> Iterator[str]:
    """Return what stands before each trailing clause, if it is a sentence."""
    heads = (text[: tail.start()] for tail in _TAIL.finditer(text, _MIN))
    return (f"{head}." for head in heads if _is_sentence(head) and not _COUNTING.search(head))


def _is_sentence(head: str) -> bool:
    """Return True if the beginning of a sentence is one itself: all its clauses have verbs, and nothing is open."""
    words = head.lower().split()
    ends = cues("open_ends") | cues("openers")
    if words[-1] in ends or _VERB.fullmatch(words[-1]) or not _is_closed(head) or _LISTED.search(head):
        return False
    is_subordinate = words[0] in cues("subordinate")
    is_subordinate |= words[0].endswith(("ing", "ed")) and ", " in head  # else it is the subject
    if not any(map(_VERB.search, head.split(", ")[is_subordinate:])):
        return False
    openers = (at for at, word in enumerate(words) if word in cues("openers") and words[at + 1] not in ("a", "an"))
    last = max(openers, default=-1)
    return last < 0 or _VERB.search(" ".join(words[last + 1 :])) is not None
