"""What of the service's state needs the operator, and how it is said."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from digestd.domain.bounce import BounceKind
from digestd.domain.coverage import Coverage, CoverageState
from digestd.domain.delivery import State
from digestd.domain.subscriber import Status
from digestd.operations.diagnosis import Level
from digestd.operations.service_status import (
    FailingRoom,
    LastBackup,
    ServiceStatus,
    ServiceVersions,
    counted,
    needs_attention,
    status_lines,
)
from digestd.store.clock import ClockReadings
from digestd.store.monitoring import WaitingMails
from digestd.store.rate_limits import PausedRelay

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
FINE = ServiceStatus(
    at=NOW,
    versions=ServiceVersions("1.0", "3.11", "SQLite 3.46", "0001"),
    sources=(Coverage("biorxiv", date(2026, 11, 24), CoverageState.FRESH, 30),),
    last_ingest=NOW - HOUR,
    next_ingest=NOW + HOUR / 2,
    due=0,
    due_soon=900,
    overdue_since=None,
    next_due=NOW + HOUR,
    clock=ClockReadings(),
    subscribers={Status.ACTIVE: 1000},
    suppressed=1,
    digests={State.ACCEPTED: 950, State.EMPTY: 50},
    sent_hour=10,
    sent_day=950,
    waiting=(),
    open={},
    long_uncertain=0,
    refused=0,
    held=0,
    refused_sender=0,
    bounces={BounceKind.HARD: 2},
    relays=(),
    rooms=(),
    posts=0,
    scheduler=True,
    free_bytes=9 << 30,
    free_needed=64 << 20,
    database_bytes=5 << 20,
)


def test_service_in_order_needs_nobody() -> None:
    assert needs_attention(FINE) == []
    assert needs_attention(replace(FINE, last_unread=NOW - timedelta(days=8))) == []


def test_mail_that_was_not_understood_is_shown_for_a_week() -> None:
    (finding,) = needs_attention(replace(FINE, last_unread=NOW - HOUR))
    assert "came in at 11:00Z" in finding.message
    assert "inbound list" in finding.remedy
    at = replace(FINE, last_unread=NOW - HOUR, kept=2, kept_place="/var/mail/bounce")
    (finding,) = needs_attention(at)
    assert "(2 mails in /var/mail/bounce)" in finding.message
    assert dict(status_lines(at))["Kept mails"] == "2 mails in /var/mail/bounce"
    assert needs_attention(replace(at, kept=0)) == [], "the operator has answered them"
    assert not FINE.is_failing
    lines = dict(status_lines(FINE))
    assert lines["Subscribers"] == "1,000 active; 1 address suppressed"
    assert lines["Last 24 hours"].startswith("950 digests planned, 50 subscribers without a matching paper, 950 mails")
    assert lines["Next runs"] == "sources 12:30Z, planning every 15 seconds"


@pytest.mark.parametrize(
    ("change", "level", "said"),
    [
        ({"relays": (PausedRelay("r:587", NOW + HOUR, 3, "421 busy"),)}, Level.ERROR, "r:587 is paused until 13:00Z"),
        (
            {"rooms": (FailingRoom(7, "ntfy at x", 3, "HTTP 404", used=False),)},
            Level.ERROR,
            "ntfy at x of subscriber 7",
        ),
        ({"rooms": (FailingRoom(7, "ntfy at x", 1, "HTTP 404", used=True),)}, Level.WARNING, "take 1 digest: HTTP 404"),
        ({"waiting": (WaitingMails(3, "", NOW - 9 * HOUR, NOW, NOW - 2 * HOUR),)}, Level.ERROR, "ready since 10:00Z"),
        ({"due": 7, "overdue_since": NOW - 5 * HOUR}, Level.ERROR, "7 digests due since 07:00Z not planned"),
        ({"clock": ClockReadings(last=NOW + timedelta(days=3))}, Level.WARNING, "it was ahead then or is behind now"),
        ({"clock": ClockReadings(corrected=NOW - 2 * HOUR)}, Level.WARNING, "corrected at 10:00Z"),
        ({"open": {State.POISONED: 1}}, Level.ERROR, "1 mail cannot be composed"),
        ({"held": 2}, Level.ERROR, "0 mails and 2 addresses are on hold"),
        ({"free_bytes": 1 << 20}, Level.ERROR, "only 1 MiB are free; nothing is sent"),
        ({"free_bytes": 1 << 29}, Level.WARNING, "only 512 MiB are free"),
        ({"long_uncertain": 1}, Level.WARNING, "1 mail uncertain for more than a day"),
        ({"refused_sender": 1}, Level.WARNING, "1 address refused a mail"),
        ({"last_ingest": None}, Level.WARNING, "no source has ever answered"),
        ({"last_ingest": NOW - 5 * HOUR}, Level.WARNING, "no source has answered since 07:00Z"),
        ({"sources": ()}, Level.WARNING, "no source has answered since 11:00Z"),
        ({"failing": {"a": "gone", "b": "gone"}}, Level.WARNING, "a, b are broken: gone"),
        (
            {
                "failing": {"x": "no answer"},
                "sources": (Coverage("x", date(2026, 11, 24), CoverageState.BROKEN, note="no answer"),),
            },
            Level.WARNING,
            "x is broken: no answer",
        ),
        (
            {"sources": (Coverage("x", date(2026, 11, 24), CoverageState.BROKEN, note="status 500"),)},
            Level.WARNING,
            "x is broken: status 500",
        ),
    ],
)
def test_each_fault_has_a_remedy(change: dict[str, object], level: Level, said: str) -> None:
    status = replace(FINE, **change)  # type: ignore[arg-type]  # the fields of the table
    [finding] = needs_attention(status)
    assert finding.level is level
    assert said in finding.message
    assert "`" in finding.remedy  # a command
    assert status.is_failing == (level is Level.ERROR)


def test_source_that_fails_on_a_quiet_day_is_not_called_quiet() -> None:
    quiet = (Coverage("arxiv-rss:cs.LG", date(2026, 11, 24), CoverageState.QUIET),)
    status = replace(FINE, sources=quiet, failing={"arxiv-rss:cs.LG": "rss.arxiv.org is not found"})
    assert dict(status_lines(status))["Papers"].startswith("1 source (1 broken)")


@pytest.mark.parametrize(
    ("backup", "said"),
    [
        (LastBackup(NOW - 5 * HOUR, good=NOW - 5 * HOUR), "5 hours old, 2026-11-24 07:00Z"),
        (LastBackup(NOW - 50 * HOUR, good=NOW - 50 * HOUR), "2 days old, 2026-11-22 10:00Z"),
        (
            LastBackup(NOW - HOUR, "disk full", good=NOW - 25 * HOUR),
            "failed at 2026-11-24 11:00Z; the last good one is 25 hours old",
        ),
        (None, "none yet on this machine"),
    ],
)
def test_status_gives_the_age_of_the_last_backup(backup: LastBackup | None, said: str) -> None:
    assert dict(status_lines(replace(FINE, backup=backup)))["Backup"] == said


def test_short_waits_are_no_fault() -> None:
    waits = WaitingMails(3, "451 later", NOW - HOUR, NOW + HOUR, NOW - HOUR)
    status = replace(FINE, due=2, overdue_since=NOW - HOUR, waiting=(waits,), has_sources=False, last_ingest=None)
    assert needs_attention(status) == []
    assert dict(status_lines(replace(status, sources=())))["Papers"] == "no sources are set; papers come by import"
    assert dict(status_lines(status))["Waiting"] == (
        "3 mails some are ready, others wait until 13:00Z: the relay said 451 later"
    )


def test_counted_forms_plural() -> None:
    assert [counted(1, "address"), counted(2, "address"), counted(1200, "mail")] == [
        "1 address",
        "2 addresses",
        "1,200 mails",
    ]
