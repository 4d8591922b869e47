"""Changes of a function by its syntax tree, so that mutants quote no source text.

A function is named `module:qualified.name`, or `module:NAME` for a value of the module. Each change must find its
place: a refactoring that leaves it without one fails the test of the mutants, which then needs a new entry.
"""

import ast
import builtins
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

Fits = Callable[[ast.AST], bool]
Make = Callable[[ast.AST], ast.AST | None]
Change = Callable[[ast.AST, ast.Module], None]


class NoPlace(AssertionError):
    """The function has no place for this change any more."""


@dataclass
class _Replacer(ast.NodeTransformer):
    """Replaces the `number`-th node that fits, in the order of the source."""

    fits: Fits
    make: Make
    number: int
    seen: int = 0

    def visit(self, node: ast.AST) -> ast.AST | None:
        if self.fits(node):
            self.seen += 1
            if self.seen == self.number:
                return self.make(node)
        visited: ast.AST | None = self.generic_visit(node)
        return visited


def mutated(tree: Path, function: str, change: Change) -> str:
    """Return the source of a module after a change.

    Raises:
        NoPlace: The function is not there, or the change finds no place in it.
    """
    module = ast.parse(path_of(tree, function).read_text())
    before = ast.unparse(module)
    change(_find(module, function.partition(":")[2]), module)
    after = ast.unparse(ast.fix_missing_locations(module))
    if before == after:
        raise NoPlace(f"{function}: the change changes nothing")
    compile(after, function, "exec")
    return after


def path_of(tree: Path, function: str) -> Path:
    """Return the file of a function's module."""
    return tree / f"{function.partition(':')[0].replace('.', '/')}.py"


def swap_text(old: str, new: str) -> Change:
    """Replace a word in the first string that contains it."""

    def fits(node: ast.AST) -> bool:
        return isinstance(node, ast.Constant) and isinstance(node.value, str) and old in node.value

    return _replace(fits, lambda node: ast.Constant(node.value.replace(old, new)), f"a string with {old}")  # type: ignore[attr-defined] # a Constant


def swap_name(old: str, new: str, number: int = 1) -> Change:
    """Replace the `number`-th use of a name or attribute by another."""

    def make(node: ast.AST) -> ast.AST:
        if isinstance(node, ast.Attribute):
            return ast.Attribute(node.value, new, node.ctx)
        return ast.Name(new, ast.Load())

    def fits(node: ast.AST) -> bool:
        return isinstance(node, (ast.Name, ast.Attribute)) and _name(node) == old

    return _replace(fits, make, f"use {number} of {old}", number)


def drop_if(calling: str) -> Change:
    """Drop the `if` whose condition calls this function."""

    def fits(node: ast.AST) -> bool:
        return isinstance(node, ast.If) and any(_calls(part, calling) for part in ast.walk(node.test))

    return _replace(fits, lambda _: ast.Pass(), f"an if that calls {calling}")


def skip_call(name: str) -> Change:
    """Replace the call of a function by its first argument, of a method by its object."""

    def make(node: ast.AST) -> ast.AST:
        assert isinstance(node, ast.Call)
        return node.func.value if isinstance(node.func, ast.Attribute) else node.args[0]

    return _replace(lambda node: _calls(node, name), make, f"a call of {name}")


def drop_argument(call: str, *constants: str) -> Change:
    """Drop the argument that is a call with exactly these constants."""

    def fits(node: ast.AST) -> bool:
        return _calls(node, call) and constants == tuple(
            argument.value
            for argument in node.args  # type: ignore[attr-defined] # a Call
            if isinstance(argument, ast.Constant)
        )

    return _replace(fits, lambda _: None, f"{call}{constants}")


def set_keyword(keyword: str, code: str, number: int = 1) -> Change:
    """Give the `number`-th argument of this keyword another value."""

    def fits(node: ast.AST) -> bool:
        return isinstance(node, ast.keyword) and node.arg == keyword

    return _replace(fits, lambda _: ast.keyword(keyword, _expression(code)), f"keyword {keyword}", number)


def add_argument(call: str, code: str) -> Change:
    """Add an argument to a call."""

    def make(node: ast.AST) -> ast.AST:
        assert isinstance(node, ast.Call)
        return ast.Call(node.func, [*node.args, _expression(code)], node.keywords)

    def change(scope: ast.AST, module: ast.Module) -> None:
        _check_names(code, module)
        _replace(lambda node: _calls(node, call), make, f"a call of {call}")(scope, module)

    return change


def begin_with(code: str) -> Change:
    """Add statements at the beginning of the function."""

    def change(scope: ast.AST, module: ast.Module) -> None:
        _check_names(code, module)
        assert isinstance(scope, (ast.FunctionDef, ast.AsyncFunctionDef))
        scope.body[:0] = ast.parse(code).body

    return change


def move_await(name: str, before: str) -> Change:
    """Await the call of `name` just before that of `before`, no longer at its own place."""

    def awaits(called: str) -> Fits:
        return lambda node: isinstance(node, ast.Await) and _calls(node.value, called)

    def change(scope: ast.AST, module: ast.Module) -> None:
        moved: list[ast.expr] = []

        def take(node: ast.AST) -> ast.AST:
            assert isinstance(node, ast.Await)
            moved.append(node)
            return ast.Constant(None)

        def put(node: ast.AST) -> ast.AST:
            assert isinstance(node, ast.Await)
            return ast.Subscript(ast.Tuple([*moved, node], ast.Load()), ast.Constant(1), ast.Load())

        _replace(awaits(name), take, f"await {name}")(scope, module)
        _replace(awaits(before), put, f"await {before}")(scope, module)

    return change


def compare_first_only() -> Change:
    """Of the first comparison of two tuples, compare the first elements only."""

    def fits(node: ast.AST) -> bool:
        return isinstance(node, ast.Compare) and isinstance(node.left, ast.Tuple)

    def make(node: ast.AST) -> ast.AST:
        assert isinstance(node, ast.Compare)
        left, right = (side.elts[0] for side in (node.left, *node.comparators) if isinstance(side, ast.Tuple))
        return ast.Compare(left, node.ops, [right])

    return _replace(fits, make, "a comparison of tuples")


def take_decorators_of(other: str) -> Change:
    """Give the function the decorators of another one of the same module too; the other loses them."""

    def change(scope: ast.AST, module: ast.Module) -> None:
        giving = _find(module, other)
        assert isinstance(scope, (ast.FunctionDef, ast.AsyncFunctionDef))
        assert isinstance(giving, (ast.FunctionDef, ast.AsyncFunctionDef))
        scope.decorator_list += giving.decorator_list
        giving.decorator_list = []

    return change


def _replace(fits: Fits, make: Make, what: str, number: int = 1) -> Change:
    def change(scope: ast.AST, _module: ast.Module) -> None:
        replacer = _Replacer(fits, make, number)
        replacer.generic_visit(scope)
        if replacer.seen < number:
            raise NoPlace(f"{getattr(scope, 'name', 'the value')} has no {what} any more")

    return change


def _find(module: ast.Module, qualified: str) -> ast.AST:
    scope: ast.AST = module
    for name in qualified.split("."):
        inner = [node for node in ast.walk(scope) if node is not scope and name in _defined(node)]
        if not inner:
            raise NoPlace(f"there is no {qualified} any more")
        scope = inner[0]
    return scope


def _defined(node: ast.AST) -> Iterable[str]:
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            yield node.name
        case ast.Assign():
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))


def _bound(node: ast.AST) -> Iterable[str]:
    match node:
        case ast.arg():
            yield node.arg
        case ast.alias():
            yield node.asname or node.name


def _name(node: ast.AST) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _calls(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Call) and _name(node.func) == name


def _expression(code: str) -> ast.expr:
    return ast.parse(code, mode="eval").body


def _check_names(code: str, module: ast.Module) -> None:
    """Raise NoPlace if added code uses a name that the module does not, which would fail for a wrong reason."""
    added = ast.parse(code)
    known = {*dir(builtins), *(name for node in (*ast.walk(module), *ast.walk(added)) for name in _bound(node))}
    known |= {_name(node) for node in ast.walk(module)}
    used = {_name(node) for node in ast.walk(added)}
    if unknown := used - known:
        raise NoPlace(f"the module has no {', '.join(sorted(unknown))} any more")
