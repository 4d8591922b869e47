"""Webhooks: signed posts about status changes; a slow receiver delays no other."""

import asyncio
import base64
import hashlib
import hmac
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from digestd.delivery.bounces import record as record_bounce
from digestd.domain.bounce import Bounce, BounceKind
from digestd.domain.subscriber import Cause
from digestd.domain.webhook import POSTS_KEPT, WebhookEvent, WebhookPostState, bounce_event
from digestd.errors import BadSetting
from digestd.security.addresses import address_key
from digestd.security.keys import Keys
from digestd.security.tokens import Purpose, make_token
from digestd.settings import load
from digestd.store import bounces, integrations, subscribers
from digestd.store.database import Database
from digestd.subscribers import webhooks as posting
from digestd.subscribers.admin_edits import add
from digestd.subscribers.notices import NoticeContext
from digestd.subscribers.personal_data import erase
from digestd.subscribers.signup import confirm, request_signup
from digestd.subscribers.status_changes import unsubscribe
from digestd.subscribers.subscriber_record import parse
from digestd.subscribers.webhooks import BACKOFF, WebhookContext, post_due, read_secret

pytestmark = pytest.mark.slow

ADA = "ada@example.org"
SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()


@dataclass
class Receiver:
    """A receiver of webhooks.

    `requests`: the requests. `answers`: the next statuses; 0 does not answer for a long time.
    """

    url: str = ""
    answers: list[int] = field(default_factory=list)
    requests: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    @property
    def events(self) -> list[tuple[str, dict[str, object]]]:
        return [((data := json.loads(body))["type"], data["data"]) for _, body in self.requests]


@contextmanager
def receiving(*answers: int) -> Iterator[Receiver]:
    """Run an HTTP server that replies 204 when `answers` are used up."""
    receiver, closing = Receiver(answers=list(answers)), threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            receiver.requests.append(({name.lower(): value for name, value in self.headers.items()}, body))
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
class WebhookSender:
    """A sender of webhooks on a real database, at a time that the test sets."""

    db: Database
    keys: Keys
    now: datetime

    @property
    def post(self) -> NoticeContext:
        return NoticeContext(self.keys, "papers.example.org")

    def send(self) -> int:
        return asyncio.run(post_due(WebhookContext(self.db, self.keys, read_secret(SECRET), lambda: self.now)))

    def subscribe(self, address: str = ADA) -> int:
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
            record_bounce(session, Bounce(key, whose, kind, "test", "5.1.1", None, None, self.now), self.now)

    @property
    def states(self) -> list[tuple[WebhookPostState, int]]:
        with self.db.read() as session:
            return [(post.state, post.attempts) for post in reversed(integrations.posts(session, 100))]


@pytest.fixture
def sender(db: Database, keys: Keys, now: datetime) -> WebhookSender:
    return WebhookSender(db, keys, now)


def test_webhook_posts_each_status_change_once_in_order(sender: WebhookSender) -> None:
    with receiving() as receiver:
        integrations.configure_webhooks(sender.db, [receiver.url])
        request_signup(sender.db, sender.post, parse({"email": ADA}), sender.now)
        with sender.db.read() as session:
            known = subscribers.by_address_key(session, address_key(sender.keys, ADA))
        assert known is not None
        confirm(
            sender.db,
            sender.keys,
            make_token(sender.keys, Purpose.CONFIRM, known.key, sender.now, known.version),
            sender.now,
        )
        for kind in (BounceKind.DELAYED, BounceKind.SOFT, BounceKind.SOFT):
            sender.bounce(kind)
        unsubscribe(sender.db, known.key, Cause.WEB, sender.now)
        sender.bounce(BounceKind.COMPLAINT)
        sender.bounce(BounceKind.HARD, "nobody@example.org")
        assert sender.send() == 5
        assert sender.send() == 0
        assert [(what, data["detail"]) for what, data in receiver.events] == [
            ("subscriber.subscribed", "web"),
            ("subscriber.confirmed", "confirm"),
            ("subscriber.bounced", "soft 5.1.1"),
            ("subscriber.unsubscribed", "web"),
            ("subscriber.complained", "complaint 5.1.1"),
        ]
        assert {data["email"] for _, data in receiver.events} == {ADA}
        assert {data["subscriber"] for _, data in receiver.events} == {known.key}


def test_documentation_shows_events_as_they_are_sent(sender: WebhookSender) -> None:
    page = (Path(__file__).parents[2] / "deploy" / "docs" / "api.md").read_text().partition("## Webhooks")[2]
    with receiving() as receiver:
        integrations.configure_webhooks(sender.db, [receiver.url])
        key = sender.subscribe()
        sender.send()
        [sent] = [json.loads(request[-1]) for request in receiver.requests]
    shown = json.loads(page.partition("```json\n")[2].partition("```")[0])
    assert [list(shown), list(shown["data"])] == [list(sent), list(sent["data"])]
    assert (sent["type"], sent["data"]["subscriber"], shown["data"]["email"]) == ("subscriber.subscribed", key, ADA)
    assert set(re.findall(r"^\| `(subscriber\.\w+)` \|", page, re.MULTILINE)) == set(WebhookEvent)
    posted = {kind.value for kind in BounceKind if bounce_event(kind)}
    causes = page.partition("Causes are ")[2].partition(". ")[0]
    assert set(re.findall(r"`(\w+)`", causes)) == {cause.value for cause in Cause} - {Cause.PAUSE_ENDED.value}
    assert posted <= set(re.findall(r"`([a-z]+)`", page))


def test_webhook_post_is_signed_and_dated(sender: WebhookSender) -> None:
    with receiving() as receiver:
        integrations.configure_webhooks(sender.db, [receiver.url])
        sender.subscribe()
        sender.send()
    ((headers, body),) = receiver.requests
    assert headers["webhook-timestamp"] == str(int(sender.now.timestamp()))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(bytes(range(32)), signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"


def test_signature_matches_the_published_example() -> None:
    """Compare with the example of Standard Webhooks and Svix."""
    secret = read_secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    body = b'{"test": 2432232314}'
    data = posting.signature(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert data == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_webhook_retries_with_the_same_id(sender: WebhookSender) -> None:
    with receiving(500, 302, 204) as receiver:
        integrations.configure_webhooks(sender.db, [receiver.url])
        sender.subscribe()
        for wait in (timedelta(), *BACKOFF.steps[:2]):
            sender.now += wait - timedelta(seconds=1 if wait else 0)
            sender.send()
            sender.now += timedelta(seconds=1)
            sender.send()
    assert len(receiver.requests) == 3
    assert len({headers["webhook-id"] for headers, _ in receiver.requests}) == 1
    assert len({body for _, body in receiver.requests}) == 1
    assert sender.states == [(WebhookPostState.TAKEN, 3)]


def test_webhook_gives_up_and_can_be_retried_manually(sender: WebhookSender) -> None:
    with receiving(*[500] * (len(BACKOFF.steps) + 1)) as receiver:
        integrations.configure_webhooks(sender.db, [receiver.url])
        sender.subscribe()
        for wait in (timedelta(), *BACKOFF.steps, timedelta(days=30)):
            sender.now += wait
            sender.send()
        assert sender.states == [(WebhookPostState.GIVEN_UP, len(BACKOFF.steps) + 1)]
        with sender.db.write() as session:
            assert integrations.retry_posts(session, None, sender.now) == 1
        sender.send()
    assert sender.states == [(WebhookPostState.TAKEN, 1)]


def test_webhook_stops_after_410_gone(sender: WebhookSender) -> None:
    with receiving(410) as receiver:
        integrations.configure_webhooks(sender.db, [receiver.url])
        sender.subscribe()
        sender.send()
    assert sender.states == [(WebhookPostState.GIVEN_UP, 1)]


def test_webhook_receiver_that_hangs_delays_no_other(sender: WebhookSender, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(posting, "SECONDS", 2.0)
    with receiving(0, 0) as hanging, receiving() as other:
        integrations.configure_webhooks(sender.db, [hanging.url, other.url, "http://127.0.0.1:9/nobody"])
        sender.subscribe()
        sender.subscribe("bob@example.org")
        assert sender.send() == 2
        assert len(other.requests) == 2
        assert len(hanging.requests) == 1, "it is left alone after the first failure"
    assert sorted(state for state, _ in sender.states) == [WebhookPostState.TAKEN] * 2 + [WebhookPostState.WAITING] * 4


def test_webhook_posts_only_committed_events(sender: WebhookSender) -> None:
    integrations.configure_webhooks(sender.db, ["http://127.0.0.1:9/nobody"])
    sender.subscribe()
    before = sender.states
    come_back = Bounce(
        b"k" * 32, address_key(sender.keys, ADA), BounceKind.HARD, "test", "5.1.1", None, None, sender.now
    )
    with sender.db.write() as session:
        record_bounce(session, come_back, sender.now)
        session.rollback()
    assert sender.states == before


def test_webhook_is_posted_once_by_two_senders(sender: WebhookSender) -> None:
    integrations.configure_webhooks(sender.db, ["http://127.0.0.1:9/nobody"])
    sender.subscribe()
    with sender.db.read() as session:
        (hook,) = integrations.webhook_urls(session)
    with sender.db.write() as session:
        assert integrations.claim_post(session, hook, sender.now) is not None
    with sender.db.write() as session:
        assert integrations.claim_post(session, hook, sender.now) is None
        again = integrations.claim_post(session, hook, sender.now + integrations.POST_LEASE)
    assert again is not None
    assert again.attempts == 2


def test_webhook_events_older_than_a_month_are_deleted(sender: WebhookSender, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(integrations, "POST_BLOCK", 2)
    with receiving() as receiver:
        integrations.configure_webhooks(sender.db, [receiver.url])
        for n in range(3):
            sender.subscribe(f"reader{n}@example.org")
        sender.send()
    integrations.configure_webhooks(sender.db, ["http://127.0.0.1:9/nobody"])
    for n in range(4, 6):
        sender.subscribe(f"reader{n}@example.org")
    sender.now += POSTS_KEPT
    sender.subscribe("bob@example.org")
    integrations.delete_posts_before(sender.db, sender.now - POSTS_KEPT)
    assert len(sender.states) == 6, "a month is not over yet"
    integrations.delete_posts_before(sender.db, sender.now - POSTS_KEPT + timedelta(seconds=1))
    assert sender.states == [(WebhookPostState.WAITING, 0)]
    integrations.delete_posts_before(sender.db, sender.now + POSTS_KEPT)
    assert sender.states == []


def test_webhook_without_url_keeps_and_posts_nothing(sender: WebhookSender) -> None:
    sender.subscribe()
    assert sender.states == []
    with receiving() as receiver:
        integrations.configure_webhooks(sender.db, [receiver.url])
        sender.subscribe("bob@example.org")
        integrations.configure_webhooks(sender.db, [])
        sender.subscribe("eve@example.org")
        assert sender.send() == 0
        integrations.configure_webhooks(sender.db, [receiver.url])
        assert sender.send() == 1
        assert [data["email"] for _, data in receiver.events] == ["bob@example.org"]


def test_webhook_never_names_an_erased_address(sender: WebhookSender) -> None:
    with receiving() as receiver:
        integrations.configure_webhooks(sender.db, [receiver.url])
        sender.subscribe()
        erase(sender.db, sender.keys, ADA, sender.now)
        sender.send()
    assert [what for what, _ in receiver.events] == ["subscriber.subscribed", "subscriber.erased"]
    assert ADA not in repr(receiver.requests)


@pytest.mark.parametrize("secret", ["", "abc", "whsec_", "whsec_!!!", "whsec_" + base64.b64encode(b"x" * 23).decode()])
def test_webhook_refuses_a_weak_secret(secret: str) -> None:
    with pytest.raises(BadSetting, match="DIGESTD_WEBHOOK_SECRET"):
        read_secret(secret)


def test_webhook_refuses_an_invalid_url() -> None:
    with pytest.raises(BadSetting, match="DIGESTD_WEBHOOK_URLS"):
        load({"DIGESTD_WEBHOOK_URLS": "https://example.org/a ftp://example.org"})
