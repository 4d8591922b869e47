"""Poll a mailbox: process and commit each message before it is removed or flagged.

After a crash in between, the next pass finds the message again and recognises its bounce or command as known.
"""

from collections import Counter
from collections.abc import Callable
from datetime import datetime

from digestd.domain.bounce import InboundOutcome
from digestd.replies.mailboxes.mailbox import InboundMailbox
from digestd.replies.processing import NEEDS_REVIEW, ReplyProcessor

PASS_SIZE = 500
PASSES_MAX = 40
"""Passes per poll, so that a flooded mailbox does not occupy the process forever."""


def poll(
    mailbox: InboundMailbox,
    processor: ReplyProcessor,
    clock: Callable[[], datetime],
    should_continue: Callable[[], bool] = lambda: True,
) -> dict[InboundOutcome, int]:
    """Process the new messages of a mailbox; return their number by outcome.

    Args:
        should_continue: Checked before each message; return False to stop early.

    Raises:
        InboundFailed: The mailbox cannot be reached or read.
    """
    counts: Counter[InboundOutcome] = Counter()
    for _ in range(PASSES_MAX):
        before = counts.total()
        _poll_once(mailbox, processor, clock, should_continue, counts)
        if counts.total() - before < PASS_SIZE or not should_continue():
            break
    processor.settle(clock())
    return dict(counts)


def _poll_once(
    mailbox: InboundMailbox,
    processor: ReplyProcessor,
    clock: Callable[[], datetime],
    should_continue: Callable[[], bool],
    counts: Counter[InboundOutcome],
) -> None:
    with mailbox.open() as session:
        for message in session.messages(PASS_SIZE):
            if not should_continue():
                return
            outcome = processor.process(message.raw, clock())
            counts[outcome] += 1
            if outcome in NEEDS_REVIEW:
                session.flag(message)
            else:
                session.remove(message)
