"""Test that regular expressions on outside text take linear steps."""

import re

import pytest

from tests.security.regex_pumps import Expression, expressions, made_while_running, pumps
from tests.security.step_counter import Stepper, TooManySteps

LENGTHS = (32, 64, 128)
GROWTH = 2.8
"""Doubling a text doubles what each further letter costs at most; a square makes it four times as much."""
STEPS_MAX = 300_000
"""More steps than a square takes for the longest text."""
SUSPECTS = 6
"""Only so many of the strings that cost most at the first length are tried at the others."""
OURS = {
    "cli/config.py:_PASSWORD",
    "mail/templates.py:_JINJA_TAG",
    "mail/templates.py:_HEAD_STYLE",
    "mail/templates.py:_AT_RULE",
    "delivery/transports/__init__.py:_BETWEEN",
}
"""These meet the operator's own settings and templates alone."""
CUT = {"sources/imports/ovid.py:_MARKS", "sources/imports/ovid.py:_DEGREES"}
"""These meet names that are cut to a few hundred characters before."""
BUILT = {
    *("mail/dkim.py", "ranking/inverted_index.py", "ranking/signals/phrase.py", "sources/imports/unreadable.py"),
    *(
        "domain/bounce_status.py",
        "domain/tex/strict.py",
        "papers/gists/references.py",
        "papers/gists/cues.py",
        "sources/feed_publishers.py",
    ),
}
"""Files that build expressions from parts: of escaped words, of cut texts, or of tables of their own."""
EVERY = expressions()
ALL = [found for found in EVERY if found.where not in OURS | CUT]


def test_all_expressions_are_tested() -> None:
    assert len(ALL) > 150
    assert {found.where for found in EVERY} >= OURS | CUT
    assert made_while_running() == BUILT


@pytest.mark.parametrize("found", ALL, ids=lambda found: found.where)
def test_expressions_take_linear_steps(found: Expression) -> None:
    assert astray(found) is None


@pytest.mark.parametrize(
    "bad", [r"(?:a+)+$", r"\s*x", r"a[^<>]*=[^<>]*>", r"\w*\\x", r"k\s*(?:\[1\])?\s*:", r"\s+$", r"(?:a|a)*b"]
)
def test_superlinear_expression_is_detected(bad: str) -> None:
    assert astray(Expression("here", re.compile(bad), True))


@pytest.mark.parametrize("found", EVERY, ids=lambda found: found.where)
def test_stepper_matches_like_re(found: Expression) -> None:
    """On short texts, for which no bound matters."""
    stepper = Stepper(found.pattern, STEPS_MAX, keeps_bounds=True)
    for pump in list(pumps(found.pattern))[::7]:
        text = found.text(_pumped(pump, 12))
        expected = [match.span() for match in found.pattern.finditer(text)]
        assert stepper.finditer(text) == expected, text
        assert stepper.fullmatch(text) is (found.pattern.fullmatch(text) is not None), text


def astray(found: Expression) -> tuple[str, str, str] | None:
    """Return a string that makes the steps of an expression grow too fast.

    If there is one.
    """
    stepper = Stepper(found.pattern, STEPS_MAX)
    costs = [(_cost(found, stepper, pump, LENGTHS[0]), pump) for pump in pumps(found.pattern)]
    worst = sorted(costs, key=lambda one: one[0], reverse=True)[:SUSPECTS]
    return next((pump for _, pump in worst if _grows_too_fast(found, stepper, pump)), None)


def _grows_too_fast(found: Expression, stepper: Stepper, pump: tuple[str, str, str]) -> bool:
    short, middle, long = (_cost(found, stepper, pump, length) for length in LENGTHS)
    return long >= STEPS_MAX or long - middle > GROWTH * (middle - short)


def _cost(found: Expression, stepper: Stepper, pump: tuple[str, str, str], length: int) -> int:
    """Return the number of steps, `STEPS_MAX` at most."""
    text = found.text(_pumped(pump, length))
    try:
        if found.scans:
            stepper.finditer(text)
            return stepper.steps
        stepper.match(text)
        steps = stepper.steps
        stepper.fullmatch(text)
        return steps + stepper.steps
    except TooManySteps:
        return STEPS_MAX


def _pumped(pump: tuple[str, str, str], length: int) -> str:
    start, repeated, end = pump
    return start + repeated * (length // len(repeated)) + end
