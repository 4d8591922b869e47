"""Take the pictures of README: `.venv/bin/python -m tests.pictures`.

Shows the sample day, a digest of it and the front page, as a reader sees them. Needs Chromium, and fonts for all
scripts of the sample day, so that no glyph is missing: on Debian `apt-get install chromium fonts-noto-core
fonts-noto-cjk`. Stops if one of them is missing, or if a picture is larger than 150 kB.
"""

import asyncio
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import uvicorn
from PIL import Image
from playwright.sync_api import Browser, ViewportSize, sync_playwright

from digestd import app as wiring
from digestd.app import App
from digestd.cli.try_out import prepare
from digestd.settings import load
from digestd.web import build
from digestd.web.home import sample_digest_url
from tests.support.postgres import free_port

FOLDER = Path(__file__).parents[1] / "deploy" / "pictures"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
DIGEST: ViewportSize = {"width": 720, "height": 1_000}
FRONT: ViewportSize = {"width": 1_200, "height": 860}
BYTES_MAX = 150_000
SCRIPTS: Mapping[str, str] = {"Chinese": "陳", "Japanese": "ひ", "Korean": "한", "Arabic": "ع", "Devanagari": "अ"}
"""One letter of each script that needs its own font."""
COLOURS = 128
"""Enough for text; with all colours a picture is three times as large."""


def main() -> None:
    """Serve the sample day from a temporary folder and take the pictures."""
    if missing := list(missing_parts()):
        sys.exit(f"cannot take pictures without {', '.join(missing)}: see the head of tests/pictures.py")
    FOLDER.mkdir(exist_ok=True)
    port = free_port()
    settings = load({"DIGESTD_SOURCES": "none", "DIGESTD_PUBLIC_URL": f"http://127.0.0.1:{port}"})
    with TemporaryDirectory() as folder:
        os.chdir(folder)
        app = wiring.initialise(settings)
        list(prepare(app))
        with served(app, port), sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGUMENTS)
            take_front(browser, app.urls.home)
            take_digest(browser, sample_digest_url(app.db, app.keys, app.urls, app.clock()) or "")
            browser.close()
    for file in sorted(FOLDER.glob("*.png")):
        shrink(file)


def missing_parts() -> Iterator[str]:
    """Yield what is not installed: Chromium, and a font for each script."""
    if not shutil.which("chromium"):
        yield "Chromium"
    for script, letter in SCRIPTS.items():
        fonts = subprocess.run(
            ["fc-list", f":charset={ord(letter):x}", "family"], capture_output=True, text=True, check=True
        )
        if not fonts.stdout.strip():
            yield f"a font for {script}"


@contextmanager
def served(app: App, port: int) -> Iterator[None]:
    """Serve the pages in a thread."""
    server = uvicorn.Server(uvicorn.Config(build(app), host="127.0.0.1", port=port, log_level="error"))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()), daemon=True)
    thread.start()
    for _ in range(600):
        if server.started:
            break
        time.sleep(0.1)
    yield
    server.should_exit = True
    thread.join(timeout=10)


def take_front(browser: Browser, url: str) -> None:
    """Take the front page with a half-typed form."""
    page = browser.new_page(viewport=FRONT, device_scale_factor=1.5, timezone_id="Europe/Berlin")
    page.goto(url)
    page.get_by_label("Topics").fill("language models that reason\nweather forecasts")
    page.wait_for_selector(".picks li")
    page.screenshot(path=FOLDER / "front.png")
    page.close()


def take_digest(browser: Browser, url: str) -> None:
    """Take the digest as a browser shows it."""
    page = browser.new_page(viewport=DIGEST, device_scale_factor=1.5)
    page.goto(url)
    page.screenshot(path=FOLDER / "digest.png")
    page.close()


def shrink(file: Path) -> None:
    """Reduce the picture to COLOURS colours; stop if it stays too large."""
    with Image.open(file) as picture:
        picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(file, optimize=True)
    size = file.stat().st_size
    print(f"{file.name}: {size:,} bytes")
    if size > BYTES_MAX:
        sys.exit(f"{file.name} is larger than {BYTES_MAX:,} bytes: reduce its viewport in tests/pictures.py")


if __name__ == "__main__":
    main()
