"""Words out of the markup that publishers put into titles and abstracts."""

import html
import re

_HEADING = re.compile(r"<(?:jats:)?title>\s*(?:abstract|summary)\s*(?:[:.]\s*)?</(?:jats:)?title>", re.IGNORECASE)
_TEX = re.compile(r"<(jats:)?tex-math\b[^<>]*>[^<]*</(jats:)?tex-math>", re.IGNORECASE)
_BLOCK = re.compile(r"</?(?:jats:)?(?:p|sec|title|list|list-item|break|br|disp-formula)\b[^<>]*>", re.IGNORECASE)
_TAG = re.compile(r"""</?[a-z][\w:.-]*(?:\s+[\w:.-]+\s*=\s*(?:"[^"<>]*"|'[^'<>]*'))*\s*/?>""", re.IGNORECASE)


def jats_to_text(marked: str) -> str:
    """The text of a JATS or HTML fragment: paragraphs apart, H<sub>2</sub>O together, formulas once.

    https://jats.nlm.nih.gov/archiving/tag-library/. Its one heading "Abstract" says nothing and goes;
    where a formula stands in TeX and in MathML, the TeX goes. A `<` that opens no tag stays.
    """
    text = _HEADING.sub(" ", marked)
    if "math>" in _TEX.sub("", text):
        text = _TEX.sub("", text)
    return html.unescape(_TAG.sub("", _BLOCK.sub(" ", text)))
