"""Read TeX into a tree.

The walker of pylatexenc was measured first: it needs 12 µs a character, recurses as deep as the text nests, reads `%`
as a comment, and drops text where TeX is broken. This reader takes one pass: it splits the text into tokens, pairs
brackets that fit, ignores those that do not, and never fails. Every other token becomes part of the tree.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from digestd.text.tex.symbols import (
    ACCENTS,
    ARROWS,
    CONTENT,
    FENCES,
    FRACTIONS,
    KEYS,
    LETTER_ACCENTS,
    STYLES,
    SWITCHES,
)

RAW_START, RAW_END, MATH_START, MATH_END = "\ue001\ue002\ue003\ue004"
"""Marks of verbatim text and of mathematics, which `strict` sets."""
DEPTH_MAX = 30
"""Brackets and arguments that are nested deeper are ignored; what they hold is not."""
_OPTION_MAX = 60
"""Tokens of an optional argument."""

_TEXT_SCRIPTS = {"textsubscript": "_", "textsuperscript": "^"}
_STACKED = ("overset", "underset", "stackrel")
ARGUMENTS = {
    **dict.fromkeys(ACCENTS, "{"),
    **dict.fromkeys(
        [*STYLES, *FENCES, "url", "footnote", "thanks", "tag", "pmod", "footnotemark", "footnotetext"], "{"
    ),
    **dict.fromkeys([*FRACTIONS, "binom", "dbinom", "tbinom", "href", *_STACKED, "ketbra"], "{{"),
    **dict.fromkeys(ARROWS, "[{"),
    **dict.fromkeys(_TEXT_SCRIPTS, "{"),
    "sqrt": "[{",
    "operatorname": "*{",
    "\\": "*[",
    **KEYS,
    **CONTENT,
}
for _name in SWITCHES:
    del ARGUMENTS[_name]


@dataclass(slots=True)
class Text:
    """Characters, verbatim if `raw`."""

    text: str
    raw: bool = False


@dataclass(slots=True)
class Space:
    """White space, a non-breaking `~` included."""


@dataclass(slots=True)
class Cell:
    """The sign `&`, which separates the cells of a matrix."""


@dataclass(slots=True)
class BraceGroup:
    """A group: the text between braces."""

    nodes: "list[Node]"


@dataclass(slots=True)
class Formula:
    """Mathematics."""

    nodes: "list[Node]"


@dataclass(slots=True)
class Environment:
    """The text between `\\begin{name}` and `\\end{name}`."""

    name: str
    nodes: "list[Node]"


@dataclass(slots=True)
class Script:
    """A subscript or superscript of what stands before."""

    mark: str
    nodes: "list[Node]"


@dataclass(slots=True)
class Macro:
    """A macro with its arguments, as many as it has; None for an optional one that is not given."""

    name: str
    args: "list[list[Node] | None]"


_TEXT = frozenset(["text", "mbox", "hbox", "textrm", "footnote", "intertext", "href"])
"""Macros that hold prose."""
_BARE_FIGURES = FRACTIONS | {"binom", *_STACKED}
_BRACED_ONLY = frozenset(["url", "href", "footnote", "thanks", *KEYS, *CONTENT, *_BARE_FIGURES])
"""Macros that take no argument without braces in prose."""

Node = Text | Space | Cell | BraceGroup | Formula | Environment | Script | Macro

_TOKEN = re.compile(
    rf"{RAW_START}(?P<raw>[^{RAW_START}{RAW_END}]*){RAW_END}"
    rf"|(?P<start>{MATH_START})|(?P<end>{MATH_END})"
    r"|\\(?P<edge>begin|end)\s*\{\s*(?P<name>[A-Za-z]{1,20}\*?)\s*\}"
    rf"|\\(?P<macro>[A-Za-z]+|[^{RAW_START}-{MATH_END}])"
    r"|(?P<open>\{)|(?P<close>\})|(?P<script>[_^])|(?P<cell>&)|(?P<bracket>[\[\]])|(?P<star>\*)"
    r"|(?P<space>[\s~]+)"
    rf"|(?P<text>[^\\{{}}_^&\[\]*\s~{RAW_START}-{MATH_END}][^\\{{}}_^&\[\]*~{RAW_START}-{MATH_END}]*)"
    r"|(?P<rest>.)",
    re.DOTALL,
)
_OPENING = {"open": "close", "start": "end", "begin": "end"}


def read(text: str) -> list[Node]:
    """Read strict TeX. Never raises; time and depth are bounded."""
    return _Reader(text).nodes()


class _Reader:
    def __init__(self, text: str) -> None:
        self.kinds: list[str] = []
        self.texts: list[str] = []
        for found in _TOKEN.finditer(text):
            kind = found.lastgroup or "rest"
            self.kinds.append(found["edge"] if kind == "name" else kind)
            self.texts.append(found[kind])
        self.partner = self._pair()

    def _pair(self) -> dict[int, int]:
        """Return the closing token of each opening one, of those that fit each other."""
        pairs: dict[int, int] = {}
        opened: list[tuple[str, str, int]] = []
        waiting: Counter[tuple[str, str]] = Counter()
        for at, (kind, text) in enumerate(zip(self.kinds, self.texts, strict=True)):
            if kind in {"open", "start", "begin"}:
                key = (kind, text if kind == "begin" else "")
                opened.append((*key, at))
                waiting[key] += 1
            elif kind in {"close", "end"}:
                key = {"close": ("open", ""), "end": ("start", "") if text == MATH_END else ("begin", text)}[kind]
                while waiting[key]:
                    *last, start = opened.pop()
                    waiting[last[0], last[1]] -= 1
                    if (last[0], last[1]) == key:
                        pairs[start] = at
                        break
        return pairs

    def nodes(self) -> list[Node]:
        return self._nodes(0, len(self.kinds), 0, is_math=False)

    def _nodes(self, at: int, end: int, depth: int, *, is_math: bool) -> list[Node]:
        found: list[Node] = []
        while at < end:
            node, at = self._node(at, end, depth, is_math=is_math)
            found += node
        return found

    def _node(self, at: int, end: int, depth: int, *, is_math: bool) -> tuple[Sequence[Node], int]:
        kind, text = self.kinds[at], self.texts[at]
        if kind in _OPENING:
            return self._bracket(at, depth, is_math=is_math)
        if kind == "macro":
            return self._macro(at, end, depth, is_math=is_math)
        if kind == "script":
            return self._script(at, end, depth, is_math=is_math)
        if kind in {"close", "end"}:
            return [], at + 1
        if kind == "space":
            return [Space()], at + 1
        if kind == "cell":
            return [Cell()], at + 1
        return [Text(text, kind == "raw")], at + 1

    def _bracket(self, at: int, depth: int, *, is_math: bool) -> tuple[Sequence[Node], int]:
        close = self.partner.get(at)
        if close is None or depth >= DEPTH_MAX:
            return [], at + 1
        kind = self.kinds[at]
        inner = self._nodes(at + 1, close, depth + 1, is_math=is_math or kind != "open")
        if kind == "begin":
            return [Environment(self.texts[at].rstrip("*"), inner)], close + 1
        return [BraceGroup(inner) if kind == "open" else Formula(inner)], close + 1

    def _script(self, at: int, end: int, depth: int, *, is_math: bool) -> tuple[Sequence[Node], int]:
        is_braced = at + 1 < end and self.kinds[at + 1] == "open" and at + 1 in self.partner
        is_by_macro = "macro" in (*self.kinds[at - 1 : at], *self.kinds[at + 1 : at + 2])
        if not is_math and not is_braced and not is_by_macro:
            return [Text(self.texts[at], raw=True)], at + 1
        nodes, after = self._argument(at + 1, end, depth, is_math=True)
        if nodes is None:
            return [Text(self.texts[at], raw=True)], at + 1
        return [Script(self.texts[at], nodes)], after

    def _macro(self, at: int, end: int, depth: int, *, is_math: bool) -> tuple[Sequence[Node], int]:
        name, after = self.texts[at], at + 1
        wanted = "" if depth >= DEPTH_MAX else ARGUMENTS.get(name, "")
        if name in LETTER_ACCENTS and not self._is_letter(after, end):
            return ([], after) if self.kinds[after : after + 1] == ["open"] else ([Macro(name, [])], after)
        if name in _TEXT:
            is_math = False
        args: list[list[Node] | None] = []
        for kind in wanted:
            nodes: list[Node] | None = None
            if kind == "*":
                after += after < end and self.kinds[after] == "star"
                continue
            if kind in "[o":
                nodes, after = self._option(after, end, depth, is_math=is_math)
            elif is_math or name not in _BRACED_ONLY or self._is_clear_argument(name, after, end):
                nodes, after = self._argument(after, end, depth, is_math=is_math)
            if nodes is None and kind not in "[o":
                break
            args.append([] if kind in "-o" else nodes)
        return _macro(name, args), after

    def _is_clear_argument(self, name: str, at: int, end: int) -> bool:
        """Return True for an argument in braces, or a figure of a fraction."""
        if at >= end or self.kinds[at] == "open":
            return at < end
        return name in _BARE_FIGURES and self.texts[at][0].isdigit()

    def _is_letter(self, at: int, end: int) -> bool:
        """Return True if a short group or a letter follows: `\\v{S}`, `\\c c`, but not `\\b{Bold words}`."""
        while at < end and self.kinds[at] == "space":
            at += 1
        if at < end and self.kinds[at] == "open":
            close = self.partner.get(at, at)
            return close - at <= 3 and sum(map(len, self.texts[at + 1 : close])) <= 2
        return at < end and self.kinds[at] in {"text", "macro"}

    def _argument(self, at: int, end: int, depth: int, *, is_math: bool) -> tuple[list[Node] | None, int]:
        """Read a group, or the next character or macro."""
        start = at
        while at < end and self.kinds[at] == "space":
            at += 1
        if at >= end or depth >= DEPTH_MAX or self.kinds[at] in {"close", "end", "start", "cell", "begin", "script"}:
            return None, start
        if self.kinds[at] == "open":
            close = self.partner.get(at)
            if close is None:
                return None, start
            return self._nodes(at + 1, close, depth + 1, is_math=is_math), close + 1
        if self.kinds[at] in {"text", "rest"}:
            text = self.texts[at]
            if len(text) > 1:
                self.texts[at] = text[1:]
                self.kinds[at] = "space" if text[1:].isspace() else "text"
                return [Text(text[0])], at
            return [Text(text)], at + 1
        node, after = self._node(at, end, depth + 1, is_math=is_math)
        return list(node), after

    def _option(self, at: int, end: int, depth: int, *, is_math: bool) -> tuple[list[Node] | None, int]:
        """Read an argument in square brackets, if there is one."""
        if at >= end or self.texts[at] != "[" or self.kinds[at] != "bracket":
            return None, at
        close = at + 1
        for _ in range(_OPTION_MAX):
            if close >= end or self.kinds[close] in {"close", "end"}:
                break
            if self.kinds[close] == "bracket" and self.texts[close] == "]":
                return self._nodes(at + 1, close, depth + 1, is_math=is_math), close + 1
            close = self.partner.get(close, close) + 1
        return None, at


def _macro(name: str, args: list[list[Node] | None]) -> Sequence[Node]:
    if name in _TEXT_SCRIPTS:
        return [Script(_TEXT_SCRIPTS[name], args[0])] if args and args[0] else []
    return [Macro(name, args)]
