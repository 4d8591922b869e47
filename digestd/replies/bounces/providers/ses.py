"""Verify and parse the notifications of Amazon SES that SNS delivers.

The signature uses RSA with SHA-1 or SHA-256.

The request names the URL of the certificate, so its host must be SNS in the region of the topic: anybody can rent
another Amazon host. TLS proves the host when the certificate is fetched. The topic must be the one of the setting,
because anybody with an Amazon account can send signed notifications. The operator confirms a new topic by opening a
logged URL; digestd never requests it.

Source: https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html,
https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html
"""

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from digestd.domain.bounce import BounceKind
from digestd.domain.bounce_rules import kind_of, status_in
from digestd.errors import BadSetting
from digestd.replies.bounces.providers import (
    EVENTS_MAX,
    BounceEvent,
    CertificateLoader,
    MalformedWebhook,
    UnverifiedWebhook,
    WebhookPayload,
    WebhookProvider,
    WebhookRequest,
    check_age,
    get_text,
    get_value,
    parse_json,
)

_ARN = re.compile(
    r"arn:(aws|aws-cn|aws-us-gov):sns:([a-z]{2}(?:-[a-z]{3,10}){1,2}-[0-9]{1,2}):\d{12}:[A-Za-z0-9_.-]{1,256}", re.ASCII
)
_DOMAINS = {"aws": "amazonaws.com", "aws-us-gov": "amazonaws.com", "aws-cn": "amazonaws.com.cn"}
_CERTIFICATE_PATH = re.compile(r"/SimpleNotificationService-[0-9a-f]{16,64}\.pem", re.ASCII)
_SIGNED_FIELDS = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
    "UnsubscribeConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
}
_HASHES: Mapping[str, hashes.HashAlgorithm] = {"1": hashes.SHA1(), "2": hashes.SHA256()}  # noqa: S303  # the default of SNS
_HARD_SUBTYPES = frozenset({"General", "NoEmail", "Suppressed", "OnAccountSuppressionList", ""})
_POLICY_SUBTYPES = frozenset({"MessageTooLarge", "ContentRejected", "AttachmentRejected"})
_IGNORED_FEEDBACK = frozenset({"not-spam", "auth-failure"})


@dataclass(frozen=True, slots=True)
class Ses:
    """The SNS topic of one SES account.

    Attributes:
        certificate: Loader of signing certificates.
        host: Host of SNS in the region of the topic.
    """

    topic: str
    certificate: CertificateLoader
    host: str

    def parse(self, request: WebhookRequest, now: datetime) -> WebhookPayload:
        """See WebhookProvider.parse."""
        notice = parse_json(request.body)
        kind = get_text(notice, "Type")
        if kind not in _SIGNED_FIELDS or get_text(notice, "TopicArn") != self.topic:
            raise UnverifiedWebhook("the notification is from another topic than DIGESTD_INBOUND_SES_TOPIC")
        check_age(_parse_timestamp(get_text(notice, "Timestamp")), now)
        self._verify(notice, kind, now)
        if kind != "Notification":
            return WebhookPayload(
                confirmation_url=self._confirmation_url(notice) if kind == "SubscriptionConfirmation" else ""
            )
        return WebhookPayload(
            tuple(_events(parse_json(get_text(notice, "Message", most=1 << 20).encode())))[:EVENTS_MAX]
        )

    def _verify(self, notice: Any, kind: str, now: datetime) -> None:
        algorithm = _HASHES.get(get_text(notice, "SignatureVersion"))
        if algorithm is None:
            raise UnverifiedWebhook("the signature version is unknown")
        try:
            signature = base64.b64decode(get_text(notice, "Signature", most=4_000), validate=True)
        except (binascii.Error, ValueError) as error:
            raise UnverifiedWebhook("the signature is not base64") from error
        key = self.certificate(self._check_certificate_url(get_text(notice, "SigningCertURL")), now).public_key()
        if not isinstance(key, rsa.RSAPublicKey):
            raise UnverifiedWebhook("the certificate has no RSA key")
        try:
            key.verify(signature, _string_to_sign(notice, kind), padding.PKCS1v15(), algorithm)
        except InvalidSignature as error:
            raise UnverifiedWebhook("the signature is wrong") from error

    def _check_certificate_url(self, url: str) -> str:
        """Return the URL if SNS serves it in this region, else raise UnverifiedWebhook."""
        start = f"https://{self.host}"
        if not (url.startswith(start) and _CERTIFICATE_PATH.fullmatch(url.removeprefix(start))):
            raise UnverifiedWebhook("the certificate URL is not one of SNS in this region")
        return url

    def _confirmation_url(self, notice: Any) -> str:
        url = get_text(notice, "SubscribeURL", most=2_000)
        if not (url.startswith(f"https://{self.host}/?") and url.isascii() and url.isprintable()):
            raise UnverifiedWebhook("the confirmation URL is not one of SNS in this region")
        return url


def create(secret: str, certificate: CertificateLoader) -> WebhookProvider:
    arn = _ARN.fullmatch(secret)
    if arn is None:
        raise BadSetting(
            "DIGESTD_INBOUND_SES_TOPIC: must be the ARN of an SNS topic, such as arn:aws:sns:eu-west-1:…:bounces"
        )
    partition, region = arn[1], arn[2]
    return Ses(secret, certificate, f"sns.{region}.{_DOMAINS[partition]}")


def _string_to_sign(notice: Any, kind: str) -> bytes:
    """Return the signed bytes: names and values of the fields, one per line."""
    given = [(name, get_value(notice, name)) for name in _SIGNED_FIELDS[kind]]
    return "".join(f"{name}\n{value}\n" for name, value in given if isinstance(value, str)).encode()


def _parse_timestamp(text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise UnverifiedWebhook("the notification has no valid timestamp") from None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _events(message: Any) -> Iterator[BounceEvent]:
    kind = get_text(message, "notificationType") or get_text(message, "eventType")
    if kind == "Bounce":
        for recipient in _list(message, "bounce", "bouncedRecipients"):
            status, diagnostic = get_text(recipient, "status"), get_text(recipient, "diagnosticCode")
            yield _event(message, "bounce", recipient, _bounce_kind(message, status, diagnostic), status)
    elif kind == "Complaint" and get_text(message, "complaint", "complaintFeedbackType") not in _IGNORED_FEEDBACK:
        for recipient in _list(message, "complaint", "complainedRecipients"):
            yield _event(message, "complaint", recipient, BounceKind.COMPLAINT, "")
    elif not kind:
        raise MalformedWebhook("the message is not a notification of SES")


def _bounce_kind(message: Any, status: str, diagnostic: str) -> BounceKind:
    bounce_type, subtype = get_text(message, "bounce", "bounceType"), get_text(message, "bounce", "bounceSubType")
    if subtype in _POLICY_SUBTYPES:
        return BounceKind.POLICY
    kind = kind_of(status, diagnostic)
    if bounce_type == "Permanent":
        return BounceKind.HARD if kind is not BounceKind.POLICY and subtype in _HARD_SUBTYPES else kind
    return BounceKind.POLICY if kind is BounceKind.POLICY else BounceKind.SOFT


def _event(message: Any, part: str, recipient: Any, kind: BounceKind, status: str) -> BounceEvent:
    address = get_text(recipient, "emailAddress")
    headers = {
        get_text(header, "name").lower(): get_text(header, "value") for header in _list(message, "mail", "headers")
    }
    return BounceEvent(
        id=f"{get_text(message, part, 'feedbackId')} {address}",
        kind=kind,
        address=address,
        status=status_in(status),
        envelope=get_text(message, "mail", "source"),
        message_id=headers.get("message-id", ""),
    )


def _list(holder: Any, *path: str) -> list[Any]:
    found = get_value(holder, *path)
    return found[:EVENTS_MAX] if isinstance(found, list) else []
