"""Test bounce scores: soft bounces first warn, then suppress."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from digestd.domain.bounce import SUPPRESS_AT, WARN_AT, Bounce, BounceAction, BounceKind, choose_action, score


def bounce(day: float, now: datetime, delivery: int | None = None, kind: BounceKind = BounceKind.SOFT) -> Bounce:
    return Bounce(b"k" * 32, b"a" * 32, kind, "dsn", "4.2.2", delivery, 1, now + timedelta(days=day))


def standings(days: Sequence[float], now: datetime, accepted: Sequence[int] = ()) -> list[BounceAction]:
    """Return the standing after each soft bounce; bounce n is about delivery n * 10."""
    had = [bounce(day, now, number * 10) for number, day in enumerate(days)]
    return [choose_action(had[n], score(had[: n + 1], accepted)) for n in range(len(had))]


@pytest.mark.parametrize(
    ("kind", "follows"),
    [
        (BounceKind.HARD, BounceAction.HARD),
        (BounceKind.COMPLAINT, BounceAction.COMPLAINT),
        (BounceKind.POLICY, BounceAction.FINE),
        (BounceKind.DELAYED, BounceAction.FINE),
        (BounceKind.SOFT, BounceAction.FINE),
    ],
)
def test_standing_after_first_bounce(kind: BounceKind, follows: BounceAction, now: datetime) -> None:
    one = bounce(0, now, 1, kind)
    assert choose_action(one, score([one], ())) is follows


def test_standing_of_daily_soft_bounces(now: datetime) -> None:
    found = standings(range(10), now)
    assert found.index(BounceAction.WARNED) == 3
    assert found.index(BounceAction.SOFT) == 6


def test_standing_of_weekly_soft_bounces(now: datetime) -> None:
    found = standings(range(0, 7 * 12, 7), now)
    assert found.index(BounceAction.SOFT) == 8


def test_standing_of_monthly_soft_bounces_stays_fine(now: datetime) -> None:
    assert set(standings(range(0, 3000, 30), now)) == {BounceAction.FINE}


def test_score_decreases_with_accepted_mails(now: datetime) -> None:
    accepted = [number * 10 + 5 for number in range(100)]
    assert set(standings(range(60), now, accepted)) == {BounceAction.FINE}


def test_score_ignores_accepted_mails_that_bounced(now: datetime) -> None:
    accepted = [number * 10 for number in range(100)]
    assert BounceAction.SOFT in standings(range(10), now, accepted)


def test_score_counts_each_mail_and_day_once(now: datetime) -> None:
    same_mail = [bounce(day, now, 7) for day in range(20)]
    same_day = [bounce(hour / 24, now, hour) for hour in range(16)]
    assert score(same_mail, ()).points == 1
    assert score(same_day, ()).points == 1


def test_score_does_not_depend_on_order(now: datetime) -> None:
    had = [bounce(day, now, day) for day in range(8)]
    assert score(had, ()) == score(reversed(had), ())


def test_score_halves_in_a_month(now: datetime) -> None:
    found = score([bounce(day, now, day) for day in range(6)], ())
    assert found.last is not None
    assert found.at(found.last + timedelta(days=30)) == pytest.approx(found.points / 2)
    assert found.at(now - timedelta(days=99)) == found.points  # a clock set back makes nobody worse
    assert WARN_AT < SUPPRESS_AT
