"""Test `digestd send` and `digestd explain EMAIL`: one digest now, and why there was none."""

import json
from collections.abc import Callable, Iterator
from datetime import datetime
from email import message_from_bytes
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from digestd.cli import app
from digestd.domain.delivery import MailKind, State
from digestd.domain.subscriber import Status
from digestd.store.due import due
from digestd.store.ledger import queries
from digestd.store.ledger.queries import DeliveryFilter
from tests.digests.topic_papers import DAY, NONE, TOPIC, archive, paper, reader, shelf
from tests.support.install import Install, install

READER = "reader@example.net"
Command = Callable[..., Result]


@pytest.fixture
def url(request: pytest.FixtureRequest) -> str:
    """Use SQLite, unless a test asks for each engine."""
    return str(request.getfixturevalue(getattr(request, "param", "sqlite_url")))


@pytest.fixture
def installed(tmp_path: Path, url: str, now: datetime) -> Iterator[Install]:
    """Return an installation on a Tuesday, before its reader's hour, with three papers for them."""
    installed = install(tmp_path, url, now)
    archive(installed)
    installed.papers(shelf("more", 3))
    installed.people([reader(hour=23)])
    yield installed
    installed.db.close()


@pytest.fixture
def digestd(installed: Install, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Run a command on that installation."""

    def invoke(*words: str, transport_url: str = "") -> Result:
        others = {"DIGESTD_TRANSPORT_URL": transport_url} if transport_url else {}
        for name, value in installed.environment(**others).items():
            monkeypatch.setenv(name, value)
        return CliRunner().invoke(app, [*words])

    return invoke


def calm(hour: int) -> dict[str, object]:
    """Return a reader without papers; even a first digest has no muted one."""
    topics = ["murmuring basalt harpsichords"]
    return reader(email="calm@example.net", topics=topics, mute={"phrases": [TOPIC]}, hour=hour)


def outbox(installed: Install) -> list[str]:
    """Return the subjects of the mails in the Maildir, by file age."""
    files = sorted((installed.folder / "outbox" / "new").iterdir(), key=lambda file: file.stat().st_mtime_ns)
    return [str(message_from_bytes(file.read_bytes())["Message-ID"]) for file in files]


def kinds(installed: Install) -> list[tuple[str, str, str]]:
    with installed.db.read() as session:
        return [(e.kind, e.period, e.state) for e in queries.entries(session, 9, DeliveryFilter())]


@pytest.mark.parametrize("url", ["sqlite_url", "postgres_url"], indirect=True)
def test_send_is_the_digest_of_the_day(installed: Install, digestd: Command) -> None:
    sent = digestd("send", READER, "--json")
    assert (sent.exit_code, json.loads(sent.stdout)) == (
        0,
        {"email": READER, "period": "2026-11-24", "papers": 3, "state": "accepted"},
    )
    installed.clock.go(16 * DAY / 24)  # past their hour, on the same date
    assert installed.plan().planned == 0
    assert kinds(installed) == [(MailKind.DIGEST, "2026-11-24", State.ACCEPTED)]
    assert installed.broken == {}


def test_send_again_refuses_and_names_copy(installed: Install, digestd: Command) -> None:
    digestd("send", READER)
    again = digestd("send", READER)
    assert again.exit_code == 1
    assert "is accepted already" in str(again.exception)
    assert f"digestd send {READER} --date 2026-11-24" in str(again.exception)


def test_send_delivers_planned_digest_that_waits(installed: Install, digestd: Command) -> None:
    installed.clock.go(16 * DAY / 24)
    installed.plan()
    assert digestd("send", READER).exit_code == 0
    assert kinds(installed) == [(MailKind.DIGEST, "2026-11-24", State.ACCEPTED)]


def test_send_sends_nobody_else_anything(installed: Install, digestd: Command) -> None:
    installed.people([reader(email="other@example.net", hour=0)])
    installed.plan()
    digestd("send", READER)
    assert len(outbox(installed)) == 1
    assert installed.by_address["other@example.net"] is State.READY


@pytest.mark.parametrize("url", ["sqlite_url", "postgres_url"], indirect=True)
def test_send_date_is_copy_that_changes_nothing_else(installed: Install, digestd: Command) -> None:
    digestd("send", READER)
    installed.clock.go(DAY)
    with installed.db.read() as session:
        before = due(session, 0, 9, installed.clock.now + 2 * DAY)[0]
    for number in (1, 2):
        copy = digestd("send", READER, "--date", "2026-11-24", "--json")
        assert json.loads(copy.stdout)["period"] == f"2026-11-24-{number}"
    with installed.db.read() as session:
        after = due(session, 0, 9, installed.clock.now + 2 * DAY)[0]
    assert after.mark == before.mark
    assert after.had.tolist() == before.had.tolist()
    assert len(set(outbox(installed))) == 3, "each has a Message-ID of its own"
    assert installed.broken == {}


def test_send_date_ranks_what_was_known_then(installed: Install, digestd: Command) -> None:
    installed.clock.go(2 * DAY)
    installed.papers(shelf("later", 5))
    copy = digestd("send", READER, "--date", "2026-11-25", "--json")
    assert json.loads(copy.stdout)["papers"] == 3


def test_send_date_leaves_out_papers_of_earlier_digests(installed: Install, digestd: Command) -> None:
    digestd("send", READER)
    installed.clock.go(2 * DAY)
    copy = digestd("send", READER, "--date", "2026-11-25")
    assert copy.exit_code == 1
    assert "no new paper reaches" in str(copy.exception)


@pytest.mark.parametrize("status", [Status.PAUSED, Status.UNSUBSCRIBED])
def test_send_refuses_without_active_consent(installed: Install, digestd: Command, status: Status) -> None:
    installed.people([reader(email="not@example.net", status=status.value)])
    refused = digestd("send", "not@example.net", "--date", "2026-11-23")
    assert refused.exit_code != 0
    assert f"is {status}" in str(refused.exception)
    assert kinds(installed) == []


def test_send_copy_to_suppressed_address_is_skipped(installed: Install, digestd: Command) -> None:
    digestd("send", READER)
    assert digestd("subscriber", "suppress", READER).exit_code == 0
    assert digestd("send", READER, "--date", "2026-11-24").exit_code != 0
    assert len(outbox(installed)) == 1


def test_send_without_papers_keeps_digest_of_the_hour(installed: Install, digestd: Command) -> None:
    installed.people([calm(hour=23)])
    nothing = digestd("send", "calm@example.net")
    assert nothing.exit_code == 1
    assert "digestd explain calm@example.net" in str(nothing.exception)
    assert kinds(installed) == []


@pytest.mark.parametrize(("day", "why"), [("tomorrow", "write it like 2026-11-24"), ("2026-12-24", "is still to come")])
def test_send_explains_bad_date(digestd: Command, day: str, why: str) -> None:
    refused = digestd("send", READER, "--date", day)
    assert why in str(refused.exception)


def test_preview_shows_past_date(installed: Install, digestd: Command) -> None:
    installed.clock.go(2 * DAY)
    installed.papers(shelf("later", 5))
    assert "later" not in digestd("preview", READER, "--date", "2026-11-25").stdout
    assert "later" in digestd("preview", READER).stdout


def test_explain_says_what_interests_find(installed: Install, digestd: Command) -> None:
    installed.papers([paper("none", NONE)])
    told = json.loads(digestd("explain", READER, "--json").stdout)
    assert told["last"] is None
    assert told["next_due"] == "2026-11-24T23:00:00+00:00"
    [found] = told["interests"]
    assert (found["papers"], found["sent"]) == (3, 0)
    digestd("send", READER)
    [found] = json.loads(digestd("explain", READER, "--json").stdout)["interests"]
    assert (found["papers"], found["sent"]) == (3, 3)


def test_explain_says_why_there_was_no_mail(installed: Install, digestd: Command) -> None:
    installed.people([calm(hour=0)])
    installed.plan()
    told = digestd("explain", "calm@example.net").stdout
    assert "today: no mail: no new paper reached their minimum score" in told
    assert "last digest: 2026-11-24: no mail, because no paper reached their minimum score" in told
    assert "next digest: Wednesday 2026-11-25 00:00 in UTC (daily)" in told


def test_explain_promises_first_digest_of_a_late_start(installed: Install, digestd: Command) -> None:
    installed.people([reader(email="new@example.net", hour=0)])
    told = digestd("explain", "new@example.net").stdout
    assert "today: not planned yet: `digestd plan` plans it" in told
    assert "next digest: is due now" in told
    digestd("plan")
    assert "today: planned with 3 papers and ready" in digestd("explain", "new@example.net").stdout


def test_explain_says_that_pause_stops_digests(installed: Install, digestd: Command) -> None:
    assert digestd("subscriber", "pause", READER, "--until", "2026-12-01").exit_code == 0
    told = digestd("explain", READER).stdout
    assert "today: no digest: they were paused" in told or "today: not yet" in told
    assert "next digest: Tuesday 2026-12-01" in told
    assert "paused until 2026-12-01" in told


def test_explain_period_needs_paper(digestd: Command) -> None:
    refused = digestd("explain", READER, "--period", "2026-11-24")
    assert "use --date 2026-11-24" in str(refused.exception)


def test_send_test_reaches_any_address_beside_the_ledger(installed: Install, digestd: Command) -> None:
    done = digestd("send", "--test", "cy@example.com", "--json")
    assert done.exit_code == 0, done.output
    [relay] = json.loads(done.stdout)
    assert (relay["accepted"], relay["reply"][:4]) == (True, "250 ")
    [mail] = (installed.folder / "outbox" / "new").iterdir()
    message = message_from_bytes(mail.read_bytes())
    assert (message["To"], message["Delivered-To"]) == ("cy@example.com", "cy@example.com")
    assert message["Subject"].startswith("Sample: ")
    assert "Everybody is reading" not in str(message)
    assert installed.states == {}
    assert installed.broken == {}


def test_send_test_reports_each_relay_that_fails(installed: Install, digestd: Command) -> None:
    (installed.folder / "full").write_text("a file, not a folder")
    relays = f"maildir:{installed.folder / 'full'} maildir:{installed.folder / 'outbox'}"
    done = digestd("send", "--test", "cy@example.com", "--json", transport_url=relays)
    assert done.exit_code == 1
    assert [one["accepted"] for one in json.loads(done.stdout)] == [False, True]


def test_send_test_writes_to_nobody_who_is_suppressed(digestd: Command) -> None:
    assert digestd("subscriber", "suppress", "cy@example.com").exit_code == 0
    assert "cy@example.com is suppressed (request); use another address" in str(
        digestd("send", "--test", "cy@example.com").exception
    )
