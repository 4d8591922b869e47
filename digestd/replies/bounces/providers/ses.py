"""Amazon SES by way of SNS: a notification signed with a certificate of Amazon's (RSA, SHA-1 or SHA-256).

The certificate comes from an address in the post, so its host must be that of SNS in the topic's own region: anybody
can have another host of Amazon's. It is verified up to a trusted root, for a name that SNS signs with. The topic must
be the one of the setting, or anybody with an Amazon account could post. A topic asks once to be confirmed, by
an address that the operator opens: nothing is fetched because a stranger says so.
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
from digestd.domain.bounce_status import kind_of, status_in
from digestd.errors import BadSetting
from digestd.replies.bounces.providers.provider import (
    EVENTS_MAX,
    Certificate,
    Event,
    Malformed,
    NotGenuine,
    Post,
    Posted,
    Provider,
    check_age,
    entry,
    parsed,
    words,
)

_ARN = re.compile(
    r"arn:(aws|aws-cn|aws-us-gov):sns:([a-z]{2}(?:-[a-z]{3,10}){1,2}-[0-9]{1,2}):\d{12}:[A-Za-z0-9_.-]{1,256}", re.ASCII
)
_DOMAINS = {"aws": "amazonaws.com", "aws-us-gov": "amazonaws.com", "aws-cn": "amazonaws.com.cn"}
_PATH = re.compile(r"/SimpleNotificationService-[0-9a-f]{16,64}\.pem", re.ASCII)
_SIGNED = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
    "UnsubscribeConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
}
_HASHES: Mapping[str, hashes.HashAlgorithm] = {"1": hashes.SHA1(), "2": hashes.SHA256()}  # noqa: S303  # SNS's default
_GONE = frozenset({"General", "NoEmail", "Suppressed", "OnAccountSuppressionList", ""})
_CONTENT = frozenset({"MessageTooLarge", "ContentRejected", "AttachmentRejected"})
_NO_COMPLAINT = frozenset({"not-spam", "auth-failure"})


@dataclass(frozen=True, slots=True)
class Ses:
    """One SNS topic."""

    topic: str
    certificate: Certificate
    host: str
    names: frozenset[str]

    def read(self, post: Post, now: datetime) -> Posted:
        """See Provider.read."""
        notice = parsed(post.body)
        kind = words(notice, "Type")
        if kind not in _SIGNED or words(notice, "TopicArn") != self.topic:
            raise NotGenuine("the post is of another topic than DIGESTD_INBOUND_SES_TOPIC")
        check_age(_instant(words(notice, "Timestamp")), now)
        self._check(notice, kind, now)
        if kind != "Notification":
            return Posted(confirm=self._confirmation(notice) if kind == "SubscriptionConfirmation" else "")
        return Posted(tuple(_events(parsed(words(notice, "Message", most=1 << 20).encode())))[:EVENTS_MAX])

    def _check(self, notice: Any, kind: str, now: datetime) -> None:
        algorithm = _HASHES.get(words(notice, "SignatureVersion"))
        if algorithm is None:
            raise NotGenuine("the post has a signature of an unknown version")
        try:
            signature = base64.b64decode(words(notice, "Signature", most=4_000), validate=True)
        except (binascii.Error, ValueError) as error:
            raise NotGenuine("the signature is no base64") from error
        key = self.certificate(self._pinned(words(notice, "SigningCertURL")), self.names, now).public_key()
        if not isinstance(key, rsa.RSAPublicKey):
            raise NotGenuine("the certificate holds no RSA key")
        try:
            key.verify(signature, _canonical(notice, kind), padding.PKCS1v15(), algorithm)
        except InvalidSignature as error:
            raise NotGenuine("the signature does not fit the post") from error

    def _pinned(self, url: str) -> str:
        """Return the address of a certificate if it is one of SNS in this region."""
        start = f"https://{self.host}"
        if not (url.startswith(start) and _PATH.fullmatch(url.removeprefix(start))):
            raise NotGenuine("the certificate is not at Amazon")
        return url

    def _confirmation(self, notice: Any) -> str:
        url = words(notice, "SubscribeURL", most=2_000)
        if not (url.startswith(f"https://{self.host}/?") and url.isascii() and url.isprintable()):
            raise NotGenuine("the address to confirm is not at Amazon")
        return url


def make(secret: str, certificate: Certificate) -> Provider:
    """The provider for a setting. Raises BadSetting."""
    arn = _ARN.fullmatch(secret)
    if arn is None:
        raise BadSetting(
            "DIGESTD_INBOUND_SES_TOPIC: must be the ARN of an SNS topic, like arn:aws:sns:eu-west-1:…:bounces"
        )
    partition, region = arn[1], arn[2]
    domain = _DOMAINS[partition]
    return Ses(secret, certificate, f"sns.{region}.{domain}", _signing_names(partition, region, domain))


def _signing_names(partition: str, region: str, domain: str) -> frozenset[str]:
    """Return the names that SNS signs with in a region: the common one, or those of younger and of separate regions."""
    if partition == "aws-us-gov":
        return frozenset({"sns-us-gov-west-1.amazonaws.com", f"sns-{region}.{domain}"})
    if partition == "aws-cn":
        return frozenset({f"sns-{region}.{domain}", f"sns.{region}.{domain}"})
    return frozenset({"sns.amazonaws.com", f"sns-signing.{region}.{domain}", f"sns.{region}.{domain}"})


def _canonical(notice: Any, kind: str) -> bytes:
    """What is signed: names and values in this order, a line each; no Subject where there is none."""
    given = [(name, entry(notice, name)) for name in _SIGNED[kind]]
    return "".join(f"{name}\n{value}\n" for name, value in given if isinstance(value, str)).encode()


def _instant(text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise NotGenuine("the post has no time of signing") from None
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def _events(message: Any) -> Iterator[Event]:
    kind = words(message, "notificationType") or words(message, "eventType")
    if kind == "Bounce":
        for recipient in _list(message, "bounce", "bouncedRecipients"):
            status, said = words(recipient, "status"), words(recipient, "diagnosticCode")
            yield _event(message, "bounce", recipient, _bounce_kind(message, status, said), status)
    elif kind == "Complaint" and words(message, "complaint", "complaintFeedbackType") not in _NO_COMPLAINT:
        for recipient in _list(message, "complaint", "complainedRecipients"):
            yield _event(message, "complaint", recipient, BounceKind.COMPLAINT, "")
    elif not kind:
        raise Malformed("the message is no notification of SES")


def _bounce_kind(message: Any, status: str, said: str) -> BounceKind:
    kind, finer = words(message, "bounce", "bounceType"), words(message, "bounce", "bounceSubType")
    if finer in _CONTENT:
        return BounceKind.POLICY
    told = kind_of(status, said)
    if kind == "Permanent":
        return BounceKind.HARD if told is not BounceKind.POLICY and finer in _GONE else told
    return BounceKind.POLICY if told is BounceKind.POLICY else BounceKind.SOFT


def _event(message: Any, part: str, recipient: Any, kind: BounceKind, status: str) -> Event:
    address = words(recipient, "emailAddress")
    headers = {words(header, "name").lower(): words(header, "value") for header in _list(message, "mail", "headers")}
    return Event(
        id=f"{words(message, part, 'feedbackId')} {address}",
        kind=kind,
        address=address,
        status=status_in(status),
        envelope=words(message, "mail", "source"),
        message_id=headers.get("message-id", ""),
    )


def _list(holder: Any, *path: str) -> list[Any]:
    found = entry(holder, *path)
    return found[:EVENTS_MAX] if isinstance(found, list) else []
