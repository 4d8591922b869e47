"""Build signed webhook requests of each provider with test keys."""

import base64
import hmac
import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID

from digestd.domain.bounce import BounceKind
from digestd.replies.bounces.providers.provider import WebhookRequest

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
        """Return the same event, signed at another time."""
        return replace(self, now=self.now + step)


@lru_cache(maxsize=1)
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@lru_cache(maxsize=1)
def ec_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@dataclass(frozen=True)
class Authority:
    """A certificate authority: its certificate and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> bytes:
        """Return the certificate in PEM."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)


def authority(name: str = "Invented Root", by: Authority | None = None, key_seed: int = 1) -> Authority:
    """Return a root, or an intermediate authority issued by `by`."""
    key = ec.derive_private_key(key_seed, ec.SECP256R1())
    builder = _begun(name, key.public_key(), by.certificate.subject if by else _named(name), 3_650)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    usage = dict.fromkeys(_USAGES, False) | {"key_cert_sign": True, "crl_sign": True}
    builder = builder.add_extension(x509.KeyUsage(**usage), critical=True)
    signer = by.key if by else key
    builder = builder.add_extension(_issued_by(signer), critical=False)
    return Authority(builder.sign(signer, hashes.SHA256()), key)


def certificate(
    name: str = "sns.amazonaws.com", days: int = 365, by: Authority | None = None, issuer_url: str = ""
) -> bytes:
    """Return a PEM certificate for the RSA key. `issuer_url` is its AIA issuer URL."""
    issuer = by or authority()
    builder = _begun(name, rsa_key().public_key(), issuer.certificate.subject, days)
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    builder = builder.add_extension(_issued_by(issuer.key), critical=False)
    builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    if issuer_url:
        where = x509.UniformResourceIdentifier(issuer_url)
        access = x509.AccessDescription(AuthorityInformationAccessOID.CA_ISSUERS, where)
        builder = builder.add_extension(x509.AuthorityInformationAccess([access]), critical=False)
    return builder.sign(issuer.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def trusted_certificate(_url: str, _names: Collection[str], _now: datetime) -> x509.Certificate:
    """Return the SNS certificate as if it had been verified."""
    return x509.load_pem_x509_certificate(certificate())


_USAGES = (
    "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
    "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
)  # fmt: skip


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])


def _begun(
    name: str, key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey, issuer: x509.Name, days: int
) -> x509.CertificateBuilder:
    start = datetime(2026, 11, 1, tzinfo=UTC)
    builder = x509.CertificateBuilder().subject_name(_named(name)).issuer_name(issuer).public_key(key)
    serial = x509.random_serial_number()
    return builder.serial_number(serial).not_valid_before(start).not_valid_after(start + timedelta(days=days))


def _issued_by(key: ec.EllipticCurvePrivateKey) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())


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
    """Return a request with this body and HTTP basic authentication."""
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
