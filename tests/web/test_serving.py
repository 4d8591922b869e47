"""Test the web server of the service on a real port."""

import asyncio
from dataclasses import replace
from email.utils import parsedate_to_datetime

import httpx2

from digestd.app import App
from digestd.cli.web import serve_pages
from tests.support.postgres import free_port


async def test_changes_are_reported_and_answers_dated(app: App) -> None:
    stop, started, changed = asyncio.Event(), asyncio.Event(), asyncio.Event()
    serving = replace(app, settings=app.settings.model_copy(update={"web_port": free_port()}))
    server = asyncio.create_task(serve_pages(serving, stop, None, started.set, changed.set))
    await started.wait()
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{serving.settings.web_port}") as client:
        shown = await client.get("/resend")
        assert parsedate_to_datetime(shown.headers["date"]).tzinfo is not None
        assert not changed.is_set()
        await client.post("/preview/picks")
        await changed.wait()
    stop.set()
    await server
