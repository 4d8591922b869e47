"""Test what strangers can do with another person's address.

Cause one mail, and change nothing.
"""

import re
from collections import Counter
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from starlette.testclient import TestClient

from digestd.app import App
from digestd.domain.delivery import MailKind, SuppressionReason
from digestd.domain.interest import Interest, Kind
from digestd.domain.subscriber import Cause, Status
from digestd.jobs.worker import delete_expired, run
from digestd.security.addresses import address_key
from digestd.store import consent, subscribers, suppressions
from digestd.subscribers.status_changes import unsubscribe
from digestd.subscribers.suppression import suppress
from digestd.web import build
from digestd.web.signup import ACCEPTED_PER_NETWORK
from tests.support.relay import Relay
from tests.web.conftest import HOME, Backend, browsing, stamp_for
from tests.web.html import heading, tree, words

ADA, NEW = "ada@example.org", "new@example.net"
SPAM = {"topics": "cheap pills https://evil.example", "hour": "3", "size": "30"}
PROXY, NEAR_PROXY = "172.30.83.1", "172.30.83.1, 10.0.0.2"


def _mail(relay: Relay) -> EmailMessage:
    (mail,) = relay.taken
    read = message_from_bytes(mail.message, policy=policy.default)
    assert isinstance(read, EmailMessage)
    return read


def _links(relay: Relay) -> list[str]:
    part = _mail(relay).get_body(("plain",))
    assert part is not None
    return re.findall(rf"{HOME}(/\S+)", part.get_content())


def test_address_changes_mail_few_strangers(client: TestClient, backend: Backend) -> None:
    backend.join(ADA)
    settings = backend.settings(ADA)
    for n in range(8):
        assert client.post(f"{settings}/move", data={"email": f"victim{n}@example.net"}).status_code == 200
        backend.clock.advance(seconds=5)
    assert (len(backend.mails(MailKind.ADDRESS_CHANGE_NEW)), len(backend.mails(MailKind.ADDRESS_CHANGE_OLD))) == (2, 2)
    backend.clock.advance(days=1)
    client.post(f"{backend.settings(ADA)}/move", data={"email": NEW})
    assert len(backend.mails(MailKind.ADDRESS_CHANGE_NEW)) == 3


def test_address_changes_mail_stranger_once(client: TestClient, backend: Backend) -> None:
    for n in range(5):
        backend.join(f"sock{n}@example.org")
        client.post(f"{backend.settings(f'sock{n}@example.org')}/move", data={"email": NEW})
    client.post("/subscribe", data={"email": NEW})
    assert len(backend.mails(MailKind.ADDRESS_CHANGE_NEW)) == 1
    assert backend.mails(MailKind.CONFIRM) == []


@pytest.mark.parametrize("was", [Status.PENDING, Status.UNSUBSCRIBED, Status.SUPPRESSED])
async def test_anonymous_form_changes_nothing_before_consent(
    mailing: App, relay: Relay, backend: Backend, was: Status
) -> None:
    with browsing(mailing) as client:
        if was is Status.PENDING:
            client.post("/subscribe", data={"email": ADA, "topics": "sea ice"})
        else:
            backend.join(ADA, topics=["sea ice"])
        if was is Status.UNSUBSCRIBED:
            unsubscribe(mailing.db, backend.subscriber(ADA).key, Cause.WEB, backend.clock())
        elif was is Status.SUPPRESSED:
            suppress(mailing.db, mailing.keys, ADA, SuppressionReason.HARD_BOUNCE, backend.clock())
        await run(mailing)
        relay.taken.clear()
        before, own = backend.contents(), backend.subscriber(ADA)
        backend.clock.advance(days=1, minutes=1)
        client.post("/subscribe", data={"email": ADA, **SPAM})
    after = backend.contents()
    changed = {name for name, rows in after.items() if rows != before[name]}
    assert changed == {
        "caused_mail",
        "pending_request",
        "delivery",
        *({"consent_wording"} if was is not Status.PENDING else ()),
    }
    assert backend.subscriber(ADA) == own
    await run(mailing)
    mail = _mail(relay)
    assert mail["To"] == ADA, "a bounce does not stop the mail that would heal it"
    assert b"pills" not in relay.taken[0].message, "a stranger has no words of theirs mailed"


async def test_own_confirmation_works_after_stranger_signup(mailing: App, relay: Relay, backend: Backend) -> None:
    with browsing(mailing) as client:
        client.post("/subscribe", data={"email": ADA, "topics": "sea ice"})
        await run(mailing)
        mine = _links(relay)[0]
        backend.clock.advance(days=1, minutes=1)
        relay.taken.clear()
        client.post("/subscribe", data={"email": ADA, **SPAM})
        await run(mailing)
        theirs = _links(relay)[0]
        assert "cheap pills" in words(tree(client.get(theirs).text)), "who confirms sees what was asked for"
        assert "sea ice" in words(tree(client.get(mine).text))
        assert heading(client.post(mine).text) == "You’re subscribed"
        client.post(theirs)
    assert backend.subscriber(ADA).interests == (Interest(Kind.TOPIC, "sea ice"),)
    assert backend.subscriber(ADA).preferences.size == 10


async def test_only_confirmation_clears_bounce(mailing: App, relay: Relay, backend: Backend) -> None:
    backend.join(ADA)
    suppress(mailing.db, mailing.keys, ADA, SuppressionReason.HARD_BOUNCE, backend.clock())
    key = address_key(mailing.keys, ADA)

    def standing() -> SuppressionReason | None:
        with mailing.db.read() as session:
            return suppressions.reason_for(session, key)

    with browsing(mailing) as client:
        client.post("/subscribe", data={"email": ADA})
        await run(mailing)
        assert standing() is SuppressionReason.HARD_BOUNCE
        client.post(_links(relay)[0])
    assert standing() is None
    assert backend.subscriber(ADA).status is Status.ACTIVE


async def test_confirmation_mail_offers_erasure(mailing: App, relay: Relay, backend: Backend) -> None:
    with browsing(mailing) as client:
        client.post("/subscribe", data={"email": ADA, "topics": "sea ice"})
        await run(mailing)
        said = " ".join(_mail(relay).get_body(("plain",)).get_content().split())  # type: ignore[union-attr]  # it has one
        for words_ in (
            "48 hours",
            "delete unconfirmed addresses after seven days",
            "one email like this a day, and three in 30 days",
        ):
            assert words_ in said
        confirm, decline = _links(relay)[:2]
        assert decline == f"{confirm}/decline"
        before = backend.contents()
        assert heading(client.get(decline).text) == "This wasn’t you?"
        assert backend.contents() == before, "looking changes nothing"
        key = backend.subscriber(ADA).key
        assert heading(client.post(decline).text) == "Your address has been deleted"
        assert heading(client.post(confirm).text) == "This link has expired"
        assert heading(client.post(decline).text) == "Your address has been deleted"
    with mailing.db.read() as session:
        gone = subscribers.by_key(session, key)
        events = [event.status for event in consent.history(session, key)]
    assert gone is not None
    assert (gone.status, gone.address, events) == (Status.ERASED, None, [Status.PENDING, Status.ERASED])


async def test_confirmation_link_cannot_erase_subscriber(mailing: App, relay: Relay, backend: Backend) -> None:
    with browsing(mailing) as client:
        client.post("/subscribe", data={"email": ADA})
        await run(mailing)
        confirm, decline = _links(relay)[:2]
        client.post(confirm)
        before = backend.subscriber(ADA)
        assert heading(client.post(decline).text) == "Request cancelled"
    assert backend.subscriber(ADA) == before


def test_maintenance_deletes_unconfirmed_signups(client: TestClient, backend: Backend) -> None:
    client.post("/subscribe", data={"email": ADA, **SPAM})
    backend.clock.advance(days=7, minutes=1)
    delete_expired(backend.app, backend.clock())
    ours = {"consent_wording"}
    left = repr({name: rows for name, rows in backend.contents().items() if name not in ours})
    assert "ada@" not in left
    assert "pills" not in left


def _behind(app: App, proxies: str) -> TestClient:
    settings = app.settings.model_copy(update={"trusted_proxies": proxies})
    return TestClient(build(App(settings, app.db, app.keys, app.clock, app.rng)), base_url=HOME,
                      client=(PROXY, 1))  # fmt: skip


def _ask(client: TestClient, app: App, n: int, forwarded: str, host: str) -> int:
    form = {"email": f"reader{n}@example.org", "stamp": stamp_for(app, host, app.clock().replace(microsecond=0))}
    app.clock.advance(seconds=3)  # type: ignore[attr-defined]  # the clock of the tests
    return client.post("/subscribe", data=form, headers={"X-Forwarded-For": forwarded}).status_code


def test_visitors_behind_proxy_are_counted_separately(app: App, backend: Backend) -> None:
    client = _behind(app, NEAR_PROXY)
    crowd, other = "198.51.100.7", "203.0.113.9"
    spoofed = [f"192.0.2.{n}, {crowd}, 10.0.0.2" for n in range(ACCEPTED_PER_NETWORK + 2)]
    codes = [_ask(client, app, n, said, crowd) for n, said in enumerate(spoofed)]
    assert Counter(codes) == {200: ACCEPTED_PER_NETWORK, 429: 2}, "a visitor's own header is not believed"
    assert _ask(client, app, 90, other, other) == 200, "another visitor behind the same proxy"
    with app.db.read() as session:
        networks = {
            name: consent.history(session, backend.subscriber(f"reader{n}@example.org").key)[0].network
            for name, n in (("crowd", 0), ("crowd too", 1), ("other", 90))
        }
    assert networks["crowd"] == networks["crowd too"] != networks["other"]


@pytest.mark.parametrize("proxies", ["", "10.0.0.0/8"])
def test_untrusted_forwarded_header_is_ignored(app: App, proxies: str) -> None:
    client = _behind(app, proxies)
    codes = [_ask(client, app, n, f"192.0.2.{n}", PROXY) for n in range(ACCEPTED_PER_NETWORK + 1)]
    assert codes == [200] * ACCEPTED_PER_NETWORK + [429]
