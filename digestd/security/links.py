"""Sign and verify tokens in links, return paths of bounces, and Message-IDs.

Each is an HMAC (RFC 2104) under the installation's secret with a key derived for each use, so none can be used for
another. A token states its purpose and issue time and contains no address:

    key id │ number, 6 bytes │ version, 4 bytes │ issue time, 4 bytes │ MAC, 15 bytes   → 40 base64url characters

The issue time is in seconds since 1970 (sufficient until 2106). The length is a multiple of three, so each token has
exactly one spelling in base64url and in base32 (RFC 4648 section 3.5).

The key id identifies the secret that made the token. A retired secret is accepted for unsubscribe links and for
return
paths of bounces, which never expire. Any other token is accepted for 30 days (`GRACE`) after the retirement of its
secret, if it was issued before and the secret was not revoked.
"""

import base64
import hashlib
import hmac
import re
import unicodedata
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote

from email_validator import EmailNotValidError, validate_email

from digestd.errors import BadInput, BadRecord, BadSetting

SECRET_MIN = 32
LOCAL_MAX = 64
ADDRESS_MAX = 254
GRACE = timedelta(days=30)
"""Time after the retirement of a secret in which tokens that it issued before are still accepted."""
PLACE_MAX = 1_000
"""The highest place of a pick that a token can name."""
NO_ATTEMPT = 0
"""The attempt in an id for complaints: it travels with a forwarded mail, so it must prove nothing else."""
_TOKEN = re.compile(r"[A-Za-z0-9_-]{40}", re.ASCII)
_TOKEN_LENGTH, _MAC_LENGTH = 40, 15
_PLACES = [place.to_bytes(4, "big") for place in range(1, PLACE_MAX + 1)]
_VERP = re.compile(r"(0|[1-9][0-9]{0,14})\.(0|[1-9][0-9]{0,6})\.([a-z2-7]{24})", re.ASCII)
_COMMAND = re.compile(r"([a-z0-9._-]{1,15})\+([a-z2-7]{48})", re.ASCII)
_ATOM = re.compile(r"[A-Za-z0-9-]{1,40}", re.ASCII)


class Purpose(StrEnum):
    """The purpose of a token.

    The comments name the number and version that it carries. No new purpose may be called `chat`, the name of one that
    is no longer used.
    """

    CONFIRM = "confirm"  # subscriber, consent version
    UNSUBSCRIBE = "unsubscribe"  # subscriber, 0
    VIEW = "view"  # delivery, 0
    PREFERENCES = "preferences"  # subscriber, 0
    ERASE = "erase"  # subscriber, consent version; only in a mail to the subscriber's address
    RENEW = "renew"  # the same
    ADDRESS_CHANGE_OLD = "address-change-old"  # subscriber, second at which they asked to move; read at the old address
    ADDRESS_CHANGE_NEW = "address-change-new"  # the same, read at the new address
    FEEDBACK = "feedback"  # delivery, place of the pick from 1: it acts on that pick alone
    COMMAND = "command"  # delivery, 0: a reply to it acts for its subscriber
    SAVED = "saved"  # subscriber, edition of their secret address
    FORM = "form"  # millisecond at which a form was handed out, 0


NEVER_EXPIRING = frozenset({Purpose.UNSUBSCRIBE})
"""The purposes for which a retired secret is accepted without end."""
_TOKEN_USE = {purpose: f"token:{purpose}" for purpose in Purpose}


class BadToken(BadInput):
    """The token is not one of ours for this purpose."""


class OutdatedToken(BadToken):
    """The token is ours, but its secret is no longer accepted for this purpose."""


class TokenContent(NamedTuple):
    """The number, version and issue time that a token carries."""

    number: int
    version: int
    issued: datetime


@dataclass(frozen=True, slots=True)
class RetiredSecret:
    """A secret that makes no more tokens.

    Attributes:
        at: time of its retirement.
        revoked: True if it has no grace period.
    """

    secret: bytes = field(repr=False)
    at: datetime
    revoked: bool = False

    def is_accepted(self, issued: datetime, now: datetime) -> bool:
        """Return True if a token issued at this time is still accepted.

        The purpose does not matter.
        """
        return not self.revoked and issued < self.at and now < self.at + GRACE


@dataclass(frozen=True, slots=True)
class Keys:
    """The installation's secrets; they never appear in a log or traceback.

    Attributes:
        secret: the current secret, which makes everything.
        retired: the former secrets, newest first, which only verify. The last one, the first secret of the
            installation, also derives the keys of addresses: the key of an erased address cannot be computed again.
    """

    secret: bytes = field(repr=False)
    retired: tuple[RetiredSecret, ...] = ()

    def __post_init__(self) -> None:
        if any(len(secret) < SECRET_MIN for secret in self.secrets):
            raise BadSetting(f"the secret key has fewer than {SECRET_MIN} bytes; make one with `digestd init`")

    @property
    def secrets(self) -> tuple[bytes, ...]:
        """Return all secrets, the current one first."""
        return (self.secret, *(one.secret for one in self.retired))

    def mac(self, use: str, message: bytes) -> bytes:
        """Return the 32-byte MAC of a message for one use, made with the current secret."""
        return _mac(self.secret, use, message)

    def macs(self, use: str, message: bytes) -> tuple[bytes, ...]:
        """Return the MACs of a message by all secrets, for verification.

        The current secret is first.
        """
        return tuple(_mac(secret, use, message) for secret in self.secrets)

    @property
    def id(self) -> bytes:
        """Return one byte that identifies the current secret and reveals nothing about it."""
        return _id(self.secret)

    @property
    def original(self) -> "Keys":
        """Return the first secret of the installation."""
        return Keys(self.retired[-1].secret) if self.retired else self


def _mac(secret: bytes, use: str, message: bytes) -> bytes:
    """Return the same as `hmac.digest` in half the time.

    The keyed hash states are cached.
    """
    begun, ended = _hmac_states(secret, use)
    inner, outer = begun.copy(), ended.copy()
    inner.update(message)
    outer.update(inner.digest())
    return outer.digest()


@lru_cache(maxsize=64)
def _hmac_states(secret: bytes, use: str) -> "tuple[hashlib._Hash, hashlib._Hash]":
    """Return the inner and the outer hash (RFC 2104 section 2) keyed for one use."""
    key = hmac.digest(secret, f"digestd:{use}".encode(), "sha256").ljust(_BLOCK, b"\0")
    return hashlib.sha256(key.translate(_INNER)), hashlib.sha256(key.translate(_OUTER))


_BLOCK = hashlib.sha256().block_size
_INNER, _OUTER = (bytes(byte ^ pad for byte in range(256)) for pad in (0x36, 0x5C))


@lru_cache(maxsize=8)
def _id(secret: bytes) -> bytes:
    return _mac(secret, "key-id", b"")[:1]


def make_token(keys: Keys, purpose: Purpose, number: int, at: datetime, version: int = 0) -> str:
    """Return the token for one purpose that names `number` at `version`.

    It is issued at this time.
    """
    head = _head(keys, number, version, at)
    return base64.urlsafe_b64encode(head + _token_mac(keys.secret, purpose, head)).decode()


def make_pick_tokens(keys: Keys, delivery: int, count: int, at: datetime) -> list[str]:
    """Return the feedback tokens of the first `count` picks of a delivery, in order."""
    before, end = keys.id + delivery.to_bytes(6, "big"), issue_second(at).to_bytes(4, "big")
    proofs = _pick_macs(keys.secret, before + end, count)
    ends = range(_MAC_LENGTH, len(proofs) + 1, _MAC_LENGTH)
    raw = [before + _PLACES[n] + end + proofs[mac - _MAC_LENGTH : mac] for n, mac in enumerate(ends)]
    encoded = base64.b64encode(b"".join(raw), b"-_").decode()
    return [encoded[n : n + _TOKEN_LENGTH] for n in range(0, len(encoded), _TOKEN_LENGTH)]


def read_token(keys: Keys, purpose: Purpose, token: str, now: datetime, *, accept_expired: bool = True) -> TokenContent:
    """Return the content of a token.

    `accept_expired`: also accept a token of a purpose in NEVER_EXPIRING whose secret was revoked or is past its grace
    period. Whoever stole that secret can make such tokens, so let them do what the purpose says and nothing more.

    Raises:
        BadToken: it is none of ours for this purpose, or not in its one spelling.
        OutdatedToken: the secret that made it is retired and no longer accepted for it.
    """
    if not _TOKEN.fullmatch(token):
        raise BadToken("this link is incomplete or not ours; copy it whole from the mail")
    raw = base64.urlsafe_b64decode(token)
    head, mac = raw[:-_MAC_LENGTH], raw[-_MAC_LENGTH:]
    proven = [hmac.compare_digest(mac, _token_mac(one, purpose, head)) and head[:1] == _id(one) for one in keys.secrets]
    if not any(proven):
        raise BadToken("this link is incomplete or not ours; copy it whole from the mail")
    found = TokenContent(int.from_bytes(head[1:7], "big"), int.from_bytes(head[7:11], "big"), _time(head[11:]))
    retired = [one for one, is_its in zip(keys.retired, proven[1:], strict=True) if is_its]
    is_for_ever = accept_expired and purpose in NEVER_EXPIRING
    if not proven[0] and not is_for_ever and not any(one.is_accepted(found.issued, now) for one in retired):
        raise OutdatedToken("this link was made with a secret key that has been retired; ask for a fresh link")
    return found


def _head(keys: Keys, number: int, version: int, at: datetime) -> bytes:
    return keys.id + number.to_bytes(6, "big") + version.to_bytes(4, "big") + issue_second(at).to_bytes(4, "big")


def _time(seconds: bytes) -> datetime:
    return issue_time(int.from_bytes(seconds, "big"))


def _token_mac(secret: bytes, purpose: Purpose, head: bytes) -> bytes:
    """Return the MAC of the other bytes of a token."""
    if purpose is not Purpose.FEEDBACK:
        return _mac(secret, _TOKEN_USE[purpose], head)[:_MAC_LENGTH]
    place = int.from_bytes(head[7:11], "big")
    if not 1 <= place <= PLACE_MAX:
        raise BadToken("this link names no paper of a digest")
    return _pick_macs(secret, head[:7] + head[11:], place)[-_MAC_LENGTH:]


def _pick_macs(secret: bytes, message: bytes, count: int) -> bytes:
    """Return the MACs of the first picks of a delivery in a row.

    They are consecutive blocks of SHAKE256 (FIPS 202) keyed with the HMAC of the delivery: they cost
    little per mail, and none reveals another.
    """
    return hashlib.shake_256(_mac(secret, _TOKEN_USE[Purpose.FEEDBACK], message)).digest(count * _MAC_LENGTH)


def issue_second(at: datetime) -> int:
    """Return the second of an issue time, as tokens carry it."""
    return int(at.timestamp())


def issue_time(version: int) -> datetime:
    """Return the issue time of such a second."""
    return datetime.fromtimestamp(version, UTC)


def make_command_address(command: str, token: str, host: str) -> str:
    """Return the address to which a mail has the effect of this token.

    It is `unsubscribe+TOKEN@host`.

    The token is in lower-case base32, as some relays change the case of local parts.
    """
    return f"{command}+{_base32(base64.urlsafe_b64decode(token))}@{host}"


def read_command_address(address: str) -> tuple[str, str]:
    """Return the command and the unverified token of a command address.

    Raises:
        BadToken: it is another kind of address.
    """
    match = _COMMAND.fullmatch(_lower_ascii(address).partition("@")[0])
    if match is None:
        raise BadToken("this is not a command address")
    return match[1], base64.urlsafe_b64encode(base64.b32decode(match[2].upper())).decode()


@lru_cache(maxsize=8)
def canonical_address(text: str) -> str:
    """Return an address as it is stored and used.

    Cached, as the readers of a record and of its key ask for the same one in turn.

    It is as entered, with the domain in lower-case ASCII.

    Only plain `local@domain` is accepted: no comment, quoted local part or IP literal (RFC 5321 sections 4.1.2 and
    4.5.3.1). Internationalised domains become IDNA.

    Raises:
        BadRecord: the address is invalid.
    """
    text = unicodedata.normalize("NFC", text.strip(" \t\r\n"))
    if len(text) > ADDRESS_MAX:
        raise BadRecord("email", f"the address is longer than {ADDRESS_MAX} characters; correct it")
    local = text.rpartition("@")[0]
    if not local.isascii():
        raise BadRecord("email", "addresses with other than ASCII letters before the @ cannot be written to yet")
    try:
        address = validate_email(text, check_deliverability=False, allow_smtputf8=False).ascii_email
    except EmailNotValidError as problem:
        raise BadRecord("email", f"this is no address like name@example.org ({problem}); correct it") from None
    if address is None or len(address) > ADDRESS_MAX or len(local) > LOCAL_MAX:
        raise BadRecord("email", f"more than {LOCAL_MAX} characters before the @, or {ADDRESS_MAX} in all; correct it")
    return address


def address_key(keys: Keys, address: str) -> bytes:
    """Return the key that identifies an address without storing it.

    Upper and lower case are the same; addresses with different plus tags are different.
    """
    return keys.original.mac("address", canonical_address(address).lower().encode())


def make_message_id(keys: Keys, subscriber: int, kind: str, period: str, host: str) -> str:
    """Return the Message-ID (RFC 5322 section 3.6.4).

    The same for every attempt, and anonymous.
    """
    _check_atoms(kind, period)
    mac = keys.mac("message-id", f"{subscriber}:{kind}:{period}".encode())
    return f"<{kind}.{period}.{_base32(mac[:15])}@{host}>"


@lru_cache(maxsize=1_000)
def _check_atoms(kind: str, period: str) -> None:
    """Check kind and period, cached as thousands of mails share them.

    Raises:
        BadInput: they cannot be part of a Message-ID.
    """
    if not (_ATOM.fullmatch(kind) and _ATOM.fullmatch(period)):
        raise BadInput(f"{kind[:40]!r} of {period[:40]!r} cannot stand in a Message-ID; use letters, digits and '-'")


def make_envelope_from(keys: Keys, delivery: int, attempt: int, mailbox: str) -> str:
    """Return the return path (VERP) of one attempt.

    Bounces to it name the delivery and cannot be forged.

    It is lower-case, as some relays change the case of local parts.
    """
    local, _, host = mailbox.rpartition("@")
    return f"{local}+{make_envelope_id(keys, delivery, attempt)}@{host}"


def make_envelope_id(keys: Keys, delivery: int, attempt: int) -> str:
    """Return the part of the return path that identifies one attempt, as `envelope_tag` reads it."""
    return f"{delivery}.{attempt}.{_verp_mac(keys, delivery, attempt)}"


def envelope_tag(envelope_from: str) -> str:
    """Return the part of a return path that identifies the attempt.

    Also used as envelope id (RFC 3461).
    """
    return envelope_from.partition("@")[0].rpartition("+")[2]


def read_envelope_from(keys: Keys, address: str) -> tuple[int, int]:
    """Return the delivery and attempt of a return path or of its tag.

    Raises:
        BadToken: it is not one of ours.
    """
    match = _VERP.fullmatch(envelope_tag(_lower_ascii(address)))
    if match is None:
        raise BadToken("this is not a return path of ours")
    delivery, attempt = int(match[1]), int(match[2])
    proofs = keys.macs("verp", f"{delivery}.{attempt}".encode())
    if not any([hmac.compare_digest(match[3], _base32(proof[:15])) for proof in proofs]):
        raise BadToken("this is not a return path of ours")
    return delivery, attempt


def make_complaint_id(keys: Keys, delivery: int) -> str:
    """Return the id of a delivery for complaints (CFBL-Feedback-ID, RFC 9477 section 5).

    It is the tag of a return path with NO_ATTEMPT. RFC 9477 allows no dots, so it has colons.
    """
    return f"{delivery}:{NO_ATTEMPT}:{_verp_mac(keys, delivery, NO_ATTEMPT)}"


def complaint_tag(complaint_id: str) -> str:
    """Return the id of a delivery for complaints as the tag of a return path, for `read_envelope_from`."""
    return "".join(complaint_id.split()).replace(":", ".")


def looks_like_envelope_from(address: str) -> bool:
    """Return True if an address has the form of our return paths, verified or not."""
    return _VERP.fullmatch(envelope_tag(_lower_ascii(address))) is not None


def _lower_ascii(address: str) -> str:
    """Return an address in lower case.

    Empty for one with letters outside ASCII.
    """
    return address[:ADDRESS_MAX].lower() if address.isascii() else ""


def _verp_mac(keys: Keys, delivery: int, attempt: int) -> str:
    return _base32(keys.mac("verp", f"{delivery}.{attempt}".encode())[:15])


def _base32(raw: bytes) -> str:
    return base64.b32encode(raw).decode().lower()


@dataclass(frozen=True, slots=True)
class Urls:
    """The URLs of pages below the public URL. Tokens need no escaping."""

    public_url: str

    @property
    def is_reachable(self) -> bool:
        """Return True if the installation has pages.

        Without a public URL it works by mail alone.
        """
        return bool(self.public_url)

    @property
    def home(self) -> str:
        """Return the front page with the sign-up form; empty if there are no pages."""
        return f"{self.public_url.rstrip('/')}/" if self.is_reachable else ""

    @property
    def subscribe(self) -> str:
        """Return the page for subscribing, which is the front page."""
        return self.home

    @property
    def manage(self) -> str:
        """Return the page that mails a new settings link to its owner.

        It is the same for everybody.
        """
        return f"{self.home}settings" if self.is_reachable else ""

    def confirm(self, token: str) -> str:
        """Return the page for confirming a subscription."""
        return f"{self.home}confirm/{token}"

    def unsubscribe(self, token: str) -> str:
        """Return the page for unsubscribing.

        A one-click POST (RFC 8058) to it acts at once.
        """
        return f"{self.home}u/{token}"

    def preferences(self, token: str) -> str:
        """Return the settings page of a subscriber."""
        return f"{self.home}p/{token}"

    def erase(self, token: str) -> str:
        """Return the page for erasing a subscriber; only mailed to their address."""
        return f"{self.home}erase/{token}"

    def renew(self, token: str) -> str:
        """Return the page for invalidating earlier links; only mailed to their address."""
        return f"{self.home}renew/{token}"

    def move(self, token: str) -> str:
        """Return the page for confirming or stopping a change of address."""
        return f"{self.home}move/{token}"

    def paper(self, name: str) -> str:
        """Return the public page of a paper, if the installation has such pages (DIGESTD_PUBLIC_PAPERS)."""
        return f"{self.home}paper/{quote(name, safe=':/')}" if self.is_reachable else ""

    def view(self, token: str) -> str:
        """Return the page of one digest."""
        return f"{self.home}d/{token}"

    def feedback(self, token: str) -> str:
        """Return the page for feedback on one pick; `/more` below it says more like this."""
        return f"{self.home}f/{token}"

    def mute(self, token: str) -> str:
        """Return the page for muting, below a settings link.

        `/2026-11-24/3` is the third pick of that digest.
        """
        return f"{self.preferences(token)}/mute"

    def saved(self, token: str) -> str:
        """Return the page of a subscriber's saved papers; files and feeds are below it."""
        return f"{self.home}s/{token}"
