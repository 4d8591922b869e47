"""Test the receiver: it runs until stopped and retries after failures."""

import asyncio
from dataclasses import replace
from pathlib import Path

from digestd.app import App
from digestd.domain.delivery import SuppressionReason
from digestd.jobs.receiver import receive
from tests.inbound.conftest import SentInstall
from tests.support.postgres import free_port
from tests.support.waiting import PATIENCE_SECONDS, eventually


def app(site: SentInstall, url: str, folder: Path) -> App:
    settings = site.install.app.settings.model_copy(
        update={"inbound_url": url, "inbound_quarantine": str(folder / "aside")}
    )
    return replace(site.install.app, settings=settings)


async def until_suppressed(site: SentInstall) -> None:
    await eventually(lambda: site.suppression() is not None)


async def connected(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect as soon as the server listens."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            try:
                return await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)


async def test_receiver_polls_maildir_until_stopped(on_file: SentInstall, tmp_path: Path) -> None:
    for name in ("new", "cur", "tmp"):
        (tmp_path / "box" / name).mkdir(parents=True)
    (tmp_path / "box" / "new" / "1").write_bytes(on_file.mail("postfix-hard"))
    stop = asyncio.Event()
    running = asyncio.create_task(receive(app(on_file, f"maildir:{tmp_path / 'box'}", tmp_path), stop))
    await until_suppressed(on_file)
    stop.set()
    await asyncio.wait_for(running, PATIENCE_SECONDS)
    assert on_file.suppression() is SuppressionReason.HARD_BOUNCE


async def test_receiver_survives_unreadable_mailbox(on_file: SentInstall, tmp_path: Path) -> None:
    stop = asyncio.Event()
    running = asyncio.create_task(receive(app(on_file, f"maildir:{tmp_path / 'nowhere'}", tmp_path), stop))
    await asyncio.sleep(0.3)
    assert not running.done()
    stop.set()
    await asyncio.wait_for(running, PATIENCE_SECONDS)


async def test_receiver_serves_lmtp(on_file: SentInstall, tmp_path: Path) -> None:
    port, stop = free_port(), asyncio.Event()
    running = asyncio.create_task(receive(app(on_file, f"lmtp://127.0.0.1:{port}", tmp_path), stop))
    raw = on_file.mail("qmail-hard").replace(b"\n", b"\r\n")
    reader, writer = await connected(port)
    lines = [b"LHLO mx", b"MAIL FROM:<>", f"RCPT TO:<{on_file.verp(1)}>".encode(), b"DATA", raw + b".", b"QUIT"]
    for line in lines:
        writer.write(line + b"\r\n")
        await writer.drain()
    await until_suppressed(on_file)
    assert b"2.0.0 taken" in await reader.read()
    writer.close()
    stop.set()
    await asyncio.wait_for(running, PATIENCE_SECONDS)


async def test_receiver_returns_without_inbound_url(on_file: SentInstall, tmp_path: Path) -> None:
    await asyncio.wait_for(receive(app(on_file, "", tmp_path), asyncio.Event()), PATIENCE_SECONDS)
