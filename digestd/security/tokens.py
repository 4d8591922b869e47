"""Sign and verify the tokens in links.

A token states its purpose and issue time and contains no address:

    key id │ number, 6 bytes │ version, 4 bytes │ issue time, 4 bytes │ MAC, 15 bytes   → 40 base64url characters

The issue time is in seconds since 1970 (sufficient until 2106). The length is a multiple of three, so each token has
exactly one spelling in base64url and in base32 (RFC 4648 section 3.5).

The key id identifies the secret that made the token. A retired secret is accepted for unsubscribe links, which never
expire. Any other token is accepted for 30 days (`GRACE`) after the retirement of its secret, if it was issued before
and the secret was not revoked.
"""

import base64
import hashlib
import hmac
import re
from datetime import UTC, datetime
from enum import StrEnum
from typing import NamedTuple

from digestd.errors import BadInput
from digestd.security.keys import Keys, hmac_for, key_id

PLACE_MAX = 1_000
"""The highest place of a pick that a token can name."""
_TOKEN = re.compile(r"[A-Za-z0-9_-]{40}", re.ASCII)
_TOKEN_LENGTH, _MAC_LENGTH = 40, 15
_PLACES = [place.to_bytes(4, "big") for place in range(1, PLACE_MAX + 1)]


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


def make_token(keys: Keys, purpose: Purpose, number: int, at: datetime, version: int = 0) -> str:
    """Return the token for one purpose that names `number` at `version`. It is issued at this time."""
    head = keys.id + number.to_bytes(6, "big") + version.to_bytes(4, "big") + issue_second(at).to_bytes(4, "big")
    return base64.urlsafe_b64encode(head + _token_mac(keys.secret, purpose, head)).decode()


def make_pick_tokens(keys: Keys, delivery: int, count: int, at: datetime) -> list[str]:
    """Return the feedback tokens of the first `count` picks of a delivery, in order."""
    before, end = keys.id + delivery.to_bytes(6, "big"), issue_second(at).to_bytes(4, "big")
    proofs = _pick_macs(keys.secret, before + end, count)
    ends = range(_MAC_LENGTH, len(proofs) + 1, _MAC_LENGTH)
    raw = [before + _PLACES[n] + end + proofs[mac - _MAC_LENGTH : mac] for n, mac in enumerate(ends)]
    encoded = base64.b64encode(b"".join(raw), b"-_").decode()
    return [encoded[n : n + _TOKEN_LENGTH] for n in range(0, len(encoded), _TOKEN_LENGTH)]


def read_token(
    keys: Keys, purpose: Purpose, token: str, now: datetime, *, accept_outdated: bool = True
) -> TokenContent:
    """Return the content of a token.

    `accept_outdated`: also accept a token of a purpose in NEVER_EXPIRING whose secret was revoked or is past its grace
    period. Whoever stole that secret can make such tokens, so let them do what the purpose says and nothing more.

    Raises:
        BadToken: it is none of ours for this purpose, or not in its one spelling.
        OutdatedToken: the secret that made it is retired and no longer accepted for it.
    """
    if not _TOKEN.fullmatch(token):
        raise BadToken("this link is incomplete or not ours; copy it whole from the mail")
    raw = base64.urlsafe_b64decode(token)
    head, mac = raw[:-_MAC_LENGTH], raw[-_MAC_LENGTH:]
    proven = [
        hmac.compare_digest(mac, _token_mac(one, purpose, head)) and head[:1] == key_id(one) for one in keys.secrets
    ]
    if not any(proven):
        raise BadToken("this link is incomplete or not ours; copy it whole from the mail")
    number, version, issued = (int.from_bytes(part, "big") for part in (head[1:7], head[7:11], head[11:]))
    found = TokenContent(number, version, issue_time(issued))
    retired = [one for one, is_its in zip(keys.retired, proven[1:], strict=True) if is_its]
    is_for_ever = accept_outdated and purpose in NEVER_EXPIRING
    if not proven[0] and not is_for_ever and not any(one.is_accepted(found.issued, now) for one in retired):
        raise OutdatedToken("this link was made with a secret key that has been retired; ask for a fresh link")
    return found


def _token_mac(secret: bytes, purpose: Purpose, head: bytes) -> bytes:
    """Return the MAC of the other bytes of a token."""
    if purpose is not Purpose.FEEDBACK:
        return hmac_for(secret, _TOKEN_USE[purpose], head)[:_MAC_LENGTH]
    place = int.from_bytes(head[7:11], "big")
    if not 1 <= place <= PLACE_MAX:
        raise BadToken("this link names no paper of a digest")
    return _pick_macs(secret, head[:7] + head[11:], place)[-_MAC_LENGTH:]


def _pick_macs(secret: bytes, message: bytes, count: int) -> bytes:
    """Return the MACs of the first picks of a delivery in a row.

    They are consecutive blocks of SHAKE256 (FIPS 202) keyed with the HMAC of the delivery: they cost
    little per mail, and none reveals another.
    """
    return hashlib.shake_256(hmac_for(secret, _TOKEN_USE[Purpose.FEEDBACK], message)).digest(count * _MAC_LENGTH)


def issue_second(at: datetime) -> int:
    """Return the second of an issue time, as tokens carry it."""
    return int(at.timestamp())


def issue_time(version: int) -> datetime:
    return datetime.fromtimestamp(version, UTC)


class Scope(StrEnum):
    """A permission of an API token. A token without `read` learns nothing about a subscriber."""

    READ = "read"  # papers, digests, deliveries, and subscribers with their addresses and interests
    WRITE = "write"  # add and change subscribers, pause, resume and unsubscribe them; sign people up
    SIGNUP = "signup"  # sign people up, as the form on the front page does
    VOUCH = "vouch"  # with write: act without a subscriber's confirmation; the operator answers for their consent
    ERASE = "erase"  # erase subscribers, which cannot be undone
    METRICS = "metrics"  # /metrics and /readyz
    ADMIN = "admin"  # /admin, the operators' page


READER_SCOPES = frozenset({Scope.READ, Scope.WRITE})
"""The scopes that a token of one subscriber may have."""
