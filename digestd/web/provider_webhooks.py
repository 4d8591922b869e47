"""Receive bounces and complaints from configured mail providers: POST /webhooks/{provider}.

A signature over the raw body proves the sender. A repeated event is answered like the first, so that the provider
stops retrying.
"""

from collections.abc import Mapping
from typing import Annotated

import structlog
from fastapi import APIRouter, Depends, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import PlainTextResponse, Response

from digestd.errors import NotFound
from digestd.replies.bounces.providers import (
    MalformedWebhook,
    UnverifiedWebhook,
    VerificationUnavailable,
    WebhookPayload,
    WebhookProvider,
    WebhookRequest,
)
from digestd.replies.processing import process_events
from digestd.web.dependencies import Db, Now, SigningKeys, part

PATH = "/webhooks/"
PATHS = f"{PATH}.*"
BODY_MAX = 1024 * 1024
"""Larger than for forms, because providers send batches."""
_REFUSALS: Mapping[type[Exception], tuple[int, str]] = {
    UnverifiedWebhook: (403, "not genuine"),
    MalformedWebhook: (400, "malformed"),
    VerificationUnavailable: (503, "try again later"),
}
log = structlog.get_logger(__name__)
router = APIRouter()
_Providers = Annotated[Mapping[str, WebhookProvider], Depends(part(lambda app: app.providers))]


@router.post(PATH + "{provider}")
async def take(provider: str, request: Request, providers: _Providers, db: Db, keys: SigningKeys, now: Now) -> Response:
    configured = providers.get(provider)
    if configured is None:
        raise NotFound("no such provider is set up")
    post = WebhookRequest({name.lower(): value for name, value in request.headers.items()}, await request.body())

    def answer() -> Response:
        try:
            payload = configured.parse(post, now)
        except (UnverifiedWebhook, MalformedWebhook, VerificationUnavailable) as error:
            status, message = _REFUSALS[type(error)]
            log.warning("webhook rejected", provider=provider, answer=message, why=str(error))
            return PlainTextResponse(f"{message}\n", status)
        _log_confirmation(provider, payload)
        if payload.events or payload.token:
            process_events(db, keys, provider, payload, now)
        return PlainTextResponse("ok\n")

    return await run_in_threadpool(answer)


def _log_confirmation(name: str, payload: WebhookPayload) -> None:
    if payload.confirmation_url:
        # this token is safe to log: it can only confirm the topic that the operator has set up
        log.warning(
            "open this address once to receive bounces from the provider",
            provider=name,
            address=payload.confirmation_url,
        )
