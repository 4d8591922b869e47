"""Classify failures by their codes and words, with the table in `bounce_rules`.

Only failures of the mailbox itself are hard. A refusal because of the sender, the content or the connection is no
reason never to write again (RFC 3463 section 3.8).
"""

import re
from functools import cache

from digestd.domain.bounce import BounceKind
from digestd.domain.bounce_rules import GAP, RULES, WHO, BounceRule

WORDS_MAX = 4_000
_CODE = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.])")
_REPLY_CODE = re.compile(r"(?<![\d.:/\[-])[45]\d\d(?=[ :-])")
_CONTINUED = re.compile(r"(?<=\S)\s[45]\d\d-(?:[45]\.\d{1,3}\.\d{1,3})?\s+")
_ADDRESS = re.compile(r"(?:[<(\[] ?)?[^\s<>@(\[]{1,100}@[^\s<>@,;:)\]]{1,255}(?: ?[>)\]])?")


def status_in(words: str) -> str:
    """Return the first specific RFC 3463 failure status in free text, else the first unspecific one, or empty."""
    found = _statuses(words)
    return next((code for code in found if not code.endswith(".0.0")), found[0] if found else "")


def kind_of(status: str, *texts: str) -> BounceKind:
    """Return whether a failure is hard, soft or policy.

    A code in the text counts more than the status field, and one that says nothing (x.0.0) not at all.

    Args:
        status: the code as reported, or empty.
        texts: the words of the reply; further texts are asked if the ones before them tell nothing.
    """
    for text in texts or ("",):
        rule = find_rule(status, text)
        if rule is not None:
            is_temporary = rule.kind is BounceKind.HARD and _is_temporary(_codes(status, text[:WORDS_MAX]))
            return BounceKind.SOFT if is_temporary else rule.kind
    return BounceKind.SOFT


def find_rule(status: str, text: str) -> BounceRule | None:
    """Return the line of the table that decides, or None if nothing is known about such a reply."""
    text = text[:WORDS_MAX]
    codes, words = _codes(status, text), _normalise(text)
    return next((rule for rule in RULES if _fits(rule, codes, words)), None)


def _fits(rule: BounceRule, codes: frozenset[str], words: str) -> bool:
    if rule.codes and not any(_codes_pattern(rule.codes).fullmatch(code) for code in codes):
        return False
    return not rule.words or _words_pattern(rule.words).search(words) is not None


@cache
def _codes_pattern(codes: str) -> re.Pattern[str]:
    patterns = (re.escape(code).replace("x", r"\d+" if "." in code else r"\d") for code in codes.split())
    return re.compile("|".join(patterns))


@cache
def _words_pattern(words: str) -> re.Pattern[str]:
    return re.compile(words.replace("WHO", WHO).replace("~", GAP))


def _codes(status: str, text: str) -> frozenset[str]:
    """Return the codes that count: specific ones in the text, else the status field; and the text's reply codes."""
    replies = _REPLY_CODE.findall(text)
    for given in (_statuses(text), _statuses(status)):
        specific = [code for code in given if not code.endswith(".0.0")]
        if specific:
            return frozenset(specific) | frozenset(replies)
    return frozenset(replies or _statuses(text) or _statuses(status))


def _is_temporary(codes: frozenset[str]) -> bool:
    enhanced = {code for code in codes if "." in code} or codes
    return bool(enhanced) and all(code.startswith("4") for code in enhanced)


def _normalise(text: str) -> str:
    """Return lower-case words on one line, without marks of continued replies and with addresses as `<>`."""
    return _ADDRESS.sub("<>", " ".join(_CONTINUED.sub(" ", text).lower().replace("’", "'").replace("_", " ").split()))


def _statuses(text: str) -> list[str]:
    return [".".join(found.groups()) for found in _CODE.finditer(text[:WORDS_MAX]) if found[1] != "2"]
