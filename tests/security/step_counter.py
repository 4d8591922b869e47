"""A backtracking regular expression matcher that counts its steps.

`re` does not report how much work a match was, and time depends on other load. `finditer`, `match` and `fullmatch` of
a `Stepper` follow the rules of Python's engine: leftmost start first, greedy repetitions from the longest, branches in
order. Each character or position that is tested is a step. Single characters and anchors are decided by `re`, so
classes, flags and Unicode are the engine's own.
"""

import importlib
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

_parser: Any = importlib.import_module("re._parser")
_compiler: Any = importlib.import_module("re._compiler")
_op: Any = importlib.import_module("re._constants")
_SINGLE = frozenset({_op.LITERAL, _op.NOT_LITERAL, _op.ANY, _op.IN})
Text = str | bytes
Then = Callable[[int], int]
"""What follows from a position: the end of the match, or -1."""
Matcher = Callable[[int, Then], int]
LONGEST_BOUND = 2_000
"""A repetition that may be longer than this counts as unbounded."""
SHORT_BOUND = 4
"""All other bounds are cut to this: they cost a constant factor, which looks like growth while texts are short."""


class TooManySteps(Exception):
    """The match took more steps than the limit."""


class Stepper:
    """A regular expression.

    Args:
        pattern: The expression.
        limit: The number of steps after which a match raises `TooManySteps`.
        keeps_bounds: Keep bounds of repetitions as they are; else long ones are removed, others become `SHORT_BOUND`.
    """

    def __init__(self, pattern: "re.Pattern[Any]", limit: int, *, keeps_bounds: bool = False) -> None:
        flags = pattern.flags & ~re.UNICODE if isinstance(pattern.pattern, bytes) else pattern.flags
        self._tree = _parser.parse(pattern.pattern, flags)
        self._limit = limit
        self._keeps_bounds = keeps_bounds
        self._text: Text = ""
        self._groups: dict[int, tuple[int, int]] = {}
        self._matcher = self._sequence(list(self._tree))
        self.steps = 0

    def match(self, text: Text) -> int:
        """Return the end of a match at the beginning, or -1."""
        with self._on(text):
            return self._matcher(0, lambda end: end)

    def fullmatch(self, text: Text) -> bool:
        """Return True if the complete text matches."""
        with self._on(text):
            return self._matcher(0, lambda end: end if end == len(text) else -1) >= 0

    def finditer(self, text: Text) -> list[tuple[int, int]]:
        """Return all matches, as `re.finditer` finds them."""
        found, start, after_empty = list[tuple[int, int]](), 0, False
        with self._on(text):
            while start <= len(text):
                self._groups.clear()
                least = start + 1 if after_empty else start
                end = self._matcher(start, lambda end, least=least: end if end >= least else -1)  # type: ignore[misc]
                if end >= 0:
                    found.append((start, end))
                    start, after_empty = end, end == start
                else:
                    start, after_empty = start + 1, False
        return found

    @contextmanager
    def _on(self, text: Text) -> Iterator[None]:
        """Reset the count for this text; raise the recursion limit by its length."""
        self._text, self.steps = text, 0
        self._groups.clear()
        depth = sys.getrecursionlimit()
        sys.setrecursionlimit(100_000)
        try:
            yield
        finally:
            sys.setrecursionlimit(depth)

    def _step(self) -> None:
        self.steps += 1
        if self.steps > self._limit:
            raise TooManySteps

    def _sequence(self, nodes: list[Any]) -> Matcher:
        if not nodes:
            return lambda at, then: then(at)
        first = self._node(*nodes[0])
        if len(nodes) == 1:
            return first
        rest = self._sequence(nodes[1:])
        return lambda at, then: first(at, lambda end: rest(end, then))

    def _node(self, op: Any, value: Any) -> Matcher:
        if op in _SINGLE:
            return self._single(op, value)
        made: Matcher = _MAKERS[op](self, op, value)
        return made

    def _single(self, op: Any, value: Any) -> Matcher:
        fits = self._fits(op, value)
        return lambda at, then: then(at + 1) if fits(at) else -1

    def _fits(self, op: Any, value: Any) -> Callable[[int], bool]:
        """Return a test of the character at a position, which takes a step."""
        alone, known = self._alone(op, value), dict[Any, bool]()

        def fits(at: int) -> bool:
            self._step()
            if at >= len(self._text):
                return False
            letter = self._text[at : at + 1]
            if letter not in known:
                known[letter] = alone.fullmatch(letter) is not None
            return known[letter]

        return fits

    def _position(self, op: Any, value: Any) -> Matcher:
        """Match an anchor or a look-behind, whose width is fixed, with `re`."""
        alone = self._alone(op, value)

        def matches(at: int, then: Then) -> int:
            self._step()
            return then(at) if alone.match(self._text, at) else -1

        return matches

    def _alone(self, op: Any, value: Any) -> "re.Pattern[Any]":
        part = _parser.SubPattern(self._tree.state, [(op, value)])
        made: re.Pattern[Any] = _compiler.compile(part, self._tree.state.flags)
        return made

    def _repeat(self, op: Any, value: Any) -> Matcher:
        least, most, body = value
        if not self._keeps_bounds and most is not _op.MAXREPEAT and most <= LONGEST_BOUND:
            least, most = min(least, SHORT_BOUND), min(most, SHORT_BOUND)
        nodes, most = list(body), int(most)
        if len(nodes) == 1 and nodes[0][0] in _SINGLE:
            fits = self._fits(*nodes[0])
            return self._lazy_run(least, most, fits) if op is _op.MIN_REPEAT else self._run(op, least, most, fits)
        return self._loop(op, least, most, self._sequence(nodes))

    def _run(self, op: Any, least: int, most: int, fits: Callable[[int], bool]) -> Matcher:
        """Match a repetition of a single character, from the longest."""

        def greedy(at: int, then: Then) -> int:
            end = at
            while end - at < most and fits(end):
                end += 1
            first = end if op is _op.POSSESSIVE_REPEAT else at + least
            for last in range(end, max(first, at + least) - 1, -1):
                self._step()
                if (found := then(last)) >= 0:
                    return found
            return -1

        return greedy

    def _lazy_run(self, least: int, most: int, fits: Callable[[int], bool]) -> Matcher:
        """Match a repetition of a single character, from the shortest."""

        def lazy(at: int, then: Then) -> int:
            for end in range(at, min(at + most, len(self._text)) + 1):
                self._step()
                if end - at >= least and (found := then(end)) >= 0:
                    return found
                if not fits(end):
                    break
            return -1

        return lazy

    def _loop(self, op: Any, least: int, most: int, body: Matcher) -> Matcher:
        """Match any other repetition; an empty iteration ends it."""

        def again(at: int, then: Then, turns: int) -> int:
            self._step()
            if turns < least:
                return body(at, lambda end: again(end, then, turns + 1))
            more: Then = lambda end: again(end, then, turns + 1) if end > at else -1  # noqa: E731  # either order
            if op is _op.MIN_REPEAT:
                found = then(at)
                return found if found >= 0 or turns >= most else body(at, more)
            found = body(at, more) if turns < most else -1
            return found if found >= 0 else then(at)

        def possessive(at: int, then: Then) -> int:
            end = again(at, lambda end: end, 0)
            return then(end) if end >= 0 else -1

        return possessive if op is _op.POSSESSIVE_REPEAT else lambda at, then: again(at, then, 0)

    def _branch(self, _: Any, value: Any) -> Matcher:
        branches = [self._sequence(list(branch)) for branch in value[1]]

        def matches(at: int, then: Then) -> int:
            for branch in branches:
                self._step()
                if (found := branch(at, then)) >= 0:
                    return found
            return -1

        return matches

    def _group(self, _: Any, value: Any) -> Matcher:
        number, body = value[0], self._sequence(list(value[3]))
        if number is None:
            return body

        def matches(at: int, then: Then) -> int:
            def closed(end: int) -> int:
                before = self._groups.get(number)
                self._groups[number] = (at, end)
                if (found := then(end)) >= 0:
                    return found
                if before is None:
                    del self._groups[number]
                else:
                    self._groups[number] = before
                return -1

            return body(at, closed)

        return matches

    def _atomic(self, _: Any, value: Any) -> Matcher:
        body = self._sequence(list(value))

        def matches(at: int, then: Then) -> int:
            end = body(at, lambda end: end)
            return then(end) if end >= 0 else -1

        return matches

    def _look(self, op: Any, value: Any) -> Matcher:
        direction, tree = value
        if direction < 0:
            return self._position(op, value)
        body = self._sequence(list(tree))

        def matches(at: int, then: Then) -> int:
            is_there = body(at, lambda end: end) >= 0
            return then(at) if is_there is (op is _op.ASSERT) else -1

        return matches

    def _again(self, _: Any, value: Any) -> Matcher:
        """Match a reference to a group."""

        def matches(at: int, then: Then) -> int:
            self._step()
            if value not in self._groups:
                return -1
            begin, end = self._groups[value]
            same = self._text[at : at + end - begin] == self._text[begin:end]
            self.steps += end - begin
            return then(at + end - begin) if same else -1

        return matches

    def _conditional(self, _: Any, value: Any) -> Matcher:
        number, yes, no = value
        met, unmet = self._sequence(list(yes)), self._sequence(list(no or []))
        return lambda at, then: (met if number in self._groups else unmet)(at, then)


_MAKERS: dict[Any, Callable[[Stepper, Any, Any], Matcher]] = {
    _op.AT: Stepper._position,
    _op.MAX_REPEAT: Stepper._repeat,
    _op.MIN_REPEAT: Stepper._repeat,
    _op.POSSESSIVE_REPEAT: Stepper._repeat,
    _op.BRANCH: Stepper._branch,
    _op.SUBPATTERN: Stepper._group,
    _op.ATOMIC_GROUP: Stepper._atomic,
    _op.ASSERT: Stepper._look,
    _op.ASSERT_NOT: Stepper._look,
    _op.GROUPREF: Stepper._again,
    _op.GROUPREF_EXISTS: Stepper._conditional,
}
