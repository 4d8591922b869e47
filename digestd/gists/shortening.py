"""Shorten a sentence without an ellipsis: drop an aside, a trailing clause or a leading phrase.

What is left is a sentence of the abstract's own words. A cut is made only where the rest keeps its verb. Where a clause
or phrase begins that can go is a list in `cues.toml`.
"""

import re

from digestd.gists.standing import capitalised, listed, phrases

_MIN, _SAVED = 45, 12
"""Characters that a shortened sentence has at least, and by which it is shorter."""
_ASIDE = re.compile(
    r"(?<![A-Z0-9])(?<![A-Z]s) \((?:(?=[^()]* )[^()\d]{8,200}|(?:e\.g\.|i\.e\.|such as|including|see) ?[^()]{3,200})\)"
)
"""A parenthesis without figures. One of a single word may explain an acronym."""
_TAIL = re.compile(rf"(?:, {phrases('clauses')}| {phrases('conjunctions')})(?![\w-])|[;:](?= )| [—–](?= )")
_LEAD = re.compile(
    rf"(?i:{phrases('leads')})\b(?:[^;:.]{{3,220}}?, (?=(?:we|our)\b)"
    r"|[^,;:.]{3,160}, (?=(?:the|this paper|this work|results|experiments|[A-Z][\w-]*[A-Z0-9][\w-]*)\b))"
)
_REPORTED = re.compile(rf"(?!We )[A-Z][^,.;:]{{3,150}} {phrases('reporting')} that (?=\w)")
"""The beginning "Experiments on … show that" of a result."""
_POINTS = re.compile(r"\b(?:it|they|its|their|them|these|those|such|both|this(?! (?:paper|work|study)))\b")
_NEAR = 50
"""Characters of a main clause in which a pronoun may stand for something in the phrase before it."""
_SUBORDINATE = re.compile(rf"{phrases('leads')}\b", re.IGNORECASE)
_VERB = re.compile(rf"(?<!the )(?<!our )(?<!a )(?<!an )\b{phrases('verbs')}(?![\w-])")
_PASSIVE_END = re.compile(r" (?:is|are|was|were|be) \w+ed$")
_UNFINISHED = ("“", "1)", "(i)")
_OPEN_ENDS = frozenset(listed("open_ends"))


def shorter_forms(text: str) -> tuple[str, ...]:
    """Return shortened forms of a sentence, the longest first."""
    plain = _ASIDE.sub("", text)
    led = _without(_LEAD, plain)
    forms = {plain}
    for body in (plain, led, _without(_REPORTED, led)):
        forms |= {body, *_without_tail(body)}
    usable = [form for form in forms if _MIN <= len(form) <= len(text) - _SAVED]
    return tuple(sorted(usable, key=lambda form: (-len(form), form)))


def _without(beginning: re.Pattern[str], text: str) -> str:
    found = beginning.match(text)
    if found is None or _POINTS.search(text, found.end(), found.end() + _NEAR):
        return text
    return capitalised(text[found.end() :])


def _without_tail(text: str) -> list[str]:
    """Return what stands before each trailing clause, if it is a sentence."""
    heads = [text[: found.start()].rstrip() for found in _TAIL.finditer(text, _MIN - 1)]
    return [f"{head}." for head in heads if _is_sentence(head)]


def _is_sentence(head: str) -> bool:
    """Return True if a beginning of a sentence has its main verb, and that of a clause with "that"."""
    if head.rpartition(" ")[2].lower() in _OPEN_ENDS or head[-1] in ",:;(":
        return False
    if head.count("(") != head.count(")") or head.count('"') % 2 or any(sign in head for sign in _UNFINISHED):
        return False
    if _PASSIVE_END.search(head) or " and " not in head[head.rfind(" both ") :] + " and " * (" both " not in head):
        return False
    clause = head
    if _SUBORDINATE.match(head):
        first, _, clause = head.partition(", ")
        if first == head and first.split()[0].endswith("ing"):
            clause = head  # the subject
    if not _has_verb(clause):
        return False
    before, that, after = clause.rpartition(" that ")
    return not that or not _has_verb(before.split(",")[-1]) or _has_verb(after)


def _has_verb(clause: str) -> bool:
    return any(not verb[0].endswith("ing") for verb in _VERB.finditer(clause))
