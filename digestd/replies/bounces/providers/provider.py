"""The port for what mail providers post to a webhook: bounces and complaints as JSON, signed in each one's own way."""

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from digestd.domain.bounce import BounceKind
from digestd.errors import BadInput

if TYPE_CHECKING:  # it takes a while to load, and most installs have no provider
    from cryptography import x509

OLDEST = timedelta(hours=24)
"""Providers try for hours while we are away; what is older is no retry."""
AHEAD = timedelta(minutes=5)
EVENTS_MAX = 5_000

Certificate: TypeAlias = "Callable[[str, Collection[str], datetime], x509.Certificate]"
"""Returns the certificate behind an address whose host was checked, once it was verified up to a trusted root, for one
of these names and at this time. Raises NotGenuine, Unavailable."""


class NotGenuine(BadInput):
    """The signature is missing, wrong, or too old: nothing of it is believed."""


class Malformed(BadInput):
    """It is genuine, and in no form that is known."""


class Unavailable(BadInput):
    """The post cannot be checked now; the provider has to post it again."""


@dataclass(frozen=True, slots=True)
class Post:
    """One request: header names in lower case, the body as it came."""

    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Event:
    """One bounce or complaint. `id` is the provider's own name for it, the same when it is posted again.

    `envelope` and `message_id` name the mail where the provider tells them, else they are empty.
    """

    id: str
    kind: BounceKind
    address: str
    status: str = ""
    envelope: str = ""
    message_id: str = ""


@dataclass(frozen=True, slots=True)
class Posted:
    """What a genuine post holds. `confirm`: an address that the operator has to open once, to get any more."""

    events: tuple[Event, ...] = ()
    confirm: str = ""


class Provider(Protocol):
    """One mail provider, with what its signatures are checked against."""

    def read(self, post: Post, now: datetime) -> Posted:
        """Check a post and read it. Raises NotGenuine, Malformed, Unavailable."""


def parsed(body: bytes) -> Any:
    """Return the JSON of a body. Raises Malformed, also for text that no database takes: NUL and lone surrogates."""
    try:
        found = json.loads(body)
        text = json.dumps(found, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise Malformed(f"the body is no JSON ({type(error).__name__})") from None
    if b"\\u0000" in text:
        raise Malformed("the body has a NUL in a text")
    return found


def entry(holder: object, *path: str) -> Any:
    """What stands at a path of keys; None where there is nothing."""
    for name in path:
        holder = holder.get(name) if isinstance(holder, Mapping) else None
    return holder


def words(holder: object, *path: str, most: int = 500) -> str:
    """The same as text, cut; empty where there is none."""
    value = entry(holder, *path)
    return str(value)[:most] if isinstance(value, str | int | float) else ""


def check_age(signed: datetime, now: datetime) -> None:
    """Raise NotGenuine for what was signed too long ago, or in the future."""
    if not now - OLDEST <= signed <= now + AHEAD:
        raise NotGenuine("the post was signed too long ago, or by a clock that is ahead")


def seconds(text: str) -> datetime:
    """An instant from whole seconds since 1970. Raises NotGenuine for what is none."""
    if not (text.isascii() and text.isdecimal() and len(text) <= 11):
        raise NotGenuine("the post has no time of signing")
    return datetime.fromtimestamp(int(text), UTC)
