"""Test delivery on uvloop, whose transports are not asyncio's."""

import asyncio
import ssl

import pytest
import uvloop

from digestd.delivery.attempt_recorder import RunCounters
from digestd.domain.delivery import State
from tests.delivery.conftest import READERS
from tests.support.install import Install
from tests.support.relay import Fault, Relay
from tests.support.smtp import transport

VICTIM = "reader3@example.net"


@pytest.mark.parametrize(
    ("fault", "ends", "tls"),
    [
        ({}, {State.ACCEPTED}, "none"),
        ({"RCPT": Fault("550 5.1.1 who?", to=VICTIM)}, {State.REJECTED}, "starttls"),
        ({"dot": Fault("close", to=VICTIM, stored=True)}, {State.UNCERTAIN}, "starttls"),
    ],
)
def test_mails_are_sent_once_on_uvloop(
    on_file: Install,
    fault: dict[str, Fault],
    ends: set[State],
    tls: str,
    served: ssl.SSLContext,
    trusting: ssl.SSLContext,
) -> None:
    relay = Relay(fault, served if tls == "starttls" else None)

    async def deliver() -> RunCounters:
        async with relay.serving():
            return await on_file.deliver(transport(relay.port, tls, trusting if tls == "starttls" else None))

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        report = runner.run(deliver())
    assert report.stopped is None
    fates = on_file.by_address
    assert fates.pop(VICTIM) in ends
    assert list(fates.values()) == [State.ACCEPTED] * (READERS - 1)
    assert on_file.sound(relay.copies)
