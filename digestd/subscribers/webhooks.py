"""Post subscriber events to the operator's programs, as signed webhooks.

The format is Standard Webhooks 1.0 (https://www.standardwebhooks.com): `webhook-id` is the same in every attempt, so
receivers can drop duplicates; `webhook-signature` is HMAC-SHA256 over `id.timestamp.body`. A slow or failing receiver
delays its own posts only. The URLs are the operator's and may be on this machine: no address is refused, and no
redirect is followed.
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
from digestd.security.keys import Keys
from digestd.store import integrations
from digestd.store.database import Database

SECONDS = 10.0
BACKOFF = Backoff(tuple(timedelta(minutes=m) for m in (0.1, 5, 30, 120, 300, 600, 840, 1200, 1440)))
"""About three days in total; a post that fails after the last wait is given up."""
PER_TICK = 100
"""The maximum number of posts per URL and tick, so that a shutdown does not wait long."""
PREFIX = "whsec_"
SECRET_BYTES = (24, 64)
_GONE = 410
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class WebhookContext:
    """The parts that posting needs."""

    db: Database
    keys: Keys
    secret: bytes = field(repr=False)
    clock: Callable[[], datetime]


def read_secret(text: str) -> bytes:
    """Return the bytes of a secret in Standard Webhooks form (`whsec_` and base64). Raises BadSetting."""
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
    signed = b"%s.%d.%s" % (name.encode(), timestamp, body)
    return f"v1,{base64.b64encode(hmac.digest(secret, signed, 'sha256')).decode()}"


def message(post: WebhookPost) -> bytes:
    """Return the JSON body of a post. An erased subscriber has a number and no address."""
    event = {
        "type": post.event,
        "timestamp": post.at.isoformat(),
        "data": {
            "subscriber": post.subscriber,
            "email": post.address,
            "status": post.status,
            "detail": post.detail,
        },
    }
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()


async def post_due(context: WebhookContext) -> int:
    """Post what is due, and return how many events were tried. To all URLs concurrently and to each in order."""
    with context.db.read() as session:
        configured = integrations.webhook_urls(session)
    async with httpx2.AsyncClient(timeout=SECONDS, follow_redirects=False, trust_env=False) as client:
        return sum(await asyncio.gather(*(_post_all(context, client, webhook) for webhook in configured)))


async def _post_all(context: WebhookContext, client: httpx2.AsyncClient, webhook: int) -> int:
    """Post to one URL until one post fails; the rest waits for the next tick."""
    for taken in range(PER_TICK):
        post = await asyncio.to_thread(_claim, context, webhook)
        if post is None:
            return taken
        error, is_final = await _attempt(context, client, post)
        await asyncio.to_thread(_record, context, post, error, is_final)
        if error:
            log.warning("webhook post failed", number=post.key, why=error, attempts=post.attempts)
            return taken
    return PER_TICK


def _claim(context: WebhookContext, webhook: int) -> WebhookPost | None:
    with context.db.write() as session:
        return integrations.claim_post(session, webhook, context.clock())


async def _attempt(context: WebhookContext, client: httpx2.AsyncClient, post: WebhookPost) -> tuple[str, bool]:
    """Try once. Returns the error, empty on success, and True if no other attempt makes sense."""
    try:
        body, headers = _request(context, post)
        async with asyncio.timeout(SECONDS), client.stream("POST", post.url, content=body, headers=headers) as answer:
            status = answer.status_code  # the body is not read: a receiver may send any amount of it
    except Exception as error:  # HTTP and network errors, an invalid URL; the other URLs go on
        return type(error).__name__, False
    return ("" if 200 <= status < 300 else f"answered {status}"), status == _GONE


def _request(context: WebhookContext, post: WebhookPost) -> tuple[bytes, dict[str, str]]:
    """Return the signed body and headers."""
    # The same in every attempt, different for other events and installations
    name = f"msg_{context.keys.mac('hook', str(post.key).encode())[:15].hex()}"
    body, at = message(post), int(context.clock().timestamp())
    return body, {
        "content-type": "application/json",
        "user-agent": "digestd",
        "webhook-id": name,
        "webhook-timestamp": str(at),
        "webhook-signature": signature(context.secret, name, at, body),
    }


def _record(context: WebhookContext, post: WebhookPost, error: str, is_final: bool) -> None:
    with context.db.write() as session:
        if not error:
            integrations.finish_post(session, post, WebhookPostState.TAKEN)
        elif is_final or post.attempts > len(BACKOFF.steps):
            integrations.finish_post(session, post, WebhookPostState.GIVEN_UP, error)
        else:
            integrations.postpone_post(session, post, context.clock() + BACKOFF.delay(post.attempts), error)
