"""Convert the markup of publishers and feeds to plain text: JATS, HTML, HTML escaped twice."""

import html
import re

_HEADING = re.compile(
    r"<(?:jats:)?title\b[^<>]*>\s*(?:abstract|summary)\s*(?:[:.]\s*)?</(?:jats:)?title>", re.IGNORECASE
)
_TEX = re.compile(r"<(jats:)?tex-math\b[^<>]*>[^<]*</(jats:)?tex-math>", re.IGNORECASE)
_BLOCK = re.compile(r"</?(?:jats:)?(?:p|sec|title|list|list-item|break|br|disp-formula)\b[^<>]*>", re.IGNORECASE)
_TAG = re.compile(r"""</?[a-z][\w:.-]*(?:\s+[\w:.-]+\s*=\s*(?:"[^"<>]*"|'[^'<>]*'))*\s*/?>""", re.IGNORECASE)
_INLINE = r"(?:jats:)?(?:italic|bold|i|b|em|strong)\b[^<>]*>"
_OPENS, _CLOSES = re.compile(f"<{_INLINE}"), re.compile(f"</{_INLINE}")
_GLUED_BEFORE = re.compile(rf"(?<=[\w.,;:)%])(?=<{_INLINE}\w)")
_GLUED_BEHIND = re.compile(rf"(?<=[\w.)])(</{_INLINE}|</(?:jats:)?su[bp]>(?=[a-z]{{2}}))(?=[\w(])")
_TYPESET_HEADING = re.compile(
    r"\A\s{0,9}(?:AO_SCP(?:LOW|CAP)BSTRACTC_SCP(?:LOW|CAP)|Abstract(?:/Summary)?(?=O_ST_ABS))\s{0,9}", re.IGNORECASE
)
_TYPESET_SECTION = re.compile(r"O_ST_ABS(.{0,200}?)[:.]?C_ST_ABS")
_TYPESET_FIGURE = re.compile(r"O_FIG.*?(?:C_FIG|\Z)|O_TBL.*?(?:C_TBL|\Z)")
_TYPESET_LETTERS = re.compile(r"[OC]_SCP(?:LOW|CAP)")
_TYPESET_OTHER = re.compile(r"[OC]_(?:LI|ST_ABS|FIG|TBL|TEXTBOX|BOX)")
_MARKUP_MAX = 100_000
_UNSEEN = re.compile(
    r"<(script|style|template|noscript|iframe|svg)\b[^<>]*>.*?(?:</\1\s*>|\Z)|<!--.*?(?:-->|\Z)",
    re.IGNORECASE | re.DOTALL,
)
_DECLARED = re.compile(r"<!\[CDATA\[|\]\]>|<[!?][^<>]*>")
_FEED_BLOCK = re.compile(
    r"</?(?:p|br|div|li|ul|ol|td|th|tr|table|h[1-6]|hr|section|article|blockquote|figure)\b[^<>]*>", re.IGNORECASE
)
# `a<b and c>d` opens no tag: what follows a tag's name has an equals sign.
_ATTRIBUTED = re.compile(r"<[a-z][\w:.-]*\s[^<>=]*=[^<>]*>", re.IGNORECASE)
_CUT_OFF = re.compile(r"<(?:/?[a-z]+|[a-z]+\s[^<>=]*=[^<>]*)\Z", re.IGNORECASE)
_STYLED = re.compile(
    r"</?(?:jats:)?(?:(?P<style>i|b|u|em|strong|italic|bold|su[bp]|sc|span|tt|a|font)|p|br|title|sec|div|h[1-6]|[ou]l|li)"
    r"""(?:\s+[\w:.-]+\s*=\s*(?:"[^"<>]*"|'[^'<>]*'))*\s*/?>""",
    re.IGNORECASE,
)
_ENTITY = re.compile(r"&(?:#\d{1,7}|#x[0-9a-f]{1,6}|[a-z]\w{1,30});", re.IGNORECASE)
_ROUNDS = 3
"""Many feeds escape their markup once too often; then tags show after the first round."""


def without_typesetting(text: str) -> str:
    """Return a text without the marks that bioRxiv and medRxiv leave in abstracts.

    `O_ST_ABSBackgroundC_ST_ABSLakes` becomes `Background: Lakes`, and `MO_SCPLOWUSEC_SCPLOW` becomes `MUSE`. Figures
    and tables are dropped.
    """
    if "_" not in text:
        return text
    text = _TYPESET_SECTION.sub(r" \1: ", _TYPESET_FIGURE.sub(" ", _TYPESET_HEADING.sub("", text)))
    return _TYPESET_OTHER.sub(" ", _TYPESET_LETTERS.sub("", text))


def with_spaces(marked: str) -> str:
    """Return a text in markup with the spaces around italics that a publisher's software dropped.

    `with<i>Daphnia</i>and` becomes `with <i>Daphnia</i> and`. A text with a space at any italics has lost none.
    """
    before = [marked[max(found.start() - 1, 0) : found.start()] for found in _OPENS.finditer(marked)]
    behind = [marked[found.end() : found.end() + 1] for found in _CLOSES.finditer(marked)]
    if any(map(str.isspace, before + behind)) or not any(map(str.isalnum, before)):
        return marked
    return _GLUED_BEHIND.sub(r"\1 ", _GLUED_BEFORE.sub(" ", marked))


def jats_to_text(marked: str) -> str:
    """Return the text of a JATS or HTML fragment.

    Paragraphs are separated and `H<sub>2</sub>O` joined.

    https://jats.nlm.nih.gov/archiving/tag-library/. The heading "Abstract" is dropped. Of a formula given
    in both TeX and MathML, only the MathML is kept. A `<` that opens no tag is kept.
    """
    text = _HEADING.sub(" ", marked)
    if "math>" in _TEX.sub("", text):
        text = _TEX.sub("", text)
    return html.unescape(_TAG.sub("", _BLOCK.sub(" ", text)))


def without_styles(text: str) -> str:
    """Return a plain text without the tags of styles and paragraphs that a catalogue left in it, escaped or not.

    Anything else stays: in TeX, `a<p` and `b & c` are no markup.
    """
    for _round in range(_ROUNDS if "<" in text or "&" in text else 0):
        text = _ENTITY.sub(lambda entity: html.unescape(entity[0]), text)
        text = _STYLED.sub(lambda tag: "" if tag["style"] else " ", text)
    return text


def html_to_text(marked: str) -> str:
    """Return the text without tags, scripts and comments."""
    text = marked[:_MARKUP_MAX]
    for _round in range(_ROUNDS):
        if "<" not in text and "&" not in text:
            return text
        text = _FEED_BLOCK.sub(" ", _DECLARED.sub("", _UNSEEN.sub(" ", _CUT_OFF.sub("", text))))
        text = jats_to_text(_ATTRIBUTED.sub("", text))
    return text
