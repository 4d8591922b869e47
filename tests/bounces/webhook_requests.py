"""Build signed webhook requests of each provider with test keys."""

import base64
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from digestd.domain.bounce import BounceKind
from digestd.replies.bounces.providers import WebhookRequest

ARN = "arn:aws:sns:eu-west-1:123456789012:bounces"
ACCOUNT = "digestd:a password of sixteen"
KEY = "key-of-sixteen-letters"
CERTIFICATE_URL = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123456789abcdef0123456789abcdef.pem"


@dataclass(frozen=True)
class EventCase:
    """An event, independent of the provider. `id` is the provider's id of the event."""

    kind: BounceKind
    address: str = "ada@example.net"
    envelope: str = ""
    message_id: str = ""
    id: str = "e1"
    now: datetime = field(default=datetime(2026, 11, 24, 7, 0, tzinfo=UTC))

    def at(self, step: timedelta) -> "EventCase":
        return replace(self, now=self.now + step)


@lru_cache(maxsize=1)
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@lru_cache(maxsize=1)
def ec_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def certificate() -> bytes:
    """Return a PEM certificate for the RSA key, valid for a year."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "sns.amazonaws.com")])
    start = datetime(2026, 11, 1, tzinfo=UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(rsa_key().public_key())
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(start).not_valid_after(start + timedelta(days=365))
    return builder.sign(rsa_key(), hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def load_certificate(_url: str, _now: datetime) -> x509.Certificate:
    """Return the SNS certificate, as if it had been fetched."""
    return x509.load_pem_x509_certificate(certificate())


def sendgrid_key() -> str:
    """Return the verification key in the form of the setting."""
    der = (
        ec_key().public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    return base64.b64encode(der).decode()


def ses(case: EventCase) -> WebhookRequest:
    """Return the request of SES, delivered by SNS."""
    headers = [{"name": "Message-ID", "value": case.message_id}] if case.message_id else []
    message: dict[str, object] = {"mail": {"source": case.envelope, "headers": headers}}
    if case.kind is BounceKind.COMPLAINT:
        message |= {
            "notificationType": "Complaint",
            "complaint": {
                "feedbackId": case.id,
                "complaintFeedbackType": "abuse",
                "complainedRecipients": [{"emailAddress": case.address}],
            },
        }
    else:
        kind, subtype, status, diagnostic = {
            BounceKind.HARD: ("Permanent", "General", "5.1.1", "smtp; 550 5.1.1 user unknown"),
            BounceKind.SOFT: ("Transient", "MailboxFull", "5.2.2", "smtp; 552 5.2.2 full"),
            BounceKind.POLICY: ("Transient", "ContentRejected", "5.7.1", "smtp; 550 5.7.1 no"),
        }[case.kind]
        recipient = {"emailAddress": case.address, "action": "failed", "status": status, "diagnosticCode": diagnostic}
        message |= {
            "notificationType": "Bounce",
            "bounce": {
                "feedbackId": case.id,
                "bounceType": kind,
                "bounceSubType": subtype,
                "bouncedRecipients": [recipient],
            },
        }
    return sns({"Type": "Notification", "MessageId": case.id, "Message": json.dumps(message)}, case.now)


def sns(notice: Mapping[str, str], now: datetime, version: str = "2", url: str = CERTIFICATE_URL) -> WebhookRequest:
    """Return a signed request of SNS."""
    given = {"TopicArn": ARN, "Timestamp": now.strftime("%Y-%m-%dT%H:%M:%S.000Z"), **notice}
    names = ["Message", "MessageId", "Subject", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"]
    signed = "".join(f"{name}\n{given[name]}\n" for name in names if name in given).encode()
    algorithm = {"1": hashes.SHA1(), "2": hashes.SHA256()}.get(version, hashes.SHA256())
    signature = base64.b64encode(rsa_key().sign(signed, padding.PKCS1v15(), algorithm)).decode()
    body = {**given, "SignatureVersion": version, "Signature": signature, "SigningCertURL": url}
    return WebhookRequest({"content-type": "text/plain; charset=UTF-8"}, json.dumps(body).encode())


def sendgrid(case: EventCase) -> WebhookRequest:
    """Return the request of SendGrid's event webhook."""
    fields: dict[str, str] = {
        BounceKind.HARD: {"event": "bounce", "type": "bounce", "status": "5.1.1", "reason": "550 5.1.1 user unknown"},
        BounceKind.SOFT: {"event": "bounce", "type": "bounce", "status": "5.2.2", "reason": "552 5.2.2 full"},
        BounceKind.POLICY: {"event": "bounce", "type": "blocked", "status": "5.7.1", "reason": "550 5.7.1 no"},
        BounceKind.COMPLAINT: {"event": "spamreport"},
    }[case.kind]
    events = [{"email": case.address, "sg_event_id": case.id, "smtp-id": case.message_id, **fields}]
    return signed_by_sendgrid(json.dumps(events).encode(), case.now)


def signed_by_sendgrid(body: bytes, now: datetime) -> WebhookRequest:
    """Return a request with this body and SendGrid's signature headers."""
    time = str(int(now.timestamp()))
    signature = ec_key().sign(time.encode() + body, ec.ECDSA(hashes.SHA256()))
    return WebhookRequest(
        {
            "x-twilio-email-event-webhook-signature": base64.b64encode(signature).decode(),
            "x-twilio-email-event-webhook-timestamp": time,
        },
        body,
    )


def postmark(case: EventCase) -> WebhookRequest:
    """Return the request of Postmark's webhook."""
    kind, diagnostic = {
        BounceKind.HARD: ("HardBounce", "smtp;550 5.1.1 The mailbox does not exist"),
        BounceKind.SOFT: ("SoftBounce", "smtp;552 5.2.2 over quota"),
        BounceKind.POLICY: ("Blocked", "smtp;550 5.7.1 blocked"),
        BounceKind.COMPLAINT: ("SpamComplaint", ""),
    }[case.kind]
    record = {
        "RecordType": "SpamComplaint" if case.kind is BounceKind.COMPLAINT else "Bounce",
        "ID": case.id,
        "Type": kind,
        "Email": case.address,
        "Details": diagnostic,
        "BouncedAt": case.now.isoformat(),
    }
    return with_account(json.dumps(record).encode())


def with_account(body: bytes, account: str = ACCOUNT) -> WebhookRequest:
    return WebhookRequest({"authorization": f"Basic {base64.b64encode(account.encode()).decode()}"}, body)


def mailgun(case: EventCase) -> WebhookRequest:
    """Return the request of Mailgun's webhook."""
    fields: Mapping[BounceKind, Mapping[str, object]] = {
        BounceKind.HARD: {"event": "failed", "severity": "permanent", "reason": "bounce",
                          "delivery-status": {"code": 550, "message": "5.1.1 user unknown"}},
        BounceKind.SOFT: {"event": "failed", "severity": "permanent", "reason": "generic",
                          "delivery-status": {"code": 552, "message": "5.2.2 full"}},
        BounceKind.POLICY: {"event": "failed", "severity": "permanent", "reason": "generic",
                            "delivery-status": {"code": 550, "message": "5.7.1 no"}},
        BounceKind.COMPLAINT: {"event": "complained"},
    }  # fmt: skip
    data = {
        **fields[case.kind],
        "id": case.id,
        "recipient": case.address,
        "envelope": {"sender": case.envelope},
        "message": {"headers": {"message-id": case.message_id.strip("<>")}},
    }
    return signed_by_mailgun({"event-data": data}, case.now, token=f"token-{case.id}")


def signed_by_mailgun(body: Mapping[str, object], now: datetime, token: str = "token") -> WebhookRequest:  # no secret
    """Return a request with this body and Mailgun's signature."""
    time = str(int(now.timestamp()))
    signature = hmac.new(KEY.encode(), f"{time}{token}".encode(), "sha256").hexdigest()
    signed = {**body, "signature": {"timestamp": time, "token": token, "signature": signature}}
    return WebhookRequest({"content-type": "application/json"}, json.dumps(signed).encode())


SETTINGS = {
    "inbound_ses_topic": ARN,
    "inbound_sendgrid_key": sendgrid_key(),
    "inbound_postmark_account": ACCOUNT,
    "inbound_mailgun_key": KEY,
}
MAKERS: Mapping[str, Callable[[EventCase], WebhookRequest]] = {
    "ses": ses,
    "sendgrid": sendgrid,
    "postmark": postmark,
    "mailgun": mailgun,
}
