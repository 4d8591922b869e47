"""Show operators the state of the service: the screen of `digestd status`, and plots of the recent past.

Read only, without scripts. It names no subscriber. `access` says whom it answers. Plots are inline SVG; their labels
are HTML, so that they can be read at any width.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from math import ceil, floor, log10
from threading import Lock
from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.responses import Response

from digestd.app import App
from digestd.domain.bounce import BounceKind
from digestd.operations.history import ServiceHistory, read_history
from digestd.operations.service_status import ServiceStatus, counted, needs_attention, status_lines
from digestd.operations.status_reader import read_status
from digestd.web.access import only_admins
from digestd.web.dependencies import SitePages, part
from digestd.web.pages import SHOW

KEPT = timedelta(seconds=15)
"""Frequent reloads share one count."""
_LABELS = 4
_PERCENT = 100
_BOUNCES = (BounceKind.HARD, BounceKind.SOFT, BounceKind.POLICY, BounceKind.COMPLAINT)
WIDTH, HEIGHT = 1000.0, 100.0
"""The user units of a plot; the page stretches them."""
_FACTORS = (1, 1.5, 2, 3, 4, 6, 8, 10)
_GAP = 0.2
"""The share of a bar's place that stays empty."""
router = APIRouter()


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
        return f"0,{HEIGHT:g} {self.line} {WIDTH:g},{HEIGHT:g}" if self.line else ""


@dataclass
class KeptReports:
    """The status and history that were read last."""

    app: App
    _at: datetime | None = None
    _read: tuple[ServiceStatus, ServiceHistory] | None = None
    _lock: Lock = field(default_factory=Lock)

    def newest(self) -> tuple[ServiceStatus, ServiceHistory]:
        """Return both, at most KEPT old."""
        now = self.app.clock()
        with self._lock:
            if self._read is None or self._at is None or not timedelta() <= now - self._at < KEPT:
                self._read, self._at = (read_status(self.app), read_history(self.app)), now
            return self._read


@router.api_route("/admin", methods=SHOW, dependencies=[Depends(only_admins)])
def admin(pages: SitePages, kept: Annotated[KeptReports, Depends(part(KeptReports))]) -> Response:
    status, history = kept.newest()
    return pages.page(
        "admin",
        language="en",
        at=status.at,
        findings=needs_attention(status),
        lines=[*status_lines(status)],
        charts=charts(history),
        coverage=history.coverage,
        bounce_kinds=_BOUNCES,
    )


def charts(history: ServiceHistory) -> Mapping[str, Chart]:
    """Return the plots by heading."""
    return {
        "Mails sent per hour": _sent(history),
        "Active subscribers": _growth(history),
        "Bounces per day": _bounces(history),
        "Papers that readers liked": _quality(history),
    }


def _sent(history: ServiceHistory) -> Chart:
    top = round_up(max(count for _, count in history.sent))
    total = sum(count for _, count in history.sent)
    names = [f"{hour:%a %d %b, %H:00}" for hour, _ in history.sent]
    rows = [(name, f"{count:,}") for name, (_, count) in zip(names, history.sent, strict=True)]
    columns = [
        [("sent", count, f"{name}: {counted(count, 'mail')}")]
        for name, (_, count) in zip(names, history.sent, strict=True)
    ]
    labels = evenly([f"{hour:%a %H:00}" for hour, _ in history.sent], _LABELS)
    return Chart(
        f"{counted(total, 'mail')} in {counted(len(history.sent), 'hour')}, UTC",
        top,
        labels,
        stacked_bars(columns, top),
        rows=rows,
    )


def _growth(history: ServiceHistory) -> Chart:
    values = [count for _, count in history.active]
    top = round_up(max(values))
    change = values[-1] - values[0]
    rows = [(f"{day:%d %b}", f"{count:,}") for day, count in history.active]
    summary = f"{values[-1]:,} now, {change:+,} in {len(values)} days"
    return Chart(summary, top, _day_labels(history.active), line=line_points(values, top), rows=rows)


def _bounces(history: ServiceHistory) -> Chart:
    totals = [sum(kinds.get(kind, 0) for kind in _BOUNCES) for _, kinds in history.bounces]
    top = round_up(max(totals))
    columns = [
        [(kind.value, kinds.get(kind, 0), f"{day:%d %b}: {kinds.get(kind, 0):,} {kind}") for kind in _BOUNCES]
        for day, kinds in history.bounces
    ]
    rows = [
        (f"{day:%d %b}", ", ".join(f"{kinds[kind]:,} {kind}" for kind in _BOUNCES if kinds.get(kind)) or "0")
        for day, kinds in history.bounces
    ]
    summary = f"{counted(sum(totals), 'bounce')} in {len(totals)} days"
    return Chart(summary, top, _day_labels(history.bounces), stacked_bars(columns, top), rows=rows)


def _quality(history: ServiceHistory) -> Chart:
    liked, given = (sum(pair[n] for _, pair in history.verdicts) for n in (0, 1))
    shares = [(week, round(_PERCENT * good / count) if count else 0, count) for week, (good, count) in history.verdicts]
    columns = [
        [("liked", share, f"week of {week:%d %b}: {share} % of {counted(count, 'verdict')}")]
        for week, share, count in shares
    ]
    rows = [
        (f"week of {week:%d %b}", f"{share} % of {counted(count, 'verdict')}" if count else "no verdicts")
        for week, share, count in shares
    ]
    summary = (
        f"{_PERCENT * liked / given:.0f} % of {counted(given, 'verdict')} in {len(shares)} weeks"
        if given
        else f"no verdicts in {len(shares)} weeks"
    )
    return Chart(summary, _PERCENT, _day_labels(history.verdicts), stacked_bars(columns, _PERCENT), rows=rows)


def _day_labels(rows: Sequence[tuple[date, object]]) -> list[str]:
    return evenly([f"{day:%d %b}" for day, _ in rows], _LABELS)


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
