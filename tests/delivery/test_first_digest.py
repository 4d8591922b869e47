"""Test the running service from sign-up form to first digest, within a minute."""

import re
import time
from datetime import datetime
from email import message_from_bytes, policy
from pathlib import Path
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import urlopen

from digestd.domain.subscriber import Status
from digestd.jobs import scheduler, worker
from digestd.security.addresses import address_key
from digestd.store import subscribers
from digestd.web.guards import MIN_AGE
from tests.delivery.test_service import terminate
from tests.subscribers.test_webhooks import SECRET, receiving
from tests.support import sample_data
from tests.support.command_process import Command
from tests.support.install import Install, install
from tests.support.postgres import free_port
from tests.support.relay import ReceivedMail, Relay
from tests.support.waiting import PATIENCE_SECONDS, until

ADA = "ada@example.net"


def text(mail: ReceivedMail) -> str:
    """Return the plain text of a mail."""
    body = message_from_bytes(mail.message, policy=policy.default).get_body(("plain",))
    assert body is not None
    return str(body.get_content())


def open_page(url: str, form: dict[str, str] | None = None) -> str:
    """Return a page, or the response to a form."""
    body = urlencode(form).encode() if form is not None else None
    with urlopen(url, body, timeout=PATIENCE_SECONDS) as answer:
        return str(answer.read().decode())


def is_up(home: str) -> bool:
    """Return True if the pages respond."""
    try:
        return open_page(f"{home}/healthz") == "ok"
    except URLError:
        return False


def status(made: Install) -> Status | None:
    """Ada's."""
    with made.db.read() as session:
        known = subscribers.by_address_key(session, address_key(made.app.keys, ADA))
    return known.status if known else None


def test_first_digest_follows_the_confirmation(tmp_path: Path, sqlite_url: str, now: datetime) -> None:
    assert scheduler.PLAN_SECONDS + worker.TICK_SECONDS < 60, "within a minute, if the machine has the time"
    made = install(tmp_path / "run", sqlite_url, now)
    made.papers(sample_data.papers(60))
    topic = " ".join(sample_data.vocabulary()[0][:3])
    home = f"http://127.0.0.1:{free_port()}"
    with Relay().in_thread() as relay, receiving() as program:
        hooks = {"DIGESTD_WEBHOOK_URLS": program.url, "DIGESTD_WEBHOOK_SECRET": SECRET}
        pages = {"DIGESTD_PUBLIC_URL": home, "DIGESTD_WEB_PORT": home.rpartition(":")[2]}
        running = Command(("up",), made.to(relay.url).environment(**pages, **hooks), made.folder).start()
        try:
            until(lambda: is_up(home))
            stamp = re.search(r'name="stamp" value="([^"]+)"', open_page(home))
            assert stamp
            time.sleep(MIN_AGE.total_seconds() + 0.1)  # the time it takes to type
            page = open_page(f"{home}/subscribe", {"email": ADA, "topics": topic, "stamp": stamp[1]})
            assert "Check your inbox" in page
            until(lambda: len(relay.taken) == 1)
            link = re.search(rf"{home}/confirm/\S+", text(relay.taken[0]))
            assert link
            assert "You’re subscribed" in open_page(link[0], {})
            until(lambda: len(relay.taken) == 2)
            until(lambda: len(program.requests) == 2)
        finally:
            terminate(running)
            ended = running.end()
    assert ended.code == 0, ended.output
    first = relay.taken[1]
    assert (first.recipient, status(made)) == (ADA, Status.ACTIVE)
    assert f"“{topic}”" in text(first).casefold()
    assert [kind for kind, _ in program.events] == ["subscriber.subscribed", "subscriber.confirmed"]
    assert made.sound(relay.copies)
