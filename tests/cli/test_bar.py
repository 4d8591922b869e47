"""The progress of a delivery: drawn on a terminal, absent in a pipe."""

import asyncio
import io

from rich.console import Console

from digestd.cli.bar import SECONDS, watching
from digestd.deliver import Tally


async def _drawn(console: Console) -> None:
    tally = Tally(accepted=30, deferred=4, rejected=2)
    with watching(tally, 80, console):
        await asyncio.sleep(SECONDS / 4)
        tally.accepted = 60
        await asyncio.sleep(SECONDS * 1.5)


async def test_a_terminal_shows_how_far_it_is_how_fast_and_what_went_wrong() -> None:
    screen = io.StringIO()
    await _drawn(Console(file=screen, force_terminal=True, width=120))
    shown = screen.getvalue()
    for words in ("delivering", "66/80", "/s", "4 deferred", "2 rejected"):
        assert words in shown


async def test_a_pipe_shows_nothing() -> None:
    screen = io.StringIO()
    await _drawn(Console(file=screen))
    assert screen.getvalue() == ""


def test_what_is_done_with_counts_whatever_became_of_it() -> None:
    assert Tally(accepted=1, deferred=2, rejected=4, skipped=8, expired=16, uncertain=32, poisoned=64).ended == 127
