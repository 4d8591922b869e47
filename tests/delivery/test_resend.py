"""Send digests again that did not arrive."""

import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from typer.testing import CliRunner, Result

from digestd.cli import app
from digestd.domain.delivery import State, SuppressionReason
from digestd.domain.digest import DigestFacts
from digestd.domain.subscriber import Cause
from digestd.store import core, ledger
from digestd.store.ledger.create import NewCopy
from digestd.subscribers import status_changes
from digestd.subscribers.lookup import find
from digestd.subscribers.suppression import suppress, unsuppress
from tests.support import sample_data
from tests.support.command_process import Command
from tests.support.install import Install, install
from tests.support.relay import Fault, Relay

ADA, BO, CY, DI = (f"{name}@example.net" for name in ("ada", "bo", "cy", "di"))
Run = Callable[..., Result]


@pytest.fixture
def installed(tmp_path: Path, sqlite_url: str, now: datetime) -> Iterator[Install]:
    installed = install(tmp_path, sqlite_url, now)
    installed.papers(sample_data.papers(40))
    installed.people([{"email": email, "hour": 0} for email in (ADA, BO, CY, DI)])
    yield installed
    installed.db.close()


@pytest.fixture
def run(installed: Install, monkeypatch: pytest.MonkeyPatch) -> Run:
    def invoke(*words: str) -> Result:
        for name, value in installed.environment().items():
            monkeypatch.setenv(name, value)
        return CliRunner().invoke(app, ["delivery", "resend", *words, "--json"])

    return invoke


async def refuse(installed: Install) -> None:
    """Plan today's digests; the relay refuses that to ADA for good and accepts the others."""
    installed.plan()
    async with Relay({"RCPT": Fault("550 5.1.1 who?", to=ADA)}).serving() as relay:
        await installed.to(relay.url).deliver()
    assert installed.by_address == {ADA: State.REJECTED} | dict.fromkeys((BO, CY, DI), State.ACCEPTED)
    unsuppress(installed.db, installed.app.keys, ADA, "their server was misconfigured", installed.clock.now)


async def test_rejected_digest_is_sent_again_once(installed: Install, run: Run) -> None:
    await refuse(installed)
    dry = json.loads(run("--since", "2026-11-24", "--dry-run").stdout)
    assert (dry["resent"], [one["address"] for one in dry["digests"]]) == (1, [ADA])
    assert State.READY not in installed.states
    assert json.loads(run("--since", "2026-11-24").stdout)["resent"] == 1
    again = json.loads(run("--since", "2026-11-24").stdout)
    assert again["resent"] == 0
    assert "newer digest" in again["digests"][0]["refused"]
    installed.clock.go(timedelta(minutes=5))
    await installed.deliver()
    assert installed.by_address[ADA] is State.ACCEPTED
    assert installed.unsafe == {}


def test_empty_programme_is_not_sent_again(installed: Install, run: Run) -> None:
    with installed.db.write() as session:
        subscriber = session.connection().execute(select(core.subscriber.c.id).limit(1)).scalar_one()
        new = NewCopy(subscriber, 1, "ICML 2027", b"", DigestFacts(400))
        ledger.plan_programme(session, new, "programme@example.org", installed.clock.now)
        [number] = session.connection().execute(select(core.delivery.c.id)).scalars()
    refused = run(str(number))
    assert (refused.exit_code, str(refused.exception)) == (1, "the programme of ICML 2027 has no papers to send")


@pytest.mark.parametrize("damage", ["history = 'rpzzzzzzzzzzzzz'", "coverage = '[]'"])
async def test_unreadable_digest_is_left_out(installed: Install, damage: str) -> None:
    await refuse(installed)
    with installed.db.write() as session:
        session.connection().exec_driver_sql(f"UPDATE delivery SET {damage} WHERE state = 'rejected'")
    words = "delivery", "resend", "--since", "2026-11-24", "--json"
    left = Command(words, installed.environment(), installed.folder).run()
    assert (left.code, '"resent": 0' in left.output, "cannot be read" in left.output) == (0, True, True), left.output


async def test_resent_papers_do_not_come_once_more(installed: Install, run: Run) -> None:
    await refuse(installed)
    run(ADA)
    with installed.db.read() as session:
        rows = session.connection().exec_driver_sql("SELECT length(papers) FROM seen_papers").scalars().all()
    assert len(set(rows)) == 1


async def test_bulk_never_makes_two_digests_on_one_date(installed: Install, run: Run) -> None:
    await refuse(installed)
    had = json.loads(run("--since", "2026-11-24", "--state", "accepted").stdout)["digests"]
    assert [one["refused"] for one in had] == ["they had it today"] * 3
    installed.next_day()
    [due] = json.loads(run("--since", "2026-11-24").stdout)["digests"]
    assert due["refused"] == "their next digest is due today"
    installed.plan()
    [newer] = json.loads(run("--since", "2026-11-24").stdout)["digests"]
    assert newer["refused"] == "they had a newer digest, or will get one"


async def test_consent_counts_even_for_a_named_subscriber(installed: Install, run: Run) -> None:
    await refuse(installed)
    keys = installed.app.keys
    with installed.db.read() as session:
        bo = find(session, keys, BO).key
    status_changes.unsubscribe(installed.db, bo, Cause.CLI, installed.clock.now)
    suppress(installed.db, keys, CY, SuppressionReason.COMPLAINT, installed.clock.now)
    for email, why in ((BO, "they are unsubscribed"), (CY, "their address is suppressed")):
        done = run(email, "--state", "accepted")
        assert (done.exit_code, json.loads(done.stdout)["digests"][0]["refused"]) == (1, why)
    assert json.loads(run(DI, "--state", "accepted").stdout)["resent"] == 1
    assert json.loads(run(DI, "--state", "accepted").stdout)["resent"] == 1, "named, a second copy is allowed"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "give EMAIL, NUMBER, or --since TIME"),
        (["--since", "2026-11-24", "--state", "uncertain"], "--state uncertain: such digests cannot be sent again"),
        (["999"], "there is no such digest to send again"),
        (["nobody@example.net"], "there is no subscriber"),
    ],
)
def test_wrong_selection_is_refused(run: Run, words: list[str], said: str) -> None:
    done = run(*words)
    assert said in str(done.exception)
