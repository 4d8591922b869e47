"""Collect all regular expressions of the package.

Build strings that make a bad one take too many steps.

Python's engine retries from every position and for every split of a repetition, so the steps of a bad expression grow
with the square of the text or faster. `pumps` repeats the parts of an expression itself, after each prefix that leads
into one of its repetitions, and ends with what it does not expect.
"""

import ast
import importlib
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import permutations
from pathlib import Path
from typing import Any

import digestd

_parse: Any = importlib.import_module("re._parser").parse
_op: Any = importlib.import_module("re._constants")  # no public module tells what an expression is made of
Pattern = re.Pattern[str] | re.Pattern[bytes]
ROOT = Path(digestd.__file__).parent
SCANS = frozenset({"search", "sub", "subn", "finditer", "findall", "split"})
_MADE = frozenset({*SCANS, "compile", "match", "fullmatch"})
_FUNCTIONS = frozenset(f"re.{name}" for name in _MADE)
_CATEGORIES = {"CATEGORY_DIGIT": "7", "CATEGORY_SPACE": " ", "CATEGORY_NOT_WORD": "-"}
_REPEATS = frozenset({_op.MAX_REPEAT, _op.MIN_REPEAT, _op.POSSESSIVE_REPEAT})
_IN_A_REGISTRY = {f"delivery/relay_logs/{name}.py": frozenset({"match"}) for name in ("exim", "postfix", "sendmail")}
"""Their use is not seen beside their name."""
LETTERS_MAX, TURNS_MAX, STARTS_MAX = 24, 8, 8


@dataclass(frozen=True)
class Expression:
    """A regular expression; `scans` is True if it is searched at every position."""

    where: str
    pattern: Pattern
    scans: bool

    def text(self, said: str) -> Any:
        """Return a text in the type that the expression reads: str or bytes."""
        return said.encode("latin-1", "replace") if isinstance(self.pattern.pattern, bytes) else said


def expressions() -> list[Expression]:
    """Return all expressions of the package, at module level or within a call."""
    found = {}
    uses, sources = _uses(), dict(_sources())
    for path, tree in sources.items():
        where = str(path.relative_to(ROOT))
        module = importlib.import_module(_module(path))
        for name, value in vars(module).items():
            if isinstance(value, re.Pattern):
                used = uses[(where, name) if name.startswith("_") else ("", name)] or _IN_A_REGISTRY.get(where, SCANS)
                found[value] = Expression(f"{where}:{name}", value, bool(used & SCANS))
        for line, how, inline in _inline(tree):
            found.setdefault(inline, Expression(f"{where}:{line}", inline, how in SCANS))
    return list(found.values())


def _inline(tree: ast.Module) -> Iterator[tuple[int, str, Pattern]]:
    """Yield line, use and expression of each call with a literal expression."""
    for call in _calls(tree):
        how = ast.unparse(call.func).removeprefix("re.")
        if how != "compile" and isinstance(call.args[0], ast.Constant):
            yield call.lineno, how, re.compile(ast.literal_eval(call.args[0]))


def made_while_running() -> set[str]:
    """Return the files that build an expression within a function."""
    found = set()
    for path, tree in _sources():
        heads = {
            id(call)
            for part in tree.body
            if not isinstance(part, ast.FunctionDef | ast.ClassDef)
            for call in _calls(part)
        }
        if any(id(call) not in heads and not isinstance(call.args[0], ast.Constant) for call in _calls(tree)):
            found.add(str(path.relative_to(ROOT)))
    return found


@cache
def _sources() -> list[tuple[Path, ast.Module]]:
    paths = [path for path in ROOT.rglob("*.py") if "migrations" not in path.parts and path.name != "__main__.py"]
    return [(path, ast.parse(path.read_text(encoding="utf-8"))) for path in sorted(paths)]


def _module(path: Path) -> str:
    return ".".join(("digestd", *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__")


def _calls(tree: ast.AST) -> Iterator[ast.Call]:
    """Yield the calls of `re` with an expression."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and ast.unparse(node.func) in _FUNCTIONS:
            yield node


def _uses() -> Mapping[tuple[str, str], set[str]]:
    """Return how each named expression is used.

    A private one in its file, others anywhere.
    """
    uses: dict[tuple[str, str], set[str]] = defaultdict(set)
    for path, tree in _sources():
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and node.attr in _MADE:
                name = getattr(node.value, "id", getattr(node.value, "attr", ""))
                uses[str(path.relative_to(ROOT)), name].add(node.attr)
                uses["", name].add(node.attr)
    return uses


def pumps(pattern: Pattern) -> Iterator[tuple[str, str, str]]:
    """Yield a prefix, a repeated part, and a suffix."""
    flags = pattern.flags & ~re.UNICODE if isinstance(pattern.pattern, bytes) else pattern.flags
    tree = _parse(pattern.pattern, flags)
    letters = list(dict.fromkeys(_letters(tree)))[:LETTERS_MAX]
    starts = list(dict.fromkeys(["", *_starts(tree)]))
    repeated = [*letters, *map("".join, permutations(letters[:TURNS_MAX], 2)), *filter(None, starts)]
    for end in ("\x01", ""):
        for pump in repeated:
            for start in starts[: STARTS_MAX if len(pump) == 1 else 2]:
                yield start, pump, end


def _letters(tree: Any) -> Iterator[str]:
    """Return some characters that the expression mentions."""
    for op, value in tree:
        if op in (_op.LITERAL, _op.NOT_LITERAL):
            yield chr(value)
            yield from "a" * (op is _op.NOT_LITERAL)
        elif op is _op.IN:
            yield from (letter for part in value[:5] for letter in _of_class(*part))
        elif op is _op.ANY:
            yield from "a\n"
        elif op is _op.CATEGORY:
            yield _CATEGORIES.get(str(value), "a")
        for part in _parts(op, value):
            yield from _letters(part)


def _of_class(op: Any, value: Any) -> str:
    if op is _op.NEGATE:
        return "a "
    if op is _op.CATEGORY:
        return _CATEGORIES.get(str(value), "a")
    return chr(value[0] if op is _op.RANGE else value)


def _parts(op: Any, value: Any) -> list[Any]:
    """Return the parts of an expression."""
    if op is _op.BRANCH:
        return list(value[1])
    if op in _REPEATS:
        return [value[2]]
    if op is _op.SUBPATTERN:
        return [value[3]]
    if op in (_op.ASSERT, _op.ASSERT_NOT):
        return [value[1]]
    return [value] if op is _op.ATOMIC_GROUP else []


def _starts(tree: Any) -> list[str]:
    """Return the shortest texts that lead into each repetition.

    Also through the expression.
    """
    found: list[str] = []

    def through(tree: Any, so_far: str) -> str:
        for op, value in tree:
            if op in _REPEATS:
                for _ in range(value[0]):
                    so_far = through(value[2], so_far)
                found.append(so_far)
            elif op is _op.BRANCH:
                so_far = next(through(branch, so_far) for branch in value[1])
            elif op in (_op.ASSERT, _op.ASSERT_NOT):
                continue
            elif parts := _parts(op, value):
                so_far = through(parts[0], so_far)
            else:
                so_far += next(iter(_letters([(op, value)])), "")
        return so_far

    found.append(through(tree, ""))
    return found
