"""Webhooks: signed posts about status changes; a slow receiver delays nobody else."""

import asyncio
import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from digestd.domain.bounce import Bounce, BounceKind
from digestd.domain.subscriber import Cause
from digestd.domain.webhook import POSTS_KEPT, PostState
from digestd.errors import BadSetting
from digestd.security.links import Keys, Purpose, address_key, token
from digestd.settings import load
from digestd.store import bounces, subscribers, webhooks
from digestd.store.database import Database
from digestd.subscribers import webhooks as posting
from digestd.subscribers.asking import ask, confirm
from digestd.subscribers.keeping import add
from digestd.subscribers.leaving import erase, unsubscribe
from digestd.subscribers.notices import Post
from digestd.subscribers.record import parse
from digestd.subscribers.webhooks import BACKOFF, Hooks, post_due, read_secret

pytestmark = pytest.mark.slow

ADA = "ada@example.org"
SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()


@dataclass
class Receiver:
    """A receiver of webhooks.

    `came`: the requests. `answers`: the next statuses; 0 does not answer for a long time.
    """

    url: str = ""
    answers: list[int] = field(default_factory=list)
    came: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    @property
    def told(self) -> list[tuple[str, dict[str, object]]]:
        """Return the events in order of arrival."""
        return [((said := json.loads(body))["type"], said["data"]) for _, body in self.came]


@contextmanager
def receiving(*answers: int) -> Iterator[Receiver]:
    """Run an HTTP server that replies 204 when `answers` are used up."""
    receiver, closing = Receiver(answers=list(answers)), threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            receiver.came.append(({name.lower(): value for name, value in self.headers.items()}, body))
            status = receiver.answers.pop(0) if receiver.answers else 204
            if not status:
                closing.wait(60)
                return
            self.send_response(status)
            self.send_header("content-length", "0")
            self.send_header("location", receiver.url)
            self.end_headers()

        def log_message(self, *_words: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield receiver
    finally:
        closing.set()
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass
class Office:
    """A sender of webhooks on a real database, at a time that the test sets."""

    db: Database
    keys: Keys
    now: datetime

    @property
    def post(self) -> Post:
        return Post(self.keys, "papers.example.org", "")

    def tell(self) -> int:
        """Post what is due now."""
        return asyncio.run(post_due(Hooks(self.db, self.keys, read_secret(SECRET), lambda: self.now)))

    def join(self, address: str = ADA) -> int:
        """Add an active subscriber and return the key."""
        add(self.db, self.post, parse({"email": address}), self.now)
        with self.db.read() as session:
            known = subscribers.by_address_key(session, address_key(self.keys, address))
        assert known is not None
        return known.key

    def bounce(self, kind: BounceKind, address: str = ADA) -> None:
        """Record a bounce."""
        key = bounces.key_of(kind, address)
        with self.db.write() as session:
            whose = address_key(self.keys, address)
            bounces.record(session, Bounce(key, whose, kind, "test", "5.1.1", None, None, self.now), self.now)

    @property
    def states(self) -> list[tuple[PostState, int]]:
        with self.db.read() as session:
            return [(post.state, post.attempts) for post in reversed(webhooks.listing(session, 100))]


@pytest.fixture
def office(db: Database, keys: Keys, now: datetime) -> Office:
    return Office(db, keys, now)


def test_webhook_posts_each_status_change_once_in_order(office: Office) -> None:
    with receiving() as receiver:
        webhooks.configure(office.db, [receiver.url])
        ask(office.db, office.post, parse({"email": ADA}), office.now)
        with office.db.read() as session:
            known = subscribers.by_address_key(session, address_key(office.keys, ADA))
        assert known is not None
        confirm(
            office.db,
            office.keys,
            token(office.keys, Purpose.CONFIRM, known.key, office.now, known.version),
            office.now,
        )
        for kind in (BounceKind.DELAYED, BounceKind.SOFT, BounceKind.SOFT):
            office.bounce(kind)
        unsubscribe(office.db, known.key, Cause.WEB, office.now)
        office.bounce(BounceKind.COMPLAINT)
        office.bounce(BounceKind.HARD, "nobody@example.org")
        assert office.tell() == 5
        assert office.tell() == 0
        assert [(what, said["detail"]) for what, said in receiver.told] == [
            ("subscriber.subscribed", "web"),
            ("subscriber.confirmed", "confirm"),
            ("subscriber.bounced", "soft 5.1.1"),
            ("subscriber.unsubscribed", "web"),
            ("subscriber.complained", "complaint 5.1.1"),
        ]
        assert {said["email"] for _, said in receiver.told} == {ADA}
        assert {said["subscriber"] for _, said in receiver.told} == {known.key}


def test_webhook_post_is_signed_and_dated(office: Office) -> None:
    with receiving() as receiver:
        webhooks.configure(office.db, [receiver.url])
        office.join()
        office.tell()
    ((headers, body),) = receiver.came
    assert headers["webhook-timestamp"] == str(int(office.now.timestamp()))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(bytes(range(32)), signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"


def test_signature_matches_the_published_example() -> None:
    """Compare with the example of Standard Webhooks and Svix."""
    secret = read_secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    body = b'{"test": 2432232314}'
    said = posting.signature(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert said == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_webhook_retries_with_the_same_id(office: Office) -> None:
    with receiving(500, 302, 204) as receiver:
        webhooks.configure(office.db, [receiver.url])
        office.join()
        for wait in (timedelta(), *BACKOFF.steps[:2]):
            office.now += wait - timedelta(seconds=1 if wait else 0)
            office.tell()
            office.now += timedelta(seconds=1)
            office.tell()
    assert len(receiver.came) == 3
    assert len({headers["webhook-id"] for headers, _ in receiver.came}) == 1
    assert len({body for _, body in receiver.came}) == 1
    assert office.states == [(PostState.TAKEN, 3)]


def test_webhook_gives_up_and_can_be_retried_manually(office: Office) -> None:
    with receiving(*[500] * (len(BACKOFF.steps) + 1)) as receiver:
        webhooks.configure(office.db, [receiver.url])
        office.join()
        for wait in (timedelta(), *BACKOFF.steps, timedelta(days=30)):
            office.now += wait
            office.tell()
        assert office.states == [(PostState.GIVEN_UP, len(BACKOFF.steps) + 1)]
        with office.db.write() as session:
            assert webhooks.retry(session, None, office.now) == 1
        office.tell()
    assert office.states == [(PostState.TAKEN, 1)]


def test_webhook_stops_after_410_gone(office: Office) -> None:
    with receiving(410) as receiver:
        webhooks.configure(office.db, [receiver.url])
        office.join()
        office.tell()
    assert office.states == [(PostState.GIVEN_UP, 1)]


def test_webhook_receiver_that_hangs_delays_no_other(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(posting, "SECONDS", 2.0)
    with receiving(0, 0) as hanging, receiving() as other:
        webhooks.configure(office.db, [hanging.url, other.url, "http://127.0.0.1:9/nobody"])
        office.join()
        office.join("bob@example.org")
        assert office.tell() == 2
        assert len(other.came) == 2
        assert len(hanging.came) == 1, "it is left alone after the first failure"
    assert sorted(state for state, _ in office.states) == [PostState.TAKEN] * 2 + [PostState.WAITING] * 4


def test_webhook_posts_only_committed_events(office: Office) -> None:
    webhooks.configure(office.db, ["http://127.0.0.1:9/nobody"])
    office.join()
    before = office.states
    come_back = Bounce(
        b"k" * 32, address_key(office.keys, ADA), BounceKind.HARD, "test", "5.1.1", None, None, office.now
    )
    with office.db.write() as session:
        bounces.record(session, come_back, office.now)
        session.rollback()
    assert office.states == before


def test_webhook_is_posted_once_by_two_senders(office: Office) -> None:
    webhooks.configure(office.db, ["http://127.0.0.1:9/nobody"])
    office.join()
    with office.db.read() as session:
        (hook,) = webhooks.configured(session)
    with office.db.write() as session:
        assert webhooks.claim(session, hook, office.now) is not None
    with office.db.write() as session:
        assert webhooks.claim(session, hook, office.now) is None
        again = webhooks.claim(session, hook, office.now + webhooks.LEASE)
    assert again is not None
    assert again.attempts == 2


def test_webhook_events_older_than_a_month_are_deleted(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks, "FORGET_BLOCK", 2)
    with receiving() as receiver:
        webhooks.configure(office.db, [receiver.url])
        for n in range(3):
            office.join(f"reader{n}@example.org")
        office.tell()
    webhooks.configure(office.db, ["http://127.0.0.1:9/nobody"])
    for n in range(4, 6):
        office.join(f"reader{n}@example.org")
    office.now += POSTS_KEPT
    office.join("bob@example.org")
    webhooks.delete_before(office.db, office.now - POSTS_KEPT)
    assert len(office.states) == 6, "a month is not over yet"
    webhooks.delete_before(office.db, office.now - POSTS_KEPT + timedelta(seconds=1))
    assert office.states == [(PostState.WAITING, 0)]
    webhooks.delete_before(office.db, office.now + POSTS_KEPT)
    assert office.states == []


def test_webhook_without_url_keeps_and_posts_nothing(office: Office) -> None:
    office.join()
    assert office.states == []
    with receiving() as receiver:
        webhooks.configure(office.db, [receiver.url])
        office.join("bob@example.org")
        webhooks.configure(office.db, [])
        office.join("eve@example.org")
        assert office.tell() == 0
        webhooks.configure(office.db, [receiver.url])
        assert office.tell() == 1
        assert [said["email"] for _, said in receiver.told] == ["bob@example.org"]


def test_webhook_never_names_an_erased_address(office: Office) -> None:
    with receiving() as receiver:
        webhooks.configure(office.db, [receiver.url])
        office.join()
        erase(office.db, office.keys, ADA, office.now)
        office.tell()
    assert [what for what, _ in receiver.told] == ["subscriber.subscribed", "subscriber.erased"]
    assert ADA not in repr(receiver.came)


@pytest.mark.parametrize("secret", ["", "abc", "whsec_", "whsec_!!!", "whsec_" + base64.b64encode(b"x" * 23).decode()])
def test_webhook_refuses_a_weak_secret(secret: str) -> None:
    with pytest.raises(BadSetting, match="DIGESTD_WEBHOOK_SECRET"):
        read_secret(secret)


def test_webhook_refuses_an_invalid_url() -> None:
    with pytest.raises(BadSetting, match="DIGESTD_WEBHOOK_URLS"):
        load({"DIGESTD_WEBHOOK_URLS": "https://example.org/a ftp://example.org"})
