"""Test a complete visit in a real browser."""

import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import uvicorn
from playwright.sync_api import Browser, Page, Request, sync_playwright

from digestd.app import App
from digestd.domain.interest import Interest, Kind
from digestd.domain.subscriber import Status
from digestd.security.tokens import Purpose
from digestd.web import build
from digestd.web.connection_limits import server_config
from tests.web.conftest import PAPER, Backend

CHROMIUM = shutil.which("chromium")
ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
ADA = "ada@example.org"


def _failed(request: Request) -> list[str]:
    """Return the URL of a failed request. Skip one that the browser cancelled for the next page."""
    return [] if request.failure == "net::ERR_ABORTED" else [f"{request.url}: {request.failure}"]


@contextmanager
def served(app: App) -> Iterator[str]:
    """Serve the pages on a free port."""
    server = uvicorn.Server(server_config(build(app), "127.0.0.1", 0))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Return a browser for all tests of a module."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@contextmanager
def visiting(chromium: Browser, **options: Any) -> Iterator[tuple[Page, list[str]]]:
    """Yield a page of a new visitor, and its errors."""
    with chromium.new_context(**options) as context:
        page = context.new_page()
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("requestfailed", lambda request: complaints.extend(_failed(request)))
        yield page, complaints


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed, so no page is tried in a browser")
def test_phone_can_subscribe_confirm_and_unsubscribe(chromium: Browser, app: App, backend: Backend) -> None:
    backend.import_papers(PAPER)
    phone = {"viewport": {"width": 375, "height": 740}, "timezone_id": "America/New_York", "color_scheme": "dark"}
    with served(app) as address, visiting(chromium, **phone) as (page, complaints):
        page.goto(address)
        assert page.evaluate("document.documentElement.scrollWidth") <= 375
        page.get_by_text("When, how often").click()
        assert page.get_by_label("Time zone").input_value() == "America/New_York"
        assert not page.get_by_label("On", exact=True).is_visible()
        page.get_by_label("Topics").fill("sorting networks")
        page.get_by_label("Your email address").fill(ADA)
        backend.clock.advance(seconds=5)
        page.get_by_role("button", name="Subscribe").first.click()
        assert page.get_by_role("heading", level=1).inner_text() == "Check your inbox"

        page.goto(address + backend.confirmation(ADA))
        page.get_by_role("button").click()
        assert page.get_by_role("heading", level=1).inner_text() == "You’re subscribed"
        ada = backend.subscriber(ADA)
        assert ada.status is Status.ACTIVE
        assert ada.timing.timezone == "America/New_York"
        assert ada.interests == (Interest(Kind.TOPIC, "sorting networks"),)

        page.goto(address + backend.link(Purpose.UNSUBSCRIBE, ada.key))
        page.get_by_role("button", name="Unsubscribe").click()
        assert page.get_by_role("heading", level=1).inner_text() == "You’re unsubscribed"
        assert complaints == []
    assert backend.subscriber(ADA).status is Status.UNSUBSCRIBED


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed, so no page is tried in a browser")
def test_page_without_script_opens_abstracts(chromium: Browser, app: App, backend: Backend) -> None:
    backend.import_papers(PAPER)
    with served(app) as address, visiting(chromium, java_script_enabled=False) as (page, complaints):
        page.goto(address)
        shut = page.locator(".paper details").bounding_box()
        page.get_by_text("Full abstract").click()
        opened = page.locator(".paper details").bounding_box()
        assert shut
        assert opened
        assert opened["height"] > shut["height"]
        page.get_by_label("Your email address").fill(ADA)
        page.get_by_role("button", name="Subscribe").first.click()
        assert page.get_by_role("heading", level=1).inner_text() == "One more click, please"
        backend.clock.advance(seconds=5)
        page.get_by_role("button", name="Subscribe").click()
        assert page.get_by_role("heading", level=1).inner_text() == "Check your inbox"
        refused = [words for words in complaints if "422" not in words]
        assert refused == []
    assert backend.subscriber(ADA).timing.timezone == "UTC"
