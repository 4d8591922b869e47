"""Tables: what each macro stands for, in Unicode.

Most symbols come from the tables of pylatexenc. The tables here add what it lacks, prefer the glyph that most fonts
have (`≤` for `\\leqslant`), and say which macros only mark up.
"""

import re
import unicodedata
from collections.abc import Iterator

from pylatexenc.latex2text import get_default_latex_context_db
from pylatexenc.latexencode import get_builtin_conversion_rules

from digestd.text import people as names


def _each(keys: str, value: str) -> dict[str, str]:
    return dict.fromkeys(keys.split(), value)


def _pairs(keys: str, values: str) -> dict[str, str]:
    return dict(zip(keys.split(), values, strict=True))


_GREEK = (
    "alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda mu nu xi pi rho varrho sigma "
    "varsigma tau upsilon phi varphi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega"
)
GREEK_NAMES = tuple(_GREEK.split())

_OURS = {
    **_pairs("leqslant geqslant mid lvert rvert vert lVert rVert Vert | middot", "≤≥||||‖‖‖‖·"),
    **_pairs("implies impliedby iff gets colon Box Diamond triangle", "⟹⟸⟺←:□◇△"),
    **_pairs("prime dprime degree celsius copyright S P dag ddag", "′″°℃©§¶†‡"),
    **_pairs("checkmark cmark xmark bigstar blacksquare qed", "✓✓✗★■∎"),
    **_pairs("textasciitilde textasciicircum lbrace rbrace lbrack rbrack slash And", "~^{}[]/&"),
    **_pairs("varGamma varDelta varTheta varLambda varPi varSigma varPhi varPsi varOmega", "ΓΔΘΛΠΣΦΨΩ"),
    **_pairs("coloneqq coloneq eqqcolon triangleq doteq defeq", "≔≔≕≜≐≝"),
    **_pairs("lparen rparen lbr rbr lceil rceil lfloor rfloor ulcorner urcorner", "(){}⌈⌉⌊⌋⌜⌝"),
    **_pairs("ddagger dagger natural flat sharp imath jmath Bbbk mho eth", "‡†♮♭♯ıȷ𝕜℧ð"),
    **_pairs("lt gt ne neq approxeq lnot land lor owns restriction", "<>≠≠≊¬∧∨∋↾"),
    **{"eg": "e.g.", "ie": "i.e.", "etc": "etc.", "etal": "et al.", "wrt": "w.r.t.", "cf": "cf.", "vs": "vs."},
    **{"LaTeX": "LaTeX", "TeX": "TeX", "BibTeX": "BibTeX", "ae": "æ", "AE": "Æ", "oe": "œ", "OE": "Œ", "ss": "ß"},
    **{
        "neg": "¬",
        "item": "•",
        "bmod": "mod",
        "mod": "mod",
        "angstrom": "Å",
        "euro": "€",
        "EUR": "€",
        "pounds": "£",
        "tm": "™",
    },
    **{"dots": "…", "ldots": "…", "dotsc": "…", "dotsb": "⋯", "newline": " ", "linebreak": " ", "par": " "},
    **{"today": "today", "textquotesingle": "'", "textquotedbl": '"', "glqq": "„", "grqq": "“", "lq": "‘", "rq": "’"},
    **_pairs("textgreater textless textbar textbraceleft textbraceright textunderscore", "><|{}_"),
    **_pairs("textmu texttimes textpm textellipsis textonehalf textquarter", "µ×±…½¼"),
    **{sign: sign for sign in "%&#$_{}"},
}

SPACES = frozenset([",", ";", ":", ">", " ", "\n", "\t", "quad", "qquad", "space", "thinspace", "enspace", "hfill"])
"""Macros that are a space."""

_FUNCTIONS = (
    "arccos arccosh arcsin arcsinh arctan arctanh arg argmax argmin cos cosh cot coth csc deg det diag dim exp gcd hom "
    "inf ker lcm lg lim liminf limsup ln log max min mod bmod Pr rank sec sgn sign sin sinh sup supp tan tanh Tr tr "
    "trace Re Im poly polylog softmax KL erf var Var Cov Hom End Aut Gal Spec id ord vol conv"
)
OPERATORS = frozenset(_FUNCTIONS.split())

_SILENT = r"""
    displaystyle textstyle scriptstyle scriptscriptstyle limits nolimits left right middle big Big bigg Bigg bigl
    bigr Bigl Bigr biggl biggr Biggl Biggr bigm Bigm xspace protect noindent indent centering raggedright tiny
    scriptsize footnotesize small normalsize large Large LARGE huge Huge allowbreak nobreakdash nobreak break null
    relax normalfont selectfont unskip ignorespaces maketitle nonumber notag smallskip medskip bigskip newpage
    clearpage pagebreak hline toprule midrule bottomrule strut mathstrut mathsurround upshape itshape
    bfseries mdseries rmfamily sffamily ttfamily scshape slshape em it bf sl sc rm tt sf boldmath unboldmath ! / -
    @ ( ) [ ]"""
SILENT = frozenset(_SILENT.split())
"""Macros without arguments that leave nothing behind."""

KEYS = {
    **_each("cite citep citet citealp citealt citeauthor citeyear citeyearpar Cite Citet Citep", "*[[{"),
    **_each("textcite parencite autocite footcite onlinecite nocite fullcite citenum", "*[[{"),
    **_each("ref eqref cref Cref autoref pageref nameref label hypertarget", "*{"),
    **_each("color pagecolor bibliography bibliographystyle usepackage documentclass pagestyle", "[{"),
    **_each("vspace hspace vskip hskip phantom hphantom vphantom includegraphics index hypersetup", "*[{"),
}
"""Macros that vanish with their arguments: keys of citations, labels, colours, lengths, files."""

CONTENT = {
    **_each("textbf textit textsc texttt textrm textsf textsl textup textmd textnormal emph uline ul", "{"),
    **_each("underline mbox hbox fbox makebox framebox centerline text intertext shortintertext", "{"),
    **_each("ensuremath mathop mathbin mathrel mathord mathopen mathclose mathpunct mathinner", "{"),
    **_each("boldsymbol bm pmb mathnormal smash lowercase MakeLowercase uppercase MakeUppercase", "{"),
    **_each("section subsection subsubsection paragraph title author date substack nolinkurl path", "{"),
    **_each("overbrace underbrace boxed cancel num ang mathclap mathllap mathrlap sout hl ce", "{"),
    **_each("gls Gls GLS glspl Glspl GLSpl glsfirst Glsfirst glstext Glstext glsname glsentrytext", "*o{"),
    **_each("glsentryshort glsentrylong glsxtrshort glsxtrlong glsxtrfull glsfmtshort glsfmtlong", "*o{"),
    **_each("ac Ac acp Acp acs acsp acl Acl aclp Aclp acf Acf acfp Acfp acfi iac Iac acuse acrfull Acrfull", "*o{"),
    **_each("acrshort Acrshort acrlong Acrlong acrshortpl acrlongpl Acrlongpl acrfullpl Acrfullpl", "*o{"),
    **{
        "textcolor": "-{",
        "colorbox": "-{",
        "texorpdfstring": "{-",
        "raisebox": "-{",
        "scalebox": "-{",
        "foreignlanguage": "-{",
    },
    **{
        "resizebox": "--{",
        "parbox": "-{",
        "hyperref": "o{",
        "hyperlink": "-{",
        "glslink": "o-{",
        "glsdisp": "o-{",
        "si": "{",
        "SI": "{{",
        "qty": "{{",
        "unit": "{",
    },
}
"""Macros that only style their arguments, or name an acronym. `-` vanishes: a colour or a length; an option `o` too."""

STYLES = {
    "mathbb": "DOUBLE-STRUCK",
    "Bbb": "DOUBLE-STRUCK",
    "mathds": "DOUBLE-STRUCK",
    "mathbbm": "DOUBLE-STRUCK",
    "mathcal": "SCRIPT",
    "cal": "SCRIPT",
    "mathscr": "SCRIPT",
    "scr": "SCRIPT",
    "mathfrak": "FRAKTUR",
    "frak": "FRAKTUR",
    "mathbf": "BOLD",
    "mathbfit": "BOLD",
    "vb": "BOLD",
    **_each("mathrm mathit mathsf mathtt operatorname operatornamewithlimits DeclareMathOperator", ""),
}
"""Fonts of mathematics, by their name in Unicode. Upright, italic and monospaced letters stay plain."""

SWITCHES = frozenset(["cal", "scr", "frak"])
"""Fonts that hold until the end of the group."""

ACCENTS = {
    **names.ACCENTS,
    "t": "\u0361",
    "slashed": "\u0338",
    **_pairs(
        "grave acute hat tilde bar breve dot ddot dddot", "\u0300\u0301\u0302\u0303\u0304\u0306\u0307\u0308\u20db"
    ),
    **_pairs("check vec mathring widehat widetilde overline", "\u030c\u20d7\u030a\u0302\u0303\u0305"),
    **_pairs("overrightarrow overleftarrow widecheck underbar", "\u20d7\u20d6\u030c\u0332"),
}
"""Accents of text and mathematics, as combining characters."""

LINES = frozenset("\u0304\u0305\u0332")
"""Accents that may cover several letters, one on each."""

LETTER_ACCENTS = frozenset("uvHcdbkrt")
"""Accents of text whose names are letters."""

FENCES = {
    "norm": "‖‖",
    "Norm": "‖‖",
    "abs": "||",
    "card": "||",
    "ceil": "⌈⌉",
    "floor": "⌊⌋",
    "set": "{}",
    "ket": "|⟩",
    "bra": "⟨|",
    "braket": "⟨⟩",
    "expval": "⟨⟩",
    "inner": "⟨⟩",
}
"""Macros that put a fence around their argument."""

FRACTIONS = frozenset(["frac", "dfrac", "tfrac", "cfrac", "nicefrac", "sfrac"])
ARROWS = {"xrightarrow": "→", "xleftarrow": "←", "xmapsto": "↦", "xhookrightarrow": "↪"}

MATRICES = {
    "matrix": "()",
    "pmatrix": "()",
    "bmatrix": "[]",
    "Bmatrix": "{}",
    "vmatrix": "||",
    "Vmatrix": "‖‖",
    "smallmatrix": "()",
    "array": "()",
}

SUPERSCRIPTS = dict(
    zip(
        "0123456789+-−=()abcdefghijklmnoprstuvwxyzABDEGHIJKLMNOPRTUVWβγδθφχ∘°′″*⋆†‡⊤§",
        "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻᴬᴮᴰᴱᴳᴴᴵᴶᴷᴸᴹᴺᴼᴾᴿᵀᵁⱽᵂᵝᵞᵟᶿᵠᵡ°°′″*⋆†‡ᵀ§",
        strict=True,
    )
)
SUBSCRIPTS = dict(zip("0123456789+-−=()aehijklmnoprstuvxβγρφχ", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓᵦᵧᵨᵩᵪ", strict=True))

RELATIONS = frozenset("≤≥≪≫⋘⋙≺≻⪯⪰≼≽∼≃≈≅≊≡≢≠∝∈∉∋⊂⊃⊆⊇⊊⊋⊄⊈⊏⊐⊑⊒⊢⊣⊨⊩⊥∣∥≔≕≜≐≝≍⋈≲≳≶≷∽≦≧∴∵←→↑↓↔↕⇐⇒⇑⇓⇔↦↪↩↠⟵⟶⟷⟸⟹⟺⟼⇝↝⇌⇀⇁↼↽↗↘↖↙↣⇉⇄")
BINARY = frozenset("±∓×÷∗⋆∘∙·•∩∪⊎⊓⊔∨∧∖≀△▽⊕⊖⊗⊘⊙⋊⋉▷◁")
LARGE = frozenset("∑∏∐∫∬∭∮⋂⋃⨁⨂⋁⋀⨀⨆")
OPENING = frozenset("([{⟨⌈⌊⟦")
CLOSING = frozenset(")]}⟩⌉⌋⟧")

_KINDS = {
    **dict.fromkeys(RELATIONS, "relation"),
    **dict.fromkeys(BINARY, "binary"),
    **dict.fromkeys(LARGE | OPERATORS, "operator"),
    **dict.fromkeys(OPENING, "open"),
    **dict.fromkeys(CLOSING, "close"),
    **dict.fromkeys(",;:.?", "point"),
    **dict.fromkeys("+-*/=<>", "sign"),
}


def kind_of(text: str) -> str:
    """Return the class that spaces a part of a formula, as TeX has it."""
    return _KINDS.get(text) or ("number" if text[:1].isdigit() else "letter")


def _library() -> Iterator[tuple[str, str]]:
    for rules in get_builtin_conversion_rules("unicode-xml"):
        for code, tex in rules.rule.items():
            if found := re.fullmatch(r"(?:\\ensuremath)?\{?\\([A-Za-z]+)\}?", tex):
                yield found[1], chr(code)
    for spec in get_default_latex_context_db().iter_macro_specs():
        plain = spec.simplify_repl
        if isinstance(plain, str) and "%" not in plain and "<" not in plain and plain.strip():
            yield spec.macroname, plain


SYMBOLS: dict[str, str] = {
    name: plain
    for name, plain in (dict(_library()) | _OURS).items()
    if name not in ACCENTS and name not in SILENT | SPACES and name not in KEYS | CONTENT | STYLES
} | {name: name for name in OPERATORS}
SYMBOLS |= {"argmax": "arg max", "argmin": "arg min", "liminf": "lim inf", "limsup": "lim sup"}

_LETTERS = "aa AA ae AE oe OE o O l L ss i j dh DH dj DJ th TH ng NG"
LETTERS = frozenset(_LETTERS.split())
"""Letters such as `\\o` and `\\ss`: a blank after them ends the macro and is no space."""


def styled(letter: str, style: str) -> str:
    """Return a letter or digit in a font of mathematics, or itself if there is none."""
    if not style or not letter.isascii() or not letter.isalnum():
        return letter
    case = "DIGIT" if letter.isdigit() else "CAPITAL" if letter.isupper() else "SMALL"
    name = unicodedata.name(letter).rpartition(" ")[2]
    for kind in ("MATHEMATICAL ", ""):
        for fraktur in (style, "BLACK-LETTER" if style == "FRAKTUR" else style):
            try:
                return unicodedata.lookup(f"{kind}{fraktur} {case} {name}")
            except KeyError:
                continue
    return letter
