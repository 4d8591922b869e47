"""Links that only digestd can make: tokens, addresses of bounces, names of mails.

Each is an HMAC (RFC 2104) under the installation's secret, with a key of its own per use, so
one can never pass for another. A token says what it is for and carries no address:

    key id │ number, 6 bytes │ version, 4 bytes │ MAC, 16 bytes      → 36 base64url characters

The key id tells which secret made it: a retired one makes no more tokens, but those it made are
read for ever, as links to unsubscribe never expire. Where a token expires or can be made void, its
version is the second it was issued at (since 1970, enough until 2106), and who reads it compares. The
length is a multiple of three, so each token has exactly one spelling (RFC 4648 section 3.5).
"""

import base64
import hashlib
import hmac
import re
import unicodedata
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache

from email_validator import EmailNotValidError, validate_email

from digestd.errors import BadInput, BadRecord, BadSetting

SECRET_MIN = 32
LOCAL_MAX = 64
ADDRESS_MAX = 254
_TOKEN = re.compile(r"[A-Za-z0-9_-]{36}", re.ASCII)
_VERP = re.compile(r"(0|[1-9][0-9]{0,14})\.(0|[1-9][0-9]{0,6})\.([a-z2-7]{24})", re.ASCII)
_COMMAND = re.compile(r"([a-z0-9._-]{1,19})\+([a-z2-7]{44})", re.ASCII)
_ATOM = re.compile(r"[A-Za-z0-9-]{1,40}", re.ASCII)


class Purpose(StrEnum):
    """What a token may be used for; the number and version it carries."""

    CONFIRM = "confirm"  # subscriber, consent version
    UNSUBSCRIBE = "unsubscribe"  # subscriber, 0
    VIEW = "view"  # delivery, 0
    PREFERENCES = "preferences"  # subscriber, second of issue
    MOVE_FROM = "move-from"  # subscriber, second at which they asked to move; read at the old address
    MOVE_TO = "move-to"  # the same, read at the new address
    FEEDBACK = "feedback"  # delivery, 0
    COMMAND = "command"  # delivery, 0: whoever answers it speaks for its subscriber
    SAVED = "saved"  # subscriber, edition of their secret address
    FORM = "form"  # millisecond at which a form was handed out, 0


_TOKEN_USE = {purpose: f"token:{purpose}" for purpose in Purpose}


class BadToken(BadInput):
    """Not a token of ours for this purpose."""


@dataclass(frozen=True, slots=True)
class Keys:
    """The installation's secrets; they never show in a log or traceback.

    `secret` makes everything. `retired`, newest first, only read what they made; the last of them, the first
    this installation had, also names addresses for ever, as a hash of an erased address cannot be made anew.
    """

    secret: bytes = field(repr=False)
    retired: tuple[bytes, ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        if any(len(secret) < SECRET_MIN for secret in (self.secret, *self.retired)):
            raise BadSetting(f"the secret key has fewer than {SECRET_MIN} bytes; make one with `digestd init`")

    def mac(self, use: str, message: bytes) -> bytes:
        """32 bytes that prove `message` for one use only, made with the secret in use."""
        return _mac(self.secret, use, message)

    def macs(self, use: str, message: bytes) -> tuple[bytes, ...]:
        """The same by every secret that is known, the one in use first: for reading what any of them made."""
        return tuple(_mac(secret, use, message) for secret in (self.secret, *self.retired))

    @property
    def id(self) -> bytes:
        """One byte that tells this secret from another; it says nothing of the secret."""
        return _id(self.secret)

    @property
    def first(self) -> "Keys":
        """The secret that this installation began with."""
        return Keys(self.retired[-1]) if self.retired else self


def _mac(secret: bytes, use: str, message: bytes) -> bytes:
    """As `hmac.digest`, in half the time: what it makes of the key each time is made once."""
    begun, ended = _begun(secret, use)
    inner, outer = begun.copy(), ended.copy()
    inner.update(message)
    outer.update(inner.digest())
    return outer.digest()


@lru_cache(maxsize=64)
def _begun(secret: bytes, use: str) -> "tuple[hashlib._Hash, hashlib._Hash]":
    """The inner and the outer hash (RFC 2104 section 2) with the key of one use."""
    key = hmac.digest(secret, f"digestd:{use}".encode(), "sha256").ljust(_BLOCK, b"\0")
    return hashlib.sha256(key.translate(_INNER)), hashlib.sha256(key.translate(_OUTER))


_BLOCK = hashlib.sha256().block_size
_INNER, _OUTER = (bytes(byte ^ pad for byte in range(256)) for pad in (0x36, 0x5C))


@lru_cache(maxsize=8)
def _id(secret: bytes) -> bytes:
    return _mac(secret, "key-id", b"")[:1]


def token(keys: Keys, purpose: Purpose, number: int, version: int = 0) -> str:
    """The token that names `number` at `version` for one purpose."""
    head = keys.id + number.to_bytes(6, "big") + version.to_bytes(4, "big")
    return base64.urlsafe_b64encode(head + keys.mac(_TOKEN_USE[purpose], head)[:16]).decode()


def read(keys: Keys, purpose: Purpose, token: str) -> tuple[int, int]:
    """The number and version of a token. Raises BadToken for all but the one right spelling."""
    if not _TOKEN.fullmatch(token):
        raise BadToken("this link is incomplete or not ours; copy it whole from the mail")
    raw = base64.urlsafe_b64decode(token)
    head, mac = raw[:11], raw[11:]
    ids, macs = keys.macs("key-id", b""), keys.macs(_TOKEN_USE[purpose], head)
    genuine = [hmac.compare_digest(mac, made[:16]) and head[:1] == id[:1] for id, made in zip(ids, macs, strict=True)]
    if not any(genuine):
        raise BadToken("this link is incomplete or not ours; copy it whole from the mail")
    return int.from_bytes(head[1:7], "big"), int.from_bytes(head[7:], "big")


def issued(at: datetime) -> int:
    """The version of a token that expires: the second it was issued at."""
    return int(at.timestamp())


def issued_at(version: int) -> datetime:
    """When a token with such a version was issued."""
    return datetime.fromtimestamp(version, UTC)


def command_address(command: str, token: str, host: str) -> str:
    """Where a mail leads that does what the link with this token does: `unsubscribe+TOKEN@host`.

    The token is spelt in base32, lower-case, as some relays fold the case of local parts.
    """
    return f"{command}+{_base32(base64.urlsafe_b64decode(token)).rstrip('=')}@{host}"


def read_command_address(address: str) -> tuple[str, str]:
    """The command and the token of such an address, still to be read. Raises BadToken for any other."""
    match = _COMMAND.fullmatch(_folded(address).partition("@")[0])
    if match is None:
        raise BadToken("this is no address for a command")
    raw = base64.b32decode(match[2].upper() + "====")
    if _base32(raw).rstrip("=") != match[2]:  # the last letter has bits to spare, and only one spelling is ours
        raise BadToken("this is no address for a command")
    return match[1], base64.urlsafe_b64encode(raw).decode()


def canonical_address(text: str) -> str:
    """The address as it is stored and written to: as typed, with the domain in lower-case ASCII.

    Plain `local@domain` only: no comment, quoted local part or IP literal (RFC 5321 sections
    4.1.2 and 4.5.3.1), internationalised domains as IDNA. Raises BadRecord with the remedy.
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
    """What an address is known by without being stored: case does not matter, plus tags do."""
    return keys.first.mac("address", canonical_address(address).lower().encode())


def message_id(keys: Keys, subscriber: int, kind: str, period: str, host: str) -> str:
    """The Message-ID of a mail (RFC 5322 section 3.6.4): the same in every attempt, and it names nobody."""
    _refuse_no_atom(kind, period)
    mac = keys.mac("message-id", f"{subscriber}:{kind}:{period}".encode())
    return f"<{kind}.{period}.{_base32(mac[:15])}@{host}>"


@lru_cache(maxsize=1_000)
def _refuse_no_atom(kind: str, period: str) -> None:
    """Thousands of mails are of one kind and period."""
    if not (_ATOM.fullmatch(kind) and _ATOM.fullmatch(period)):
        raise BadInput(f"{kind[:40]!r} of {period[:40]!r} cannot stand in a Message-ID; use letters, digits and '-'")


def envelope_from(keys: Keys, delivery: int, attempt: int, mailbox: str) -> str:
    """The return path of one attempt (VERP): a bounce to it names the delivery and cannot be forged.

    Lower-case throughout, as some relays fold the case of local parts.
    """
    local, _, host = mailbox.rpartition("@")
    return f"{local}+{delivery}.{attempt}.{_verp_mac(keys, delivery, attempt)}@{host}"


def envelope_tag(envelope_from: str) -> str:
    """What tells a return path of ours from all others; as an envelope id (RFC 3461) it proves as much as the whole."""
    return envelope_from.partition("@")[0].rpartition("+")[2]


def read_envelope_from(keys: Keys, address: str) -> tuple[int, int]:
    """The delivery and attempt that a return path names, or its tag alone. Raises BadToken if we did not write it."""
    match = _VERP.fullmatch(envelope_tag(_folded(address)))
    if match is None:
        raise BadToken("this is not a return path of ours")
    delivery, attempt = int(match[1]), int(match[2])
    proofs = keys.macs("verp", f"{delivery}.{attempt}".encode())
    if not any([hmac.compare_digest(match[3], _base32(proof[:15])) for proof in proofs]):
        raise BadToken("this is not a return path of ours")
    return delivery, attempt


def claims_our_form(address: str) -> bool:
    """Whether an address is written like a return path of ours, genuine or not."""
    return _VERP.fullmatch(envelope_tag(_folded(address))) is not None


def _folded(address: str) -> str:
    """An address in lower case, as relays may have it; nothing for one with letters that only look like ours."""
    return address[:ADDRESS_MAX].lower() if address.isascii() else ""


def _verp_mac(keys: Keys, delivery: int, attempt: int) -> str:
    return _base32(keys.mac("verp", f"{delivery}.{attempt}".encode())[:15])


def _base32(raw: bytes) -> str:
    return base64.b32encode(raw).decode().lower()


@dataclass(frozen=True, slots=True)
class Urls:
    """The pages that mails point at, below the public URL. A token has no letter that a URL would escape."""

    public_url: str

    @property
    def are_public(self) -> bool:
        """Whether readers can reach them at all: an install without a web address is used by mail alone."""
        return bool(self.public_url)

    @property
    def home(self) -> str:
        """The front page, where one subscribes; empty where readers cannot reach it."""
        return f"{self.public_url.rstrip('/')}/" if self.are_public else ""

    @property
    def subscribe(self) -> str:
        """Where one subscribes: the front page."""
        return self.home

    def confirm(self, token: str) -> str:
        """The page whose button confirms a subscription."""
        return f"{self.home}confirm/{token}"

    def unsubscribe(self, token: str) -> str:
        """The page whose button ends it; a one-click POST (RFC 8058) acts at once."""
        return f"{self.home}u/{token}"

    def preferences(self, token: str) -> str:
        """Everything a subscriber can change, without a password."""
        return f"{self.home}p/{token}"

    def move(self, token: str) -> str:
        """The page whose button confirms a new address, or stops the move."""
        return f"{self.home}move/{token}"

    def view(self, token: str) -> str:
        """One digest in the browser."""
        return f"{self.home}d/{token}"

    def feedback(self, token: str) -> str:
        """What is said of the papers of one digest: `/3` is the third, `/3/more` more like it."""
        return f"{self.home}f/{token}"

    def saved(self, token: str) -> str:
        """A subscriber's saved papers; below it their files and feeds."""
        return f"{self.home}s/{token}"
