"""The progress of a delivery on a terminal: how many of those ready, the rate, what went wrong, the time left."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from digestd.deliver import Tally

SECONDS = 0.25


@contextmanager
def watching(tally: Tally, total: int, console: Console | None = None) -> Iterator[None]:
    """Draw the tally while the block runs; nothing in a pipe. Use inside a running loop."""
    console = console or Console(stderr=True)
    if not console.is_terminal:
        yield
        return
    columns = (
        TextColumn("delivering"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[said]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("deliver", total=total, said="")
        drawing = asyncio.ensure_future(_draw(bar, tally, total))
        try:
            yield
        finally:
            drawing.cancel()
            bar.update(task, completed=tally.ended)


async def _draw(bar: Progress, tally: Tally, total: int) -> None:
    [task] = bar.task_ids
    began, before = asyncio.get_running_loop().time(), tally.accepted
    while True:
        seconds = max(asyncio.get_running_loop().time() - began, SECONDS)
        said = f"{(tally.accepted - before) / seconds:.0f}/s  {tally.deferred} deferred  {tally.rejected} rejected"
        bar.update(task, completed=tally.ended, total=max(total, tally.ended), said=said)
        await asyncio.sleep(SECONDS)
