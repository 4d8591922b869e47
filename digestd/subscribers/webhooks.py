"""Hooks: subscribers' events told to the operator's own programs, each by a signed post.

The form is that of Standard Webhooks 1.0 (https://www.standardwebhooks.com): `webhook-id` is the same in
every try, so that a receiver can tell what it has; `webhook-signature` is HMAC-SHA256 over
`id.timestamp.body`. A receiver that hangs or fails costs its own posts time, nobody else's. The URLs are
the operator's, who may well mean a program on this machine: no address is refused, and no redirect followed.
"""

import asyncio
import base64
import binascii
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import httpx2
import structlog

from digestd.domain.backoff import Backoff
from digestd.domain.webhook import WebhookPost, WebhookPostState
from digestd.errors import BadSetting
from digestd.security.links import Keys
from digestd.store import webhooks
from digestd.store.database import Database

SECONDS = 10.0
BACKOFF = Backoff(tuple(timedelta(minutes=m) for m in (0.1, 5, 30, 120, 300, 600, 840, 1200, 1440)))
"""About three days in all; a post that failed after every one of these waits is given up."""
PER_TICK = 100
"""So many posts to one URL a tick, so that an end can be asked for between."""
PREFIX = "whsec_"
SECRET_BYTES = (24, 64)
_GONE = 410
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class WebhookContext:
    """What posting is handed."""

    db: Database
    keys: Keys
    secret: bytes = field(repr=False)
    clock: Callable[[], datetime]


def read_secret(text: str) -> bytes:
    """The bytes of a secret written as Standard Webhooks has it. Raises BadSetting."""
    try:
        secret = base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        secret = b""
    if not text.startswith(PREFIX) or not SECRET_BYTES[0] <= len(secret) <= SECRET_BYTES[1]:
        raise BadSetting(
            "DIGESTD_WEBHOOK_SECRET: must be whsec_ and 24 to 64 bytes in base64; "
            "make one by `echo whsec_$(openssl rand -base64 32)`"
        )
    return secret


def signature(secret: bytes, name: str, timestamp: int, body: bytes) -> str:
    """The value of `webhook-signature`."""
    signed = b"%s.%d.%s" % (name.encode(), timestamp, body)
    return f"v1,{base64.b64encode(hmac.digest(secret, signed, 'sha256')).decode()}"


def message(post: WebhookPost) -> bytes:
    """What is posted. An erased subscriber has a number and no address."""
    said = {
        "type": post.event,
        "timestamp": post.at.isoformat(),
        "data": {
            "subscriber": post.subscriber,
            "email": post.address,
            "status": post.status,
            "detail": post.detail,
        },
    }
    return json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode()


async def post_due(by: WebhookContext) -> int:
    """Post what is due, to every URL at once and in order to each; how many were taken."""
    with by.db.read() as session:
        told = webhooks.configured(session)
    async with httpx2.AsyncClient(timeout=SECONDS, follow_redirects=False, trust_env=False) as client:
        return sum(await asyncio.gather(*(_post_all(by, client, hook) for hook in told)))


async def _post_all(by: WebhookContext, client: httpx2.AsyncClient, hook: int) -> int:
    """Until one fails: then the receiver is left alone till the next tick."""
    for taken in range(PER_TICK):
        post = await asyncio.to_thread(_claim, by, hook)
        if post is None:
            return taken
        error, is_final = await _try(by, client, post)
        await asyncio.to_thread(_record, by, post, error, is_final)
        if error:
            log.warning("a hook was not reached", number=post.key, why=error, attempts=post.attempts)
            return taken
    return PER_TICK


def _claim(by: WebhookContext, hook: int) -> WebhookPost | None:
    with by.db.write() as session:
        return webhooks.claim(session, hook, by.clock())


async def _try(by: WebhookContext, client: httpx2.AsyncClient, post: WebhookPost) -> tuple[str, bool]:
    """What went wrong, nothing if it was taken; and whether another try is in vain."""
    body, name, at = message(post), _name(by.keys, post), int(by.clock().timestamp())
    headers = {
        "content-type": "application/json",
        "user-agent": "digestd",
        "webhook-id": name,
        "webhook-timestamp": str(at),
        "webhook-signature": signature(by.secret, name, at, body),
    }
    try:
        async with asyncio.timeout(SECONDS), client.stream("POST", post.url, content=body, headers=headers) as answer:
            status = answer.status_code  # the body is not read: a receiver may send any amount of it
    except (httpx2.HTTPError, TimeoutError, OSError) as error:
        return type(error).__name__, False
    return ("" if 200 <= status < 300 else f"answered {status}"), status == _GONE


def _name(keys: Keys, post: WebhookPost) -> str:
    """The same in every try; that of another event or install differs."""
    return f"msg_{keys.mac('hook', str(post.key).encode())[:15].hex()}"


def _record(by: WebhookContext, post: WebhookPost, error: str, is_final: bool) -> None:
    with by.db.write() as session:
        if not error:
            webhooks.finish(session, post, WebhookPostState.TAKEN)
        elif is_final or post.attempts > len(BACKOFF.steps):
            webhooks.finish(session, post, WebhookPostState.GIVEN_UP, error)
        else:
            webhooks.postpone(session, post, by.clock() + BACKOFF.delay(post.attempts), error)
