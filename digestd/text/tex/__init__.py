"""Convert TeX in titles, abstracts and names to readable Unicode.

Three steps: `strict` finds the mathematics and turns half-stripped forms back into TeX, `reader` reads that into a
tree, `writer` writes the tree. Only markup is left out: braces, dollars, fonts, keys of citations. Scripts that Unicode
lacks are written out (`x_q`, `x^(2d)`), unknown macros are shown by their names.
"""

import re
import sys
import unicodedata

LENGTH_MAX = 20_000
"""Longer texts are no titles or abstracts; they stay as they are, on one line."""
_UNSEEN = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\u00ad\u061c\u200b\u200e\u200f\u202a-\u202e"
    r"\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff\ue000-\ue1ff]"
)
_NAMED_CODE = re.compile(r"(\$?)\\unicode(?:\[[^\[\]]{0,40}\])?\s*\{\s*(x[0-9A-Fa-f]{1,6}|\d{1,7})\s*\}\1")
"""A character by its number, as MathJax has it: `\\unicode{x2013}`."""
_COMMENT = re.compile(
    r"(?<!\b(?:wt|at))(?<!\b(?:vol|mol))([.!?][)\"'”]?)\s+%(?:\s+(?=[A-Z])|.*?(?:[.!?](?=\s)|$)\s*)", re.DOTALL
)
"""A comment after a sentence, up to the end of its own sentence, as sources join lines: `. %Code will follow.`

`. % We` is the sign that ended a line of the authors' file; `wt. %` and `of 5 %` are figures.
"""
_MARKUP = re.compile(  # begins with a set of signs, as that is found fastest
    r"[\\${}^_~`*'\-\d)!\x80-\U0010ffff](?:(?<=[\\${}^_~`*])|(?<=')'|(?<=-)-"  # TeX and Markdown
    r"|(?<=\d)(?:times|sim|approx)|(?<=\))times|(?<=[^\x00-\x7f])(?:approx|sim|leq)"  # half-stripped
    r"|(?<=[\d!])(?:(?<=\bsim.)|(?<=\bapprox.)|(?<=\bleq.)|(?<=\bgeq.)|(?<=\bpm.)))"
)
_STRIPPED = ("arrow", "varepsilon", "cdot", "propto", "nabla", "infty", "langle")
"""Signs and words that a text may hold something to convert. Most texts have none."""
_READ = re.compile(r"[\\{}^_&\ue001-\ue004]")


def to_plain(text: str) -> str:
    """Return the text without TeX, on one line. Never raises."""
    text = _UNSEEN.sub(" ", _NAMED_CODE.sub(_character, text) if "\\unicode" in text else text)
    text = _COMMENT.sub(r"\1 ", text) if " %" in text else text
    if len(text) > LENGTH_MAX or not (_MARKUP.search(text) or any(map(text.__contains__, _STRIPPED))):
        return _normalized(text)
    # most processes convert nothing, and loading the tables of symbols takes longer than most commands
    from digestd.text.tex.reader import read
    from digestd.text.tex.strict import to_strict
    from digestd.text.tex.writer import JOINT, typeset, write

    text = to_strict(text)
    text = _normalized(write(read(text)) if _READ.search(text) else typeset(text))
    return text.replace(JOINT, "\N{NO-BREAK SPACE}")


def _normalized(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())


def _character(named: re.Match[str]) -> str:
    code = int(named[2][1:], 16) if named[2][0] == "x" else int(named[2])
    return chr(code) if code <= sys.maxunicode else named[0]
