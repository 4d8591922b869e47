"""Work that keeps an installation small and watched, beside the pipeline."""

import asyncio

import structlog

from digestd.app import App
from digestd.errors import DigestdError
from digestd.store.retention import prune

PING_TIMEOUT_SECONDS = 10.0
log = structlog.get_logger(__name__)


def prune_old(app: App) -> None:
    """Delete deliveries and papers that are older than the settings keep; a failure is logged."""
    deliveries, papers = app.settings.keep_deliveries, app.settings.keep_papers
    try:
        done = prune(app.db, app.clock(), keep_deliveries=deliveries, keep_papers=papers)
    except DigestdError as error:
        log.error("pruning failed", why=str(error), retry=error.retry)
        return
    if done.deliveries or done.papers or done.revisions:
        log.info("pruned", deliveries=done.deliveries, papers=done.papers, revisions=done.revisions)


async def ping(url: str) -> None:
    """Ask the URL of a monitor that expects it; a failure is logged. Nothing happens without a URL."""
    if not url:
        return
    import httpx2

    try:
        async with asyncio.timeout(PING_TIMEOUT_SECONDS), httpx2.AsyncClient(timeout=PING_TIMEOUT_SECONDS) as client:
            (await client.get(url)).raise_for_status()
    except (httpx2.HTTPError, TimeoutError) as error:
        log.warning("cannot reach the monitor", kind=type(error).__name__)
