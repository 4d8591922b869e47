"""Test what is stored of hosts and fetches, on each database."""

from datetime import datetime, timedelta

from digestd.store import rate_limits
from digestd.store.database import Database
from digestd.store.papers import sources


def test_hosts_reserve_slots_in_turn(db: Database, now: datetime) -> None:
    with db.write() as session:
        turns = [rate_limits.reserve_request(session, "arxiv.org", now, 3) for _ in range(3)]
        assert turns == [now, now + timedelta(seconds=3), now + timedelta(seconds=6)]
        assert rate_limits.reserve_request(session, "other.org", now, 3) == now
        assert rate_limits.reserve_request(session, "arxiv.org", now + timedelta(minutes=1), 3) == now + timedelta(
            minutes=1
        )


def test_hosts_forget_slot_of_another_clock(db: Database, now: datetime) -> None:
    with db.write() as session:
        rate_limits.reserve_request(session, "arxiv.org", now + timedelta(days=30), 3)
        assert rate_limits.reserve_request(session, "arxiv.org", now, 3) == now


def test_hosts_record_outcome_of_last_fetch(db: Database, now: datetime) -> None:
    one = sources.FetchRecord("s", "https://a.example.org", now, 3, '"v"', None)
    failed = sources.FetchRecord("s", "https://b.example.org", now + timedelta(hours=1), error="x" * 1_000)
    with db.write() as session:
        sources.record_fetches(session, [one, failed])
        sources.record_fetches(session, [one])
        assert sources.fetches_of(session, "s")["https://a.example.org"] == one
        assert sources.latest_fetches(session)["s"].error == "x" * 500
        assert sources.newest_success(session, "s") == now
        assert sources.newest_success(session, "t") is None
        sources.delete_fetches_before(session, "s", now + timedelta(minutes=1))
        assert list(sources.fetches_of(session, "s")) == ["https://b.example.org"]


def test_scheduler_hold_has_one_holder(db: Database, now: datetime) -> None:
    minute = timedelta(minutes=1)
    with db.write() as session:
        assert rate_limits.lock_host(session, "arxiv.org", "one", now, now + minute)
        assert rate_limits.lock_host(session, "arxiv.org", "one", now, now + minute)
        assert not rate_limits.lock_host(session, "arxiv.org", "other", now, now + minute)
        rate_limits.unlock_host(session, "arxiv.org", "other", now)
        assert rate_limits.is_host_locked(session, "arxiv.org", now)
        rate_limits.unlock_host(session, "arxiv.org", "one", now + timedelta(seconds=3))
        assert not rate_limits.is_host_locked(session, "arxiv.org", now)
        assert rate_limits.reserve_request(session, "arxiv.org", now, 3) == now + timedelta(seconds=3)
        assert rate_limits.lock_host(session, "arxiv.org", "other", now, now + minute)
        assert rate_limits.lock_host(session, "arxiv.org", "one", now + minute, now + 2 * minute), (
            "the other's has ended"
        )
        rate_limits.unlock_host(session, "arxiv.org", "other", now + minute)
        assert rate_limits.is_host_locked(session, "arxiv.org", now + minute)
