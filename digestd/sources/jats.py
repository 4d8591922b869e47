"""Convert the markup of publishers' titles and abstracts to plain text."""

import html
import re

_HEADING = re.compile(r"<(?:jats:)?title>\s*(?:abstract|summary)\s*(?:[:.]\s*)?</(?:jats:)?title>", re.IGNORECASE)
_TEX = re.compile(r"<(jats:)?tex-math\b[^<>]*>[^<]*</(jats:)?tex-math>", re.IGNORECASE)
_BLOCK = re.compile(r"</?(?:jats:)?(?:p|sec|title|list|list-item|break|br|disp-formula)\b[^<>]*>", re.IGNORECASE)
_TAG = re.compile(r"""</?[a-z][\w:.-]*(?:\s+[\w:.-]+\s*=\s*(?:"[^"<>]*"|'[^'<>]*'))*\s*/?>""", re.IGNORECASE)


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
