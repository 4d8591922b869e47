"""Make the gist of a paper: from its source's summary, else from its abstract.

A language model's gist takes the place of both; it comes later, as another revision of the paper
(`GistKind.GENERATED`).
"""

import re
from collections.abc import Iterable, Sequence

from digestd.domain.gist import BRIEF_MAX, GIST_MAX, Gist, GistKind
from digestd.gists.extraction import Abstract, choose, judge
from digestd.gists.model import NEW, OUT
from digestd.gists.sentences import Sentence, split_sentences
from digestd.gists.standing import shorter_forms
from digestd.text.sanitise import clean

_COMMON = "the of and to in a is we that for with are this on by as an our from be which"
_ENGLISH = frozenset(_COMMON.split())
_ENGLISH_MIN = 0.12
"""Share of these words in an English text; other languages stay below."""
_WORD = re.compile(r"\w+")
_WIDE_STOPS = ("。", "！", "？", "」", "』")
_LIKELY, _OUTCOME = 0.5, 0.2
"""Chances above which a sentence names the contribution, and a summary, which has no context, a result."""
_REPEATED = 0.5
"""Share of the content words of a result that the summary has already."""
_SUMMARY_MIN = 20


def make_gist(title: str, abstract: str, summary: str = "") -> Gist | None:
    """Return the gist of a paper; None if there is nothing to make it from.

    Args:
        title, abstract: As plain text.
        summary: The source's own summary as plain text, or "".
    """
    sentences = split_sentences(clean(abstract))
    given = clean(summary)
    judged = judge(f"{title} {given}".strip(), sentences) if sentences and is_english(sentences) else None
    if len(given) >= _SUMMARY_MIN:
        return Gist(_completed(given, judged, GIST_MAX), _completed(given, judged, BRIEF_MAX), GistKind.SOURCE)
    if not sentences:
        return None
    return Gist(_extracted(sentences, judged, GIST_MAX), _extracted(sentences, judged, BRIEF_MAX), GistKind.EXTRACTED)


def is_english(sentences: Iterable[Sentence]) -> bool:
    """Return True if the sentences are in English, which is what the model can judge."""
    words = _WORD.findall(" ".join([sentence.text for sentence in sentences])[:2_000].lower())
    return bool(words) and sum(map(_ENGLISH.__contains__, words)) >= _ENGLISH_MIN * len(words)


def _extracted(sentences: Sequence[Sentence], judged: Abstract | None, limit: int) -> str:
    texts = [sentence.text for sentence in sentences]
    if judged is None or len(_joined(texts)) <= limit:
        return _leading(texts, limit)
    places, forms = choose(judged, limit)
    shown = _joined(forms)
    new = max(range(len(judged.texts)), key=lambda place: judged.traits[place][NEW])
    named = max((judged.traits[place][NEW] for place in places), default=0.0)
    if shown and (named > _LIKELY or len(judged.texts[new]) <= limit or judged.traits[new][NEW] < _LIKELY):
        return shown
    room = limit - len(shown) - 1 if shown and new < places[0] else 0
    cut = _cut(judged.texts[new], max(room, limit // 2))
    return f"{cut} {shown}" if len(cut) <= room else _cut(judged.texts[new], limit)


def _cut(text: str, limit: int) -> str:
    return next((form for form in shorter_forms(text) if len(form) <= limit), shorten_sentence(text, limit))


def _leading(texts: Sequence[str], limit: int) -> str:
    """Return the first sentences that fit."""
    count = len(texts)
    while count > 1 and len(_joined(texts[:count])) > limit:
        count -= 1
    return shorten_sentence(_joined(texts[:count]), limit)


def _joined(texts: Sequence[str]) -> str:
    found = ""
    for text in texts:
        found += text if not found or found.endswith(_WIDE_STOPS) else f" {text}"
    return found


def leading_sentences(text: str, limit: int) -> str:
    """Return the first sentences of a text that fit, at least a part of the first."""
    return _leading([sentence.text for sentence in split_sentences(text)] or [text], limit)


def shorten_sentence(text: str, limit: int) -> str:
    """Cut a sentence that is too long after a clause, else between words, and end it with an ellipsis."""
    if len(text) <= limit:
        return text
    head = text[: limit - 1]
    ends = (head.rfind(sign, limit // 3) for sign in (": ", "; ", ", "))
    end = next((end for end in ends if end > 0), head.rfind(" "))
    return f"{(head[:end] if end > limit // 3 else head).rstrip(' ,;:.([–—-')}…"


def _completed(summary: str, judged: Abstract | None, limit: int) -> str:
    """Return the source's summary, with the result from the abstract if it lacks one."""
    texts = [sentence.text for sentence in split_sentences(summary)] or [summary]
    shown = _leading(texts, limit)
    has_outcome = any(traits[OUT] > _OUTCOME for traits in judge("", list(map(Sentence, texts))).traits)
    if judged is None or has_outcome:
        return shown
    for place in judged.results():
        for text in judged.fitted([place], limit - len(shown) - 1)[1]:
            if not _repeats(text, summary):
                return f"{shown} {text}"
    return shown


def _repeats(text: str, summary: str) -> bool:
    words, known = ({word[:6] for word in _WORD.findall(one.lower()) if len(word) > 3} for one in (text, summary))
    return len(words & known) > _REPEATED * len(words)
