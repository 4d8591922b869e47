"""Test every fault of a relay at every point of the session: 110 cells with their outcome.

No subscriber suffers for what the relay does to all; what it does to one mail touches no other; what nobody can know is
uncertain. The whole pipeline runs: ledger, worker, our own protocol, a relay on a socket.
"""

import ssl
from dataclasses import replace

import pytest

from digestd.delivery.run import deliver
from digestd.delivery.transports import Route
from digestd.delivery.transports.smtp import connection
from digestd.delivery.transports.smtp.connection import SmtpTransport
from digestd.delivery.transports.smtp.session import Relay, RelayTimeouts
from digestd.domain.delivery import State
from digestd.store import rate_limits
from tests.delivery.conftest import READERS
from tests.support.faulty_relay import FAULTS, POINTS, FaultyRelay
from tests.support.install import Install

VICTIM = "reader3@example.net"
BEFORE_MAILS = ("connect", "banner", "EHLO", "STARTTLS", "AUTH")
SAID = ("4xx", "5xx", "421")
NEVER_DONE = ("silence", "drip", "endless")
UNANSWERED = ("MAIL", "RCPT")
"""Points after which this relay does not answer what was sent along."""
HASTY = RelayTimeouts(connect=1, command=1, mail=2, final_dot=1)
PATIENT = RelayTimeouts(connect=60, command=60, mail=60, final_dot=60)
READY, ACCEPTED, REJECTED, UNCERTAIN = State.READY, State.ACCEPTED, State.REJECTED, State.UNCERTAIN


def expected(point: str, fault: str) -> set[tuple[State, bool]]:
    """Return the possible states of the affected mail, and whether the relay stops."""
    if point in BEFORE_MAILS:
        return {(READY, True)}
    if point == "QUIT":
        return {(ACCEPTED, False)}
    if (point == "RCPT" and fault in SAID) or (point in {"body", "dot"} and fault in SAID):
        return {{"4xx": (READY, False), "5xx": (REJECTED, False), "421": (READY, point != "RCPT")}[fault]}
    if point == "dot":
        return {(UNCERTAIN, False)}
    if point == "body":  # the dot may have left before the relay's end, or its silence, could be noticed
        return {(READY, False), (UNCERTAIN, False)}
    if point in {"RCPT", "DATA"} and fault != "421":  # a new connection works
        return {(READY, False)}
    if point == "MAIL" and fault in {"garbage", "long line", "endless"}:  # once: asked again, command by command
        return {(ACCEPTED, False)} if fault != "long line" else {(ACCEPTED, False), (READY, True)}
    return {(READY, True)}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("point", POINTS)
async def test_fault_matrix_cell(
    point: str,
    fault: str,
    on_file: Install,
    served: ssl.SSLContext,
    trusting: ssl.SSLContext,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connection, "QUIT_SECONDS", 0.3)
    secured = point in {"STARTTLS", "AUTH"}
    async with FaultyRelay(point, fault, VICTIM, served if secured else None).serving() as relay:
        way = Relay(
            "127.0.0.1",
            relay.port,
            "starttls" if secured else "none",
            username="user" if point == "AUTH" else None,
            password="secret" if point == "AUTH" else None,
            context=trusting if secured else None,
            timeouts=HASTY if fault in NEVER_DONE or point in UNANSWERED else PATIENT,
        )
        owner = on_file.app.new_owner()
        with on_file.app.owners.hold(owner):
            run = replace(on_file.app.delivery(owner, (Route("relay", SmtpTransport(way)),)), connections=1)
            report = await deliver(run)
    assert relay.fault_count
    fates = on_file.by_address
    found = fates.pop(VICTIM)
    assert (found, report.stopped is not None) in expected(point, fault)
    assert set(fates.values()) <= {READY, ACCEPTED}  # nobody else is touched
    is_slowed = (point, fault) == ("RCPT", "421")  # all are at the same domain
    assert report.stopped is not None or is_slowed or point == "dot" or READY not in fates.values()
    assert len(fates) == READERS - 1
    assert on_file.sound(relay.copies)
    with on_file.db.read() as session:
        assert bool(rate_limits.paused_relays(session)) == (report.stopped is not None)
