"""Test the alerts to the operator, by webhook and by mail, when a relay stops and resumes."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from email import message_from_bytes
from email.policy import default
from email.utils import parseaddr

import pytest

from digestd.delivery import alert
from digestd.delivery.alert import webhook_alert
from digestd.delivery.sample_mail import hand_over
from digestd.domain.bounce import Bounce, BounceKind
from digestd.domain.delivery import Actor, Evidence, Settlement, State
from digestd.jobs.worker import alert_operator, tick
from digestd.store import bounces
from digestd.store.ledger import queries
from digestd.store.ledger.settlement import SettlementProof, settle
from tests.delivery.conftest import READERS
from tests.support.install import Install
from tests.support.relay import Fault, Relay
from tests.support.smtp import MAIL, transport
from tests.support.waiting import PATIENCE_SECONDS, eventually
from tests.web.conftest import local_client


@asynccontextmanager
async def chat_room(status: str = "204 No Content") -> AsyncIterator[tuple[str, list[dict[str, str]]]]:
    """Serve a webhook on 127.0.0.1; yield what it received."""
    told: list[dict[str, str]] = []

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.partition("content-length: ")[2].split("\r\n")[0] or 0)
        told.append(json.loads(await reader.readexactly(length) or "{}"))
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook", told


async def test_alert_reports_stop_and_recovery_once(on_file: Install) -> None:
    async with chat_room() as (url, told), Relay({"EHLO": Fault("554 no", times=3)}).serving() as relay:
        install = on_file.to(relay.url, connections=1, alert_url=url)
        for _ in range(3):
            await tick(install.app, asyncio.Event())
            assert [each["event"] for each in told] == ["relay stopped"]
            install.clock.go(timedelta(hours=1))
        assert told[0]["relay"] == install.app.routes[0].name
        assert "retry later" in told[0]["why"]
        assert told[0]["text"].startswith(f"digestd: relay stopped: {told[0]['relay']} (")
        await tick(install.app, asyncio.Event())
    assert [each["event"] for each in told] == ["relay stopped", "relay resumed"]
    assert install.states == {State.ACCEPTED: READERS}


async def test_alert_failure_does_not_stop_delivery(on_file: Install, capsys: pytest.CaptureFixture[str]) -> None:
    async with chat_room("500 Oh no") as (url, told), Relay({"EHLO": Fault("554 no", times=1)}).serving() as relay:
        install = on_file.to(relay.url, connections=1, alert_url=url)
        await tick(install.app, asyncio.Event())
        install.clock.go(timedelta(minutes=2))
        await tick(install.app, asyncio.Event())
    assert len(told) == 2
    assert install.states == {State.ACCEPTED: READERS}
    await webhook_alert(url)("relay stopped", "relay", "nobody listens any more")
    assert "cannot reach the alert webhook" in capsys.readouterr().out


async def test_alert_with_an_endless_response_delays_no_mail(on_file: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alert, "TIMEOUT_SECONDS", 2 * PATIENCE_SECONDS)
    faulty, good, over = Relay({"EHLO": Fault("554 no")}), Relay(), asyncio.Event()
    async with dripping(over) as url, faulty.serving(), good.serving():
        install = on_file.to(f"{faulty.url} {good.url}", connections=1, alert_url=url)
        run = asyncio.create_task(tick(install.app, asyncio.Event()))
        await eventually(lambda: len(good.taken) == READERS)
        assert not run.done(), "it is still alerting"
        over.set()
        await asyncio.wait_for(run, PATIENCE_SECONDS)
    assert install.states == {State.ACCEPTED: READERS}


async def test_alert_with_an_endless_response_is_given_up(on_file: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alert, "TIMEOUT_SECONDS", 0.2)
    over = asyncio.Event()
    try:
        async with dripping(over) as url, Relay({"EHLO": Fault("554 no")}).serving() as relay:
            install = on_file.to(relay.url, connections=1, alert_url=url)
            await asyncio.wait_for(tick(install.app, asyncio.Event()), PATIENCE_SECONDS)
    finally:
        over.set()


async def test_alert_about_uncertain_mails_is_sent_once(
    waiting: Install,
) -> None:
    async with chat_room() as (url, told), Relay({"dot": Fault("close", times=4)}).serving() as relay:
        install = waiting.to(relay.url, connections=1, alert_url=url)
        await install.deliver(limit=2)
        assert install.states[State.UNCERTAIN] == 2
        await by_workers(install)
        assert told == []
        install.clock.go(timedelta(days=1, minutes=1))
        for _ in range(2):
            await by_workers(install)
            assert [each["event"] for each in told] == ["mails uncertain"]
        with local_client(install.app) as client:
            assert client.get("/readyz").json()["uncertain_for_a_day"] == 2
        with install.db.write() as session:
            proof = SettlementProof(Evidence.OPERATOR, Actor.OPERATOR, "it is here")
            lost = [entry.key for entry in queries.entries(session, 9, queries.DeliveryFilter(State.UNCERTAIN))]
            assert settle(session, lost[0], Settlement.ACCEPTED, proof, install.clock.now)
        await by_workers(install)
        assert len(told) == 1
        install.next_day()
        install.plan()
        await install.deliver(limit=2)
        install.clock.go(timedelta(days=1, minutes=1))
        await by_workers(install)
    assert [each["text"].partition(" for ")[0] for each in told] == [
        "digestd: mails uncertain (2",
        "digestd: mails uncertain (3",
    ]


async def test_alert_reports_refused_sender_at_each_doubling(on_file: Install) -> None:
    async with chat_room() as (url, told):
        install = on_file.to("smtp://127.0.0.1", alert_url=url)
        for number in range(1, 6):
            await refuse_sender(install, number)
        install.clock.go(timedelta(days=2))
        await alert_operator(install.app)
        await refuse_sender(install, 6)
        with local_client(install.app) as client:
            assert client.get("/readyz").json()["sender_refused"] == 1
    assert [each["event"] for each in told] == ["sender refused"] * 4
    assert [each["why"].split()[0] for each in told] == ["1", "2", "4", "1"]
    assert "mostly 5.7.26" in told[0]["why"]
    assert set(install.states) == {State.READY}


async def refuse_sender(install: Install, number: int) -> None:
    """Record that one more address refused a mail because of its sender, and check."""
    key = number.to_bytes(32)
    with install.db.write() as session:
        bounces.insert(session, Bounce(key, key, BounceKind.POLICY, "dsn", "5.7.26", None, None, install.clock.now))
    await alert_operator(install.app)


async def by_workers(install: Install) -> None:
    """Run a check in four new workers at once."""
    await asyncio.gather(*(alert_operator(install.app) for _ in range(4)))


@asynccontextmanager
async def dripping(over: asyncio.Event) -> AsyncIterator[str]:
    """Serve a webhook that answers one byte at a time until the test ends."""

    async def drip(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nX: ")
        with suppress(ConnectionError):
            while not (writer.is_closing() or over.is_set()):
                writer.write(b"x")
                await writer.drain()
                await asyncio.sleep(0.05)
        writer.close()

    server = await asyncio.start_server(drip, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
    finally:
        server.close()


async def test_alert_is_mailed_by_another_relay(on_file: Install) -> None:
    async with Relay().serving() as other, Relay({"EHLO": Fault("554 no", times=9)}).serving() as relay:
        install = on_file.to(relay.url, connections=1, alert_mail="operator@example.org", alert_transport_url=other.url)
        for _ in range(2):
            await tick(install.app, asyncio.Event())
            install.clock.go(timedelta(hours=1))
    [mail] = other.taken
    assert (mail.recipient, mail.sender) == ("operator@example.org", parseaddr(install.app.settings.mail_from)[1])
    said = message_from_bytes(mail.message, policy=default)
    assert said["Subject"] == f"digestd: relay stopped: {install.app.routes[0].name}"
    assert "retry later" in said.get_content()


async def test_alert_mail_that_fails_does_not_stop_delivery(
    on_file: Install, capsys: pytest.CaptureFixture[str]
) -> None:
    async with (
        Relay({"RCPT": Fault("550 no", times=9)}).serving() as other,
        Relay({"EHLO": Fault("554 no", times=1)}).serving() as relay,
        chat_room() as (url, told),
    ):
        ways = {"alert_mail": "operator@example.org", "alert_transport_url": other.url, "alert_url": url}
        install = on_file.to(relay.url, connections=1, **ways)
        await tick(install.app, asyncio.Event())
        install.clock.go(timedelta(hours=1))
        await tick(install.app, asyncio.Event())
    assert [each["event"] for each in told] == ["relay stopped", "relay resumed"]
    assert install.states == {State.ACCEPTED: READERS}
    assert "cannot mail the alert" in capsys.readouterr().out


async def test_hand_over_drops_the_connection_of_a_silent_relay() -> None:
    async with Relay({"DATA": Fault("silence")}).serving() as relay:
        sending = asyncio.create_task(hand_over(transport(relay.port), MAIL))
        await eventually(lambda: relay.commands["DATA"])
        sending.cancel()
        with pytest.raises(asyncio.CancelledError) as cancelled:
            await sending
        await eventually(lambda: relay.under_way == 0)
    assert cancelled.tb, "it keeps the connection alive"
