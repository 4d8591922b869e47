"""Test conversion of TeX to readable text, without losing text."""

import gzip
import json
import re
import sys
import unicodedata
from collections import Counter
from collections.abc import Iterator
from xml.etree import ElementTree as ET

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from digestd.text.tex import LENGTH_MAX, to_plain
from tests.support.outside import outside


@pytest.mark.parametrize(
    ("tex", "plain"),
    [
        # names and text
        (r"Erd\H{o}s--R\'enyi graphs", "Erdős–Rényi graphs"),
        (r"G\"odel, Schr{\"o}dinger, \'etale, na\"{\i}ve", "Gödel, Schrödinger, étale, naïve"),
        (r"\v{S}v\'{y}cer, Stra\ss e, \O rsted, Fran\c cois, \L{}ukasz", "Švýcer, Straße, Ørsted, François, Łukasz"),
        (r"Ohm\'s and Henry\' s law, don\'t, Poincar\'e's map", "Ohm's and Henry's law, don't, Poincaré's map"),
        (r"\emph{very} \textbf{bold}, {\it slanted}, \texttt{code}", "very bold, slanted, code"),
        (r"50\% \& more \#1, \$5, a\_b", "50% & more #1, $5, a_b"),
        (r"``quoted'' --- so, a `word' -- and more", "“quoted” — so, a ‘word’ – and more"),
        (r"Fig.~3, but ~5 ms, 5~10 s", "Fig. 3, but ~5 ms, 5~10 s"),
        (r"as shown~\cite{a,b} and in \cite[Thm~3]{c}\label{d}", "as shown and in [Thm 3]"),
        (r"\href{https://example.org/a_b}{our code}", "our code (https://example.org/a_b)"),
        (r"\url{https://example.org/~ada}", "https://example.org/~ada"),
        (r"a note\footnote{below}, \textcolor{red}{red} words", "a note (below), red words"),
        (r"\method{} beats \ours, \eg on graphs, \etc.", "method beats ours, e.g. on graphs, etc."),
        (r"\unknown{argument}", "unknown argument"),
        (r"\gls{NN}s, \glspl{LLM}, \Gls[hyper=false]{RL}, \acp{GAN}, \acrshort{gpu}", "NNs, LLM, RL, GAN, gpu"),
        (r"the \acf*{VAE}, \glsdisp{rl}{agents}, \hyperref[a]{here}; gls{RL}", "the VAE, agents, here; RL"),
        ("It melts. %Code will follow soon. It sets.", "It melts. It sets."),
        ("It melts. % such as here, by 5%. It sets. % , so far", "It melts. It sets."),
        ("It melts (a). % We weigh it. It sets.", "It melts (a). We weigh it. It sets."),
        ("{DNA} methylation", "DNA methylation"),
        (r"a dash$\unicode{x2013}$and $A \unicode[Times]{x2265} B$", "a dash–and A ≥ B"),
        (r"GSM\textsubscript{Hard}, 5\textsuperscript{th}", "GSM_Hard, 5ᵗʰ"),
        (r"TOP$_{ll}$, $V_{in}$, $x in S$, $a_{le}$", "TOPₗₗ, Vᵢₙ, x ∈ S, aₗₑ"),
        (r"\verb|x_{i}| stays", "x_{i} stays"),
        # scripts
        (r"$x_{ij}$, $x_{iq}$, $x^{2d}$, $x^{n-1}$", "xᵢⱼ, x_iq, x^(2d), xⁿ⁻¹"),
        (r"$x_{iq}y$, $x_\theta^2$, $x_{i,j}$, $e^{-i\omega t}$", "x_(iq)y, x²_θ, x_(i,j), e^(-iωt)"),
        (r"$L_{\mathrm{total}}$, $M_{\rm BH}$, $\log_2 n$", "L_total, M_BH, log₂ n"),
        (r"H$_2$O, 5$^\circ$C, $A^\top$, $x^*$, $f'(x)$, ${}^3$He", "H₂O, 5°C, Aᵀ, x*, f′(x), ³He"),
        (r"We show $\alpha_{ij} \le 10^{-3}$", "We show αᵢⱼ ≤ 10⁻³"),
        # fonts, accents, fences
        (r"$\mathbb{R}^n$, $\mathcal L$, $\mathfrak{g}$, $\mathbf{x}$", "ℝⁿ, ℒ, 𝔤, 𝐱"),
        (r"$\mathbf{Cov}(X)$, ${\cal N}=4$, $\mathrm{SU}(2)$", "Cov(X), 𝒩=4, SU(2)"),
        (r"$\hat\theta$, $\tilde{O}(n)$, $\bar x$, $\widehat{AB}$, $\overline{AB}$", "θ̂, Õ(n), x̄, hat(AB), A̅B̅"),
        (
            r"$\|x\|_2$, $\norm{x}$, $\left|a\right|$, $\langle a, b\rangle$, $\ket{\psi}$",
            "‖x‖₂, ‖x‖, |a|, ⟨a, b⟩, |ψ⟩",
        ),
        # fractions, roots, operators
        (r"$\frac{a+b}{c}$, $\frac{1}{2n}$, $\frac12 x$, ${a \over b}$", "(a+b)/c, 1/(2n), (1/2) x, a/b"),
        (
            r"$\frac{\partial f}{\partial x}$, $\left(\frac{n}{k}\right)^2$, $\binom{n}{k}$",
            "∂f/∂x, (n/k)², (n\u00a0choose\u00a0k)",
        ),
        (r"$\sqrt{n}$, $\sqrt{n+1}$, $\sqrt[3]{x}$, $\sqrt[k]{x}$", "√n, √(n+1), ∛x, ᵏ√x"),
        (r"$\sum_{i=1}^n x_i$, $\max_{x\in X} f$, $\lim_{n\to\infty} a_n$", "∑ᵢ₌₁ⁿ xᵢ, max_(x∈X) f, lim_(n→∞) aₙ"),
        (r"$\operatorname{rank} A$, $n\log n$, $\sin^2\theta$", "rank A, n log n, sin² θ"),
        (r"$f\colon A\to B$, $a\not= b$, $\xrightarrow{d}$", "f: A → B, a ≠ b, →ᵈ"),
        (r"$2\times 2$, $m \times n$, $P(A\mid B)$", "2×2, m × n, P(A\u00a0|\u00a0B)"),
        (r"$\mathcal{O}(n\log n)$ time", "𝒪(n\u00a0log\u00a0n) time"),
        (r"$f(a + b + c + d + e + f)$ and (so on)", "f(a + b + c + d + e + f) and (so on)"),
        # environments
        (r"$\begin{pmatrix} a & b \\ c & d \end{pmatrix}$", "(a,\u00a0b;\u00a0c,\u00a0d)"),
        (r"$f=\begin{cases} 1, & x>0 \\ 0, & \text{otherwise} \end{cases}$", "f={1, x>0; 0, otherwise}"),
        (r"\begin{align} a &= b \\ &= c \end{align} tail", "a = b = c tail"),
        # what opens mathematics
        (r"\(x\) or \[ y \] or $$z$$", "x or y or z"),
        (r"$ \alpha $ apart, a $\sim$5 times, $>$90% share", "α apart, a ∼5 times, >90% share"),
        (r"a set $\{a,b\}$, and $k$-means at $5 each", "a set {a,b}, and k-means at $5 each"),
    ],
)
def test_plain_text_of_tex_is_readable(tex: str, plain: str) -> None:
    assert to_plain(tex) == plain


@pytest.mark.parametrize(
    ("stripped", "plain"),
    [
        ("a 360^circ view, 360^{circ}, 360^circtimes180^circ", "a 360° view, 360°, 360°×180°"),
        ("2.5times faster at 256times 256, 8timesA100, 3-4times", "2.5× faster at 256×256, 8×A100, 3-4×"),
        ("pi_0.5, pi_0 and pi_{RL}, tau^2-Bench", "π_0.5, π₀ and π_RL, τ²-Bench"),
        ("leq3B, sim20% of {sim}1K, 20sim40, approx5%", "≤3B, ∼20% of ∼1K, 20∼40, ≈5%"),
        ("textit{O}ne, mathcal{O}(T^{-1/3}), boldsymbolπ", "One, 𝒪(T^(-1/3)), π"),
        ("R^{d times n}, eta_1propto d^{-1}, frac12", "R^(d×n), η₁∝d⁻¹, 1/2"),
        ("0.7rightarrow0.9, +3%uparrow, infty-fold", "0.7→0.9, +3%↑, ∞-fold"),
        ("R^2 of x_1 and f_i in O(N^2), FaSTA^*", "R² of x₁ and fᵢ in O(N²), FaSTA*"),
        ("at https://example.org/a{https://example.org/a}.", "at https://example.org/a."),
        ("see https://example.org/a_b{here}.", "see here (https://example.org/a_b)."),
        ("weights in {-1, 0, 1}, teal{Tools}", "weights in {-1, 0, 1}, Tools"),
        ("5.15{\\deg}, \\color{redD}eep", "5.15°, Deep"),
        (
            "**Bold** and *slanted*, **C**uriosity, `code`, _Great Book_",
            "Bold and slanted, Curiosity, code, Great Book",
        ),
    ],
)
def test_plain_text_of_half_stripped_tex_is_readable(stripped: str, plain: str) -> None:
    assert to_plain(stripped) == plain


@pytest.mark.parametrize(
    "text",
    [
        "$5 and $10",
        "costs $20,000 and $30,000 in total",
        "under $0.1 a page, US$44 (A$60), and $1,000 more for $20M",
        "R&D at AT&T <b>bold</b> & 100% of #1",
        "snake_case, float8_e4m3, _private_name and a ~5 % drop",
        "5 wt. % of salt, 3 at. % Ni, the %ID, GC% and a share (in % of all). In 5. 3 %",
        "the option --help, 6-31G* and 6-31G* sets, A* search, 512 * 768",
        "O(N log N)",
        "日本語の題名",
        "it's 5' tall",
        "sim2real, sometimes in five times, alpha and beta, pixel regimes",
        "https://example.org/~a_b/c--d?e=f&g=h^i or me_too@example.org",
    ],
)
def test_text_without_tex_is_unchanged(text: str) -> None:
    assert to_plain(text) == text


@pytest.mark.parametrize(
    "tex",
    [
        r"{\it unbalanced { words \textbf{after}",
        r"\emph{open and never closed",
        "closed } but never } opened",
        r"\begin{proof} without an end",
        r"a lone $ sign with \alpha after",
        r"\frac without arguments \frac",
        r"\verb|kept words| after",
        r"\left( unpaired \right",
        "backslash at the end\\",
        r"\sqrt[open option {and group} here",
        r"$x_$ and $^$ alone, \hat and \footnote alone",
        r"{a $b} crossing c$ kept",
    ],
)
def test_invalid_tex_loses_no_word(tex: str) -> None:
    plain = to_plain(tex)
    missing = set(re.findall(r"(?<!\\)\b[a-z]{4,}\b(?!\})", tex)) - set(re.findall(r"[a-z]{4,}", plain))
    assert not missing - {"begin", "proof", "frac", "verb", "left", "right"}, plain


def test_plain_text_is_one_visible_line() -> None:
    assert to_plain("a\r\nb\u2028c\x00d\u202ee\x85f\tg\ue001h") == "a b c d e f g h"
    assert to_plain("  spread \n\n out ") == "spread out"
    assert to_plain("$x$ \ue105 \ue003y\ue004") == "x y"


def test_plain_text_of_a_huge_text_is_the_text() -> None:
    assert to_plain("{" * 1_000_000) == "{" * 1_000_000
    assert to_plain(r"$\alpha$ " * LENGTH_MAX) == (r"$\alpha$ " * LENGTH_MAX).strip()


HOSTILE = [
    *("{" * 10_000, "{" * 300 + "x" + "}" * 300, "$x" * 5_000, r"\frac" * 2_000, r"\alpha " * 1_500),
    *(r"\textbf{" * 1_400, r"\begin{a}" * 1_100, "^" * 10_000, "\\" * 10_000, "$" * 10_001, r"\verb|" * 2_000),
    *(r"\(" * 5_000, "~" * 10_000, "$ " * 5_000, r"\[x" * 3_300, "$a " * 3_333, "$\\$" * 3_000, "`" * 10_000),
    *(r"\url{" * 2_000, r"\href{}{" * 1_200, "$ ^" * 3_333, r"\'{" * 3_300, r"\left(" * 1_600, "a\\" * 5_000),
    *("{\\" * 5_000, "{a}" * 3_333 + "\\", r"\begin{a}\end{a}" * 240, "$" + "x" * 9_998 + "$", "w" * 10_000 + "\\x"),
    *("$" + "\\a" * 240 + "$", r"\newcommand{\x}{\x\x}" * 400, "{\\" * 20 + "x" + "}" * 20, "\\cite{" * 1_600),
    *(r"\mathbf" * 1_400, r"\sqrt[" * 1_600, r"$\over" * 1_600, r"$\not\not" * 1_000, r"\(\cal " * 1_400),
    *(
        "_1" * 5_000,
        r"$\frac{1}" * 1_100,
        "a.b.c/" * 1_600,
        "a@" * 5_000,
        "**a " * 2_500,
        "_a " * 3_300,
        "2times" * 1_600,
    ),
    *(r"\begin{pmatrix}" * 600, r"\hat" * 2_500, r"\xrightarrow[" * 800, "$x" + "_{x" * 3_000, "(a" * 5_000 + r"\x"),
]


@pytest.mark.parametrize("tex", HOSTILE, ids=[f"{text[:8]!r}x{len(text)}" for text in HOSTILE])
def test_hostile_tex_needs_linear_steps(tex: str) -> None:
    steps = 0

    def count(*_event: object) -> None:
        nonlocal steps
        steps += 1

    sys.setprofile(count)
    try:
        to_plain(tex)
    finally:
        sys.setprofile(None)
    assert steps < 500 * len(tex), "the cost grows faster than the text"


def _image(text: str) -> Counter[str]:
    """Count letters, digits and symbols, whatever their font, size and accents."""
    text = text.replace("–", "--").replace("—", "---")  # as TeX joins them within \text
    return Counter(sign for sign in unicodedata.normalize("NFKD", text).replace("−", "-") if not sign.isspace())


@settings(max_examples=300)
@example(["$", "\\frac", "5", "\\frac", "\\alpha", "$"])
@given(
    st.lists(
        st.sampled_from([*"${}\\%&~^_#'`xz 5\n", "\\alpha", "\\frac", "\\begin{x}", "\\'", "\u202e", "é"]), max_size=40
    )
)
def test_plain_text_never_fails(parts: list[str]) -> None:
    plain = to_plain("".join(parts))
    blank = plain.replace("\u00a0", " ")  # one keeps a short group together
    assert blank == " ".join(blank.split())
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\ue000-\ue1ff]", plain)
    missing = Counter(sign for part in parts for sign in part if part[0] != "\\" and sign in "xz5#%") - _image(plain)
    assert not missing, plain


SYMBOLS = {
    **{r"\alpha ": "α", r"\Omega ": "Ω", r"\le ": "≤", r"\in ": "∈", r"\to ": "→", r"\times ": "×", r"\infty ": "∞"},
    **{
        r"\cdot ": "·",
        r"\pm ": "±",
        r"\log ": "log",
        r"\sum ": "∑",
        r"\nabla ": "∇",
        r"\%": "%",
        r"\{": "{",
        r"\}": "}",
    },
    **{r"\ell ": "ℓ", r"\langle ": "⟨", r"\neq ": "≠", r"\unknown ": "unknown", r"\dots ": "…", r"\&": "&", r"\#": "#"},
    **{sign: sign for sign in [*"abcdxyz0123456789+-=<>()[]|,;:.!?/", "*"]},
}
FORMS = [
    *(
        "{%s}",
        "%s_{%s}",
        "%s^{%s}",
        "%s_%s^{%s}",
        r"\frac{%s}{%s}",
        r"\sqrt{%s}",
        r"\sqrt[k%s]{%s}",
        r"\left(%s\right)",
    ),
    *(r"\mathbb{%s}", r"\mathcal{%s}", r"\mathbf{%s}", r"\mathfrak %s", r"\mathrm{%s}", r"\text{%s}", r"\hat{%s}"),
    *(r"\overline{%s}", r"\tilde %s", r"\norm{%s}", r"\overset{%s}{%s}", r"\binom{%s}{%s}", r"\underbrace{%s}_{%s}"),
    *(r"\operatorname{%s}", r"\xrightarrow[%s]{%s}", r"{%s \over %s}", r"\begin{pmatrix}%s & %s \\ %s\end{pmatrix}"),
    *(r"\begin{cases}%s & %s \\ %s\end{cases}", r"\unknown{%s}", r"{\bf %s}", r"{\cal %s}", r"\bar{%s}'", "%s %s"),
]


@st.composite
def formulas(draw: st.DrawFn, depth: int = 3) -> tuple[str, str]:
    """Draw a formula and the signs that it shows."""
    signs = draw(st.lists(st.sampled_from(sorted(SYMBOLS)), min_size=1, max_size=4))
    source, shown = "".join(signs), "".join(SYMBOLS[sign] for sign in signs)
    if not depth or draw(st.booleans()):
        return source, shown
    form = draw(st.sampled_from(FORMS))
    parts = [draw(formulas(depth - 1)) for _ in range(form.count("%s"))]
    if form.endswith((r"\mathfrak %s", r"\tilde %s")):
        form = form.replace("%s", "{%s}")
    shown += "".join(part[1] for part in parts) + ("unknown" if "unknown" in form else "")
    return source + form % tuple(part[0] for part in parts), shown


@settings(max_examples=300)
@given(formulas())
def test_every_sign_of_a_formula_has_its_image(formula: tuple[str, str]) -> None:
    source, shown = formula
    plain = to_plain(f"We show ${source}$ here")
    assert not _image(shown) - _image(plain), plain
    assert not re.search(r"\\[A-Za-z]", plain), plain


def _texts() -> Iterator[str]:
    """Yield all titles and abstracts of the outside data."""
    for place in ("hf_daily_papers/papers.jsonl.gz", "seed_listing/papers.jsonl.gz", "citeulike_a/items.jsonl.gz"):
        with gzip.open(outside(*place.split("/")), "rt") as lines:
            for line in lines:
                yield from (json.loads(line).get(key) or "" for key in ("title", "abstract"))
    for file in sorted(outside("source_fixtures", "arxiv_api_atom").glob("*.json")):
        body = json.loads(file.read_text())["body"]
        if "<entry>" in body:
            for entry in ET.fromstring(body.encode()).iter("{http://www.w3.org/2005/Atom}entry"):
                yield from (
                    entry.findtext(f"{{http://www.w3.org/2005/Atom}}{key}") or "" for key in ("title", "summary")
                )


ADDRESS = r"https?://[^\s{}]+|\S*(?:\.[a-z]{2,3}/|@)\S*"
RESIDUE = re.compile(
    r"\\[A-Za-z]|[_^]\{|(?<![A-Z\d])\$(?![\d(])|\*\*\w|\d(?:times|circ)\b|\^(?:circ|star)|\bsim\d+[^\da-z]|\b(?:approx|leq)\d"
    r"|\b(?:math(?:cal|bb|bf|rm)|text(?:bf|it|tt|sc)|emph)\{|[a-z]arrow\d|(?<![\w.])[a-z]\w*\^\d|^[^{]*\}|\{[^}]*$"
)
KEYS = re.compile(
    r"\\(?:begin|end|color|cite[a-z]*|ref|label)\s*\{[^{}]*\}|\\textcolor\{\w+\}|\\[A-Za-z]+|this https? URL"
    r"|(https?://[^\s{}]+)\{(?:[a-z]+\{)?(?:https?://)?[^\s{}]*/[^\s{}]*\}|\{this (?:https? )?url\.?\}",
    re.IGNORECASE,
)
NAMES = re.compile(
    r"(?:var)?epsilon|lambda|alpha|beta|[Dd]elta|[Tt]heta|gamma|sigma|[Pp]si|[Pp]hi|eta|tau|pi|times|circ|sim|approx|[lg]eq"
    r"|cdot|propto|infty|nabla|ell|sum|log|star|top|(?:[Ll]eft|[Rr]ight|up|down)*arrow|math[a-z]{2,4}|text[a-z]{2}|text|emph"
    r"|boldsymbol|frac|pm|[lr]angle|[lr]ceil|[lr]floor|mapsto|left|right|teal|orange|red|mypink|blue|magenta|in|dots|to|scr|\ble\b"
)


def test_plain_text_of_real_papers_has_no_residue() -> None:
    texts = [text for text in _texts() if text]
    left = [plain for text in texts if RESIDUE.search(re.sub(ADDRESS, "", plain := to_plain(text)))]
    assert len(texts) > 24_000
    assert len(left) <= 0.003 * len(texts), left[:20]


def test_plain_text_of_real_papers_loses_no_sign() -> None:
    lost = []
    for text in dict.fromkeys(_texts()):
        if re.search(r"[.!?]\s+%[^\W\d]|[.!?]\s+%\s+[a-z,]", text):  # a comment
            continue
        plain = to_plain(text)
        if plain == " ".join(unicodedata.normalize("NFC", text).split()):
            continue
        source = NAMES.sub(" ", KEYS.sub(r" \1 ", text))
        wanted, found = (
            Counter(
                sign
                for sign in unicodedata.normalize("NFKD", one).translate({0x3D5: "φ", 0x3F5: "ε"})
                if sign.isalnum()
            )
            for one in (source, NAMES.sub(" ", plain))
        )
        if missing := wanted - found:
            lost.append(("".join(missing.elements()), plain[:100]))
    assert not lost
