"""Split abstracts into sentences, with the labels of structured ones.

A full stop ends a sentence unless it belongs to an abbreviation, an initial, a number, a list or a parenthesis. Labels
("BACKGROUND:", "Results:") are taken off and kept as the role of what follows. Sentences that are about the text
rather than the work (copyright, keywords, contact) are left out.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

TEXT_MAX = 8_000
"""Characters of an abstract that are read. Longer texts are no abstracts."""

BACKGROUND, OBJECTIVE, METHOD, RESULT, OTHER = ROLES = ("background", "objective", "method", "result", "other")
CONCLUSION = "conclusion"


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence, and the role that a label of the abstract gives it; empty without label."""

    text: str
    label: str = ""


_ABBREVIATIONS_TEXT = (
    "e.g i.e eg ie cf viz vs etc al fig figs eq eqs eqn eqns sec sect secs ref refs tab thm prop lem def defn cor "
    "rem ch "
    "chap no nos vol pp p approx resp w.r.t wrt i.i.d iid a.k.a aka s.t ca dr prof mr mrs ms st inc ltd co corp jr "
    "sr "
    "dept univ est incl excl max min avg std dev var sp spp subsp var cv str bzw z.b d.h u.a vgl ggf usw ca nr abb "
    "op loc ibid i.v i.p s.c p.o b.i.d et seq ser jan feb mar apr jun jul aug sep sept oct nov dec"
)
_ABBREVIATIONS = frozenset(_ABBREVIATIONS_TEXT.split())
_NEVER_LAST_TEXT = (
    "e.g i.e eg ie cf viz vs fig figs eq eqs eqn eqns sec sect secs ref refs tab thm prop w.r.t wrt approx ca dr "
    "prof "
    "mr mrs z.b d.h vgl bzw resp"
)
_NEVER_LAST = frozenset(_NEVER_LAST_TEXT.split())
"""Abbreviations that need a word after them, so that no sentence ends there."""
_STARTERS_TEXT = (
    "We The This These Those Our In It Here However Moreover Furthermore To For By With As Such Thus Therefore "
    "Finally "
    "Experiments Results Code A An On Using Based Despite While Although When If Unlike Recent Existing Additionally "
    "Compared Extensive Then Second First Third Next Also Specifically Instead They There At From Under Through "
    "Building Empirically Evaluated Across Both Each One Two Three Many Most Some"
)
_STARTERS = frozenset(_STARTERS_TEXT.split())
_END = re.compile(
    r"(?P<stop>[.!?])(?P<close>[\"'”’»)\]]*)(?P<gap>\s+|(?=[A-Z][\w-]+[ ,]))|(?P<wide>[。！？])[\"'”’」』）]*\s*"
)
_LAST_TOKEN = re.compile(r"[^\s([{\"'“‘,;:/]+$")
_INITIAL = re.compile(r"[A-Z]|[A-Z](?:\.-?[A-Z])+")
_DOTTED = re.compile(r"(?:[A-Za-z]\.)+[A-Za-z]")
_NEXT = re.compile(r"[\"'“‘«(\[]*(?P<word>\w[\w'-]*)?")
_CASED_NAME = re.compile(r"[a-z]{1,4}(?:-?[A-Z0-9]|-[A-Za-z])\w*|[a-z]")
_LISTED = re.compile(r"\((?:[ivx]{1,4}|[a-h]|\d)\) [A-Z]")
_LEADING_DOI = re.compile(r"^(?:doi:\s*)?10\.\d{4,9}/\S+\s*", re.IGNORECASE)
_TAG = re.compile(
    r"</?(?:(?P<style>i|b|u|em|strong|sup|sub|span|tt|a|font)|br|p|div|li|ul|ol|h[1-6]|hr|table|tr|td|jats:[a-z]+)"
    r"(?:\s[^<>]{0,200})?/?>",
    re.IGNORECASE,
)
"""Markup that some sources leave in their abstracts."""
_URL = re.compile(r"(?:https?://|www\.)\S*$")
_GLUED = re.compile(r"(?:[a-z)]{3}|[A-Za-z]\))$")
_SPACE_BEFORE_STOP = re.compile(r"(?<=\w)\s+(?=[.,;:!?](?:\s|$))")
_COMMA_BEFORE_STOP = re.compile(r",\s?(?=\.(?:\s|$))")
"""What is left where a name was lost: "a model, ."."""
_LONG_LAST, _FRAGMENT = re.compile(r"(?<![\w.-])[a-z]{5,}$"), re.compile(r"[a-z]{5,}[ ,]")
"""The words around a stop after which the rest of another sentence stands."""
_PARENTHESIS_MAX = 400
_UPPER_LABELS = (
    "BACKGROUND|INTRODUCTION|CONTEXT|MOTIVATION|RATIONALE|IMPORTANCE|SIGNIFICANCE|PURPOSE|OBJECTIVES?|AIMS?|GOALS?|"
    "HYPOTHESIS|STUDY QUESTION|QUESTION|METHODS?|METHODOLOGY|MATERIALS?|PATIENTS|PARTICIPANTS|SUBJECTS|DESIGN|"
    "STUDY DESIGN|SETTING|APPROACH|INTERVENTIONS?|MEASUREMENTS?|MAIN OUTCOME MEASURES?|OUTCOME MEASURES|"
    "DATA SOURCES?|STUDY SELECTION|DATA EXTRACTION|DATA SYNTHESIS|PRINCIPAL FINDINGS|METHODOLOGY/PRINCIPAL FINDINGS|"
    "FINDINGS|RESULTS?|MAIN RESULTS|OUTCOMES|CONCLUSIONS?|CONCLUSIONS/SIGNIFICANCE|INTERPRETATION|DISCUSSION|"
    "IMPLICATIONS|RELEVANCE|LIMITATIONS|AVAILABILITY|CONTACT|FUNDING|KEYWORDS?|KEY WORDS|TRIAL REGISTRATION|"
    "REGISTRATION|SUPPLEMENTARY INFORMATION|ABSTRACT|SUMMARY|AUTHOR SUMMARY|TL;?DR"
)
_ONE = rf"(?:{_UPPER_LABELS})(?:\s*(?:/|&|,|\bAND\b)\s*(?:{_UPPER_LABELS}|IMPLEMENTATION|SIGNIFICANCE))*"
_LABEL = re.compile(rf"\s*(?P<label>{_ONE})(?:\s*[:—–]\s*|\.\s+(?=[A-Z\d(])|\s+-\s+)", re.IGNORECASE)
_LONE_LABEL = re.compile(rf"(?P<label>{_ONE})\s*[.:]", re.IGNORECASE)
_LOUD_LABEL = re.compile(rf"\s*(?P<label>{_ONE})\s+(?=[A-Z(\d])")
_GLUED_LABEL = re.compile(
    r"\s*(?P<label>Background|Introduction|Motivation|Objectives?|Aims?|Methods?|Findings|Results?|Conclusions?"
    r"|Interpretation|Abstract|Summary)(?=[A-Z][a-z]|[A-Z] )"
)
_BARE_LABEL = re.compile(
    r"\s*(?P<first>Introduction|Abstract)(?:[.:]?\s+|\s*[-—–]+\s*)(?=[A-Z])|"
    r"\s*(?P<label>Background|Objectives?|Aims?|Purpose|Methods?|Results|Conclusions?)\s+"
    r"(?=(?:We|The|This|These|In|A|An|Our|To|Using|It|There|For|By|As|Here|Both|All)\s)"
)
_INNER_LABEL = re.compile(rf"(?<=[.!?)])\s*(?=(?:{_ONE})\s*:)", re.IGNORECASE)
_MEANINGS = (
    (RESULT, "FINDING RESULT OUTCOME"),
    (CONCLUSION, "CONCLUSION INTERPRETATION IMPLICATION DISCUSSION RELEVANCE"),
    (METHOD, "METHOD MATERIAL PATIENT PARTICIPANT SUBJECT DESIGN SETTING APPROACH INTERVENTION MEASURE DATA SELECTION"),
    (OBJECTIVE, "PURPOSE OBJECTIVE AIM GOAL HYPOTHESIS QUESTION"),
    (BACKGROUND, "BACKGROUND INTRODUCTION CONTEXT MOTIVATION RATIONALE IMPORTANCE SIGNIFICANCE"),
)
_DROPPED_LABEL = re.compile(
    r"AVAILABILITY|CONTACT|FUNDING|KEY ?WORD|REGISTRATION|SUPPLEMENTARY|LIMITATIONS", re.IGNORECASE
)
_BOILERPLATE = re.compile(
    r"©|\(c\)\s*(?:19|20)\d\d|^copyright\b|\bcopyright (?:19|20)\d\d|all rights reserved|^published (?:by|in"
    r"|online|(?:19|20)\d\d)\b|^\(?(?:19"
    r"|20)\d\d "
    r"(?:elsevier|wiley|springer|the authors?)|protected by copyright|open access article|creative commons"
    r"|^(?:this article|this work) is licen[sc]ed|^accepted (?:for|to|at|in)\b|^to appear (?:in|at)\b|^key "
    r"?words?\s*[:—-]"
    r"|^contact\s*:|^comments?\s*:|^\d+ pages\b|^doi\s*:|^pacs\b|^msc\b|^supplementary (?:information|data)\b"
    r"|^[a-z .]{3,60} \d+ ?: ?\d+-\d+, (?:19|20)\d\d|^index terms\b|\bopyright ?(?:19|20)\d\d"
    r"|^expected final online publication|\b(?:was|were|is"
    r"|are) supported (?:in part )?by [^.]*\b(?:grant|foundation|contract|council)"
    r"|^(?:reviewers?:|this article was reviewed by)|^(?:in )?(?:sections?|chapters?|parts?|appendix|an appendix"
    r"|appendices|the appendix) (?:\d+ |[ivx]+ |[a-z] )?(?:gives?|describes?|presents?|discuss(?:es)?|contains?"
    r"|suppl(?:y|ies)|provides?|concludes?|deals?|reviews?|introduces?)\b"
    r"|^(?:the )?(?:paper|article|rest of (?:the|this) \w+) is"
    r" (?:organi[sz]ed|structured)\b"
    r"|^(?:in )?(?:sections?|chapters?|appendix) \d|^trial registration\b|^see (?:also )?(?:the )?(?:editorial"
    r"|commentary)"
)  # of lower-case text


def split_sentences(text: str) -> list[Sentence]:
    """Return the sentences of an abstract in order, without boilerplate."""
    found: list[Sentence] = []
    label = ""
    one_line = _LEADING_DOI.sub("", " ".join(_TAG.sub(_without_tag, text[:TEXT_MAX]).split()))
    for piece in _pieces(_COMMA_BEFORE_STOP.sub("", _SPACE_BEFORE_STOP.sub("", one_line))):
        named = _LABEL.match(piece) or _LOUD_LABEL.match(piece) or _GLUED_LABEL.match(piece) or _BARE_LABEL.match(piece)
        if lone := _LONE_LABEL.fullmatch(piece):
            label = _meaning(lone["label"])
            continue
        if named:
            label, piece = _meaning(named.groupdict().get("label") or ""), piece[named.end() :].strip()
        if piece and label != "-" and not _BOILERPLATE.search(piece.lower()):
            found.append(Sentence(piece, label))
    return found


def _without_tag(tag: re.Match[str]) -> str:
    """Return what stands in the place of a tag: nothing for a style, a blank for a break."""
    return "" if tag["style"] else " "


def _meaning(label: str) -> str:
    """Return the role that a label stands for; "-" if its section is left out."""
    if _DROPPED_LABEL.search(label):
        return "-"
    upper = label.upper()
    return next((role for role, words in _MEANINGS if any(word in upper for word in words.split())), "")


def _pieces(text: str) -> Iterator[str]:
    for section in _INNER_LABEL.split(text):
        start = 0
        for end in _ends(section):
            yield section[start:end].strip()
            start = end
        if section[start:].strip():
            yield section[start:].strip()


def _ends(text: str) -> Iterator[int]:
    """Yield the positions after the sentences of a text, except the last."""
    closed = _closed_spans(text)
    start = 0
    for match in _END.finditer(text):
        if match.end() == len(text) or any(one < match.start() < other for one, other in closed):
            continue
        if match["wide"] or _is_end(text, start, match):
            start = match.end()
            yield start


def _closed_spans(text: str) -> list[tuple[int, int]]:
    """Return the spans of parentheses; an unclosed one is none."""
    spans, opened = [], list[int]()
    for place, sign in ((found.start(), found[0]) for found in re.finditer(r"[()\[\]]", text)):
        if sign in "([":
            opened.append(place)
        elif opened:
            begin = opened.pop()
            if not opened and place - begin <= _PARENTHESIS_MAX:
                spans.append((begin, place))
    return spans


def _is_end(text: str, start: int, match: re.Match[str]) -> bool:
    """Return True if a mark with blank after it ends the sentence that begins at `start`."""
    before = text[start : match.start()]
    after = _NEXT.match(text, match.end())
    word = (after and after["word"]) or ""
    if match["gap"] == "":
        return match["stop"] == "." and bool(_GLUED.search(before)) and not _URL.search(before) and len(word) > 1
    if _LISTED.match(text, match.end()):
        return True
    if _FRAGMENT.match(text, match.end()) and _LONG_LAST.search(before) and match["stop"] == ".":
        return True
    if word[:1].islower() and not (match["stop"] == "." and _CASED_NAME.fullmatch(word) and len(word) > 1):
        return False
    if match["stop"] != ".":
        return bool(word) or match["stop"] == "?"
    return not _is_abbreviated(before, word, bool(match["close"]))


def _is_abbreviated(before: str, word: str, is_closed: bool) -> bool:
    """Return True if the full stop after `before` is part of it."""
    found = _LAST_TOKEN.search(before)
    token = found[0] if found else ""
    bare = token.lower()
    if is_closed:
        return False
    if bare in _NEVER_LAST:
        return True
    if token.isdigit() and len(token) <= 2 and before[: -len(token)].rstrip()[-1:] in ("", ":", ";"):
        return True  # the number of a list's item
    may_end = word in _STARTERS or not word
    if bare in _ABBREVIATIONS and not (
        bare in ("max", "min", "no", "co", "var", "dev", "p", "est", "ch", "sp", "mar", "may") and word[:1].isupper()
    ):
        return not may_end
    return (
        bool(_INITIAL.fullmatch(token) or _DOTTED.fullmatch(token)) and not may_end and not _ends_in_letter_name(before)
    )


def _ends_in_letter_name(before: str) -> bool:
    """Return True if a single capital is the name of a thing: "vitamin C", "hepatitis B"."""
    return bool(re.search(r"\b[a-z]{4,} [A-Z]$", before)) and not before.endswith((" by A", " and A"))
