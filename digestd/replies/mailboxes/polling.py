"""One pass over a mailbox: every mail is taken in and committed before it is removed or marked.

Killed in between, the next pass finds the mail again, and that it was told before.
"""

from collections import Counter
from collections.abc import Callable
from datetime import datetime

from digestd.domain.bounce import InboundOutcome
from digestd.replies.mailboxes.mailbox import Postbox
from digestd.replies.processing import FOR_A_PERSON, Desk

PASS = 500
PASSES_MAX = 40
"""A mailbox that is flooded gets its turn; so does the rest of the process."""


def poll(
    mailbox: Postbox, desk: Desk, clock: Callable[[], datetime], keep_on: Callable[[], bool] = lambda: True
) -> dict[InboundOutcome, int]:
    """Read what has come in; how many mails came to which outcome. Raises InboundFailed."""
    counts: Counter[InboundOutcome] = Counter()
    for _ in range(PASSES_MAX):
        before = counts.total()
        _pass(mailbox, desk, clock, keep_on, counts)
        if counts.total() - before < PASS or not keep_on():
            break
    desk.settle(clock())
    return dict(counts)


def _pass(
    mailbox: Postbox,
    desk: Desk,
    clock: Callable[[], datetime],
    keep_on: Callable[[], bool],
    counts: Counter[InboundOutcome],
) -> None:
    with mailbox.open() as opened:
        for letter in opened.letters(PASS):
            if not keep_on():
                return
            outcome = desk.take(letter.raw, clock())
            counts[outcome] += 1
            (opened.keep if outcome in FOR_A_PERSON else opened.remove)(letter)
