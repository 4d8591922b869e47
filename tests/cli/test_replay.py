"""Test `digestd digest replay`: rebuild a past digest byte for byte."""

import hashlib
from collections.abc import Callable, Iterator
from datetime import date, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from digestd.cli import app
from digestd.domain.coverage import Coverage, CoverageState
from digestd.errors import BadInput, DigestdError
from digestd.store import papers
from digestd.store.papers import sources
from digestd.store.personal_data import Pruned, prune
from digestd.subscribers.personal_data import erase
from tests.digests.topic_papers import DAY, NONE, archive, named, paper, reader, shelf
from tests.support.install import Install, install
from tests.support.relay import Fault, Relay
from tests.support.smtp import transport

READER = "reader@example.net"
KNOWN = {"doi": "10.5555/invented.2", "url": "https://example.org/strong00"}
Replay = Callable[..., Result]


@pytest.fixture
def url(request: pytest.FixtureRequest) -> str:
    """Use SQLite, unless a test asks for each engine."""
    return str(request.getfixturevalue(getattr(request, "param", "sqlite_url")))


@pytest.fixture
def installed(tmp_path: Path, url: str, now: datetime) -> Iterator[Install]:
    """Return an installation on a Tuesday.

    It has four papers, one reader, and a source that was late.
    """
    installed = install(tmp_path, url, now)
    archive(installed)
    with installed.db.write() as session:
        sources.store_coverage(session, [Coverage("hf-daily", now.date(), CoverageState.LATE)], now)
    installed.papers([{**paper("strong00"), **KNOWN}, *shelf("more", 3, authors=["Ingrid Sørensen"])])
    installed.people([reader(name="Ada")])
    yield installed
    installed.db.close()


@pytest.fixture
def replay(installed: Install, monkeypatch: pytest.MonkeyPatch) -> Replay:
    """Run the command on that installation."""

    def invoke(*words: str, **settings: str) -> Result:
        for name, value in installed.environment(**settings).items():
            monkeypatch.setenv(name, value)
        return CliRunner().invoke(app, ["replay", *words])

    return invoke


async def sent(installed: Install) -> bytes:
    """Plan and deliver what is due to the Maildir.

    Return the mail as it was handed over.

    The Maildir adds two lines at the top and uses LF line ends.
    """
    installed.plan()
    assert (await installed.deliver()).accepted == 1
    [file] = (installed.folder / "outbox" / "new").iterdir()
    ours = file.read_bytes().split(b"\n", 2)
    assert [line.partition(b":")[0] for line in ours[:2]] == [b"Return-Path", b"Delivered-To"]
    message = ours[2].replace(b"\n", b"\r\n")
    assert file.name.startswith(hashlib.sha256(message).hexdigest()[:32])
    return message


@pytest.mark.parametrize("url", ["sqlite_url", "postgres_url"], indirect=True)
async def test_replay_is_identical_after_changes(installed: Install, replay: Replay, tmp_path: Path) -> None:
    message = await sent(installed)
    installed.clock.go(3 * DAY)
    installed.papers([paper("strong00", title="Quite another title", abstract="And other words.", authors=["Z. New"])])
    installed.papers([paper("twin")])
    installed.papers([{**paper("twin"), **KNOWN}])
    with installed.db.read() as session:
        one_work = papers.aliases(session, [named("twin"), named("strong00")])
        assert len(set(one_work.values())) == 1, "the two turned out to be one"
    installed.people([reader(name="Ada", topics=["something else"], size=1, hour=22)])
    with installed.db.write() as session:
        sources.store_coverage(
            session, [Coverage("hf-daily", date(2026, 11, 24), CoverageState.FRESH)], installed.clock.now
        )
    out = tmp_path / "again.eml"
    shown = replay(READER, "2026-11-24", "--eml", "--out", str(out))
    assert (shown.exit_code, shown.stdout) == (0, "")
    assert out.read_bytes() == message
    assert shown.stderr == (
        f"the digest of 2026-11-24 matches what was sent (sha256 {hashlib.sha256(message).hexdigest()})\n"
    )
    assert b"Hugging Face was late and will follow tomorrow" in message.replace(b"=\r\n", b"").replace(b"\r\n", b" ")


async def test_replay_is_identical_after_pruning(installed: Install, replay: Replay) -> None:
    installed.people([reader(min_score="high")])
    read = paper("read", NONE, signals={"upvotes": 90})
    installed.papers([read])
    message = await sent(installed)
    assert b"Everybody is reading" in message
    installed.papers([{**read, "title": "Quite another title"}])
    installed.clock.go(100 * DAY)
    pruned = prune(installed.db, installed.clock.now, keep_deliveries=0, keep_papers=90)
    assert pruned == Pruned()
    assert replay(READER, "2026-11-24", "--eml").stdout_bytes == message


async def test_replay_prints_same_bytes_as_file(installed: Install, replay: Replay) -> None:
    message = await sent(installed)
    assert replay(READER, "2026-11-24", "--eml").stdout_bytes == message
    assert replay(READER, "2026-11-24").stdout.startswith("DIGESTD\nTuesday 24 November\n")
    assert replay(READER, "2026-11-24", "--html").stdout.startswith("<!DOCTYPE html>")


async def test_replay_of_weekly_digest_takes_week(installed: Install, replay: Replay) -> None:
    installed.people([reader(cadence="weekly", weekday="tue")])
    message = await sent(installed)
    assert replay(READER, "2026-W48", "--eml").stdout_bytes == message


@pytest.mark.parametrize("change", [{"name": "Augusta"}, {"language": "de-AT", "name": "Ada L."}])
async def test_replay_reports_changed_papers(installed: Install, replay: Replay, change: dict[str, str]) -> None:
    message = await sent(installed)
    installed.people([reader(**{"name": "Ada", **change})])
    shown = replay(READER, "2026-11-24", "--eml")
    assert shown.exit_code == 1
    assert shown.stdout_bytes != message
    assert f"differs from what was sent (sha256 {hashlib.sha256(message).hexdigest()}, now " in shown.stderr


async def test_replay_reports_changed_template(installed: Install, replay: Replay, tmp_path: Path) -> None:
    await sent(installed)
    templates = tmp_path / "other" / "email"
    templates.mkdir(parents=True)
    (templates / "digest.lead.txt.j2").write_text("Other words", encoding="utf-8")
    shown = replay(READER, "2026-11-24", DIGESTD_TEMPLATES_DIR=str(templates.parent))
    assert (shown.exit_code, "Other words" in shown.stdout) == (1, True)
    assert "a sender setting or a template has changed since" in shown.stderr


async def test_replay_reports_changed_sender_setting(installed: Install, replay: Replay) -> None:
    await sent(installed)
    assert replay(READER, "2026-11-24", DIGESTD_POSTAL_ADDRESS="2 Invented Street").exit_code == 1


def test_preview_has_same_summary_as_digest(
    installed: Install, replay: Replay, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in installed.environment().items():
        monkeypatch.setenv(name, value)
    before = CliRunner().invoke(app, ["preview", READER]).stdout
    installed.plan()
    after = replay(READER, "2026-11-24").stdout
    assert "Hugging Face was late and will follow tomorrow." in " ".join(before.split())
    assert _lead(before) == _lead(after)


def _lead(text: str) -> str:
    return text.split("\n\n")[1]


def test_replay_refuses_pending_digest(installed: Install, replay: Replay) -> None:
    installed.plan()
    shown = replay(READER, "2026-11-24")
    assert shown.exit_code == 0
    assert shown.stderr == "the digest of 2026-11-24 was never sent: its delivery is ready\n"


async def test_replay_warns_of_uncertain_digest(installed: Install, replay: Replay) -> None:
    installed.plan()
    async with Relay({"dot": Fault("close", stored=True)}).serving() as relay:
        assert (await installed.deliver(transport(relay.port))).uncertain == 1
    shown = replay(READER, "2026-11-24", "--eml")
    assert shown.stdout_bytes == relay.taken[0].message
    assert " matches what was sent with an unknown outcome (sha256 " in shown.stderr


async def test_replay_warns_of_rejected_digest(installed: Install, replay: Replay) -> None:
    installed.plan()
    async with Relay({"dot": Fault("554 5.7.1 no")}).serving() as relay:
        assert (await installed.deliver(transport(relay.port))).deferred == 1
    assert " matches what was offered last and not accepted (sha256 " in replay(READER, "2026-11-24").stderr


def refusal(result: Result) -> str:
    assert isinstance(result.exception, DigestdError)
    assert result.stdout == ""
    return str(result.exception)


def test_replay_names_nearest_periods(installed: Install, replay: Replay) -> None:
    for number in range(7):
        installed.papers(shelf(f"day{number}", 2))
        installed.plan()
        installed.clock.go(DAY)
    assert refusal(replay(READER, "2026-11-23")) == (
        "there is no digest for 2026-11-23; the nearest are 2026-11-24, 2026-11-25, 2026-11-26, 2026-11-27, 2026-11-28"
    )
    assert refusal(replay(READER, "2026-W48")).endswith("2026-11-24, 2026-11-25, 2026-11-26, 2026-11-27, 2026-11-28")
    assert "2026-11-30" in refusal(replay(READER, "2027-01-01"))


def test_replay_before_first_digest_says_so(installed: Install, replay: Replay) -> None:
    assert "no digest has been planned for this subscriber yet" in refusal(replay(READER, "2026-11-24"))


def test_replay_reports_empty_digest(installed: Install, replay: Replay) -> None:
    installed.plan()
    installed.clock.go(8 * DAY)
    assert installed.plan().empty == 1
    assert "the digest for 2026-12-02 was empty" in refusal(replay(READER, "2026-12-02"))


def test_replay_distinguishes_unknown_and_erased(installed: Install, replay: Replay) -> None:
    installed.plan()
    assert "there is no subscriber 'nobody@example.net'" in refusal(replay("nobody@example.net", "2026-11-24"))
    erase(installed.db, installed.app.keys, READER, installed.clock.now)
    assert f"{READER} was erased" in refusal(replay(READER, "2026-11-24"))


def test_replay_refuses_invalid_period(replay: Replay) -> None:
    for period in ("today", "2026-13-01", "2026-W60", "20261124", "2026-W4", "2026-11-24T07", ""):
        said = replay(READER, period)
        assert isinstance(said.exception, BadInput)
        assert "write a day like 2026-11-24 or a week like 2026-W48" in refusal(said)


def test_replay_shows_one_format_at_a_time(replay: Replay) -> None:
    assert "use one of them" in refusal(replay(READER, "2026-11-24", "--eml", "--html"))
