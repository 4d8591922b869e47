"""Turn what sources give into strict TeX.

Papers are written in TeX, plain text, Markdown or all of it, so `$`, `%`, `&`, `~` and `_` may be literal. A dollar
opens mathematics only by Pandoc's rule (no blank inside, no digit after the closing one) or with TeX inside, so prices
stay prices. Hugging Face strips dollars and backslashes (`2.5times`, `360^circ`); macros without their backslash are
known by what touches them.
"""

import re
from collections.abc import Callable

from digestd.text.tex.reader import MATH_END, MATH_START, RAW_END, RAW_START
from digestd.text.tex.symbols import GREEK_NAMES

_MATH_MAX = 1_000
_GREEK = "|".join(sorted(GREEK_NAMES, key=len, reverse=True))
_LETTER = "A-Za-zͰ-Ͽℓ∇∂"
_DOMAINS = "com|org|net|io|ai|edu|gov|dev|app|co|me|cc|de|uk|cn|jp|fr|ch|eu"
_ADDRESS = (
    r"(?:https?://|www\.)(?:\\[_%#&~]|[^\s{}\\$<>\"\ue000-\ue0ff])+"
    r"|(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}\.[\w.-]{0,100}\w"
    rf"|(?<![\w.-])(?:[a-z0-9-]{{1,63}}\.){{1,4}}(?:{_DOMAINS})/(?:\\[_%#&~]|[^\s{{}}\\$<>\"\ue000-\ue0ff])+"
)
_HAS_ADDRESS = re.compile(rf"://|www\.|@|\.(?:{_DOMAINS})/")
_OTHER_PARTS = (
    r"\\verb\*?(?P<bar>[^\w\s*\\{}])(?P<verbatim>[^\n]{0,200}?)(?P=bar)"
    r"|(?P<escaped>\\[\\$])"
    r"|\\(?P<open>[(\[])"
    r"|(?P<dollar>\$\$?)"
)
_PARTS = re.compile(rf"(?P<address>{_ADDRESS})|{_OTHER_PARTS}")
_PARTS_WITHOUT_ADDRESS = re.compile(rf"(?P<address>(?!))|{_OTHER_PARTS}")
_TIE = re.compile(r"(?<=[\w.,:;)}\]”\"'])~(?=[^\s~])(?<!\d~(?=\d))")
_TILDE = re.compile(r"(?<!\\)~")
_DOLLAR = re.compile(r"(\\)?\$")
_BRACKET = re.compile(r"\\[)\]]")
_ESCAPED = re.compile(r"\\([_%#&~])")
_BROKEN_LINK = re.compile(r"\\href\s*\{(https?://[^\s{}]+)\{([^{}]*)\}")
_NO_FENCE = re.compile(r"\\(left|right)\s*\.")
_LABEL = re.compile(r"\{((?:[^{}]|\{[^{}]*\}){1,200})\}")
_EVIDENCE = re.compile(r"\\[A-Za-z]|[_^={}<>]")
_ONLY_SIGNS = re.compile(r"[<>=~+±−-]{1,3}|\s*\\[A-Za-z]+\s*")
_LONE = re.compile(r"\s?[A-Za-z]\s?|\s[A-Za-z(][^\s$]{0,30}")
_AMOUNT = re.compile(r"\d[\d,.]*\s*(?:[kKMBT]|[mb]illion)?(?:[\s,;:.)-]|$)")
_PLAIN_WORDS = re.compile(r"(?<![\\A-Za-z_{])[A-Za-z]{3,}")

_FONTS = (
    "math(?:cal|bb|bf|rm|it|sf|tt|frak|scr)|text(?:bf|it|tt|sc|rm|sf)|emph|boldsymbol|operatorname|underline|overline"
    "|widehat|widetilde"
)
_COLOURS = "red|blue|green|teal|orange|purple|magenta|cyan|violet|brown|gr[ae]y|[a-z]{2}(?:pink|blue|red|green)"
_SIGNS = "times|sim|approx|leq|geq|lesssim|gtrsim|pm|cdot|propto|infty|rightarrow|circ|nabla|ell"
_SHORT_SIGNS = "to|le|ge|ll|gg|in|neq|deg"
"""Signs whose names are common scripts: `V_{in}`, `TOP_{ll}`."""
_UNIT = r"\{?times|[KMBTGkx%+]|\\?%|ms|GB|FPS|s"
_NO_LETTER = r"(?<![A-Za-z\\])"

_Replacement = str | Callable[[re.Match[str]], str]
_Rule = tuple[tuple[str, ...], re.Pattern[str], _Replacement]


def _rule(needles: str, pattern: str, tex: _Replacement) -> _Rule:
    """Return a pattern with its replacement, and what a text must hold for it to be tried."""
    return tuple(needles.split()), re.compile(pattern), tex


_RULES = [
    # Ohm\'s, an apostrophe escaped as in a program
    _rule("\\'", r"(?<=[A-Za-z])\\' ?(?=(?:s|t|re|ve|ll)\b)", "'"),
    # {sim}11%, 7{times}, d{varepsilon^2}
    _rule("{", rf"\{{\s?({_GREEK}|{_SIGNS})\s?\}}", r"{\\\1}"),
    _rule("{", rf"(?<![_^])\{{\s?({_SHORT_SIGNS})\s?\}}", r"{\\\1}"),
    _rule("{", rf"(?<=\{{)({_GREEK})(?=[_^])", r"{\\\1}"),
    # mathcal{O}, textit{O}bstacles, extbf{..}, frac{1}{2}, frac12, teal{Tool-use}
    _rule("{", rf"(?<!\\)({_FONTS})(?=\{{)", r"\\\1"),
    _rule("extit{ extbf{ exttt{ extsc{ extrm{", rf"{_NO_LETTER}e(xt(?:bf|it|tt|sc|rm))(?=\{{)", r"\\te\1"),
    _rule("{", rf"{_NO_LETTER}(frac|sqrt|tilde|hat|bar|vec|text|bm|underbrace|overbrace)(?=\{{)", r"\\\1"),
    _rule("{", rf"{_NO_LETTER}([gG]ls(?:pl)?|acr(?:short|long))(?=\{{)", r"\\\1"),
    _rule(
        "math bold", rf"{_NO_LETTER}(math(?:scr|cal|bb|bf|frak)|boldsymbol)(?=[A-Z](?![a-z])|[^\x00-\x7f])", r"\\\1 "
    ),
    _rule("frac", rf"{_NO_LETTER}frac(\d)(\d)", r"\\frac{\1}{\2}"),
    _rule("{", rf"{_NO_LETTER}(?:{_COLOURS})(?=\{{)", ""),
    # 360^circ, λ^star
    _rule("^", r"\^\{?(circ|star|top|dagger|prime|ast|perp|infty)(?:\}|(?=times|[^a-z{]|$))", r"^{\\\1 }"),
    # lambdacdot, 2propto, eta_2propto
    _rule(
        "cdot propto times approx circ leq geq",
        rf"{_NO_LETTER}({_GREEK})(?=cdot|propto|times|approx|circ(?![a-z])|leq|geq)",
        r"{\\\1}",
    ),
    _rule("cdot propto", r"(?<=[^\s\\])(cdot|propto)(?![a-z])\s?", r"{\\\1}"),
    _rule("cdot propto slant", r"(?<!\\)(cdot|propto|leqslant|geqslant)(?![a-z])", r"{\\\1}"),
    # names that are no English words
    _rule(
        "var infty nabla angle ceil floor Vert mapsto eq ldots",
        rf"{_NO_LETTER}(var(?:epsilon|phi)|infty|nabla|langle|rangle|[lr]ceil|[lr]floor|[lr]Vert|mapsto|leq|geq|ldots)"
        "(?![A-Za-z])",
        r"{\\\1}",
    ),
    _rule("approx", rf"{_NO_LETTER}approx(?=\s?\d)", r"{\\approx}"),
    _rule("!", r"!(in|sim|leq|geq|to)!", r"{\\\1}"),
    _rule("left( left[", r"(?<=[A-Z])left(?=[(\[])|(?<=[\s})])right(?=[)\]])", ""),
    # 0.73rightarrow0.90, uparrow
    _rule(
        "arrow",
        r"\\[A-Za-z]+|(?:(?<=\S)((?:[lL]ong)?(?:[lL]eftright|[lL]eft|[rR]ight)arrow)\s?)"
        r"|((?:[lL]ong)?(?:[lL]eftright|[lL]eft|[rR]ight)arrow|(?<![A-Za-z])(?:up|down)arrow(?![a-z]))",
        lambda found: f"{{\\{found[1] or found[2]}}}" if found.lastindex else found[0],
    ),
    # C_Phi, O(dlog(n))
    _rule("_", rf"(?<=_)({_GREEK})(?![A-Za-z])", r"{\\\1}"),
    _rule("log", r"(\bO\([^()\s]{0,6}?)(?<!\\)log(?=[ (_\dA-Z])", r"\1{}\\log "),
    # 2.5times, 256times 256, 8timesA100, R^{d times d}
    _rule("times", r"(?<=\d)times (?=\d+\b)", r"{\\times}"),
    _rule("times", r"(?<=[\d)%}])times(?=sim|approx|[^a-z]|$)|(?<=[A-Z])times(?=\d)", r"{\\times}"),
    _rule("times", r"(?<=[_^]\{\w)\s?times\s?(?=\w\})", r"{\\times}"),
    # tau^2, pi_0.5, sum_{i=1}
    _rule("^", rf"{_NO_LETTER}({_GREEK}|ell|nabla|sum|prod)(?=\^)", r"{\\\1}"),
    _rule("_{", rf"{_NO_LETTER}({_GREEK}|ell|nabla|sum|prod|int|log|min|max)(?=_\{{)", r"{\\\1}"),
    _rule(
        "_",
        rf"{_NO_LETTER}({_GREEK}|ell|nabla|sum|prod|log)_(\d+(?:\.\d+)?(?![A-Za-z\d])|[A-Za-z](?![A-Za-z\d_]))",
        r"{\\\1}_{\2}",
    ),
    # 5.15{\deg}
    _rule("deg", r"(?<=\d)\s?\{?\\deg(?:ree)?(?![A-Za-z])\}?", r"{\\degree}"),
    # sim20%, leq3B, 20sim40
    _rule(
        "sim approx leq geq pm",
        rf"{_NO_LETTER}(sim|approx|leq|geq|lesssim|gtrsim|pm)!?(?=\$?\d[\d.,]*\s?(?:{_UNIT})?(?![A-Za-z]))",
        r"{\\\1}",
    ),
    _rule("sim approx leq geq", r"(?<=\{\\times\})(sim|approx|leq|geq)(?=\d)", r"{\\\1}"),
    _rule("sim approx leq geq propto", r"(?<=[^\x00-\x7f])(approx|propto|sim|leq|geq)(?![a-z])\s?", r"{\\\1}"),
]
"""Half-stripped macros, in order."""

_CARET = re.compile(rf"(?<=[\w)\]}}°⟩|])\^(?:([-−+]?\d+)|([*+†‡§⊤])(?!\*)|([{_LETTER}])(?![\w{{}}^]))")
_INDEX = re.compile(rf"(?<![\w\\])([{_LETTER}]|\\[A-Za-z]+\s?)_(?:(\d+)|([{_LETTER}]))(?![\w{{.]*[A-Za-z_{{])")
_SET = re.compile(r"(?<![\\\w}\^_])\{([^{}\\]{1,60},[^{}\\]{1,60})\}")

_STRONG = re.compile(
    r"(?<![\w*\\])\*\*(?=[^\s*])([^*]{1,300}?)(?<=[^\s*])\*\*(?!\*)|\*\*(?=[^\s*])([^*]{1,300}?)(?<=[^\s*])\*\*(?![\w*])"
)
_STAR = re.compile(r"(?<![\w*\\^){}])\*(?=[^\s*,.;:)])([^*{}]{1,200}?)(?<=[^\s*(])\*(?![\w*}])")
_UNDERSCORE = re.compile(r"(?<![\w\\])_(?=[^\W_])([^_{}^]{2,200}?)(?<=[\w.!?])_(?![\w{])")
_CODE = re.compile(r"(?<![`\w])`(?=[^`\s'])([^`'\n]{1,100})(?<=\S)`(?!`)")


def to_strict(text: str) -> str:
    """Return the text with its mathematics and verbatim parts marked, all other signs literal or TeX."""
    text = _BROKEN_LINK.sub(r"\\href{\1}{\2}", text) if "\\href" in text else text
    text = _NO_FENCE.sub(r"\\\1 ", text) if "\\left" in text or "\\right" in text else text
    parts: list[str] = []
    at = done = 0
    parts_of = _PARTS if _HAS_ADDRESS.search(text) else _PARTS_WITHOUT_ADDRESS
    while found := parts_of.search(text, at):
        at = found.end()
        marked = _marked(text, found)
        if marked is None:
            continue
        parts += [_prose(_untied(text[done : found.start()], is_first=not parts)), marked[0]]
        at = done = marked[1]
    return "".join([*parts, _prose(_untied(text[done:], is_first=not parts, is_last=True))])


def _untied(text: str, *, is_first: bool, is_last: bool = False) -> str:
    """Make a blank of `~` between words; before a number it means about."""
    if "~" not in text:
        return text
    if not is_first and text[0] == "~":
        text = " " + text[1:]
    if not is_last and text[-1:] == "~":
        text = text[:-1] + " "
    return _TILDE.sub(f"{RAW_START}~{RAW_END}", _TIE.sub(" ", text))


def _marked(text: str, found: re.Match[str]) -> tuple[str, int] | None:
    """Return the marked form of an address, a verbatim part or a formula, and where it ends."""
    end = found.end()
    if found["address"]:
        return _address(text, found["address"], end)
    if found["verbatim"] is not None:
        return RAW_START + found["verbatim"] + RAW_END, end
    if found["escaped"]:
        return None
    if found["open"]:
        close = _BRACKET.search(text, end, end + _MATH_MAX)
        return (_formula(text[end : close.start()]), close.end()) if close else None
    inner = _inner(text, found)
    if inner is None:
        return RAW_START + found["dollar"] + RAW_END, end
    return _formula(inner), end + len(inner) + len(found["dollar"])


def _address(text: str, address: str, end: int) -> tuple[str, int]:
    """Mark an address; `https://example.org{here}` is what is left of a link with a label."""
    address = _ESCAPED.sub(r"\1", address)
    label = _LABEL.match(text, end)
    if label:
        return f"\\href{{{RAW_START}{address}{RAW_END}}}{{{to_strict(label[1])}}}", label.end()
    return RAW_START + address + RAW_END, end


def _inner(text: str, found: re.Match[str]) -> str | None:
    """Return what a dollar encloses, or None if it is no mathematics."""
    sign, start = found["dollar"], found.end()
    close = start
    for _ in range(3):
        close = text.find(sign, close, start + _MATH_MAX)
        while close > 0 and text[close - 1] == "\\":
            close = text.find(sign, close + 1, start + _MATH_MAX)
        if close < 0:
            return None
        inner, end = text[start:close], close + len(sign)
        if inner and _is_balanced(inner):
            is_formula = _is_formula(inner, text[found.start() - 1 : found.start()], text[end : end + 1])
            return inner if is_formula else None
        close += len(sign)
    return None


def _is_balanced(text: str) -> bool:
    depth = 0
    for brace in re.findall(r"(?<!\\)[{}]", text):
        depth += 1 if brace == "{" else -1
        if depth < 0:
            return False
    return depth == 0


def _is_formula(inner: str, before: str, after: str) -> bool:
    """Return True if what dollars enclose is mathematics and no price."""
    if _ONLY_SIGNS.fullmatch(inner):
        return True
    words = len(_PLAIN_WORDS.findall(inner))
    has_tex = _EVIDENCE.search(inner) is not None
    if before.isupper() and inner[:1].isdigit() and not has_tex:
        return False
    if inner != inner.strip() and _LONE.fullmatch(inner):
        return not after.isalnum()
    if _AMOUNT.match(inner) and words and "\\" not in inner:
        return False
    if "\\" not in inner and words > (8 if has_tex else 2):
        return False
    if has_tex and ("\\" in inner or not after.isdigit()):
        return True
    return not inner[0].isspace() and not inner[-1].isspace() and not after.isdigit()


_BRACED = re.compile(r"(?<=[_^]\{)[^{}\\]{3,60}(?=\})")
_NAMES = re.compile(rf"(?<![A-Za-z])({_GREEK}|infty|ell|nabla)(?=[^a-z]|$)")
_BARE = re.compile(
    rf"(?<![A-Za-z\\])({_GREEK}|ell|dots|ldots|leq|geq|infty|times|sim|approx|mathbb|mathcal|mathscr|log|sum|pm|neq"
    r"|(?<![_^{])(?:in|to|le|ge))(?![A-Za-z])"
)


def _formula(inner: str) -> str:
    if "\\" not in inner:
        inner = _BARE.sub(r"\\\1 ", _restored(inner))
    inner = _DOLLAR.sub(lambda found: f"{RAW_START}${RAW_END}" if found[1] else " ", inner)
    return MATH_START + inner + MATH_END


def _prose(text: str) -> str:
    if "*" in text:
        text = _STAR.sub(r"\1", _STRONG.sub(lambda found: found[1] or found[2], text))
    if "`" in text:
        text = _CODE.sub(r"\1", text)
    text = _restored(text)
    if "_{" in text or "^{" in text:
        text = _BRACED.sub(lambda found: _NAMES.sub(r"{\\\1}", found[0]), text)
    if "_" in text:
        text = _UNDERSCORE.sub(r"\1", text)
        text = _INDEX.sub(lambda found: f"{found[1]}_{{{found[2] or found[3]}}}", text)
    if "^" in text:
        text = _CARET.sub(lambda found: f"^{{{found[1] or found[2] or found[3]}}}", text)
    return _SET.sub(r"\\{\1\\}", text) if "{" in text else text


def _restored(text: str) -> str:
    """Give half-stripped macros their backslash."""
    for needles, pattern, tex in _RULES:
        if any(needle in text for needle in needles):
            text = pattern.sub(tex, text)
    return text
