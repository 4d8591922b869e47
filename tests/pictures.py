"""Take the pictures of README anew: `python -m tests.pictures` (needs Chromium).

The sample day, a digest of it and the front page, as a reader sees them.
"""

import asyncio
import os
import threading
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import uvicorn
from playwright.sync_api import Browser, ViewportSize, sync_playwright

from digestd import app as wiring
from digestd.app import App
from digestd.cli.try_out import prepare
from digestd.settings import load
from digestd.web import build
from tests.postgres import free_port

FOLDER = Path(__file__).parents[1] / "deploy" / "pictures"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
WIDTH, HEIGHT = 760, 1_000
WIDE: ViewportSize = {"width": 1_200, "height": 860}


def main() -> None:
    """Serve the sample day from a folder of its own, and photograph it."""
    FOLDER.mkdir(exist_ok=True)
    port = free_port()
    settings = load({"DIGESTD_SOURCES": "none", "DIGESTD_PUBLIC_URL": f"http://127.0.0.1:{port}"})
    with TemporaryDirectory() as folder:
        os.chdir(folder)
        app = wiring.initialise(settings)
        list(prepare(app))
        _photograph(app, port)


def _photograph(app: App, port: int) -> None:
    server = uvicorn.Server(uvicorn.Config(build(app), host="127.0.0.1", port=port, log_level="error"))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()), daemon=True)
    thread.start()
    for _ in range(100):
        if server.started:
            break
        time.sleep(0.1)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=ARGUMENTS)
        _front(browser, app.urls.home)
        _shot(browser, app.sample_digest_url or "", "digest.png")
        browser.close()
    server.should_exit = True
    thread.join(timeout=10)


def _front(browser: Browser, url: str) -> None:
    """The front page of somebody who has begun to type."""
    page = browser.new_page(viewport=WIDE, device_scale_factor=1.5, timezone_id="Europe/Berlin")
    page.goto(url)
    page.get_by_label("Topics").fill("language models that reason\nweather forecasts")
    page.wait_for_selector(".picks li")
    page.screenshot(path=FOLDER / "front.png")
    page.close()


def _shot(browser: Browser, url: str, name: str) -> None:
    page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, device_scale_factor=1.5)
    page.goto(url)
    page.screenshot(path=FOLDER / name)
    page.close()


if __name__ == "__main__":
    main()
