"""Test mails that cannot be composed.

One is poisoned, many stop the run, if possible before it starts.
"""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import structlog
from sqlalchemy import select

from digestd.delivery import run
from digestd.domain.delivery import State
from digestd.resources import templates
from digestd.store import core, throttles
from digestd.store.ledger import queries
from tests.delivery.conftest import READERS, planned
from tests.delivery.test_outcomes import spoil
from tests.support import sample_data
from tests.support.install import Install, install
from tests.support.relay import Relay
from tests.support.smtp import transport

DELIVERY = core.delivery.c


async def test_preflight_stops_a_run_that_cannot_compose(
    waiting: Install,
) -> None:
    async with Relay().serving() as relay:
        there = waiting.to(relay.url)
        before = tries(there)
        whole = picks(there)
        for key in whole:
            spoil(there, key)
        report = await there.deliver()
        assert report.stopped is not None
        assert f"{READERS} of {READERS} sample mails cannot be composed (KeyError), so none are sent" in report.stopped
        assert (report.deferred, relay.sessions, tries(there)) == (0, 0, before)
        with there.db.read() as session:
            [rests] = throttles.paused_relays(session)
        assert rests.why == report.stopped
        mend(there, whole)
        there.clock.go(timedelta(minutes=1))
        assert (await there.deliver()).accepted == READERS
    assert waiting.sound(relay.copies)


@pytest.mark.parametrize(("spoilt", "accepted"), [(1, 19), (2, 0)])
async def test_preflight_tolerates_one_failure_of_twenty(
    tmp_path: Path, sqlite_url: str, now: datetime, spoilt: int, accepted: int
) -> None:
    many = planned(tmp_path / "many", sqlite_url, now, 20)
    for key in range(1, spoilt + 1):
        spoil(many, key)
    async with Relay().serving() as relay:
        report = await many.deliver(transport(relay.port))
    assert (report.accepted, report.stopped is None) == (accepted, spoilt == 1)
    assert many.sound(relay.copies)
    many.db.close()


async def test_preflight_ignores_earlier_failures(on_file: Install) -> None:
    for key in (1, 2, 3):
        spoil(on_file, key)
    with on_file.db.write() as session:
        once = core.delivery.update().where(DELIVERY.id.in_([1, 2, 3])).values(failures=1)
        session.connection().execute(once)
    async with Relay().serving() as relay:
        report = await on_file.deliver(transport(relay.port))
    assert (report.accepted, report.deferred) == (READERS - 3, 3)
    assert on_file.sound(relay.copies)


async def test_run_stops_when_too_many_mails_fail_to_compose(tmp_path: Path, sqlite_url: str, now: datetime) -> None:
    many = planned(tmp_path / "many", sqlite_url, now, 60)
    with many.db.read() as session:
        seen = {claim.key for claim in queries.sample(session, run.SAMPLE_SIZE, now)}
    assert len(seen) == run.SAMPLE_SIZE
    for key in set(picks(many)) - seen:
        spoil(many, key)
    one_lane = many.to("smtp://127.0.0.1", connections=1)
    async with Relay().serving() as relay:
        report = await one_lane.deliver(transport(relay.port))
    assert "mails could not be composed" in (report.stopped or "")
    assert 5 <= report.deferred < 10
    assert many.states[State.READY] >= 60 - run.SAMPLE_SIZE
    assert many.sound(relay.copies)
    many.db.close()


async def test_preflight_stops_a_run_whose_mails_have_an_error(tmp_path: Path, sqlite_url: str, now: datetime) -> None:
    made = _with_foot(tmp_path, sqlite_url, now, "")
    async with Relay().serving() as relay:
        report = await made.deliver(transport(relay.port))
    assert report.stopped is not None
    assert "found an error in a mail (digest, delivery 1), so none are sent: HTML: the HTML part shows no" in (
        report.stopped
    )
    assert (relay.sessions, made.states[State.READY]) == (0, READERS)
    made.db.close()


async def test_preflight_sends_despite_warnings(tmp_path: Path, sqlite_url: str, now: datetime) -> None:
    foot = '<p style="color:#eee"><a href="{{ frame.unsubscribe }}">{{ _("Unsubscribe") }}</a></p>'
    made = _with_foot(tmp_path, sqlite_url, now, foot)
    async with Relay().serving() as relay:
        with structlog.testing.capture_logs() as logs:
            report = await made.deliver(transport(relay.port))
    assert (report.accepted, report.stopped) == (READERS, None)
    (warned,) = [entry for entry in logs if entry["event"] == "mail lint"]
    assert (warned["rule"], warned["log_level"]) == ("contrast", "warning")
    made.db.close()


async def test_preflight_ignores_faults_of_papers(tmp_path: Path, sqlite_url: str, now: datetime) -> None:
    """Test that no paper can stop the mail of all subscribers."""
    made = install(tmp_path / "made", sqlite_url, now)
    title = "On {{ moss }} of $n^2$ walls: None"
    made.papers([{"id": "invented:one", "title": title, "url": "http://example.net/1", "abstract": "{% if moss %}"}])
    made.people([{"email": "ada@example.net", "topics": ["moss"], "hour": 0}])
    made.plan()
    async with Relay().serving() as relay:
        report = await made.deliver(transport(relay.port))
    assert (report.accepted, report.stopped) == (1, None)
    made.db.close()


def _with_foot(folder: Path, url: str, now: datetime, foot: str) -> Install:
    """Return a planned install whose digests have this foot instead of ours."""
    name = "email/digest.html.j2"
    own = folder / "own" / name
    own.parent.mkdir(parents=True)
    source = re.sub(r"<a [^>]*frame\.unsubscribe.*?</a>", "", templates()[name])
    before, _, after = source.rpartition("{{ frame.papers }}")
    own.write_text(f"{before}{{{{ frame.papers }}}}{foot}{after}", encoding="utf-8")
    made = install(folder / "made", url, now).to("maildir:out", templates_dir=str(folder / "own"))
    made.papers(sample_data.papers(60))
    made.people(sample_data.people(READERS))
    made.plan()
    return made


def test_preflight_samples_the_whole_ledger(tmp_path: Path, sqlite_url: str, now: datetime) -> None:
    many = planned(tmp_path / "many", sqlite_url, now, 60)
    with many.db.read() as session:
        keys = [claim.key for claim in queries.sample(session, 10, now)]
    assert keys == sorted(keys)
    assert {(key - 1) // 20 for key in keys} == {0, 1, 2}
    many.db.close()


def tries(install: Install) -> Sequence[tuple[int, int]]:
    """Return the attempts and failures of each mail."""
    with install.db.read() as session:
        rows = session.connection().execute(select(DELIVERY.attempts, DELIVERY.failures).order_by(DELIVERY.id))
        return [(attempts, failures) for attempts, failures in rows]


def picks(install: Install) -> dict[int, tuple[bytes, bytes]]:
    """Return the picks of each digest, and the papers each subscriber has seen."""
    joined = core.delivery.join(core.seen_papers, core.seen_papers.c.subscriber_id == DELIVERY.subscriber_id)
    with install.db.read() as session:
        query = select(DELIVERY.id, DELIVERY.picks, core.seen_papers.c.papers).select_from(joined)
        return {key: (held, seen) for key, held, seen in session.connection().execute(query)}


def mend(install: Install, whole: dict[int, tuple[bytes, bytes]]) -> None:
    """Undo what was spoilt."""
    with install.db.write() as session:
        for key, (held, seen) in whole.items():
            session.connection().execute(core.delivery.update().where(DELIVERY.id == key).values(picks=held))
            session.connection().execute(
                core.seen_papers.update().where(core.seen_papers.c.subscriber_id == key).values(papers=seen)
            )
