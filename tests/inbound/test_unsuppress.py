"""Test bulk unsuppression: filters, resulting statuses, and exceptions."""

from datetime import timedelta
from typing import Any

import pytest

from digestd.domain.delivery import LIFTED_BY_SIGNUP, SuppressionReason
from digestd.domain.subscriber import Cause, Status
from digestd.errors import BadInput
from digestd.store import subscribers, suppressions
from digestd.store.suppressions import SuppressionFilter
from digestd.subscribers.personal_data import erase
from digestd.subscribers.status_changes import unsubscribe
from digestd.subscribers.suppression import Restored, suppress, unsuppress_wave
from tests.inbound.conftest import SentInstall

HOUR = timedelta(hours=1)
WHY = "wrong map in the relay"


def take_back(site: SentInstall, *, dry_run: bool = False, **more: Any) -> list[Restored]:
    now = site.install.clock.now
    given = {"since": now - HOUR, "until": now, "reasons": LIFTED_BY_SIGNUP, **more}
    return unsuppress_wave(site.install.db, SuppressionFilter(**given), WHY, now, dry_run)


def statuses(site: SentInstall) -> list[Status]:
    return [site.status(number) for number in (1, 2, 3)]


@pytest.fixture
def bounced(sent: SentInstall) -> SentInstall:
    """Return an installation: reader 1 (paused) and 2 bounced, reader 3 complained."""
    with sent.install.db.write() as session:
        subscribers.change_status(session, 1, Status.PAUSED, Cause.WEB, sent.install.clock.now)
    sent.install.clock.go(timedelta(minutes=1))
    sent.process(sent.mail("postfix-hard", delivery=1))
    sent.process(sent.mail("gmail-hard", delivery=2))
    sent.process(sent.mail("loop-complaint", delivery=3))
    assert statuses(sent) == [Status.SUPPRESSED] * 3
    sent.install.clock.go(timedelta(minutes=1))
    return sent


def test_unsuppress_restores_status_and_leaves_complaints(bounced: SentInstall) -> None:
    found = take_back(bounced, dry_run=True)
    assert sorted(str(one.address) for one in found) == sorted(bounced.address(number) for number in (1, 2))
    assert statuses(bounced) == [Status.SUPPRESSED] * 3
    done = take_back(bounced)
    assert {(one.address, one.status) for one in done} == {
        (bounced.address(1), Status.PAUSED),
        (bounced.address(2), Status.ACTIVE),
    }
    assert statuses(bounced) == [Status.PAUSED, Status.ACTIVE, Status.SUPPRESSED]
    with bounced.install.db.read() as session:
        assert [one.why for one in suppressions.lifted(session, bounced.key(2))] == [WHY]
    assert take_back(bounced) == []
    assert bounced.install.broken == {}


def test_unsuppress_keeps_later_unsubscription(bounced: SentInstall) -> None:
    """Show that unsubscribing while suppressed outlives the suppression."""
    assert unsubscribe(bounced.install.db, 2, Cause.ONE_CLICK, bounced.install.clock.now)
    with bounced.install.db.read() as session:
        assert suppressions.reason_for(session, bounced.key(2)) is SuppressionReason.HARD_BOUNCE
    take_back(bounced)
    assert statuses(bounced) == [Status.PAUSED, Status.UNSUBSCRIBED, Status.SUPPRESSED]
    assert bounced.install.broken == {}


def test_unsuppress_respects_filters(bounced: SentInstall) -> None:
    now, (route,) = bounced.install.clock.now, bounced.install.app.routes
    others: list[dict[str, Any]] = [
        {"domain": "example.com"},
        {"domain": "xample.net"},
        {"domain": "%"},
        {"relay": "another"},
        {"reasons": frozenset({SuppressionReason.SOFT_BOUNCE})},
        {"since": now - timedelta(seconds=30)},
        {"until": now - timedelta(minutes=2)},
    ]
    for more in others:
        assert take_back(bounced, **more) == [], more
    assert statuses(bounced) == [Status.SUPPRESSED] * 3
    assert len(take_back(bounced, dry_run=True, domain="Example.NET", relay=route.name)) == 2
    (complaint,) = take_back(bounced, reasons=frozenset({SuppressionReason.COMPLAINT}))
    assert (complaint.address, complaint.status) == (bounced.address(3), Status.UNSUBSCRIBED)


def test_unsuppress_never_restores_erased(bounced: SentInstall) -> None:
    made = bounced.install
    suppress(made.db, made.app.keys, "stranger@example.net", SuppressionReason.HARD_BOUNCE, made.clock.now)
    erase(made.db, made.app.keys, bounced.address(1), made.clock.now)
    done = take_back(bounced)
    assert {(one.address, one.status) for one in done} == {(bounced.address(2), Status.ACTIVE), (None, None)}
    with pytest.raises(BadInput, match="erased"):
        take_back(bounced, reasons=frozenset({SuppressionReason.ERASED}))
    assert bounced.install.broken == {}


def test_unsuppress_in_blocks(bounced: SentInstall, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("digestd.subscribers.suppression._BLOCK", 1)
    assert len(take_back(bounced, dry_run=True)) == 2
    assert len(take_back(bounced)) == 2
