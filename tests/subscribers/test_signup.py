"""Sign-up, confirmation, pause and unsubscribe.

Only the person decides whether they get mail.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from digestd.domain.delivery import MailKind, SuppressionReason
from digestd.domain.interest import Interest, Kind, Stance
from digestd.domain.mail_budget import PER_POOL, Pool
from digestd.domain.subscriber import Cadence, Cause, ConsentAction, Status, Subscriber, Timing
from digestd.errors import BadRecord, NotFound
from digestd.security.addresses import address_key, domain_key
from digestd.security.keys import Keys
from digestd.security.tokens import BadToken, Purpose, make_token
from digestd.store import consent, core, subscribers, suppressions
from digestd.store.database import Database, open_database
from digestd.subscribers.admin_edits import EditResult, add, edit
from digestd.subscribers.files import FileLine
from digestd.subscribers.importing import import_subscribers
from digestd.subscribers.notices import NoticeContext
from digestd.subscribers.personal_data import erase
from digestd.subscribers.settings_link import request_link
from digestd.subscribers.signup import (
    LinkExpired,
    confirm,
    decline,
    purge_unconfirmed,
    request_signup,
    resend_confirmation,
)
from digestd.subscribers.status_changes import NoConsent, pause, resume, unsubscribe
from digestd.subscribers.subscriber_record import parse
from digestd.subscribers.suppression import suppress, unsuppress
from tests.conftest import NOW

ADA = "ada@example.org"
TOPIC_NAMES = ["protein folding"]
TOPIC = (Interest(Kind.TOPIC, "protein folding"),)


@pytest.fixture
def post(keys: Keys) -> NoticeContext:
    return NoticeContext(keys, "example.org")


@pytest.fixture
def found(db: Database, keys: Keys) -> Callable[[], Subscriber]:
    def look() -> Subscriber:
        with db.read() as session:
            known = subscribers.by_address_key(session, address_key(keys, ADA))
        assert known is not None
        return known

    return look


def confirmations(db: Database) -> list[tuple[str, int]]:
    query = select(core.delivery.c.key, core.delivery.c.consent_version).where(core.delivery.c.kind == MailKind.CONFIRM)
    with db.read() as session:
        return [(row.key, row.consent_version) for row in session.connection().execute(query.order_by("id"))]


def link(keys: Keys, subscriber: Subscriber, n: int = 1) -> str:
    """Return the link in the mail of the subscriber's request number n."""
    return make_token(keys, Purpose.CONFIRM, subscriber.key, NOW, n)


def test_signup_stores_pending_and_sends_one_mail(
    db: Database, post: NoticeContext, keys: Keys, found: Callable[[], Subscriber], now: datetime
) -> None:
    timing = Timing("Asia/Tokyo", 6, Cadence.WEEKLY, 2)
    settings = {"timezone": "Asia/Tokyo", "hour": 6, "cadence": "weekly", "weekday": "wed", "language": "de", "size": 5}
    wanted = {"email": ADA, "topics": TOPIC_NAMES, **settings}
    request_signup(db, post, parse(wanted), now)
    bare = (Status.PENDING, Timing(), (), "de")
    assert (found().status, found().timing, found().interests, found().language) == bare
    assert confirmations(db) == [("1", 1)]
    ada = confirm(db, keys, link(keys, found()), now)
    assert (ada.status, ada.timing, ada.interests, ada.preferences.size) == (Status.ACTIVE, timing, TOPIC, 5)


def test_confirm_activates_once(
    db: Database, post: NoticeContext, keys: Keys, found: Callable[[], Subscriber], now: datetime
) -> None:
    request_signup(db, post, parse({"email": ADA}), now)
    mailed = link(keys, found())
    active = confirm(db, keys, mailed, now + timedelta(hours=47))
    assert (active.status, active.version) == (Status.ACTIVE, 2)
    assert confirm(db, keys, mailed, now + timedelta(days=90)) == active
    pause(db, active.key, Cause.CLI, now)
    with pytest.raises(LinkExpired, match="used before"):
        confirm(db, keys, mailed, now)
    unsubscribe(db, active.key, Cause.WEB, now)
    with pytest.raises(LinkExpired, match="used before"):
        confirm(db, keys, mailed, now)
    assert found().status is Status.UNSUBSCRIBED


def test_confirm_rejects_an_old_link(
    db: Database, post: NoticeContext, keys: Keys, found: Callable[[], Subscriber], now: datetime
) -> None:
    request_signup(db, post, parse({"email": ADA}), now)
    with pytest.raises(LinkExpired, match="48 hours"):
        confirm(db, keys, link(keys, found()), now + timedelta(hours=48, seconds=1))
    request_signup(db, post, parse({"email": ADA}), now + timedelta(hours=49))
    with pytest.raises(LinkExpired, match="48 hours"):
        confirm(db, keys, link(keys, found(), 1), now + timedelta(hours=50))
    assert confirm(db, keys, link(keys, found(), 2), now + timedelta(hours=50)).status is Status.ACTIVE


def test_link_works_for_one_purpose_and_subscriber(
    db: Database, post: NoticeContext, keys: Keys, found: Callable[[], Subscriber], now: datetime
) -> None:
    request_signup(db, post, parse({"email": ADA}), now)
    for bad in (
        make_token(keys, Purpose.UNSUBSCRIBE, found().key, now, 1),
        make_token(keys, Purpose.CONFIRM, found().key + 1, now, 1),
        make_token(keys, Purpose.CONFIRM, found().key, now, 2),
        "short",
    ):
        with pytest.raises(BadToken):
            confirm(db, keys, bad, now)


def test_concurrent_signups_make_one_subscriber_and_mail(db: Database, post: NoticeContext, now: datetime) -> None:
    with ThreadPoolExecutor(10) as threads:
        list(threads.map(lambda _: request_signup(db, post, parse({"email": ADA}), now), range(10)))
    assert confirmations(db) == [("1", 1)]


def test_confirmations_are_limited_per_address(db: Database, post: NoticeContext, now: datetime) -> None:
    for hours in range(0, 24 * 29, 3):
        request_signup(db, post, parse({"email": ADA}), now + timedelta(hours=hours))
    assert confirmations(db) == [("1", 1), ("2", 1), ("3", 1)]
    request_signup(db, post, parse({"email": ADA}), now + timedelta(days=31))
    assert len(confirmations(db)) == 4


def test_confirming_resets_the_mail_limit_and_leaving_does_not(
    db: Database, post: NoticeContext, keys: Keys, found: Callable[[], Subscriber], now: datetime
) -> None:
    request_signup(db, post, parse({"email": ADA}), now)
    confirm(db, keys, link(keys, found()), now)
    unsubscribe(db, found().key, Cause.ONE_CLICK, now)
    request_signup(db, post, parse({"email": ADA}), now + timedelta(hours=1))
    request_signup(db, post, parse({"email": ADA}), now + timedelta(hours=2))
    assert len(confirmations(db)) == 2
    request_signup(db, post, parse({"email": ADA}), now + timedelta(hours=26))
    assert (found().status, found().version) == (Status.UNSUBSCRIBED, 3)
    assert confirm(db, keys, link(keys, found(), 3), now + timedelta(hours=27)).status is Status.ACTIVE
    with db.read() as session:
        events = consent.history(session, found().key)[3:]
    assert [(event.status, event.cause) for event in events] == [
        (Status.PENDING, Cause.WEB),
        (Status.ACTIVE, Cause.CONFIRM),
    ]
    assert events[0].at == now + timedelta(hours=26), "the record tells when it was asked"


@pytest.mark.parametrize("n", [1, 2])
def test_confirm_applies_its_own_request(
    db: Database, post: NoticeContext, keys: Keys, found: Callable[[], Subscriber], now: datetime, n: int
) -> None:
    other = (Interest(Kind.TOPIC, "soft robots"), Interest(Kind.AUTHOR, "A. Nother"))
    request_signup(db, post, parse({"email": ADA, "topics": TOPIC_NAMES}), now)
    request_signup(
        db, post, parse({"email": ADA, "topics": ["soft robots"], "authors": ["A. Nother"]}), now + timedelta(minutes=1)
    )
    assert len(confirmations(db)) == 1, "of the second, which was not mailed, nothing is kept"
    request_signup(
        db, post, parse({"email": ADA, "topics": ["soft robots"], "authors": ["A. Nother"]}), now + timedelta(hours=25)
    )
    assert found().interests == ()
    assert confirm(db, keys, link(keys, found(), n), now + timedelta(hours=26)).interests == (TOPIC, other)[n - 1]
    again = confirm(db, keys, link(keys, found(), 3 - n), now + timedelta(hours=27))
    assert again == found(), "the other link changes nothing any more"
    assert again.interests == (TOPIC, other)[n - 1]


@pytest.mark.parametrize("was", [Status.UNSUBSCRIBED, Status.SUPPRESSED])
def test_signup_changes_nothing_for_the_unsubscribed(
    db: Database, post: NoticeContext, keys: Keys, found: Callable[[], Subscriber], now: datetime, was: Status
) -> None:
    add(db, post, parse({"email": ADA, "topics": ["protein folding"]}), now)
    if was is Status.UNSUBSCRIBED:
        unsubscribe(db, found().key, Cause.WEB, now)
    else:
        suppress(db, keys, ADA, SuppressionReason.HARD_BOUNCE, now)
    before = found()
    spam = (Interest(Kind.TOPIC, "spam"),)
    request_signup(db, post, parse({"email": ADA, "hour": 3, "topics": ["spam"]}), now + timedelta(days=1))
    assert found() == before
    assert len(confirmations(db)) == 1
    after = confirm(db, keys, link(keys, found()), now + timedelta(days=2))
    assert (after.status, after.interests, after.timing.hour) == (Status.ACTIVE, spam, 3)


def test_request_is_void_after_a_consent_change(
    db: Database, post: NoticeContext, keys: Keys, found: Callable[[], Subscriber], now: datetime
) -> None:
    add(db, post, parse({"email": ADA}), now)
    unsubscribe(db, found().key, Cause.WEB, now)
    request_signup(db, post, parse({"email": ADA}), now)
    suppress(db, keys, ADA, SuppressionReason.COMPLAINT, now)
    with pytest.raises(LinkExpired):
        confirm(db, keys, link(keys, found()), now)
    assert found().status is Status.SUPPRESSED


def test_decline_erases_an_unconfirmed_address(
    db: Database, post: NoticeContext, keys: Keys, found: Callable[[], Subscriber], now: datetime
) -> None:
    request_signup(db, post, parse({"email": ADA, "topics": TOPIC_NAMES}), now)
    key, mailed = found().key, link(keys, found())
    assert decline(db, keys, mailed, now)
    with db.read() as session:
        gone = subscribers.by_key(session, key)
        assert subscribers.by_address_key(session, address_key(keys, ADA)) is None
        assert [event.status for event in consent.history(session, key)] == [Status.PENDING, Status.ERASED]
    assert gone is not None
    assert gone.address is None
    with pytest.raises(LinkExpired):
        confirm(db, keys, mailed, now)
    request_signup(db, post, parse({"email": ADA}), now + timedelta(hours=1))
    assert len(confirmations(db)) == 1, "declining does not let strangers start again"
    request_signup(db, post, parse({"email": ADA}), now + timedelta(hours=25))
    assert found().status is Status.PENDING, "the person may sign up again"


def test_decline_changes_nothing_for_a_known_subscriber(
    db: Database, post: NoticeContext, keys: Keys, found: Callable[[], Subscriber], now: datetime
) -> None:
    add(db, post, parse({"email": ADA, "topics": ["protein folding"]}), now)
    unsubscribe(db, found().key, Cause.WEB, now)
    request_signup(db, post, parse({"email": ADA}), now)
    before = found()
    assert not decline(db, keys, link(keys, before), now)
    assert found() == before
    with pytest.raises(LinkExpired):
        confirm(db, keys, link(keys, before), now)
    request_signup(db, post, parse({"email": ADA}), now + timedelta(days=1))
    confirm(db, keys, link(keys, before, 2), now + timedelta(days=1))
    assert not decline(db, keys, link(keys, before, 2), now + timedelta(days=2)), "a used link erases nobody"
    assert found().status is Status.ACTIVE


def test_purge_deletes_unconfirmed_after_a_week(
    db: Database, post: NoticeContext, keys: Keys, found: Callable[[], Subscriber], now: datetime
) -> None:
    add(db, post, parse({"email": "bo@example.org"}), now)
    request_signup(db, post, parse({"email": ADA, "topics": TOPIC_NAMES}), now)
    key = found().key
    assert purge_unconfirmed(db, now + timedelta(days=6, hours=23)) == 0
    request_signup(db, post, parse({"email": ADA}), now + timedelta(days=6))
    assert purge_unconfirmed(db, now + timedelta(days=7, hours=1)) == 0, "a link still counts"
    assert purge_unconfirmed(db, now + timedelta(days=8, hours=1)) == 1
    with db.read() as session:
        gone = subscribers.by_key(session, key)
        assert subscribers.by_address_key(session, address_key(keys, ADA)) is None
        events = consent.history(session, key)
        requests = [consent.pending_request(session, key, n) for n in (1, 2)]
    assert gone is not None
    assert (gone.status, gone.address, gone.interests) == (Status.ERASED, None, ())
    assert [(event.status, event.cause) for event in events][1:] == [(Status.ERASED, Cause.UNCONFIRMED)]
    assert all(request and request.record is None and request.act.network is None for request in requests)
    assert purge_unconfirmed(db, now + timedelta(days=30)) == 0
    request_signup(db, post, parse({"email": ADA}), now + timedelta(days=9))
    assert (found().status, found().key) == (Status.PENDING, key + 1)


def test_purge_leaves_no_personal_data_in_the_file(
    sqlite_url: str, tmp_path: Path, post: NoticeContext, now: datetime
) -> None:
    db = open_database(sqlite_url)
    request_signup(db, post, parse({"email": "gone-for-good@example.org", "topics": ["unmistakable"]}), now)
    assert purge_unconfirmed(db, now + timedelta(days=8)) == 1
    for file in tmp_path.iterdir():
        content = file.read_bytes() if file.is_file() else b""
        assert b"gone-for-good" not in content
        assert b"unmistakable" not in content


def test_resend_confirms_the_request_of_the_same_network(
    db: Database, post: NoticeContext, keys: Keys, found: Callable[[], Subscriber], now: datetime
) -> None:
    here, elsewhere = ConsentAction(Cause.WEB, b"h" * 32), ConsentAction(Cause.WEB, b"e" * 32)
    request_signup(db, post, parse({"email": ADA, "topics": TOPIC_NAMES}), now, here)
    request_signup(db, post, parse({"email": ADA, "topics": ["spam"]}), now + timedelta(days=1), elsewhere)
    resend_confirmation(db, post, ADA, now + timedelta(days=2), here)
    assert len(confirmations(db)) == 3
    assert confirm(db, keys, link(keys, found(), 3), now + timedelta(days=2)).interests == TOPIC


@pytest.mark.parametrize("status", [Status.ACTIVE, Status.PAUSED])
def test_signup_changes_nothing_for_active_subscribers(
    db: Database, post: NoticeContext, found: Callable[[], Subscriber], now: datetime, status: Status
) -> None:
    add(db, post, parse({"email": ADA, "topics": ["protein folding"]}), now)
    if status is Status.PAUSED:
        pause(db, found().key, Cause.CLI, now)
    before = found()
    request_signup(db, post, parse({"email": ADA, "hour": 3, "topics": ["spam"]}), now)
    assert found() == before
    assert confirmations(db) == []


HEALED = {
    SuppressionReason.COMPLAINT: 0,
    SuppressionReason.REQUEST: 0,
    SuppressionReason.HARD_BOUNCE: 1,
    SuppressionReason.SOFT_BOUNCE: 1,
}


@pytest.mark.parametrize("reason", HEALED)
@pytest.mark.parametrize("known", [True, False])
def test_confirm_lifts_only_bounce_suppressions(
    db: Database,
    post: NoticeContext,
    keys: Keys,
    found: Callable[[], Subscriber],
    now: datetime,
    reason: SuppressionReason,
    known: bool,
) -> None:
    mails = HEALED[reason]
    if known:
        add(db, post, parse({"email": ADA}), now)
    suppress(db, keys, ADA, reason, now)
    request_signup(db, post, parse({"email": ADA}), now + timedelta(days=2))
    assert len(confirmations(db)) == mails
    with db.read() as session:
        assert suppressions.reason_for(session, address_key(keys, ADA)) is reason, "asking lifts nothing"
    if mails:
        confirm(db, keys, link(keys, found()), now + timedelta(days=3))
        with db.read() as session:
            assert suppressions.reason_for(session, address_key(keys, ADA)) is None


def test_erased_addresses_cannot_be_added_by_others(
    db: Database, post: NoticeContext, keys: Keys, now: datetime
) -> None:
    add(db, post, parse({"email": ADA, "topics": ["protein folding"]}), now)
    erase(db, keys, ADA, now)
    with pytest.raises(NotFound):
        erase(db, keys, ADA, now)
    for _ in range(2):
        with pytest.raises(NoConsent):
            add(db, post, parse({"email": ADA}), now)
        with pytest.raises(NotFound, match="only a new sign-up by its owner"):
            unsuppress(db, keys, ADA, "they called", now)
        request_signup(db, post, parse({"email": ADA}), now)  # the second time a sign-up waits for its confirmation
    assert import_subscribers(db, post, [FileLine(1, {"email": ADA, "status": "active"})], now).left_alone == 1


def test_erased_addresses_return_by_double_opt_in(
    db: Database, post: NoticeContext, keys: Keys, found: Callable[[], Subscriber], now: datetime
) -> None:
    add(db, post, parse({"email": ADA, "topics": ["protein folding"]}), now)
    erased = found().key
    erase(db, keys, ADA, now)
    request_signup(db, post, parse({"email": ADA}), now)
    assert confirmations(db) == [("1", 1)]
    with db.read() as session:
        assert suppressions.reason_for(session, address_key(keys, ADA)) is SuppressionReason.ERASED
    assert confirm(db, keys, link(keys, found()), now).status is Status.ACTIVE
    assert found().key != erased
    assert found().interests == ()
    with db.read() as session:
        assert suppressions.reason_for(session, address_key(keys, ADA)) is None


def test_erasure_leaves_nothing_in_the_file(
    sqlite_url: str, tmp_path: Path, post: NoticeContext, keys: Keys, now: datetime
) -> None:
    db = open_database(sqlite_url)
    add(db, post, parse({"email": "gone-for-good@example.org", "name": "Unmistakable Name"}), now)
    erase(db, keys, "gone-for-good@example.org", now)
    for file in tmp_path.iterdir():
        content = file.read_bytes() if file.is_file() else b""
        assert b"gone-for-good" not in content
        assert b"Unmistakable" not in content


@pytest.mark.parametrize(
    "address", ["", "ada", "ada@", "@example.org", "a da@example.org", "ada@example.org\r\nBcc: x@y.z"]
)
def test_signup_rejects_invalid_addresses(db: Database, post: NoticeContext, now: datetime, address: str) -> None:
    with pytest.raises(BadRecord) as refused:
        request_signup(db, post, parse({"email": address}), now)
    assert refused.value.field == "email"


def test_unsubscribe_is_idempotent_and_final(
    db: Database, post: NoticeContext, found: Callable[[], Subscriber], now: datetime
) -> None:
    add(db, post, parse({"email": ADA}), now)
    key = found().key
    assert unsubscribe(db, key, Cause.ONE_CLICK, now)
    assert not unsubscribe(db, key, Cause.WEB, now)
    with pytest.raises(NoConsent, match="unsubscribed"):
        resume(db, key, Cause.CLI, now)
    with pytest.raises(NoConsent, match="--confirm"):
        add(db, post, parse({"email": ADA}), now)
    assert found().version == 2
    with pytest.raises(NotFound):
        unsubscribe(db, key + 1, Cause.WEB, now)


@pytest.mark.parametrize(
    ("first", "others"),
    [
        ("ada@example.org", ["ada+1@example.org", "Ada+2@example.org", "ada+1+2@example.org"]),
        ("ada+1@example.org", ["ada+2@example.org", "ada@example.org"]),
        ("a.da@gmail.com", ["ad.a@gmail.com", "ada+x@googlemail.com"]),
    ],
)
def test_addresses_of_a_mailbox_share_its_budget(
    db: Database, post: NoticeContext, keys: Keys, now: datetime, first: str, others: list[str]
) -> None:
    for address in (first, *others):
        request_signup(db, post, parse({"email": address}), now)
    assert len(confirmations(db)) == 1
    with db.read() as session:
        [only] = subscribers.listing(session, 0, 10)
    confirm(db, keys, link(keys, only), now)
    request_signup(db, post, parse({"email": others[0]}), now)
    assert len(confirmations(db)) == 2, "the owner wanted the first one"


def test_dots_and_minus_are_other_mailboxes(db: Database, post: NoticeContext, now: datetime) -> None:
    for address in ("ada@example.org", "a.da@example.org", "ada-1@example.org", "ada@lab.example.org"):
        request_signup(db, post, parse({"email": address}), now)
    assert len(confirmations(db)) == 4


def _delays(db: Database, now: datetime) -> list[int]:
    """Return after how many hours each mail leaves."""
    with db.read() as session:
        rows = session.connection().execute(select(core.delivery.c.not_before_us).order_by(core.delivery.c.id))
        return [round((us / 1e6 - now.timestamp()) / 3_600) for (us,) in rows]


def test_domain_delays_what_nobody_confirms(db: Database, post: NoticeContext, keys: Keys, now: datetime) -> None:
    """A crowd that confirms makes room for itself, an attacker's forms wait."""
    limit = PER_POOL[Pool.DOMAIN]
    assert limit is not None
    for n in range(limit.most + 20):
        request_signup(db, post, parse({"email": f"staff{n}@example.org"}), now)
        if n < 20:
            with db.read() as session:
                [known] = subscribers.listing(session, n, 1)
            confirm(db, keys, link(keys, known), now)
    request_signup(db, post, parse({"email": "late@example.org"}), now)
    request_signup(db, post, parse({"email": "other@example.net"}), now)
    assert _delays(db, now) == [0] * (limit.most + 20) + [1, 0]


def test_large_provider_cannot_be_locked(db: Database, post: NoticeContext, now: datetime) -> None:
    for n in range(150):
        request_signup(db, post, parse({"email": f"someone{n}@gmail.com"}), now)
    assert _delays(db, now) == [0] * 150


@pytest.mark.parametrize("way", ["sign-up", "resend", "settings link"])
def test_every_form_counts_for_the_domain(
    db: Database, post: NoticeContext, keys: Keys, now: datetime, way: str
) -> None:
    """Whether or not a mail follows, so that nobody learns who is known."""
    add(db, post, parse({"email": ADA, "status": "pending" if way == "resend" else "active"}), now - timedelta(days=2))
    acts = {
        "sign-up": lambda address: request_signup(db, post, parse({"email": address}), now),
        "resend": lambda address: resend_confirmation(db, post, address, now),
        "settings link": lambda address: request_link(db, post, address, now),
    }
    for address in (ADA, "nobody@example.org", ADA):
        acts[way](address)
    with db.read() as session:
        rows = session.connection().execute(
            select(core.caused_mail.c.address_key).where(core.caused_mail.c.pool == "domain")
        )
        assert [bytes(key) for (key,) in rows] == [domain_key(keys, "example.org")] * 3


def test_resume_ends_a_pause(db: Database, post: NoticeContext, found: Callable[[], Subscriber], now: datetime) -> None:
    add(db, post, parse({"email": ADA}), now)
    key = found().key
    assert not resume(db, key, Cause.CLI, now)
    assert pause(db, key, Cause.CLI, now)
    assert not pause(db, key, Cause.CLI, now)
    assert resume(db, key, Cause.CLI, now)
    assert (found().status, found().version) == (Status.ACTIVE, 3)


def test_add_updates_and_activates_for_the_operator(
    db: Database, post: NoticeContext, found: Callable[[], Subscriber], now: datetime
) -> None:
    said = {"email": ADA, "topics": ["protein folding"]}
    assert add(db, post, parse(said | {"status": "pending"}), now) is EditResult.ADDED
    assert len(confirmations(db)) == 1
    with pytest.raises(NoConsent, match="asked to confirm recently"):
        add(db, post, parse(said | {"status": "pending"}), now)
    assert add(db, post, parse(said), now) is EditResult.UPDATED
    assert found().status is Status.ACTIVE
    assert add(db, post, parse(said), now) is EditResult.UNCHANGED
    assert add(db, post, parse({"email": ADA, "hour": 9}), now) is EditResult.UPDATED
    assert (found().timing.hour, found().interests) == (9, TOPIC)


def test_edit_changes_given_fields_and_never_consent(
    db: Database, post: NoticeContext, keys: Keys, found: Callable[[], Subscriber], now: datetime
) -> None:
    add(db, post, parse({"email": ADA, "topics": ["protein folding"], "authors": ["A. B."]}), now)
    muted = parse({"email": ADA, "mute": {"topics": ["Protein Folding"]}, "size": 3})
    assert edit(db, keys, muted, now) is EditResult.UPDATED
    assert edit(db, keys, muted, now) is EditResult.UNCHANGED
    assert found().interests == (
        Interest(Kind.AUTHOR, "A. B."),
        Interest(Kind.TOPIC, "Protein Folding", Stance.MUTED),
    )
    assert (found().version, found().preferences.size) == (1, 3)
    with db.read() as session:
        assert len(consent.history(session, found().key)) == 1
    with pytest.raises(NotFound):
        edit(db, keys, parse({"email": "bo@example.org"}), now)
