"""Convert TeX in titles and abstracts to readable Unicode.

Papers are written in TeX, plain text or both, so `$`, `%`, `&`, `~` and `_` may be literal. A dollar opens
mathematics only by Pandoc's rule (no blank inside, no digit after the closing one), so prices stay prices. Each
stretch of text is converted by itself; if its TeX is broken or conversion would lose words, only the TeX signs are
removed.
"""

import logging
import re
import unicodedata

from pylatexenc.latex2text import LatexNodes2Text

LENGTH_MAX = 20_000
_DEPTH_MAX = 20
_STRETCH_MAX = 4_000
_SPECIAL = frozenset("\\${}~^_`'-")
_UNSEEN = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\u00ad\u061c\u200b\u200e\u200f\u202a-\u202e"
    r"\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff\ue000-\ue0ff]"
)
_MATH = re.compile(
    r"(?<!\\)\$\$(?P<display>[^$]{1,2000})\$\$"
    r"|(?<!\\)\$(?P<sign>[<>=~+−±-]{1,3}|(?=\S)[^$]{0,500}?\\[A-Za-z][^$]{0,500})\$"
    r"|(?<!\\)\$(?P<inline>(?:\\\$|[^$\s])(?:(?:\\\$|[^$]){0,1000}(?:\\\$|[^$\s\\]))?)\$(?!\d)"
    r"|(?<!\\)\$(?P<loose>\s(?:[^$]{0,500}[\\^_=<>][^$]{0,500})\$)(?!\d)"
    r"|(?<!\\)\\\((?P<paren>(?:[^\\]|\\[^()]){1,2000})\\\)"
    r"|(?<!\\)\\\[(?P<bracket>(?:[^\\]|\\[^\[\]]){1,2000})\\\]",
    re.DOTALL,
)
_KEPT = {"%": "\ue001", "&": "\ue002", "#": "\ue003", "~": "\ue004", "$": "\ue005"}
_RESTORE = str.maketrans({mark: sign for sign, mark in _KEPT.items()})
_LITERAL = re.compile(r"(?<!\\)[%&#$]|(?<![\w.,:;)}$])~|~(?=\s|$)")
_LINK = re.compile(r"\\(?:url|path)\s*\{([^{}]*)\}|\\href\s*\{[^{}]*\}\s*\{([^{}]*)\}")
_BAR = re.compile(r"\\verb\*?([^\sA-Za-z*])(.*?)\1")
_SCRIPT = re.compile(r"([\^_])(?:\{([0-9+\-−=()ni]{1,12})\}|([0-9]))")
_UP = str.maketrans("0123456789+-−=()ni", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ⁿⁱ")
_DOWN = str.maketrans("0123456789+-−=()ni", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎ₙᵢ")
_FUNCTION = re.compile(
    r"(?<=[\w)}])\s*\\(?=(?:log|ln|exp|sin|cos|tan|tanh|max|min|sup|inf|det|dim|deg|arg|Pr)(?![A-Za-z]))"
)
_MACRO = re.compile(r"\\([A-Za-z]+)\*?")
_SILENT = re.compile(
    r"\\(?:text(?:bf|it|sc|tt|rm|sf|sl|up|md|normal)?|emph|math(?:bf|rm|it|cal|bb|sf|tt|frak|scr)|boldsymbol|bm"
    r"|it|bf|rm|tt|sc|em|left|right|begin|end|mbox|hbox|operatorname|ensuremath|big|Big|displaystyle)(?![A-Za-z])\*?"
)
_INNER = re.compile(r"(?<=[^\W\d_])[{}](?=[^\W\d_])|(?<=\s)\{(?=[^\W\d_]+\}[^\W\d_])")
"""Braces within a word, which only preserve the case of its letters."""
_WORD = re.compile(r"[^\W\d_]{3,}")
_RELATION = re.compile(r"(?<=\S)\s*([≤≥≈→←↦∈≪≫≠≡⊂⊆∝])\s*(?=\S)")
_GROUP = re.compile(r"\((?:[^()]|\([^()]{0,10}\)){1,12}\)")
_GROUP_MAX = 14
"""Groups up to this length, parentheses included, stay on one line: 𝒪(n log n)."""
_JOINT = "\ue106"
"""Placeholder of the no-break space while blanks are collapsed."""
_PROSE = LatexNodes2Text(math_mode="text", keep_comments=True, strict_latex_spaces=True)
_FORMULA = LatexNodes2Text(math_mode="text", keep_comments=True, strict_latex_spaces="based-on-source")

logging.getLogger("pylatexenc").setLevel(logging.CRITICAL)  # it reports each odd macro of each paper


def to_plain(text: str) -> str:
    """Return the text without TeX, on one line. Never raises."""
    text = _UNSEEN.sub(" ", text[:LENGTH_MAX].replace(_JOINT, " "))
    if not _SPECIAL.isdisjoint(text):
        text = "".join(_stretches(_LINK.sub(r"\1\2", _BAR.sub(r"\2", text))))
    text = _UNSEEN.sub("", unicodedata.normalize("NFC", text.translate(_RESTORE)))
    return " ".join(text.split()).replace(_JOINT, "\N{NO-BREAK SPACE}")


def _stretches(text: str) -> list[str]:
    """Split the text into words and mathematics, and convert each."""
    parts, end = [], 0
    for match in _MATH.finditer(text):
        parts.append(_words(text[end : match.start()]))
        parts.append(_mathematics(next(part for part in match.groups() if part is not None).removesuffix("$")))
        end = match.end()
    return [*parts, _words(text[end:])]


def _words(text: str) -> str:
    text = text.replace("``", "“").replace("''", "”")
    if "\\" not in text and "{" not in text and "}" not in text:
        return _dashes(_tie(text))
    return _convert(_PROSE, _keep(text))


def _mathematics(text: str) -> str:
    text = _FUNCTION.sub(r" \\", _SCRIPT.sub(_script, text))
    plain = _RELATION.sub(r" \1 ", _convert(_FORMULA, _keep(text)).strip())
    return _GROUP.sub(lambda found: _JOINT.join(found[0].split()) if len(found[0]) <= _GROUP_MAX else found[0], plain)


def _keep(text: str) -> str:
    """Hide literal signs from the parser; an `&` in an environment aligns columns."""
    signs = _LITERAL.sub(lambda found: _KEPT[found[0]], text)
    return signs.replace(_KEPT["&"], " ") if "\\begin" in text else signs


def _script(found: re.Match[str]) -> str:
    return (found[2] or found[3]).translate(_UP if found[1] == "^" else _DOWN)


def _convert(reader: LatexNodes2Text, text: str) -> str:
    if len(text) > _STRETCH_MAX or not _sound(text):
        return _light(text)
    try:
        plain: str = reader.latex_to_text(text)
    except Exception:  # the parser fails in many ways on what authors write; the words matter more
        return _light(text)
    return plain if set(_WORD.findall(_bare(text))) <= set(_WORD.findall(plain)) else _light(text)


def _sound(text: str) -> bool:
    """Return True if braces are balanced and not deep, and environments are closed."""
    depth = 0
    for brace in re.findall(r"(?<!\\)[{}]", text):
        depth += 1 if brace == "{" else -1
        if not 0 <= depth <= _DEPTH_MAX:
            return False
    return depth == 0 and text.count("\\begin") == text.count("\\end")


_NAMES = re.compile(
    r"\\(?:begin|end|label|ref|eqref|cite[a-z]*|textcolor|color|includegraphics|vspace|hspace)\*?\s*(?:\[[^\]]*\])?\{[^{}]*\}"
)


def _bare(text: str) -> str:
    """Return all words but names of macros, environments, colours and citations.

    Words that touch a macro may change with it (`G\\"odel`, `\\'etale`), so they do not count.
    """
    text = _NAMES.sub(" ", text)
    text = re.sub(r"(?:(?<!\w)\w+)?\{?\\(?:[^A-Za-z]|[A-Za-z](?![A-Za-z]))\s?\{?\\?\w*\}?\w*", " ", text)
    text = re.sub(r"(?:(?<!\w)\w+)?\\[A-Za-z]+\*?", " ", text)
    return _INNER.sub("", text)


def _light(text: str) -> str:
    """Remove only the signs of TeX; every word stays."""
    text = _SILENT.sub(" ", text)
    text = _MACRO.sub(r" \1 ", text)
    text = _INNER.sub("", re.sub(r"\\([%&#$_])", r"\1", text))
    return _dashes(_tie(re.sub(r"\\\\|\\[,;:!> ]|[{}]", " ", text).replace("\\", "")))


def _tie(text: str) -> str:
    return re.sub(r"(?<=[\w.,:;)}$])~(?=\S)", " ", text)


def _dashes(text: str) -> str:
    """Convert dashes between words or figures; `--help` stays an option."""
    return re.sub(r"---(?!-)", "—", re.sub(r"(?<![\s-])--(?![-])", "–", text))
