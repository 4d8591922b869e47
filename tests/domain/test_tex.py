"""Test conversion of TeX to readable text, without losing text."""

import re
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digestd.domain.tex import to_plain


@pytest.mark.parametrize(
    ("tex", "plain"),
    [
        (r"Erd\H{o}s--R\'enyi graphs", "Erdős–Rényi graphs"),
        (r"G\"odel, Schr{\"o}dinger, \'etale, na\"{\i}ve", "Gödel, Schrödinger, étale, naïve"),
        (r"We show $\alpha_{ij} \le 10^{-3}$", "We show α_ij ≤ 10⁻³"),
        (r"$\mathcal{O}(n\log n)$ time", "𝒪(n\u00a0log\u00a0n) time"),
        (r"$O(n \log(n) + 1)$ or $f(x + y)$", "O(n\u00a0log(n)\u00a0+\u00a01) or f(x\u00a0+\u00a0y)"),
        (r"$f(a + b + c + d + e + f)$ and (so on)", "f(a + b + c + d + e + f) and (so on)"),
        (r"$H_2O$ and $x^{n-1}$", "H₂O and xⁿ⁻¹"),
        (r"$k$-means and $\ell_1$-norm", "k-means and ℓ₁-norm"),
        (r"\(x\) or \[ y \]", "x or y"),
        (r"$ \alpha $ apart", "α apart"),
        (r"a $\sim$5 times, $>$90% share", "a ∼5 times, >90% share"),
        (r"\emph{very} \textbf{bold}, {\it slanted}", "very bold, slanted"),
        (r"50\% \& more \#1", "50% & more #1"),
        (r"a set $\{a,b\}$", "a set {a,b}"),
        (r"``quoted'' --- so", "“quoted” — so"),
        (r"Fig.~3, but ~5 ms", "Fig. 3, but ~5 ms"),
        (r"\href{https://example.org/a_b}{our code}", "our code"),
        (r"\url{https://example.org/~ada}", "https://example.org/~ada"),
        (r"\unknown{argument}", "argument"),
        ("{DNA} methylation", "DNA methylation"),
        (r"\begin{align} a &= b \\ c &= d \end{align} tail", "a = b c = d tail"),
    ],
)
def test_plain_text_of_tex_is_readable(tex: str, plain: str) -> None:
    assert to_plain(tex) == plain


@pytest.mark.parametrize(
    "text",
    [
        "$5 and $10",
        "costs $20,000 and $30,000 in total",
        "under $0.1 a page, or US$44",
        "R&D at AT&T <b>bold</b> & 100% of #1",
        "snake_case, x^2 and a ~5 % drop",
        "the option --help",
        "O(N log N)",
        "日本語の題名",
        "it's 5' tall",
        "{{7*7}}".replace("{", "(").replace("}", ")"),
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
    ],
)
def test_invalid_tex_loses_no_word(tex: str) -> None:
    plain = to_plain(tex)
    missing = set(re.findall(r"(?<!\\)\b[a-z]{4,}\b(?!\})", tex)) - set(re.findall(r"[a-z]{4,}", plain))
    assert not missing - {"begin", "proof", "frac", "verb", "left", "right"}, plain


def test_plain_text_is_one_visible_line() -> None:
    assert to_plain("a\r\nb\u2028c\x00d\u202ee\x85f\tg\ue001h") == "a b c d e f g h"
    assert to_plain("  spread \n\n out ") == "spread out"


HOSTILE = [
    *("{" * 10_000, "{" * 300 + "x" + "}" * 300, "$x" * 5_000, r"\frac" * 2_000, r"\alpha " * 1_500),
    *(r"\textbf{" * 1_400, r"\begin{a}" * 1_100, "^" * 10_000, "\\" * 10_000, "$" * 10_001, r"\verb|" * 2_000),
    *(r"\(" * 5_000, "~" * 10_000, "$ " * 5_000, r"\[x" * 3_300, "$a " * 3_333, "$\\$" * 3_000, "`" * 10_000),
    *(r"\url{" * 2_000, r"\href{}{" * 1_200, "$ ^" * 3_333, r"\'{" * 3_300, r"\left(" * 1_600, "a\\" * 5_000),
    *("{\\" * 5_000, "{a}" * 3_333 + "\\", r"\begin{a}\end{a}" * 240, "$" + "x" * 9_998 + "$", "w" * 10_000 + "\\x"),
    *("$" + "\\a" * 240 + "$", r"\newcommand{\x}{\x\x}" * 400, "{\\" * 20 + "x" + "}" * 20, "\\cite{" * 1_600),
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


@settings(max_examples=300)
@given(
    st.lists(st.sampled_from([*"${}\\%&~^_#'`ab 5\n", "\\alpha", "\\frac", "\\begin{x}", "\u202e", "é"]), max_size=40)
)
def test_plain_text_never_fails(parts: list[str]) -> None:
    plain = to_plain("".join(parts))
    assert plain == " ".join(plain.split())
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\ue000-\ue0ff]", plain)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("On {L}akes and {GPT}s", "On Lakes and GPTs"),
        ("{D}eep {L}earning {x \\over", "Deep Learning x over"),
        ("\\textbf{foo}bar", "foobar"),
        ("of {P}{D}{E}s", "of PDEs"),
    ],
)
def test_braces_within_a_word_do_not_split_it(text: str, plain: str) -> None:
    assert to_plain(text) == plain
