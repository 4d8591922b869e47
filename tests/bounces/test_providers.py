"""Test that every provider trusts only what its signature covers, for a while."""

import json
from contextlib import suppress
from datetime import datetime, timedelta

import pytest
from cryptography import x509
from hypothesis import given, settings
from hypothesis import strategies as st

from digestd.domain.bounce import BounceKind
from digestd.errors import BadSetting, DigestdError
from digestd.replies.bounces.providers import (
    PROVIDERS,
    MalformedWebhook,
    UnverifiedWebhook,
    WebhookProvider,
    WebhookRequest,
    open_providers,
)
from tests.bounces.webhook_requests import (
    ARN,
    CERTIFICATE_URL,
    MAKERS,
    SETTINGS,
    EventCase,
    load_certificate,
    signed_by_mailgun,
    signed_by_sendgrid,
    sns,
    with_account,
)

NAMES = sorted(PROVIDERS)
SIGNED_TIME = sorted(set(NAMES) - {"postmark"})
KINDS = [BounceKind.HARD, BounceKind.SOFT, BounceKind.POLICY, BounceKind.COMPLAINT]
HARD = EventCase(BounceKind.HARD)


def provider(name: str) -> WebhookProvider:
    return open_providers(SETTINGS, load_certificate)[name]


def test_providers_are_all_tested() -> None:
    assert set(MAKERS) == set(PROVIDERS)
    assert set(PROVIDERS.values()) == set(SETTINGS)


def test_open_providers_skips_unset_providers() -> None:
    assert open_providers({}, load_certificate) == {}
    assert open_providers({"inbound_mailgun_key": "  "}, load_certificate) == {}


@pytest.mark.parametrize("name", NAMES)
def test_open_providers_refuses_invalid_setting(name: str) -> None:
    setting = PROVIDERS[name]
    with pytest.raises(BadSetting, match=setting.upper()):
        open_providers({setting: "x"}, load_certificate)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", NAMES)
def test_parse_returns_kind_address_and_status(name: str, kind: BounceKind) -> None:
    (event,) = provider(name).parse(MAKERS[name](EventCase(kind)), HARD.now).events
    assert (event.kind, event.address) == (kind, "ada@example.net")
    assert event.id
    assert event.status == {KINDS[0]: "5.1.1", KINDS[1]: "5.2.2", KINDS[2]: "5.7.1"}.get(kind, "")


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"postmark", "sendgrid"}))
def test_parse_returns_return_path(name: str) -> None:
    (event,) = (
        provider(name).parse(MAKERS[name](EventCase(BounceKind.HARD, envelope="b+1@example.org")), HARD.now).events
    )
    assert event.envelope == "b+1@example.org"


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"postmark"}))
def test_parse_returns_message_id(name: str) -> None:
    (event,) = (
        provider(name).parse(MAKERS[name](EventCase(BounceKind.HARD, message_id="<m@example.org>")), HARD.now).events
    )
    assert event.message_id == "<m@example.org>"


@pytest.mark.parametrize("name", NAMES)
def test_parse_returns_stable_event_id(name: str) -> None:
    first, again, other = (
        provider(name).parse(MAKERS[name](story), HARD.now).events[0].id
        for story in (HARD, HARD, EventCase(BounceKind.HARD, id="e2"))
    )
    assert first == again != other


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"postmark", "mailgun"}))
def test_parse_refuses_changed_body(name: str) -> None:
    post = MAKERS[name](HARD)
    with pytest.raises(UnverifiedWebhook):
        provider(name).parse(WebhookRequest(post.headers, post.body.replace(b"ada@", b"eve@")), HARD.now)


@pytest.mark.parametrize("name", NAMES)
def test_parse_refuses_missing_signature(name: str) -> None:
    post = MAKERS[name](HARD)
    bare = b"{}" if name in {"ses", "mailgun"} else post.body
    with pytest.raises(UnverifiedWebhook):
        provider(name).parse(WebhookRequest({}, bare), HARD.now)


@pytest.mark.parametrize("name", NAMES)
def test_parse_refuses_signature_for_other_account(name: str) -> None:
    others = {
        "ses": SETTINGS | {"inbound_ses_topic": ARN + "-other"},
        "sendgrid": SETTINGS | {"inbound_sendgrid_key": _other_key()},
        "postmark": SETTINGS | {"inbound_postmark_account": "digestd:another password"},
        "mailgun": SETTINGS | {"inbound_mailgun_key": "another-key-of-mailgun"},
    }
    with pytest.raises(UnverifiedWebhook):
        open_providers(others[name], load_certificate)[name].parse(MAKERS[name](HARD), HARD.now)


def _other_key() -> str:
    return (
        "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7L"
        "tkBoN79R9Q=="
    )


@pytest.mark.parametrize("step", [timedelta(hours=-25), timedelta(minutes=10)])
@pytest.mark.parametrize("name", SIGNED_TIME)
def test_parse_refuses_old_and_future_requests(name: str, step: timedelta) -> None:
    with pytest.raises(UnverifiedWebhook, match="long ago"):
        provider(name).parse(MAKERS[name](HARD.at(step)), HARD.now)


@pytest.mark.parametrize("step", [timedelta(hours=-23), timedelta(minutes=4)])
@pytest.mark.parametrize("name", SIGNED_TIME)
def test_parse_accepts_retries_and_clock_skew(name: str, step: timedelta) -> None:
    assert provider(name).parse(MAKERS[name](HARD.at(step)), HARD.now).events


@pytest.mark.parametrize("name", NAMES)
def test_parse_ignores_other_events(name: str) -> None:
    other = {
        "ses": lambda: sns({"Type": "Notification", "MessageId": "m", "Message": '{"eventType": "Open"}'}, HARD.now),
        "sendgrid": lambda: signed_by_sendgrid(b'[{"event": "open", "email": "ada@example.net"}, 7, null]', HARD.now),
        "postmark": lambda: with_account(b'{"RecordType": "Open", "Email": "ada@example.net"}'),
        "mailgun": lambda: signed_by_mailgun({"event-data": {"event": "opened"}}, HARD.now),
    }
    assert provider(name).parse(other[name](), HARD.now).events == ()


@pytest.mark.parametrize("name", NAMES)
def test_parse_refuses_malformed_body(name: str) -> None:
    nonsense = {
        "ses": lambda: sns({"Type": "Notification", "MessageId": "m", "Message": "7"}, HARD.now),
        "sendgrid": lambda: signed_by_sendgrid(b'{"event": "bounce"}', HARD.now),
        "postmark": lambda: with_account(b"[]"),
        "mailgun": lambda: signed_by_mailgun({"event-data": 7}, HARD.now),
    }
    with pytest.raises(MalformedWebhook):
        provider(name).parse(nonsense[name](), HARD.now)


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=20,
)


@pytest.mark.parametrize("name", NAMES)
@given(body=st.one_of(st.binary(max_size=300), ANY_JSON.map(lambda value: json.dumps(value).encode())))
@settings(max_examples=60)
def test_parse_survives_any_body(name: str, body: bytes) -> None:
    posts = [WebhookRequest({}, body), signed_by_sendgrid(body, HARD.now), with_account(body)]
    for post in posts:
        try:
            provider(name).parse(post, HARD.now)
        except DigestdError:
            continue


# Amazon


@pytest.mark.parametrize("version", ["1", "2"])
def test_ses_verifies_both_signature_versions(version: str) -> None:
    message = json.dumps({"notificationType": "Delivery"})
    post = sns({"Type": "Notification", "MessageId": "m", "Subject": "s", "Message": message}, HARD.now, version)
    assert provider("ses").parse(post, HARD.now).events == ()
    with pytest.raises(UnverifiedWebhook):
        provider("ses").parse(WebhookRequest({}, post.body.replace(b'"Subject": "s"', b'"Subject": "t"')), HARD.now)


@pytest.mark.parametrize(
    "url",
    [
        "http://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem",
        "https://sns.eu-west-1.amazonaws.com.example.org/SimpleNotificationService-0123456789abcdef.pem",
        "https://example.org/SimpleNotificationService-0123456789abcdef.pem",
        "https://sns.eu-west-1.amazonaws.com@example.org/SimpleNotificationService-0123456789abcdef.pem",
        "https://sns.eu-west-1.amazonaws.com:8443/SimpleNotificationService-0123456789abcdef.pem",
        "https://sns.eu-west-1.amazonaws.com/other.pem",
        "https://s3.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem",
        "https://sns.eu-west-1.amazonaws.com/../SimpleNotificationService-0123456789abcdef.pem",
        "https://127.0.0.1/SimpleNotificationService-0123456789abcdef.pem",
        "https://sns.s3-eu-west-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem",
        "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem",
        "https://sns.eu-west-1.amazonaws.com.cn/SimpleNotificationService-0123456789abcdef.pem",
        "https://SNS.eu-west-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem",
        "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem?x",
        "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem#x",
        "https://sns.eu-west-1.amazonaws.com/a/SimpleNotificationService-0123456789abcdef.pem",
        "https://[sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem",
        "file:///etc/passwd",
        "",
    ],
)
def test_ses_never_fetches_foreign_certificate_url(url: str) -> None:
    fetched: list[str] = []

    def fetch(where: str, now: datetime) -> x509.Certificate:
        fetched.append(where)
        return load_certificate(where, now)

    post = sns({"Type": "Notification", "MessageId": "m", "Message": "{}"}, HARD.now, url=url)
    with pytest.raises(UnverifiedWebhook):
        open_providers(SETTINGS, fetch)["ses"].parse(post, HARD.now)
    assert fetched == []


REGIONS = [
    ("aws", "eu-west-1", "sns.eu-west-1.amazonaws.com"),
    ("aws", "af-south-1", "sns.af-south-1.amazonaws.com"),
    ("aws-cn", "cn-north-1", "sns.cn-north-1.amazonaws.com.cn"),
    ("aws-us-gov", "us-gov-east-1", "sns.us-gov-east-1.amazonaws.com"),
]


@pytest.mark.parametrize(("partition", "region", "host"), REGIONS)
def test_ses_accepts_certificate_of_topic_region(partition: str, region: str, host: str) -> None:
    fetched: list[str] = []

    def fetch(where: str, now: datetime) -> x509.Certificate:
        fetched.append(where)
        return load_certificate(where, now)

    url, arn = (
        CERTIFICATE_URL.replace("sns.eu-west-1.amazonaws.com", host),
        f"arn:{partition}:sns:{region}:123456789012:b",
    )
    notice = {"Type": "Notification", "MessageId": "m", "Message": '{"eventType": "Open"}', "TopicArn": arn}
    ses = open_providers({"inbound_ses_topic": arn}, fetch)["ses"]
    assert ses.parse(sns(notice, HARD.now, url=url), HARD.now).events == ()
    assert fetched == [url]


@pytest.mark.parametrize("region", ["s3-eu-west-1", "evil", "eu-west-1.example", "s3", ""])
def test_ses_refuses_topic_without_region(region: str) -> None:
    with pytest.raises(BadSetting, match="INBOUND_SES_TOPIC"):
        open_providers({"inbound_ses_topic": f"arn:aws:sns:{region}:123456789012:b"}, load_certificate)


HOSTILE = [
    '"\\ud800"',
    '"\\udfff\\ud800"',
    '"a\\u0000b"',
    "1e999",
    "-1e999",
    "NaN",
    "9" * 4_000,
    "9" * 5_000,
    "[" * 100_000,
    '{"a":' * 5_000 + "1" + "}" * 5_000,
    '"' + "\U0010ffff" * 1_000 + '"',
]
TEXTS = ["id", "recipient", "event", "severity", "reason", "status", "email", "Email", "Type", "Details", "RecordType"]


@pytest.mark.parametrize("value", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("name", NAMES)
def test_parse_survives_hostile_value_in_any_field(name: str, value: str) -> None:
    """Send hostile values in every field, signed where the signature covers the body."""
    fields = ", ".join(f'"{field}": {value}' for field in TEXTS)
    signature = json.loads(signed_by_mailgun({}, HARD.now).body)["signature"]
    bodies = [
        value,
        f"[{{{fields}}}]",
        f"{{{fields}}}",
        f'{{"signature": {json.dumps(signature)}, "event-data": {{{fields}, "event": "failed", "message": {value}}}}}',
        f'{{"signature": {{"timestamp": {value}, "token": {value}, "signature": {value}}}}}',
        f'{{"Type": "Notification", "TopicArn": "{ARN}", "Timestamp": {value}}}',
        f'{{"Type": "Notification", "TopicArn": "{ARN}", "Timestamp": "2026-11-24T07:00:00Z", "SignatureVersion": "2",'
        f' "Signature": {value}, "SigningCertURL": "{CERTIFICATE_URL}", "Message": {value}}}',
    ]
    for body in (one.encode("utf-8", "surrogatepass") for one in bodies):
        for post in (WebhookRequest({}, body), signed_by_sendgrid(body, HARD.now), with_account(body)):
            with suppress(DigestdError):
                provider(name).parse(post, HARD.now)


@pytest.mark.parametrize("when", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2026-W48", "x" * 400])
def test_ses_refuses_extreme_timestamps(when: str) -> None:
    body = json.dumps({"Type": "Notification", "TopicArn": ARN, "Timestamp": when}).encode()
    with pytest.raises(UnverifiedWebhook):
        provider("ses").parse(WebhookRequest({}, body), HARD.now)


def confirmation(url: str) -> WebhookRequest:
    notice = {
        "Type": "SubscriptionConfirmation",
        "MessageId": "m",
        "Message": "hello",
        "Token": "t",
        "SubscribeURL": url,
    }
    return sns(notice, HARD.now)


def test_ses_returns_confirmation_url_without_request() -> None:
    url = "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&Token=t"
    fetched: list[str] = []

    def fetch(where: str, now: datetime) -> x509.Certificate:
        fetched.append(where)
        return load_certificate(where, now)

    payload = open_providers(SETTINGS, fetch)["ses"].parse(confirmation(url), HARD.now)
    assert (payload.confirmation_url, payload.events) == (url, ())
    assert fetched == [CERTIFICATE_URL]


def test_ses_refuses_foreign_confirmation_url() -> None:
    for url in (
        "https://example.org/?Action=ConfirmSubscription",
        "https://sns.s3-eu-west-1.amazonaws.com/?Action=ConfirmSubscription",
        "https://[",
        "https://sns.eu-west-1.amazonaws.com/?a\n[error] forged",
    ):
        with pytest.raises(UnverifiedWebhook):
            provider("ses").parse(confirmation(url), HARD.now)
