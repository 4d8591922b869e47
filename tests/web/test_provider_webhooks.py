"""Test webhooks of mail providers: signed, configured, and processed once."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from starlette.testclient import TestClient

from digestd.app import App
from digestd.domain.bounce import BounceKind, InboundOutcome
from digestd.domain.delivery import SuppressionReason
from digestd.domain.subscriber import Status
from digestd.replies.bounces.providers import PROVIDERS, VerificationUnavailable, WebhookRequest
from digestd.security.addresses import address_key, make_envelope_from
from digestd.store import bounces, monitoring, suppressions
from tests.bounces.webhook_requests import (
    MAKERS,
    SETTINGS,
    EventCase,
    certificate,
    signed_by_mailgun,
    sns,
    with_account,
)
from tests.web.conftest import PAPER, Backend, browsing

NAMES = sorted(PROVIDERS)
ADA = "ada@example.net"


@pytest.fixture
def open_to_all(app: App, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    """Return the pages of an installation with every provider. Also Amazon's certificate."""
    monkeypatch.setattr("digestd.replies.certificates._fetch", lambda _url: certificate())
    with browsing(replace(app, settings=app.settings.model_copy(update=SETTINGS))) as client:
        yield client


@pytest.fixture
def ada(backend: Backend) -> str:
    """Return a subscriber with a digest in the ledger."""
    backend.import_papers(PAPER)
    backend.join(ADA, hour=0)
    backend.plan()
    return ADA


def post(client: TestClient, name: str, what: WebhookRequest) -> int:
    return client.post(f"/webhooks/{name}", content=what.body, headers=dict(what.headers)).status_code


def event_case(backend: Backend, kind: BounceKind, **more: str) -> EventCase:
    return EventCase(kind, now=backend.clock(), **more)


def suppression(app: App) -> SuppressionReason | None:
    with app.db.read() as session:
        return suppressions.reason_for(session, address_key(app.keys, ADA))


def counts(app: App) -> dict[InboundOutcome, int]:
    with app.db.read() as session:
        return {outcome: number for outcome, number in monitoring.inbound_counts(session).items() if number}


@pytest.mark.parametrize("name", NAMES)
def test_hard_bounce_suppresses_once(app: App, backend: Backend, open_to_all: TestClient, ada: str, name: str) -> None:
    what = MAKERS[name](event_case(backend, BounceKind.HARD))
    assert [post(open_to_all, name, what) for _ in range(3)] == [200] * 3
    assert suppression(app) is SuppressionReason.HARD_BOUNCE
    assert backend.subscriber(ada).status is Status.SUPPRESSED
    assert counts(app) == {InboundOutcome.TAKEN: 1, InboundOutcome.KNOWN: 2}


@pytest.mark.parametrize("name", NAMES)
def test_complaint_unsubscribes(app: App, backend: Backend, open_to_all: TestClient, ada: str, name: str) -> None:
    assert post(open_to_all, name, MAKERS[name](event_case(backend, BounceKind.COMPLAINT))) == 200
    assert suppression(app) is SuppressionReason.COMPLAINT
    assert backend.subscriber(ada).status is Status.SUPPRESSED


@pytest.mark.parametrize("name", NAMES)
def test_unknown_recipient_is_ignored(app: App, backend: Backend, open_to_all: TestClient, name: str) -> None:
    story = event_case(backend, BounceKind.COMPLAINT, address="stranger@example.net")
    assert post(open_to_all, name, MAKERS[name](story)) == 200
    assert counts(app) == {InboundOutcome.FOREIGN: 1}


@pytest.mark.parametrize("name", NAMES)
def test_invalid_signature_changes_nothing(
    app: App, backend: Backend, open_to_all: TestClient, ada: str, name: str
) -> None:
    before = backend.contents()
    what = MAKERS[name](event_case(backend, BounceKind.HARD))
    for mark in (b'"signature": "', b'"Signature": "'):
        forged = what.body.replace(mark, mark + b"0")
        assert forged == what.body or post(open_to_all, name, WebhookRequest({}, forged)) in {403, 400}
    assert post(open_to_all, name, WebhookRequest(what.headers, b"{}")) in {403, 400}
    assert post(open_to_all, name, WebhookRequest({}, b"")) in {403, 400}
    assert backend.contents() == before


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"postmark"}))
def test_old_post_is_refused(backend: Backend, open_to_all: TestClient, ada: str, name: str) -> None:
    what = MAKERS[name](event_case(backend, BounceKind.HARD))
    backend.clock.advance(hours=25)
    assert post(open_to_all, name, what) == 403
    assert backend.subscriber(ada).status is Status.ACTIVE


def test_token_of_other_post_is_refused(backend: Backend, app: App, open_to_all: TestClient, ada: str) -> None:
    first = MAKERS["mailgun"](event_case(backend, BounceKind.POLICY))
    assert post(open_to_all, "mailgun", first) == 200
    forged = first.body.replace(b"5.7.1 no", b"5.1.1 no")
    assert post(open_to_all, "mailgun", WebhookRequest(first.headers, forged)) == 200
    assert suppression(app) is None


@pytest.mark.parametrize("first", [{"event": "opened"}, {"event": "failed", "recipient": "stranger@example.net"}])
def test_mailgun_token_counts_once(
    app: App, backend: Backend, open_to_all: TestClient, ada: str, first: dict[str, str]
) -> None:
    harmless = signed_by_mailgun({"event-data": first}, backend.clock())
    assert post(open_to_all, "mailgun", harmless) == 200
    signature = json.loads(harmless.body)["signature"]
    data = json.loads(MAKERS["mailgun"](event_case(backend, BounceKind.COMPLAINT)).body)["event-data"]
    replayed = json.dumps({"signature": signature, "event-data": data}).encode()
    assert post(open_to_all, "mailgun", WebhookRequest({}, replayed)) == 200
    assert suppression(app) is None
    assert backend.subscriber(ada).status is Status.ACTIVE
    fresh = signed_by_mailgun({"event-data": data}, backend.clock(), token="another")
    assert post(open_to_all, "mailgun", fresh) == 200
    assert suppression(app) is SuppressionReason.COMPLAINT


@pytest.mark.parametrize("name", ["ses", "mailgun"])
def test_return_path_identifies_delivery(
    backend: Backend, app: App, open_to_all: TestClient, ada: str, name: str
) -> None:
    story = event_case(backend, BounceKind.SOFT, envelope=make_envelope_from(app.keys, 1, 1, "bounce@example.org"))
    assert post(open_to_all, name, MAKERS[name](story)) == 200
    with app.db.read() as session:
        (kept,) = bounces.of_delivery(session, 1)
    assert (kept.kind, kept.via, kept.attempt) == (BounceKind.SOFT, name, 1)


@pytest.mark.parametrize("name", [*NAMES, "unheard-of"])
def test_webhook_without_providers_is_not_found(client: TestClient, name: str) -> None:
    assert client.post(f"/webhooks/{name}", content=b"{}").status_code == 404


def test_unconfigured_provider_is_not_found(app: App, backend: Backend) -> None:
    only = {"inbound_mailgun_key": SETTINGS["inbound_mailgun_key"]}
    with browsing(replace(app, settings=app.settings.model_copy(update=only))) as client:
        assert post(client, "sendgrid", MAKERS["sendgrid"](event_case(backend, BounceKind.HARD))) == 404
        assert client.get("/webhooks/mailgun").status_code == 405


def test_a_body_beyond_a_megabyte_is_too_large_and_elsewhere_beyond_sixteen_kilobytes(open_to_all: TestClient) -> None:
    assert post(open_to_all, "mailgun", WebhookRequest({}, b"x" * (1024 * 1024 + 1))) == 413
    assert post(open_to_all, "mailgun", WebhookRequest({}, b"x" * 100_000)) in {400, 403}
    assert open_to_all.post("/subscribe", content=b"x" * 100_000).status_code == 413


def test_amazon_subscription_request_is_logged_only(
    backend: Backend, open_to_all: TestClient, capsys: pytest.CaptureFixture[str]
) -> None:
    url = "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription"
    notice = {"Type": "SubscriptionConfirmation", "MessageId": "m", "Message": "x", "Token": "t", "SubscribeURL": url}
    assert post(open_to_all, "ses", sns(notice, backend.clock() - timedelta(minutes=1))) == 200
    assert url in capsys.readouterr().out


SURROGATE = "\ud800"


@pytest.mark.parametrize("name", NAMES)
def test_webhook_answers_400_to_lone_surrogate(backend: Backend, open_to_all: TestClient, ada: str, name: str) -> None:
    before = backend.contents()
    posts = {
        "mailgun": signed_by_mailgun({"event-data": {"event": "complained", "recipient": SURROGATE}}, backend.clock()),
        "postmark": with_account(b'{"RecordType": "Bounce", "Email": "\\ud800", "Type": "HardBounce"}'),
    }
    bodies = [b'{"signature": {"token": "\\ud800"}}', b'"\\ud800"', b'{"Type": "\\ud800"}', b'{"TopicArn": "a\\u0000"}']
    what = posts.get(name)
    assert what is None or post(open_to_all, name, what) == 400
    assert {post(open_to_all, name, WebhookRequest({}, body)) for body in bodies} <= {400, 403}
    assert backend.contents() == before


def test_webhook_retries_without_certificate(
    backend: Backend, open_to_all: TestClient, ada: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_url: str) -> bytes:
        raise VerificationUnavailable("nobody answers")

    monkeypatch.setattr("digestd.replies.certificates._fetch", away)
    assert post(open_to_all, "ses", MAKERS["ses"](event_case(backend, BounceKind.HARD))) == 503
    assert backend.subscriber(ada).status is Status.ACTIVE
