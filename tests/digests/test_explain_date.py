"""Why a subscriber got a digest on a date, or none."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from digestd.digests.forecast import explain_date
from digestd.domain.delivery import MailKind, State
from digestd.domain.subscriber import Cadence, Preferences, Status, Subscriber, Weekday
from digestd.store.ledger.queries import DeliveryView

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
TODAY = NOW.date()
YESTERDAY = TODAY - timedelta(days=1)
ADA = Subscriber(
    key=1,
    address="ada@example.net",
    status=Status.ACTIVE,
    version=1,
    preferences=Preferences(timezone="Europe/Berlin"),
)
SENT = DeliveryView(
    key=5,
    subscriber=1,
    address="ada@example.net",
    kind=MailKind.DIGEST,
    period="2026-11-24",
    covers_from="2026-11-24",
    state=State.ACCEPTED,
    picks=3,
    attempts=1,
    due=NOW,
    expires=NOW,
    not_before=NOW,
    message_id="<x@example.org>",
    reply="250 ok",
    queue_id=None,
    reason=None,
    history=(),
)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, "sent with 3 papers; the relay said: 250 ok"),
        ({"state": State.EMPTY, "picks": 0}, "no mail: no new paper reached"),
        (
            {"state": State.READY, "not_before": NOW + timedelta(hours=1), "reply": "451 later", "picks": 1},
            "planned with 1 paper, waits until 2026-11-24 13:00Z; the relay said: 451 later",
        ),
        ({"state": State.READY, "reply": None}, "ready; `digestd deliver` sends it"),
        ({"state": State.LEASED}, "being sent now"),
        ({"state": State.UNCERTAIN}, "may have arrived: the relay's answer was lost; `digestd delivery settle 5`"),
        ({"state": State.SKIPPED, "reason": "suppressed", "reply": None}, "3 papers, skipped (suppressed)"),
    ],
)
def test_planned_digest_is_explained_by_its_state(change: dict[str, object], said: str) -> None:
    found = explain_date(ADA, TODAY, replace(SENT, **change), Status.ACTIVE, NOW)  # type: ignore[arg-type]  # fields
    assert said in found


@pytest.mark.parametrize(
    ("preferences", "day", "last_date", "status", "said"),
    [
        (ADA.preferences, TODAY, None, None, "not planned yet"),
        (ADA.preferences, TODAY, None, Status.PAUSED, "not planned yet"),
        (ADA.preferences, YESTERDAY, None, None, "they were not a subscriber yet"),
        (ADA.preferences, YESTERDAY, None, Status.PAUSED, "they were paused"),
        (ADA.preferences, YESTERDAY, None, Status.SUPPRESSED, "they were suppressed"),
        (Preferences(cadence=Cadence.WEEKLY), TODAY, None, Status.ACTIVE, "none is due on a Tuesday (weekly)"),
        (Preferences(cadence=Cadence.WEEKDAYS), date(2026, 11, 22), None, Status.ACTIVE, "none is due on a Sunday"),
        (Preferences(hour=18), TODAY, None, Status.ACTIVE, "not yet: it is due at 18:00 (UTC)"),
        (ADA.preferences, TODAY, "2026-11-24", Status.ACTIVE, "never two on one date"),
        (ADA.preferences, TODAY, "2026-11-23", Status.ACTIVE, "not planned yet"),
        (ADA.preferences, date(2026, 11, 20), None, Status.ACTIVE, "digestd did not run on that day"),
    ],
)
def test_missing_digest_is_explained(
    preferences: Preferences, day: date, last_date: str | None, status: Status | None, said: str
) -> None:
    assert said in explain_date(replace(ADA, preferences=preferences, last_date=last_date), day, None, status, NOW)


def test_paused_since_the_due_time_is_not_planned_next() -> None:
    paused = replace(ADA, status=Status.PAUSED)
    assert explain_date(paused, TODAY, None, None, NOW) == "no digest: they were not a subscriber yet"


def test_day_of_a_week_without_digest_names_that_of_the_week() -> None:
    weekly = replace(ADA, preferences=Preferences(cadence=Cadence.WEEKLY, weekday=Weekday.FRI))
    found = explain_date(weekly, TODAY, replace(SENT, period="2026-W48"), Status.ACTIVE, NOW)
    assert found.startswith("none is due on a Tuesday (weekly); the digest of 2026-W48: sent")
