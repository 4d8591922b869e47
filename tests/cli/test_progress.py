"""Test the progress of a delivery: drawn on a terminal, absent in a pipe."""

import io
import re

import pytest
from rich.console import Console

from digestd.cli.output import delivery_progress
from digestd.delivery.attempt_recorder import RunCounters


def _draw(console: Console) -> None:
    counters = RunCounters(accepted=30, deferred=4, rejected=2)
    with delivery_progress(counters, 80, console) as bar:
        counters.accepted = 60
        bar.refresh()


def test_terminal_shows_progress_rate_and_failures() -> None:
    screen = io.StringIO()
    _draw(Console(file=screen, force_terminal=True, width=120))
    for words in ("delivering", "66/80", "/s", "4 deferred", "2 rejected"):
        assert words in screen.getvalue()


def test_pipe_shows_nothing() -> None:
    screen = io.StringIO()
    _draw(Console(file=screen))
    assert screen.getvalue() == ""


def test_progress_counts_all_finished_deliveries() -> None:
    assert (
        RunCounters(accepted=1, deferred=2, rejected=4, skipped=8, expired=16, uncertain=32, poisoned=64).ended == 127
    )


def test_time_left_follows_rate() -> None:
    screen, counters, total, now = io.StringIO(), RunCounters(), 6_000, 0.0
    with delivery_progress(
        counters, total, Console(file=screen, force_terminal=True, width=120, get_time=lambda: now)
    ) as bar:
        for _ in range(20):
            now += 1
            counters.accepted += 8
            counters.rejected += 2
            bar.refresh()
    found = re.findall(r"(\d+):(\d\d):(\d\d)", screen.getvalue())
    shown = [3600 * int(hours) + 60 * int(minutes) + int(seconds) for hours, minutes, seconds in found]
    assert shown, "until two looks have been taken nobody can tell: -:--:--"
    assert shown[-1] == pytest.approx((total - counters.ended) / 10, rel=0.1), "ten a second of that clock"
