"""Test that secrets and personal data reach no log.

In a complete run and in crashes.
"""

import base64
import re
import time
from datetime import datetime
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest
from sqlalchemy import Table, insert, select, update

from digestd.security.tokens import Purpose, Scope, make_token
from digestd.store import core, integrations, rate_limits
from digestd.store.timestamps import to_us
from digestd.web.guards import MIN_AGE
from tests.commands.mails import mail
from tests.delivery.test_first_digest import is_up, open_page
from tests.delivery.test_service import terminate
from tests.support import sample_data
from tests.support.command_process import Command, ProcessResult
from tests.support.install import Install, install
from tests.support.postgres import free_port
from tests.support.relay import Fault, Relay
from tests.support.waiting import PATIENCE_SECONDS, until

SECRET = "sandmartin-of-the-secret-with-32-bytes-and-more"
TOKEN = "sandmartin-of-a-token" + "x" * 22
DAMAGED_TOKEN = "sandmartin-of-a-token" + "y" * 22
HOOK = "whsec_" + base64.b64encode(b"sandmartin of the hooks, of 32 bytes").decode()
ZOTERO = "SandmartinZotero0000Key"
PASSWORD = "sandmartin-of-a-password"
ADA, BOB, CARL, EVE = (f"sandmartin.{name}@example.net" for name in ("ada", "bob", "carl", "eve"))
WORDS = ["sandmartin lakes", "Sandmartin/Island", "Sandmartin Lovelace"]
CANARIES = ["sandmartin", HOOK.removeprefix("whsec_").lower()]
"""What all of these hold, as it may be told in any case."""
CRASHED = ["web fault", "cannot plan", "webhook post failed", "rejected", "received mail"]
"""What a run says that met all that was put in its way."""
KEPT = {"digestd.db", "digestd.db-wal", "digestd.db-shm", "secret.key"}
"""Files that may hold them, besides mails: the database and what the operator wrote down."""


@pytest.fixture
def installed(tmp_path: Path, sqlite_url: str, now: datetime) -> Install:
    """Return an installation with canaries as secrets, names, topics and addresses."""
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "secret.key").write_text(SECRET)
    (folder / "secret.key").chmod(0o600)
    for name in ("new", "cur", "tmp"):
        (folder / "box" / name).mkdir(parents=True)
    installed = install(folder, sqlite_url, now)
    installed.papers(sample_data.papers(30))
    found = " ".join(sample_data.vocabulary()[0][:3])
    installed.people([{"email": who, "name": WORDS[2], "topics": [WORDS[0], found]} for who in (ADA, CARL)])
    assert installed.plan().planned == 2
    installed.people([{"email": BOB, "name": WORDS[2]}])
    with installed.db.write() as session:
        integrations.add_token(session, "ours", TOKEN, frozenset(Scope), now)
        integrations.add_token(session, "theirs", DAMAGED_TOKEN, frozenset(Scope), now)
    return installed


def unreadable(installed: Install, table: Table, number: int, **values: object) -> None:
    """Make a row unreadable, so that code crashes while it handles personal data."""
    with installed.db.write() as session:
        session.connection().execute(update(table).where(table.c.id == number).values(values))


@pytest.mark.parametrize("form", ["console", "json"])
def test_run_and_crashes_log_no_canary(installed: Install, form: str) -> None:
    port = free_port()
    home, now = f"http://127.0.0.1:{port}", installed.clock.now
    (installed.folder / "box" / "new" / "1").write_bytes(mail(f"add topic {WORDS[0]}", WORDS[0], f"{WORDS[2]} <{EVE}>"))
    (installed.folder / "box" / "new" / "2").write_bytes(
        b"From: " + EVE.encode() + b"\nSubject: =?x?q?sandmartin\n\n\xff"
    )
    refused = f"550 5.1.1 <{CARL}>: sandmartin, no such user {CARL}"
    with Relay({"RCPT": Fault(refused, to=CARL)}).in_thread() as relay:
        said = _settings(installed, home, form, relay.url)
        unreadable(installed, core.subscriber, 3, timezone=WORDS[1], next_due_us=to_us(now))
        unreadable(installed, core.api_token, 2, scopes=WORDS[1])
        running = Command(("up",), said, installed.folder).start()
        try:
            until(lambda: is_up(home))
            _visited(installed, home, now)
            until(lambda: all(part in running.output.read_text() for part in CRASHED))
        finally:
            terminate(running)
            ended = running.end()
    assert leaking_lines(ended) == []
    assert left(installed.folder) == []
    assert audited(installed) == []


def _settings(installed: Install, home: str, form: str, relay: str) -> dict[str, str]:
    return installed.to(relay).environment(
        DIGESTD_LOG_LEVEL="debug",
        DIGESTD_LOG_FORMAT=form,
        DIGESTD_PUBLIC_URL=home,
        DIGESTD_WEB_PORT=home.rpartition(":")[2],
        DIGESTD_INBOUND_URL=f"maildir:{installed.folder / 'box'}",
        DIGESTD_COMMAND_ADDRESS="digest@example.org",
        DIGESTD_WEBHOOK_URLS=f"http://127.0.0.1:9/?key={PASSWORD}",
        DIGESTD_WEBHOOK_SECRET=HOOK,
        DIGESTD_ZOTERO_URL="http://127.0.0.1:9",
        DIGESTD_INBOUND_POSTMARK_ACCOUNT=f"sandmartin:{PASSWORD}",
    )


def _visited(installed: Install, home: str, now: datetime) -> None:
    """Send everything a visitor, a program and a stranger send, valid or not."""
    keys = installed.app.keys
    settings = [f"{home}/p/{make_token(keys, Purpose.PREFERENCES, who, now)}" for who in (1, 3)]
    stamp = re.search(r'name="stamp" value="([^"]+)"', open_page(home))
    assert stamp
    time.sleep(MIN_AGE.total_seconds() + 0.1)
    new = {"email": "sandmartin.new@example.net", "topics": WORDS[0], "stamp": stamp[1]}
    own = [(f"{home}/subscribe", new), (f"{home}/subscribe", {**new, "email": "sandmartin@", "timezone": WORDS[1]})]
    own += [(f"{home}/settings", {"email": ADA, "stamp": stamp[1]}), (f"{home}/preview", {"topics": WORDS[0]})]
    own += [(f"{settings[0]}/libraries/zotero", {"key": ZOTERO}), (f"{settings[0]}/move", {"email": EVE})]
    own += [
        (f"{settings[0]}/mute", {"kind": "author", "value": WORDS[2]}),
        (f"{settings[0]}/import", {"text": WORDS[0]}),
    ]
    own += [
        (f"{home}/u/{make_token(keys, Purpose.UNSUBSCRIBE, 2, now)}", {}),
        (f"{home}/webhooks/postmark", {"a": PASSWORD}),
    ]
    own += [(f"{home}/p/{TOKEN}", {"name": WORDS[2]}), (settings[1], {"name": WORDS[2]})]
    seen = [_status(url, urlencode(form).encode()) for url, form in own]
    seen += [_status(url) for url in (*settings, f"{home}/?q={ADA}", f"{home}/nowhere/{TOKEN}/{ADA}")]
    for given in (f"digestd_1_{TOKEN}", f"digestd_2_{TOKEN}", f"digestd_2_{DAMAGED_TOKEN}", PASSWORD):
        seen.append(_status(f"{home}/api/v1/subscribers?email={ADA}", None, f"Bearer {given}"))
    assert {200, 401, 403, 404, 422, 500, 503} <= set(seen), seen


def _status(url: str, body: bytes | None = None, authorization: str = "") -> int:
    headers = {
        "Authorization": authorization,
        "User-Agent": f"sandmartin {ADA}",
        "Referer": f"https://{PASSWORD}.example/",
    }
    try:
        with urlopen(Request(url, body, headers), timeout=PATIENCE_SECONDS) as answer:
            return int(answer.status)
    except HTTPError as refused:
        return refused.code


@pytest.mark.parametrize("more", [{}, {"DIGESTD_DEBUG": "1"}], ids=["plain", "with places"])
def test_delivery_crash_logs_location_only(installed: Install, more: dict[str, str]) -> None:
    with installed.db.write() as session:
        odd = dict.fromkeys(core.throttle.c.keys(), 0) | {
            "name": rate_limits.DELIVERY_RUN,
            "free_us": WORDS[0],
            "error": WORDS[1],
        }
        session.connection().execute(insert(core.throttle).values(odd))
    with Relay().in_thread() as relay:
        said = _settings(installed, f"http://127.0.0.1:{free_port()}", "json", relay.url)
        ended = Command(("deliver",), said | more, installed.folder).run()
    assert (ended.code, "unexpected TypeError" in ended.output) == (1, True)
    assert (Path(rate_limits.__file__).name in ended.output) == bool(more)
    assert leaking_lines(ended) == []
    assert left(installed.folder) == []


def test_failing_commands_print_no_password(installed: Install) -> None:
    dead = f"127.0.0.1:{free_port()}"
    for words, changed in (
        (("deliver",), {"DIGESTD_TRANSPORT_URL": f"smtps://sandmartin:{PASSWORD}@{dead}"}),
        (("inbound", "--once"), {"DIGESTD_INBOUND_URL": f"imaps://sandmartin:{PASSWORD}@{dead}/INBOX"}),
        (("plan",), {"DIGESTD_DATABASE_URL": f"postgresql://sandmartin:{PASSWORD}@{dead}/sandmartin"}),
        (("config", "show"), {"DIGESTD_TRANSPORT_URL": f"smtps://u:{PASSWORD}@{dead}", "DIGESTD_NCBI_KEY": PASSWORD}),
        (("config", "check"), {"DIGESTD_TRANSPORT_URL": f"smtp://u:{PASSWORD}@{dead}"}),
        (("plan",), {"DIGESTD_TRANSPORT_RATE": f"sandmartin-{PASSWORD}", "DIGESTD_WEBHOOK_SECRET": PASSWORD}),
    ):
        ended = Command(words, installed.environment(**changed), installed.folder).run()
        assert PASSWORD not in ended.output, words
        assert SECRET not in ended.output, words


def leaking_lines(ended: ProcessResult) -> list[str]:
    return [line for line in ended.output.splitlines() if any(word in line.lower() for word in CANARIES)]


def left(folder: Path) -> list[str]:
    """Return the files with a canary, other than mails and the database."""
    files = [file for file in folder.rglob("*") if file.is_file() and file.name not in KEPT]
    return [
        str(file.relative_to(folder))
        for file in files
        if not {"box", "outbox"} & set(file.relative_to(folder).parts)
        and any(word.encode() in file.read_bytes().lower() for word in CANARIES)
    ]


def audited(installed: Install) -> list[str]:
    """Return the consent records with a canary."""
    with installed.db.read() as session:
        rows = [repr(tuple(row)) for row in session.connection().execute(select(core.consent_event))]
    assert rows
    return [row for row in rows if any(word in row.lower() for word in CANARIES)]
