"""Test that an unexpected error of one mail is recorded with that mail and costs no other."""

import json
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import cycle
from pathlib import Path
from urllib.request import urlopen

import pytest
from sqlalchemy import text

from digestd.delivery.transports.transport import Connection, OutgoingMail, Refusal, SmtpReply, Transport
from digestd.domain.delivery import State
from tests.delivery.conftest import READERS, planned
from tests.delivery.test_service import service, terminate
from tests.support.command_process import Command
from tests.support.install import Install, reopen
from tests.support.relay import Fault, Relay
from tests.support.smtp import SHORT_TIMEOUTS, transport
from tests.support.waiting import until

VICTIM = "reader3@example.net"
ABSURD = {
    "long line": "250 " + "x" * 65_000,
    "many lines": "250-x\r\n" * 20_000 + "250 ok",
    "binary": "\x00\x7f\udcff\udcfe",
    "negative": "-451 4.7.1 later",
    "huge": "99999999999 later",
    "odd status": "451 9.999999.99999.9 later",
    "no such code": "999 later",
    "wrong code": "354 go on",
    "two answers": "250 2.1.5 ok\r\n250 2.1.5 ok",
}


@pytest.mark.parametrize(("stage", "absurd"), [*zip(cycle(["RCPT", "DATA", "dot"]), ABSURD, strict=False)])
async def test_absurd_answer_for_one_costs_no_other(on_file: Install, stage: str, absurd: str) -> None:
    async with Relay({stage: Fault(ABSURD[absurd], to=VICTIM, stored=absurd != "odd status")}).serving() as relay:
        for _ in range(3):
            await on_file.deliver(transport(relay.port, patience=SHORT_TIMEOUTS))
            on_file.clock.go(timedelta(minutes=4))
    fates = on_file.by_address
    assert fates.pop(VICTIM) in {State.READY, State.UNCERTAIN, State.ACCEPTED}
    assert set(fates.values()) == {State.ACCEPTED}
    assert on_file.sound(relay.copies)


@dataclass
class BrokenTransport:
    """A transport with an unexpected error at one point of the victim's mail, `times` times."""

    whole: Transport
    point: str
    times: int = 1_000
    victim: str = VICTIM

    async def connect(self) -> Connection:
        """Connect; see Transport.connect."""
        self.break_at("connect", self.victim)
        return _BrokenConnection(self, await self.whole.connect())

    def break_at(self, point: str, to: str) -> None:
        """Raise what a fault in our own code would."""
        if (point, to) == (self.point, self.victim) and self.times:
            self.times -= 1
            raise RecursionError("Ada Lovelace")


@dataclass
class _BrokenConnection:
    by: BrokenTransport
    whole: Connection
    to: str = ""

    async def offer(self, mail: OutgoingMail) -> Refusal | None:
        self.to = mail.to
        refused = await self.whole.offer(mail)
        self.by.break_at("offer", mail.to)
        return refused

    async def commit(self, then: OutgoingMail | None = None) -> SmtpReply:
        reply = await self.whole.commit(then)
        self.by.break_at("commit", self.to)
        return reply

    async def abandon(self) -> None:
        await self.whole.abandon()
        self.by.break_at("offer", self.to)

    async def close(self) -> None:
        await self.whole.close()
        self.by.break_at("close", self.by.victim)


@pytest.mark.parametrize(
    ("point", "times", "ends"),
    [
        ("connect", 1, {State.ACCEPTED: READERS}),
        ("offer", 1_000, {State.ACCEPTED: READERS - 1, State.POISONED: 1}),
        ("commit", 1, {State.ACCEPTED: READERS - 1, State.UNCERTAIN: 1}),
        ("close", 1_000, {State.ACCEPTED: READERS}),
    ],
)
async def test_unexpected_error_of_one_mail_ends_no_other(
    on_file: Install, point: str, times: int, ends: dict[State, int]
) -> None:
    async with Relay().serving() as relay:
        broken = BrokenTransport(transport(relay.port), point, times)
        reports = []
        for _ in range(3):
            reports.append(await on_file.deliver(broken))
            on_file.clock.go(timedelta(minutes=11))
    assert reports[0].accepted >= READERS - 1
    assert [report.stopped for report in reports] == [None] * 3
    assert on_file.states == ends
    assert on_file.sound(relay.copies)


@pytest.mark.parametrize(("state", "ends"), [(State.FINAL_DOT, State.POISONED), (State.ACCEPTED, State.UNCERTAIN)])
async def test_unwritable_row_ends_no_other(on_file: Install, state: State, ends: State) -> None:
    """The database refuses to write one delivery, at the commit point or when its result is recorded."""
    with on_file.db.write() as session:
        session.connection().execute(
            text(
                f"CREATE TRIGGER refuse BEFORE UPDATE ON delivery WHEN NEW.id = 4 AND NEW.state = '{state}' "
                "BEGIN SELECT RAISE(ABORT, 'invented'); END"
            )
        )
    async with Relay().serving() as relay:
        for _ in range(3):
            assert (await on_file.deliver(transport(relay.port))).stopped is None
            on_file.clock.go(timedelta(minutes=11))
    assert on_file.states == {State.ACCEPTED: READERS - 1, ends: 1}
    assert on_file.sound(relay.copies)


async def test_unknown_kind_and_status_skip_only_their_mails(on_file: Install) -> None:
    """Rows that a disk or a person damaged are named in lists, and end no run, list, status or check."""
    damage = (
        "PRAGMA ignore_check_constraints = ON",
        "DROP TRIGGER delivery_state_change",
        "UPDATE delivery SET kind = 'novel' WHERE id = 2",
        "UPDATE subscriber SET status = 'asleep' WHERE id = 3",
        "UPDATE delivery SET state = 'lost', history = 'odd' WHERE id = 4",
    )
    with on_file.db.write() as session:
        for statement in damage:
            session.connection().execute(text(statement))
    async with Relay().serving() as relay:
        report = await on_file.deliver(transport(relay.port))
    assert (report.stopped, report.accepted, report.skipped) == (None, READERS - 3, 2)
    words = ("delivery list --json", "delivery show 2", "delivery show 4", "status", "fsck --json")
    ran = [Command(tuple(word.split()), on_file.environment(), on_file.folder).run() for word in words]
    assert [ended.code for ended in ran] == [0, 0, 0, 0, 1], [ended.output for ended in ran]
    listed = {row["id"]: row for row in json.loads(ran[0].output)}
    assert [(listed[n]["kind"], listed[n]["state"]) for n in (2, 3, 4)] == [
        ("novel", "skipped"),
        ("digest", "skipped"),
        ("digest", "lost"),
    ]
    assert listed[3]["reason"] == "the subscriber's status cannot be read"
    assert [row["id"] for row in json.loads(ran[4].output)["I17"]] == [4]


def test_up_survives_absurd_answers_and_failing_upkeep(tmp_path: Path, sqlite_url: str, now: datetime) -> None:
    """Pages are served and mails are sent although some answers are absurd and the hourly upkeep fails."""
    odd = frozenset(f"reader{number}@example.net" for number in (2, 5, 7))
    faults = {"RCPT": Fault(ABSURD["long line"], to=odd)}
    with closing(planned(tmp_path / "run", sqlite_url, now, 12).db) as db, Relay(faults).in_thread() as relay:
        made = reopen(tmp_path / "run", sqlite_url, now).to(relay.url, connections=2)
        with made.db.write() as session:
            session.connection().execute(text("INSERT INTO throttle VALUES ('@old.example', 0, 0, 0, 0, 0, 0, '')"))
            session.connection().execute(
                text("CREATE TRIGGER refuse BEFORE DELETE ON throttle BEGIN SELECT RAISE(ABORT, 'invented'); END")
            )
        command = service(made, "up")
        running = command.start()
        try:
            until(lambda: len(relay.taken) == 9, lambda: (running.output.read_text(), made.states))
            page = urlopen(command.environment["DIGESTD_PUBLIC_URL"] + "/healthz", timeout=10)
            assert page.status == 200
        finally:
            terminate(running)
            ended = running.end()
        assert (ended.code, "Traceback" in ended.output) == (0, False), ended.output
        assert "delivery failed" in ended.output
        assert made.sound(relay.copies)
        db.close()


async def test_limited_run_sends_as_many_as_it_may(on_file: Install) -> None:
    """Workers whose connection is refused hand on what they had claimed."""
    refusal = Fault("421 4.7.0 too many connections", times=6)
    async with Relay({"banner": refusal}, delay=0.1).serving() as relay:
        made = on_file.to("smtp://127.0.0.1", connections=8)
        report = await made.deliver(transport(relay.port), limit=READERS)
    assert (report.accepted, report.stopped) == (READERS, None)
    assert on_file.states == {State.ACCEPTED: READERS}


@pytest.mark.parametrize("words", [("--limit", "5"), ()])
def test_deliver_names_what_it_leaves_ready(on_file: Install, words: tuple[str, ...]) -> None:
    ended = Command(("deliver", *words), on_file.environment(), on_file.folder).run()
    assert ended.code == 0
    assert (f"{READERS - 5} mails are still ready (--limit 5" in ended.output) == bool(words), ended.output
