"""Compute the shapes of plots for inline SVG. Their labels are HTML, so that they can be read at any width."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

WIDTH, HEIGHT = 1000.0, 100.0
"""The user units of a plot; the page stretches them."""
_FACTORS = (1, 1.5, 2, 3, 4, 6, 8, 10)
_GAP = 0.2
"""The share of a bar's place that stays empty."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A part of a bar, in user units; `kind` is its CSS class, `title` what a pointer shows."""

    x: float
    y: float
    width: float
    height: float
    kind: str
    title: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A plot: bars or a line, and the labels of its axes.

    Attributes:
        top: the value at the upper edge; the lower edge is 0.
        line: points of a line as `x,y x,y`; empty for bars.
        labels: labels below the plot, evenly spaced.
        summary: the plot in one sentence.
        rows: the figures, for a table.
    """

    summary: str
    top: int
    labels: Sequence[str]
    bars: Sequence[Bar] = ()
    line: str = ""
    rows: Sequence[tuple[str, str]] = ()

    @property
    def area(self) -> str:
        """Return the points of the area below the line."""
        return f"0,{HEIGHT:g} {self.line} {WIDTH:g},{HEIGHT:g}" if self.line else ""


def stacked_bars(columns: Sequence[Sequence[tuple[str, int, str]]], top: int) -> list[Bar]:
    """Return the bars of columns, each a stack of (class, value, title) from the bottom."""
    step = WIDTH / max(1, len(columns))
    bars = []
    for n, column in enumerate(columns):
        y = HEIGHT
        for kind, value, title in column:
            height = HEIGHT * value / top
            y -= height
            if value:
                bars.append(
                    Bar(
                        _short(n * step + step * _GAP / 2),
                        _short(y),
                        _short(step * (1 - _GAP)),
                        _short(height),
                        kind,
                        title,
                    )
                )
    return bars


def line_points(values: Sequence[int], top: int) -> str:
    """Return the points of a line through values at even distances."""
    step = WIDTH / max(1, len(values) - 1)
    return " ".join(f"{_short(n * step):g},{_short(HEIGHT - HEIGHT * value / top):g}" for n, value in enumerate(values))


def round_up(value: int) -> int:
    """Return a round number that is not below `value`, as the upper edge of a plot."""
    if value <= 1:
        return 1
    power = int(10 ** floor(log10(value)))
    return ceil(next(factor * power for factor in _FACTORS if factor * power >= value))


def evenly(labels: Sequence[str], count: int) -> list[str]:
    """Return `count` of the labels at even distances, the first and the last among them."""
    if len(labels) <= count:
        return list(labels)
    return [labels[ceil(n * (len(labels) - 1) / (count - 1))] for n in range(count)]


def _short(number: float) -> float:
    return round(number, 2)
