"""Progress bars on a terminal, written to standard error; nothing in a pipe."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

if TYPE_CHECKING:
    from digestd.delivery.attempt_recorder import RunCounters

REFRESH_SECONDS = 0.25


@contextmanager
def progress(label: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """Show a progress bar while the block runs.

    The block calls the yielded function with each advance.
    """
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(label, total=total)
        yield lambda steps: bar.advance(task, steps)


@contextmanager
def delivery_progress(counters: RunCounters, total: int, console: Console | None = None) -> Iterator[None]:
    """Show the counters of a delivery run while the block runs.

    They are done, rate, failures and time left.

    Must be used inside a running event loop.
    """
    console = console or Console(stderr=True)
    if not console.is_terminal:
        yield
        return
    columns = (
        TextColumn("delivering"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[counters]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("deliver", total=total, counters="")
        drawing = asyncio.ensure_future(_draw(bar, counters, total))
        try:
            yield
        finally:
            drawing.cancel()
            bar.update(task, completed=counters.ended)


async def _draw(bar: Progress, counters: RunCounters, total: int) -> None:
    [task] = bar.task_ids
    began, before = asyncio.get_running_loop().time(), counters.accepted
    while True:
        seconds = max(asyncio.get_running_loop().time() - began, REFRESH_SECONDS)
        rate = (counters.accepted - before) / seconds
        summary = f"{rate:.0f}/s  {counters.deferred} deferred  {counters.rejected} rejected"
        bar.update(task, completed=counters.ended, total=max(total, counters.ended), counters=summary)
        await asyncio.sleep(REFRESH_SECONDS)
