"""inbound: read what comes back."""

import asyncio
from collections import Counter
from typing import Annotated

import typer

from digestd import app as wiring
from digestd.cli.output import emit
from digestd.cli.service import run_until_stopped
from digestd.domain.bounce import InboundOutcome
from digestd.errors import BadInput, BadSetting
from digestd.jobs.receiver import Receiver, receive
from digestd.logs import configure
from digestd.replies.mailboxes.lmtp import Door
from digestd.replies.mailboxes.mailbox import Postbox


def inbound(
    once: Annotated[bool, typer.Option("--once", help="Read what has arrived, print the counts and exit.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="With --once, print the counts as JSON.")] = False,
) -> None:
    """Read bounces, complaints and mail commands.

    They arrive at DIGESTD_INBOUND_URL. `digestd up` reads them too.

    Example: DIGESTD_INBOUND_URL=maildir:/var/mail/bounce digestd inbound --once
    """
    built = wiring.build()
    place = built.inbound
    if place is None:
        raise BadSetting(
            "DIGESTD_INBOUND_URL: is not set; set it to where bounces arrive, as in maildir:/var/mail/bounce"
        )
    if once:
        postbox = _mailbox(place)
        with Receiver.of(built) as receiver:
            emit(_counts(asyncio.run(run_until_stopped(lambda stop: receiver.once(postbox, stop)))), as_json)
        return
    configure(built.settings.log_format, built.settings.log_level)
    asyncio.run(run_until_stopped(lambda stop: receive(built, stop)))


def _mailbox(place: Postbox | Door) -> Postbox:
    if isinstance(place, Door):
        raise BadInput("--once reads a mailbox, but LMTP receives mail from the server; run it without --once")
    return place


def _counts(found: dict[InboundOutcome, int]) -> dict[str, int]:
    counted = Counter(found)
    return {outcome.value: counted[outcome] for outcome in InboundOutcome}
