"""Write a tree of TeX as readable Unicode.

Formulas are spaced by the classes of their parts, as TeX does it: relations have a blank on both sides, functions one
before their argument, and everything else those of the source.
"""

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from string import ascii_letters, digits

from digestd.text.tex.reader import BraceGroup, Cell, Environment, Formula, Macro, Node, Script, Space, Text
from digestd.text.tex.symbols import (
    ACCENTS,
    ARROWS,
    CONTENT,
    FENCES,
    FRACTIONS,
    KEYS,
    LETTER_ACCENTS,
    LETTERS,
    LINES,
    MATRICES,
    OPERATORS,
    SILENT,
    SPACES,
    STYLES,
    SUBSCRIPTS,
    SUPERSCRIPTS,
    SWITCHES,
    SYMBOLS,
    kind_of,
    styled,
)

JOINT = "\ue105"
"""Mark of the no-break space while blanks are collapsed."""
_GROUP = re.compile(r"\((?:[^()]|\([^()]{0,10}\)){1,12}\)")
_GROUP_MAX = 14
"""Groups up to this length, parentheses included, stay on one line: 𝒪(n log n)."""
_PIECE = re.compile(r"\d+(?:\.\d+)*|\s+|.", re.DOTALL)
_SIMPLE = re.compile(r"\d+(?:\.\d+)?|[A-Za-z]+|\S")
"""Scripts that need no parentheses: `x_ij`, `π_0.5`, but `x^(2d)`."""
_WORD = re.compile(r"[^\W\d_]{4,}")
"""A script that holds a word reads better in full size."""
_PRODUCT = re.compile(r"\d[A-Za-z]")
"""`x^(2d)`; as small letters it looks like one name."""
_QUOTED = re.compile(r"(?<!\w)`(?=\S)([^`'\n]{1,80})'(?!\w)")
_LONG_DASH = re.compile(r"(?<!-)---(?!-)")
_DASH = re.compile(r"(?<![\s-])--(?!-)|(?<=\s)--(?=\s)")
_ROW_END = re.compile(r"([,;.]|(?<! )) *; (?=[=<>≤≥≈→])|([,;.]) *; ")
_COLOUR = re.compile(r"[a-z]+([A-Z]+)")
_PLACEHOLDER = re.compile(r"this (?:https? )?url\.?", re.IGNORECASE)
"""Words that arXiv shows instead of an address."""
_UNBOLD = {ord(styled(letter, "BOLD")): letter for letter in ascii_letters + digits}
"""Words stay plain: bold letters are for single symbols."""
_ABOVE = 230
"""Combining class of accents above a letter, for which `ı` and `ȷ` are written."""
_DOTLESS = {"ı": "i", "ȷ": "j"}

_PLAIN = frozenset({"letter", "number", "word", "open", "close"})
_FACTORS = frozenset({"letter", "number", "word", "close", "fraction"})
_FOLLOWING = frozenset({"letter", "number", "word", "open", "fraction", "operator"})
_PROSE_ENVIRONMENTS = frozenset(
    ["itemize", "enumerate", "quote", "center", "abstract", "document", "theorem", "lemma", "proof"]
)
_TEXT_IN_FORMULAS = frozenset(["text", "mbox", "hbox", "textrm", "intertext", "textnormal"])


@dataclass(slots=True)
class Atom:
    """A part of a text. `script`: what was written out last, which the next part must not touch."""

    text: str
    kind: str = "letter"
    script: str = ""


@dataclass(frozen=True, slots=True)
class _Call:
    """A macro with what it needs to be written."""

    name: str
    args: list[list[Node] | None]
    is_math: bool
    style: str

    @property
    def given(self) -> list[list[Node]]:
        return [arg for arg in self.args if arg is not None]

    def atoms(self, arg: list[Node] | None) -> list[Atom]:
        return _atoms(arg or [], is_math=self.is_math, style=self.style)

    def formula(self, arg: list[Node] | None) -> list[Atom]:
        return _atoms(arg or [], is_math=True, style=self.style)

    def text(self, arg: list[Node] | None) -> str:
        return _join(self.formula(arg))


def write(nodes: Sequence[Node]) -> str:
    """Return a text with its formulas."""
    return _prose(nodes)


def typeset(text: str) -> str:
    """Convert quotation marks, and dashes between words or figures; `--help` stays an option."""
    if "`" in text or "''" in text:
        text = _QUOTED.sub(r"‘\1’", text.replace("``", "“").replace("''", "”"))
    if "--" in text:
        text = _DASH.sub("–", _LONG_DASH.sub("—", text))
    return text


def _prose(nodes: Sequence[Node]) -> str:
    return _join(_atoms(nodes, is_math=False), is_math=False)


def _atoms(nodes: Sequence[Node], *, is_math: bool, style: str = "") -> list[Atom]:
    """Split nodes into atoms."""
    atoms: list[Atom] = []
    above: list[Atom] | None = None
    divider = ""
    for at, node in enumerate(nodes):
        match node:
            case Macro(name="over" | "atop" | "choose") if is_math and above is None:
                above, divider, atoms = atoms, node.name, []
            case Macro(name=name) if name in SWITCHES or (name == "bf" and is_math):
                style = STYLES.get(name, "BOLD")
            case Script():
                if at == 0 or not isinstance(nodes[at - 1], Script):
                    _attach(atoms, _scripts(nodes, at))
            case Space():
                if not at or not _swallows(nodes[at - 1 : at + 2], atoms, is_math=is_math):
                    atoms.append(Atom(" ", "space"))
            case _:
                _one(node, atoms, is_math, style)
    return _negated(atoms) if above is None else [_divided(above, divider, atoms)]


def _divided(above: list[Atom], divider: str, below: list[Atom]) -> Atom:
    if divider == "choose":
        return Atom(f"({_join(above)} choose {_join(below)})")
    return _fraction(above, below)


def _one(node: Node, atoms: list[Atom], is_math: bool, style: str) -> None:
    """Add the atoms of a node."""
    match node:
        case Text(text, False) if is_math:
            _add_characters(atoms, text, style)
        case Text(text, raw):
            atoms.append(Atom(text if raw else typeset(text), "letter" if is_math else "prose"))
        case BraceGroup(inner):
            atoms += _atoms(inner, is_math=is_math, style=style)
        case Formula() | Environment():
            atoms += _formula(node.nodes, is_math=is_math) if isinstance(node, Formula) else _environment(node)
        case Cell():
            atoms.append(Atom("&", "letter" if is_math else "prose"))
        case Macro(name, args):
            if name in KEYS:
                _drop_keys(node, atoms)
            else:
                atoms += _macro(_Call(name, args, is_math, style))


def _scripts(nodes: Sequence[Node], at: int) -> list[Script]:
    """Return the scripts in a row from there."""
    found = []
    while at < len(nodes) and isinstance(script := nodes[at], Script):
        found.append(script)
        at += 1
    return found


def _negated(atoms: list[Atom]) -> list[Atom]:
    """Strike through what follows `\\not`."""
    found: list[Atom] = []
    for atom in atoms:
        if found and found[-1].kind == "not" and atom.text and atom.kind not in {"not", "space"}:
            stroke = found.pop().text
            struck = unicodedata.normalize("NFC", atom.text[0] + stroke) + atom.text[1:]
            atom = Atom(struck, "relation" if atom.kind == "sign" else atom.kind, atom.script)
        found.append(atom)
    return found


def _swallows(around: Sequence[Node], atoms: list[Atom], *, is_math: bool) -> bool:
    """Return True if a blank only ends the macro before it, of the macro, the blank and what follows."""
    macro, following = around[0], around[-1]
    if not isinstance(macro, Macro) or macro.args or not macro.name.isalpha():
        return False
    if macro.name in LETTERS or macro.name in SILENT:
        return True
    kind = kind_of(SYMBOLS.get(macro.name, ""))
    if not is_math:
        return kind in {"relation", "binary"} and len(atoms) > 1 and not atoms[-2].text[-1:].isspace()
    is_before_sign = isinstance(following, Text) and (
        kind_of(following.text[:1]) == "sign" or following.text[:1] == "|"
    )
    is_before_sign |= isinstance(following, Macro) and kind_of(SYMBOLS.get(following.name, "")) == "binary"
    return kind == "letter" and not is_before_sign


def _add_characters(atoms: list[Atom], text: str, style: str) -> None:
    """Add text of a formula, character by character."""
    for piece in _PIECE.findall(text):
        shown = "′" if piece == "'" else "".join(styled(sign, style) for sign in piece)
        is_tail = piece in {"'", "!"} or unicodedata.combining(piece[0])
        if piece.isspace():
            atoms.append(Atom(" ", "space"))
        elif is_tail and atoms and atoms[-1].kind != "space" and not atoms[-1].script:
            atoms[-1].text += shown
        else:
            atoms.append(Atom(shown, kind_of(piece)))


def _formula(nodes: list[Node], *, is_math: bool) -> list[Atom]:
    inner = _atoms(nodes, is_math=True)
    script = inner[-1].script if inner else ""
    if script:
        inner[-1].script = ""
    text = _GROUP.sub(
        lambda found: JOINT.join(found[0].split()) if len(found[0]) <= _GROUP_MAX else found[0], _join(inner)
    )
    gap = [Atom(" ", "space")]
    before = gap * (bool(nodes) and isinstance(nodes[0], Macro) and nodes[0].name in SPACES)
    after = gap * (len(nodes) > 1 and isinstance(nodes[-1], Macro) and nodes[-1].name in SPACES)
    return [*before, Atom(text, "letter" if is_math else "prose", script), *after] if text or script else before


def _environment(node: Environment) -> list[Atom]:
    nodes: list[Node] = node.nodes
    if node.name in {"array", "tabular"} and nodes and isinstance(nodes[0], BraceGroup):
        nodes = nodes[1:]  # the columns
    is_math = node.name not in _PROSE_ENVIRONMENTS
    rows = [
        [
            _join(_atoms(cell, is_math=is_math), is_math=is_math).strip()
            for cell in _split(row, lambda one: one == Cell())
        ]
        for row in _split(nodes, lambda one: isinstance(one, Macro) and one.name in {"\\", "cr", "newline"})
    ]
    rows = [row for row in rows if any(row)]
    if node.name in MATRICES:
        fence = MATRICES[node.name]
        return [Atom(fence[0] + "; ".join(", ".join(row) for row in rows) + fence[1])]
    if node.name == "cases":
        return [Atom("{" + "; ".join(", ".join(filter(None, row)).replace(",, ", ", ") for row in rows) + "}")]
    text = _ROW_END.sub(r"\1\2 ", "; ".join(" ".join(filter(None, row)) for row in rows))
    return [Atom(" ", "space"), Atom(text), Atom(" ", "space")]


def _split(nodes: Sequence[Node], is_border: Callable[[Node], bool]) -> list[list[Node]]:
    parts: list[list[Node]] = [[]]
    for node in nodes:
        if is_border(node):
            parts.append([])
        else:
            parts[-1].append(node)
    return parts


def _macro(call: _Call) -> list[Atom]:
    for names, writer in _WRITERS:
        if call.name in names:
            return writer(call)
    return [Atom(call.name, "word" if call.name.isalpha() else "letter")]


def _nothing(_call: _Call) -> list[Atom]:
    return []


def _space(_call: _Call) -> list[Atom]:
    return [Atom(" ", "space")]


def _stroke(_call: _Call) -> list[Atom]:
    return [Atom("\u0338", "not")]


def _symbol(call: _Call) -> list[Atom]:
    plain = SYMBOLS[call.name]
    kind = "relation" if call.name == "mid" else kind_of(plain)
    if call.name in OPERATORS:
        kind = "operator" if call.is_math else "word"
    elif len(plain) > 1 and plain[0].isalpha():
        kind = "word"
    elif kind == "letter" and not call.is_math:
        kind = "prose"
    return [Atom(plain, kind)]


def _drop_keys(node: Macro, atoms: list[Atom]) -> None:
    """Drop keys of citations and labels, and the blank before them; notes of citations stay."""
    args = [arg for arg in node.args if arg is not None]
    if node.name in {"vspace", "hspace", "vskip", "hskip"}:
        atoms.append(Atom(" ", "space"))
    elif node.name == "color":
        glued = _COLOUR.fullmatch(_prose(args[-1]) if args else "")  # `\color{redD}eep` was `{\color{red}D}eep`
        atoms.append(Atom(glued[1] if glued else "", "prose"))
    elif "cite" in node.name.lower() and (notes := list(filter(None, (_prose(arg).strip() for arg in args[:-1])))):
        atoms.append(Atom(f"[{', '.join(notes)}]", "prose"))
    elif atoms and atoms[-1].kind == "space":
        atoms[-1] = Atom("", "gone")
    elif atoms and atoms[-1].kind == "prose":
        atoms[-1].text = atoms[-1].text.rstrip()


def _style(call: _Call) -> list[Atom]:
    style = STYLES[call.name]
    inner = _atoms(call.given[0], is_math=True, style=style) if call.given else []
    is_word = len(inner) > 1 and all(atom.kind in {"letter", "number"} and not atom.script for atom in inner[:-1])
    if not is_word or inner[-1].kind not in {"letter", "number"} or style not in {"", "BOLD"}:
        return inner
    text = _join([replace(atom, script="") for atom in inner]).translate(_UNBOLD)
    is_operator = call.name.startswith("operatorname") or text in OPERATORS
    return [Atom(text, "operator" if is_operator else "word", inner[-1].script)]


def _content(call: _Call) -> list[Atom]:
    if call.is_math and call.name in _TEXT_IN_FORMULAS:
        text = "".join(map(_prose, call.given))
        gap = Atom(" ", "space")
        return [gap] * text[:1].isspace() + [Atom(text.strip(), "word")] + [gap] * text[-1:].isspace()
    found: list[Atom] = []
    for place, arg in enumerate(call.given):
        inner = call.atoms(arg)
        if place and inner and call.name in {"SI", "qty"}:
            found.append(Atom(" ", "space"))
        found += inner
    return found


def _accent(call: _Call) -> list[Atom]:
    mark, kind = ACCENTS[call.name], "letter" if call.is_math else "prose"
    inner = call.atoms(call.given[0]) if call.given else []
    text = _join(inner, is_math=call.is_math)
    if not text.strip():
        return [Atom(SYMBOLS.get(call.name, call.name), kind)]
    if not call.name.isalpha() and not text[0].isalpha():
        return [Atom(call.name + text, kind)]
    if mark in LINES and call.is_math:
        marked = (sign if sign.isspace() or unicodedata.combining(sign) else sign + mark for sign in text)
        return [Atom("".join(marked), kind)]
    bases = sum(not unicodedata.combining(sign) for sign in text)
    if bases > 1 and call.name.isalpha() and call.name not in LETTER_ACCENTS:
        return [Atom(f"{call.name.removeprefix('wide')}({text})")]
    end = 1
    while end < len(text) and unicodedata.combining(text[end]):
        end += 1
    base = _DOTLESS.get(text[0], text[0]) if unicodedata.combining(mark) == _ABOVE else text[0]
    return [Atom(unicodedata.normalize("NFC", base + text[1:end] + mark) + text[end:], kind)]


def _fence(call: _Call) -> list[Atom]:
    fence = FENCES[call.name]
    return [Atom(fence[0] + "".join(map(call.text, call.given)) + fence[1])]


def _fraction(above: list[Atom], below: list[Atom]) -> Atom:
    return Atom(f"{_operand(above)}/{_operand(below, is_divisor=True)}", "fraction")


def _operand(atoms: list[Atom], *, is_divisor: bool = False) -> str:
    """Return the text, in parentheses unless it reads as one."""
    text = _join(atoms)
    kinds = [atom.kind for atom in atoms if atom.kind != "space"]
    if kinds and kinds[0] == "sign" and not is_divisor:
        kinds = kinds[1:]
    is_one = len(kinds) == 1 and kinds[0] != "fraction"
    if is_one or _is_fenced(text) or (len(kinds) == 2 and text[0] in "∂∇Δδd"):
        return text
    is_call = len(kinds) > 2 and kinds[1] == "open" and kinds[-1] == "close" and text.count("(") == 1
    is_product = not is_divisor and "(" not in text and _PLAIN.issuperset(kinds)
    return text if is_product or (is_call and _PLAIN.issuperset(kinds)) else f"({text})"


def _is_fenced(text: str) -> bool:
    if len(text) < 2 or text[0] + text[-1] not in {"()", "[]", "{}", "||", "‖‖", "⌊⌋", "⌈⌉", "⟨⟩"}:
        return False
    return not any(sign in text[1:-1] for sign in (text[0], text[-1]))


def _attach(atoms: list[Atom], scripts: Sequence[Script]) -> None:
    """Add scripts to the last atom: glyphs first, then what has none, written out."""
    glyphs = {"_": "", "^": ""}
    written = []
    for script in scripts:
        text = _join(_atoms(script.nodes, is_math=True), is_tight=True)
        shown = _glyphs(script.mark, text)
        if shown is None:
            written.append((script.mark, text))
        else:
            glyphs[script.mark] += shown
    while atoms and atoms[-1].kind == "space":
        atoms.pop()
    if not atoms or atoms[-1].script:
        atoms.append(Atom(""))
    last = atoms[-1]
    if last.kind == "fraction":
        last.text, last.kind = f"({last.text})", "letter"
    last.text += glyphs["_"] + glyphs["^"]
    for mark, text in written[:-1]:
        last.text += mark + (text if _SIMPLE.fullmatch(text) else f"({text})")
    if written:
        last.script = "".join(written[-1])


def _glyphs(mark: str, text: str) -> str | None:
    """Return the script in small letters, or None if Unicode lacks one of them."""
    table = SUBSCRIPTS if mark == "_" else SUPERSCRIPTS
    if _WORD.search(text) or (mark == "^" and _PRODUCT.search(text)) or not all(sign in table for sign in text):
        return None
    return "".join(table[sign] for sign in text)


class _Joiner:
    """Joins atoms, with blanks where their classes want them, and scripts where nothing touches them."""

    def __init__(self, *, is_math: bool, is_tight: bool) -> None:
        self.is_math, self.is_tight = is_math, is_tight
        self.parts: list[str] = []
        self.last: Atom | None = None
        self.has_gap = self.is_spaced = self.is_unary = False

    def add(self, atom: Atom, text: str) -> None:
        """Add an atom that has text or a script."""
        last = self.last
        has_blank = self.has_gap and not self.is_math if last is None else self._is_apart(last, atom)
        if self.is_tight:
            has_blank = has_blank and last is not None and last.text[-1:].isalnum() and self._are_names(last, atom)
        if last and last.script:
            self.parts.append(_written(last.script, "" if has_blank else text[:1]))
        self.parts += [" "] * has_blank + [text]
        if atom.kind == "relation":
            self.is_unary = last is None or last.kind in {"open", "point", "relation", "sign"}
        if atom.kind == "binary":
            self.is_spaced = self.has_gap and last is not None
        self.last, self.has_gap = atom, False

    @staticmethod
    def _are_names(last: Atom, atom: Atom) -> bool:
        return not {"word", "operator"}.isdisjoint({last.kind, atom.kind}) and atom.text[:1].isalnum()

    def _is_apart(self, last: Atom, atom: Atom) -> bool:
        """Return True if a blank stands between two atoms."""
        if (
            "word" in {last.kind, atom.kind}
            and not last.script
            and last.text[-1:].isalnum()
            and atom.text[:1].isalpha()
        ):
            return True
        return self._is_apart_in_formula(last, atom) if self.is_math else self.has_gap

    def _is_apart_in_formula(self, last: Atom, atom: Atom) -> bool:
        before, after = last.kind, atom.kind
        if before == "open" or after in {"close", "point"}:
            return False
        if "relation" in {before, after}:
            return before != "sign" if after == "relation" else not self.is_unary
        if before == "binary":
            return self.is_spaced
        if after == "operator":
            return self.has_gap or before != "sign"
        if before == "operator":
            return after not in {"open", "sign"} or (self.has_gap and after == "sign")
        return self.has_gap

    def end(self) -> str:
        if self.last and self.last.script:
            self.parts.append(_written(self.last.script, ""))
        return "".join(self.parts) + " " * (self.has_gap and not self.is_math)


def _join(atoms: Sequence[Atom], *, is_math: bool = True, is_tight: bool = False) -> str:
    joiner = _Joiner(is_math=is_math, is_tight=is_tight)
    for at, atom in enumerate(atoms):
        if atom.kind == "space":
            joiner.has_gap = True
        elif atom.kind == "gone":
            joiner.has_gap = False
        elif atom.text or atom.script:
            text = atom.text
            if atom.kind == "fraction" and _is_factor(joiner.last, atoms[at + 1 : at + 4], is_math=is_math):
                text = f"({text})"
            is_abbreviation = joiner.last and joiner.last.kind == "word" and joiner.last.text.endswith(".")
            joiner.add(atom, text.removeprefix(".") if is_abbreviation else text)
    return joiner.end()


def _is_factor(last: Atom | None, following: Sequence[Atom], *, is_math: bool) -> bool:
    """Return True if a fraction stands next to something that multiplies it."""
    after = next((atom for atom in following if atom.kind != "space" or not is_math), None)
    if last is not None and last.kind in _FACTORS:
        return True
    return after is not None and (after.kind in _FOLLOWING or (not is_math and after.text[:1].isalnum()))


def _written(script: str, following: str) -> str:
    """Return a script in full size, in parentheses if it would run into what follows."""
    text = script[1:]
    is_clear = _SIMPLE.fullmatch(text) and not (following.isalnum() or following in {"_", "^"})
    return script if is_clear or not text else f"{script[0]}({text})"


def _url(call: _Call) -> list[Atom]:
    return [Atom(_prose(arg).strip(), "prose") for arg in call.given]


def _link(call: _Call) -> list[Atom]:
    place, *label = [_prose(arg).strip() for arg in call.given] or [""]
    return [Atom(_linked(place, "".join(label)), "prose")]


def _linked(place: str, label: str) -> str:
    """Return the label of a link and its address, once if both are the same."""
    if not label or _PLACEHOLDER.fullmatch(label) or _bare(place) == _bare(label):
        return place or label
    if not place or _bare(place) in _bare(label):
        return label
    end = len(label.rstrip("."))
    return f"{label[:end]} ({place}){label[end:]}"


def _bare(address: str) -> str:
    return re.sub(r"^https?://(?:www\.)?", "", address.strip().casefold()).rstrip("./")


def _note(call: _Call) -> list[Atom]:
    return [Atom(f" ({text})", "prose") for arg in call.given if (text := _prose(arg).strip())]


def _frac(call: _Call) -> list[Atom]:
    if len(call.given) == 2:
        return [_fraction(call.formula(call.given[0]), call.formula(call.given[1]))]
    return [Atom(call.name, "word"), *(atom for arg in call.given for atom in call.atoms(arg))]


def _binom(call: _Call) -> list[Atom]:
    return [Atom(f"({' choose '.join(map(call.text, call.given))})" if call.given else call.name)]


def _root(call: _Call) -> list[Atom]:
    order, inner = ([*call.args, None, None])[:2]
    index = _join(call.formula(order), is_tight=True)
    sign = {"": "√", "2": "√", "3": "∛", "4": "∜"}.get(index)
    if sign is None:
        sign = f"{_glyphs('^', index) or f'({index})'}√"
    return [Atom(sign + (_operand(call.formula(inner), is_divisor=True) if inner else ""))]


def _over(call: _Call) -> list[Atom]:
    """Write what stands above or below as a script."""
    if len(call.given) < 2:
        return [atom for arg in call.given for atom in call.atoms(arg)]
    base = call.formula(call.given[1])
    found = [Atom(_join(base), base[0].kind if len(base) == 1 else "letter")]
    _attach(found, [Script("_" if call.name == "underset" else "^", call.given[0])])
    return found


def _arrow(call: _Call) -> list[Atom]:
    below, above = ([*call.args, None, None])[:2]
    found = [Atom(ARROWS[call.name], "relation")]
    _attach(found, [Script(mark, arg) for mark, arg in (("_", below), ("^", above)) if arg])
    return found


def _modulo(call: _Call) -> list[Atom]:
    text = "".join(map(call.text, call.given))
    return [Atom(" ", "space"), Atom(f"(mod {text})" if call.name == "pmod" else f"({text})")]


def _ketbra(call: _Call) -> list[Atom]:
    return [Atom(f"|{'⟩⟨'.join(map(call.text, call.given))}|")]


_Names = frozenset[str] | dict[str, str]
_WRITERS: list[tuple[_Names, Callable[[_Call], list[Atom]]]] = [
    (frozenset(["url"]), _url),
    (frozenset(["href"]), _link),
    (frozenset(["sqrt"]), _root),
    (frozenset(["not"]), _stroke),
    (frozenset(["ketbra"]), _ketbra),
    (frozenset(["pmod", "tag"]), _modulo),
    (frozenset(["footnote", "thanks", "footnotetext"]), _note),
    (frozenset(["binom", "dbinom", "tbinom"]), _binom),
    (frozenset(["overset", "underset", "stackrel"]), _over),
    (FRACTIONS, _frac),
    (ARROWS, _arrow),
    (SPACES | {"\\"}, _space),
    (SILENT, _nothing),
    (STYLES, _style),
    (CONTENT, _content),
    (ACCENTS, _accent),
    (FENCES, _fence),
    (SYMBOLS, _symbol),
]
