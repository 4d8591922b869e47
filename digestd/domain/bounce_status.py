"""Classify failures by RFC 3463 status, or else by the words of the reply.

Only failures of the mailbox itself are hard. A failure because of the sender, the content or the connection is no
reason never to write again, least of all a 5.7.x (RFC 3463 section 3.8).
"""

import re

from digestd.domain.bounce import BounceKind

WORDS_MAX = 2_000
_HARD = frozenset({"1.1", "1.2", "1.3", "1.6", "1.10", "2.1"})
"""No such mailbox or domain, moved, domain takes no mail (RFC 7505), mailbox disabled."""
_POLICY_SUBJECTS = frozenset({"5", "6", "7"})
"""Protocol, content, security and policy."""
_POLICY = frozenset({"2.3", "2.4", "3.4", "1.7", "1.8"})
"""Message too long, mailing list expansion, too big for the system, sender's address rejected."""
_CODE = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.])")
_SAYS_HARD = re.compile(
    r"user (is )?unknown|unknown (user|recipient|address|mailbox)|no mailbox (here )?by that name"
    r"|no such (user|mailbox|recipient|address|account|person)|does(n't| not) (exist|have an? )"
    r"|(user|recipient|address|account|mailbox) (was )?not found|mailbox unknown|recipients? unknown"
    r"|(recipient|mailbox|account) (is |has been )?(disabled|inactive|closed|deleted|terminated|suspended)"
    r"|invalid (recipient|mailbox|address|user)|not a (valid|known) (user|mailbox|recipient)|unrouteable address",
    re.IGNORECASE,
)
_SAYS_FULL = re.compile(r"quota|(mailbox|inbox|storage) (is )?(over)?full|\bfull\b|out of storage", re.IGNORECASE)
_SAYS_POLICY = re.compile(
    r"\bspam\b|blocked|black ?list|block ?list|denied|polic(y|ies)|reputation|dmarc|\bspf\b|dkim|virus"
    r"|rejected for|content|too (large|big)|size limit|not (allowed|permitted|authori[sz]ed)",
    re.IGNORECASE,
)


def status_in(words: str) -> str:
    """Return the first RFC 3463 failure status in free text, or empty."""
    found = next((m for m in _CODE.finditer(words[:WORDS_MAX]) if m[1] != "2"), None)
    return ".".join(found.groups()) if found else ""


def kind_of(status: str, words: str = "") -> BounceKind:
    """Return whether a failure is hard, soft or policy.

    A status that says nothing (x.0.0) yields to a better one in the words, then to the words.

    Args:
        status: the code as reported, or empty.
        words: the text of the reply.
    """
    status = _telling(status, words)
    group, _, rest = status.partition(".")
    if group == "4" and rest.partition(".")[0] not in _POLICY_SUBJECTS:
        return BounceKind.SOFT
    subject = rest.partition(".")[0]
    if not rest or rest == "0.0":
        return _by_words(words[:WORDS_MAX])
    if subject in _POLICY_SUBJECTS or rest in _POLICY:
        return BounceKind.POLICY
    if group == "5" and rest in _HARD:
        return BounceKind.HARD
    return _by_words(words[:WORDS_MAX]) if rest in {"1.0", "2.0"} else BounceKind.SOFT


def _telling(status: str, words: str) -> str:
    given = status_in(status)
    if given and not given.endswith(".0.0"):
        return given
    return status_in(words) or given


def _by_words(words: str) -> BounceKind:
    if _SAYS_FULL.search(words):
        return BounceKind.SOFT
    if _SAYS_HARD.search(words):
        return BounceKind.HARD
    return BounceKind.POLICY if _SAYS_POLICY.search(words) else BounceKind.SOFT
