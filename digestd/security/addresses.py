"""E-mail addresses: their canonical form and key, and those that carry a token or an id.

Return paths of bounces and ids for complaints are authenticated like tokens, and retired secrets stay valid for them.
"""

import base64
import hmac
import re
import unicodedata
from functools import lru_cache

from email_validator import EmailNotValidError, validate_email

from digestd.errors import BadInput, BadRecord
from digestd.security.keys import Keys
from digestd.security.tokens import BadToken

LOCAL_MAX = 64
ADDRESS_MAX = 254
NO_ATTEMPT = 0
"""The attempt in an id for complaints: it travels with a forwarded mail, so it must prove nothing else."""
_VERP = re.compile(r"(0|[1-9][0-9]{0,14})\.(0|[1-9][0-9]{0,6})\.([a-z2-7]{24})", re.ASCII)
_COMMAND = re.compile(r"([a-z0-9._-]{1,15})\+([a-z2-7]{48})", re.ASCII)
_ATOM_MAX = 40


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
        why = str(problem).rstrip(".")
        raise BadRecord(
            "email", f"invalid address {text[:80]!r}: {why[:1].lower()}{why[1:]}, as in name@example.org"
        ) from None
    if address is None or len(address) > ADDRESS_MAX or len(local) > LOCAL_MAX:
        raise BadRecord("email", f"more than {LOCAL_MAX} characters before the @, or {ADDRESS_MAX} in all; correct it")
    return address


def address_key(keys: Keys, address: str) -> bytes:
    """Return the key that identifies an address without storing it.

    Upper and lower case are the same; addresses with different plus tags are different.
    """
    return keys.original.mac("address", canonical_address(address).lower().encode())


def mailbox_key(keys: Keys, address: str) -> bytes:
    """Return the key of the mailbox of an address: without a plus tag, and at Gmail without dots, which it ignores."""
    local, _, domain = canonical_address(address).lower().rpartition("@")
    local = local.partition("+")[0] or local
    if domain in {"gmail.com", "googlemail.com"}:
        local, domain = local.replace(".", ""), "gmail.com"
    return keys.original.mac("mailbox", f"{local}@{domain}".encode())


def domain_key(keys: Keys, domain: str) -> bytes:
    return keys.original.mac("domain", domain.lower().encode())


def make_message_id(keys: Keys, subscriber: int, kind: str, period: str, host: str) -> str:
    """Return the Message-ID (RFC 5322 section 3.6.4). The same for every attempt, and anonymous."""
    _check_atoms(kind, period)
    mac = keys.mac("message-id", f"{subscriber}:{kind}:{period}".encode())
    return f"<{kind}.{period}.{_base32(mac[:15])}@{host}>"


@lru_cache(maxsize=1_000)
def _check_atoms(kind: str, period: str) -> None:
    """Check kind and period, cached as thousands of mails share them.

    Raises:
        BadInput: they cannot be part of a Message-ID.
    """
    if not all(len(one) <= _ATOM_MAX and one.isascii() and one.replace("-", "0").isalnum() for one in (kind, period)):
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
    """Return the part of a return path that identifies the attempt. Also used as envelope id (RFC 3461)."""
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
    return address[:ADDRESS_MAX].lower() if address.isascii() else ""


def _verp_mac(keys: Keys, delivery: int, attempt: int) -> str:
    return _base32(keys.mac("verp", f"{delivery}.{attempt}".encode())[:15])


def _base32(raw: bytes) -> str:
    return base64.b32encode(raw).decode().lower()
