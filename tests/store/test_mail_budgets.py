"""Mail budgets: they limit strangers and never reduce the owner's share."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest

from digestd.domain import mail_budget
from digestd.domain.mail_budget import BY_MAIL, PER_NETWORK, PER_POOL, Budget, Limit, Pool, subscriber_causer
from digestd.store import core, rate_limits
from digestd.store.database import Database, open_database

ADA, NETWORK = b"a" * 32, b"n" * 32
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def _address(n: int) -> bytes:
    return n.to_bytes(32, "big")


def _take(db: Database, now: datetime, *budgets: Budget) -> datetime | None:
    with db.write() as session:
        return rate_limits.take_mails(session, budgets, now)


def test_budget_limits_recipient_per_day_and_month(db: Database, now: datetime) -> None:
    taken = [now + HOUR * n for n in range(24 * 29) if _take(db, now + HOUR * n, Budget(Pool.STRANGER, ADA))]
    assert taken == [now, now + DAY, now + 2 * DAY]
    assert _take(db, now + 31 * DAY, Budget(Pool.STRANGER, ADA))


@pytest.mark.parametrize("pool", [Pool.ASK_BACK, Pool.OWNER])
def test_budget_of_the_owner_is_separate_from_strangers(db: Database, now: datetime, pool: Pool) -> None:
    """Compare the owner's budgets before and after a stranger's forged mail and form."""
    assert _take(db, now, Budget(Pool.STRANGER, ADA))
    assert _take(db, now, Budget(pool, ADA))
    assert not _take(db, now, Budget(Pool.STRANGER, ADA))


def test_budget_of_forms_is_separate_from_forged_mail(db: Database, now: datetime) -> None:
    assert _take(db, now, Budget(Pool.ASK_BACK, ADA))
    assert not _take(db, now, Budget(Pool.ASK_BACK, ADA))
    assert _take(db, now, Budget(Pool.STRANGER, ADA))


def test_budget_limits_each_network(db: Database, now: datetime) -> None:
    taken = [_take(db, now, Budget(Pool.STRANGER, _address(n), network=NETWORK)) for n in range(100)]
    most, all_of_them = PER_NETWORK[0].most, PER_POOL[Pool.STRANGER]
    assert [one is not None for one in taken] == [n < most for n in range(100)]
    assert all_of_them is not None
    assert most * 20 <= all_of_them.most, "one network is far from closing sign-up for the others"
    assert _take(db, now, Budget(Pool.STRANGER, _address(100), network=b"o" * 32))
    assert _take(db, now + HOUR, Budget(Pool.STRANGER, _address(101), network=NETWORK))


def test_budget_limits_each_requester(db: Database, now: datetime) -> None:
    taken = [_take(db, now, Budget(Pool.STRANGER, _address(n), subscriber_causer(7))) for n in range(5)]
    assert [one is not None for one in taken] == [True, True, False, False, False]
    assert _take(db, now, Budget(Pool.STRANGER, _address(9), subscriber_causer(8)))


def test_budget_delays_mails_before_refusing(db: Database, now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(mail_budget.PER_POOL, Pool.STRANGER, Limit(2, HOUR))
    leaves = [_take(db, now + timedelta(minutes=n), Budget(Pool.STRANGER, _address(n))) for n in range(16)]
    minutes = [None if one is None else (one - now) // timedelta(minutes=1) for one in leaves]
    assert minutes == [0, 1, 60, 61, 120, 121, 180, 181, 240, 241, 300, 301, 360, 361, None, None]
    with db.read() as session:
        assert len(session.connection().execute(core.caused_mail.select()).all()) == 14
    assert _take(db, now, Budget(Pool.OWNER, ADA)) == now, "each pool has its own"


def test_budget_of_a_domain_delays_its_mails_only(db: Database, now: datetime) -> None:
    limit = PER_POOL[Pool.DOMAIN]
    assert limit is not None
    ours, other = Budget(Pool.DOMAIN, b"d" * 32), Budget(Pool.DOMAIN, b"e" * 32)
    leaves = [_take(db, now, Budget(Pool.STRANGER, _address(n)), ours) for n in range(8 * limit.most)]
    delays = [None if one is None else (one - now) // HOUR for one in leaves]
    assert delays == [hour if hour <= 6 else None for hour in range(8) for _ in range(limit.most)]
    assert _take(db, now, Budget(Pool.STRANGER, ADA), other) == now
    with db.write() as session:
        rate_limits.forget_mail(session, ours.recipient, Pool.DOMAIN)
    assert _take(db, now, Budget(Pool.STRANGER, _address(9_999)), ours) == now + 6 * HOUR
    rate_limits.delete_expired_mails(db, now + 8 * HOUR)
    assert _take(db, now + 8 * HOUR, ours) == now + 8 * HOUR


def test_budget_of_a_domain_counts_what_is_refused(db: Database, now: datetime) -> None:
    """Its room would tell whether an address was mailed before."""
    domain = Budget(Pool.DOMAIN, b"d" * 32)
    _take(db, now, Budget(Pool.STRANGER, ADA), domain)
    assert _take(db, now, Budget(Pool.STRANGER, ADA), domain) is None
    with db.read() as session:
        pools = [row.pool for row in session.connection().execute(core.caused_mail.select())]
    assert sorted(pools) == ["domain", "domain", "stranger"]


def test_budget_take_is_all_or_nothing(db: Database, now: datetime) -> None:
    assert _take(db, now, Budget(Pool.STRANGER, ADA))
    assert not _take(db, now, Budget(Pool.OWNER, _address(1)), Budget(Pool.STRANGER, ADA))
    assert all(_take(db, now, Budget(Pool.OWNER, _address(1))) for _ in range(3)), "nothing was counted"
    assert not _take(db, now, Budget(Pool.OWNER, _address(1)))


def test_budget_counts_operator_mails_per_recipient(db: Database, now: datetime) -> None:
    with db.write() as session:
        rate_limits.count_mails(session, [Budget(Pool.OPERATOR, _address(n)) for n in range(2_000)], now)
    assert not _take(db, now, Budget(Pool.STRANGER, _address(5)))
    assert _take(db, now, Budget(Pool.STRANGER, ADA, network=NETWORK)) == now


@pytest.fixture
def processes(database_url: str) -> Iterator[list[Database]]:
    """Return the same database in each of four processes."""
    opened = [open_database(database_url) for _ in range(4)]
    yield opened
    for one in opened:
        one.close()


@pytest.mark.parametrize(
    ("budget", "most"),
    [
        (lambda _n: Budget(Pool.STRANGER, ADA), 1),
        (lambda n: Budget(Pool.STRANGER, _address(n), network=NETWORK), PER_NETWORK[0].most),
        (lambda n: Budget(Pool.STRANGER, _address(n), subscriber_causer(7)), 2),
    ],
    ids=["recipient", "network", "causer"],
)
def test_budget_holds_across_processes_and_restarts(
    processes: list[Database], now: datetime, budget: object, most: int
) -> None:
    def ask(n: int) -> bool:
        return _take(processes[n % 4], now, budget(n)) is not None  # type: ignore[operator]  # a function of n

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(ask, range(40))) == most
    reopened = open_database(str(processes[0].engine.url.render_as_string(hide_password=False)))
    assert _take(reopened, now + timedelta(minutes=1), budget(41)) is None  # type: ignore[operator]  # as above
    reopened.close()


def test_budget_deletes_old_networks_and_counts(db: Database, now: datetime) -> None:
    _take(db, now, Budget(Pool.STRANGER, ADA, BY_MAIL, NETWORK))

    def remaining() -> list[tuple[bytes | None, bytes]]:
        with db.read() as session:
            rows = session.connection().execute(core.caused_mail.select())
            return [(row.network, bytes(row.address_key)) for row in rows]

    rate_limits.delete_expired_mails(db, now + DAY - timedelta(seconds=1))
    assert remaining() == [(NETWORK, ADA)]
    rate_limits.delete_expired_mails(db, now + DAY)
    assert remaining() == [(None, ADA)]
    rate_limits.delete_expired_mails(db, now + 30 * DAY)
    assert remaining() == []


def test_budget_survives_erasure(db: Database, now: datetime) -> None:
    _take(db, now, Budget(Pool.STRANGER, ADA, subscriber_causer(1), NETWORK))
    with db.write() as session:
        rate_limits.anonymise_mails(session, 1, ADA)
    assert not _take(db, now, Budget(Pool.STRANGER, ADA))
    with db.read() as session:
        (row,) = session.connection().execute(core.caused_mail.select()).all()
    assert (row.network, row.causer) == (None, "")
