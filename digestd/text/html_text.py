"""Convert feed texts to plain text.

HTML, HTML escaped twice, or mathematics that looks like HTML.
"""

import re

from digestd.text.jats import jats_to_text

_MARKUP_MAX = 100_000
_UNSEEN = re.compile(
    r"<(script|style|template|noscript|iframe|svg)\b[^<>]*>.*?(?:</\1\s*>|\Z)|<!--.*?(?:-->|\Z)",
    re.IGNORECASE | re.DOTALL,
)
_DECLARED = re.compile(r"<!\[CDATA\[|\]\]>|<[!?][^<>]*>")
_BLOCK = re.compile(
    r"</?(?:p|br|div|li|ul|ol|td|th|tr|table|h[1-6]|hr|section|article|blockquote|figure)\b[^<>]*>", re.IGNORECASE
)
# `a<b and c>d` opens no tag: what follows a tag's name has an equals sign.
_ATTRIBUTED = re.compile(r"<[a-z][\w:.-]*\s[^<>=]*=[^<>]*>", re.IGNORECASE)
_CUT_OFF = re.compile(r"<(?:/?[a-z]+|[a-z]+\s[^<>=]*=[^<>]*)\Z", re.IGNORECASE)


_ROUNDS = 3
"""Many feeds escape their markup once too often; then tags show after the first round."""


def html_to_text(marked: str) -> str:
    """Return the text without tags, scripts and comments."""
    text = marked[:_MARKUP_MAX]
    for _round in range(_ROUNDS):
        if "<" not in text and "&" not in text:
            return text
        text = _BLOCK.sub(" ", _DECLARED.sub("", _UNSEEN.sub(" ", _CUT_OFF.sub("", text))))
        text = jats_to_text(_ATTRIBUTED.sub("", text))
    return text
