"""Every printed command of operations.md and mail.md works, in order, on a fresh system.

fresh_system.py says what is real there and what is simulated.
"""

import os
import re
import shutil
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.printed.fresh_system import REPO, FreshSystem, fresh_system
from tests.support.postgres import binaries

pytestmark = pytest.mark.slow

ANYTHING = -1
EXIT_CODES: Mapping[str, int] = {
    "digestd doctor": 1,  # there is neither a relay nor DNS
    "digestd send --test you@example.net": 1,
    "digestd paper summarise --limit 3": ANYTHING,  # nor a language model
    "digestd subscriber suppress --held": ANYTHING,  # nothing is held
    "digestd inbound list": 1,  # nor the server of the mailbox
    "digestd conference plan NAME": 1,  # there is no conference
    'digestd delivery settle 17 --as accepted --why "relay log"': 1,  # there is no delivery 17
    "digestd subscriber unsuppress ada@example.org --why …": ANYTHING,  # nobody is suppressed
}
"""Commands that cannot succeed on a fresh system without a network."""
NAMED = frozenset(
    {
        # only names
        *("digestd backup", "digestd restore", "digestd paper show", "digestd subscriber erase", "digestd replay"),
        *(
            "digestd subscriber show",
            "digestd subscriber edit",
            "digestd subscriber unsubscribe",
            "digestd delivery show",
            "digestd api-token",
            "digestd config rotate-secret",
            "digestd init",
        ),
        *("digestd restore --resume", "systemctl edit digestd-backup", "systemctl disable --now digestd"),
        # they run until they are stopped
        *("digestd up", "digestd web", "digestd worker", "digestd run", "digestd preview EMAIL --serve"),
        # for machines to which something else happened
        *("digestd restore --resume --lost-journal", "digestd restore FILE --only-secret"),
        *("age -d -i key.txt digestd.age / digestd restore -", "digestd config rotate-secret --revoke-now"),
        # waits for a server that is not there
        "digestd doctor --resolver 192.0.2.53",
    }
)
"""Spans of code that are not run here."""
WAY_BACK = "git checkout v0.1.0"
"""Not run here: an older version needs packages from an index, and a copy that it made itself.

tests/delivery/test_rollback.py runs what that version does after it.
"""
WITH_POSTGRESQL = frozenset({"PostgreSQL", "Several machines"})
"""Sections that need it."""
SEVERAL = "digestd-web digestd-worker@1 digestd-worker@2"
RUNS = ("digestd ", "systemctl ", "age", "minisign ", "gpg ", "openssl ", "dig ")
FILLED = {"EMAIL": "ada@example.org", "TOKEN": "x", "ID": "doi:10.5555/digestd.010"}
OTHER_EDITS = {
    "transport_url": "smtp://127.0.0.1:25\n",
    "inbound_url": "imaps://user:password@imap.example.net/INBOX\n",
}
"""What the operator writes into files whose content the page does not show."""


class Step(NamedTuple):
    """A block or a span of code on a page: `kind` is the language of the block, or `span`."""

    kind: str
    text: str
    section: str


def steps(page: str) -> list[Step]:
    """Return blocks and spans of a page in order."""
    found, section = [], ""
    text = (REPO / "deploy" / "docs" / page).read_text()
    pattern = r"^## ([^\n]+)$|^( *)```(\w*)\n(.*?)^ *```$|`([^`\n]+(?:\n[^`\n]+)?)`"
    for heading, indent, kind, block, span in re.findall(pattern, text, re.MULTILINE | re.DOTALL):
        section = heading or section
        if block:
            found.append(Step(kind, re.sub(rf"^{indent}", "", block, flags=re.MULTILINE), section))
        elif span:
            found.append(Step("span", " ".join(span.split()).replace(" | ", " / "), section))
    return found


@pytest.fixture(scope="module")
def system() -> Iterator[FreshSystem]:
    """Yield a fresh system."""
    needed = ("unshare", "nsenter", "setpriv", "useradd", "git", "openssl")
    if os.geteuid() != 0 or not all(map(shutil.which, needed)):
        pytest.skip(f"needs root and {', '.join(needed)}")
    try:
        with fresh_system() as made:
            yield made
    except OSError as error:
        pytest.skip(str(error))


class Follower:
    """Follows a page as an operator would: runs blocks and spans, and edits files as the page shows."""

    def __init__(self, system: FreshSystem) -> None:
        self._system = system
        self._done: set[str] = set()

    def follow(self, page: str, without: frozenset[str] = frozenset()) -> None:
        every = [step for step in steps(page) if step.section not in without]
        for at, step in enumerate(every):
            later = every[at + 1 :]
            shown = later[: next((n for n, one in enumerate(later) if one.kind in ("sh", "console")), None)]
            self._prepare([one for one in shown if one.kind in ("", "ini")])
            if step.kind == "sh" and WAY_BACK not in step.text:
                self.run(step.text)
            elif step.kind == "console":
                for line in re.findall(r"^\$ (.+)$", step.text, re.MULTILINE):
                    self.run(line)
            elif step.kind == "ini" and step.text.startswith("DIGESTD_") and "db2" not in step.text:
                self._system.write("/root/edits/digestd.env", step.text)
                self.run("editor /etc/digestd/digestd.env")
            elif step.kind == "ini" and "ExecStart" in step.text:
                self.run("systemctl edit digestd-backup && systemctl start digestd-backup")
            elif step.kind == "span" and step.text.startswith(RUNS) and step.text not in NAMED | self._done:
                self._done.add(step.text)
                self.run(step.text)

    def _prepare(self, shown: list[Step]) -> None:
        """Write what an editor that is opened now will be given."""
        edits = OTHER_EDITS | {"digestd.env": ""}
        for block in shown:
            if block.text.startswith("DIGESTD_"):
                edits["digestd.env"] = edits["digestd.env"] or block.text
            elif block.text.startswith("smtp"):
                edits["transport_url"] = block.text
            elif block.text.startswith("[Service]"):
                self._system.write("/root/edit", block.text)
        for name, text in edits.items():
            self._system.write(f"/root/edits/{name}", text)

    def run(self, text: str) -> None:
        for name, value in FILLED.items():
            text = re.sub(rf"\b{name}\b", value, text)
        began = time.monotonic()
        done = self._system.run(f"set -e\n{text}", stdin="password\npassword\n")
        expected = EXIT_CODES.get(text, 0)
        # `pytest -s` shows the log
        print(f"$ {text.strip()}\n→ {done.returncode} after {time.monotonic() - began:.1f} s")
        assert expected in (done.returncode, ANYTHING), f"{text}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"


def test_printed_commands_work_in_order(system: FreshSystem) -> None:
    postgres = binaries()
    if postgres:
        start_postgresql(system, postgres)
    follower = Follower(system)
    follower.follow("operations.md", frozenset() if postgres else WITH_POSTGRESQL)
    follower.run(f"systemctl disable --now {SEVERAL}")  # the next page is for one service
    # on another day, so that no digest goes out before the page previews it
    day = "$(LC_ALL=C date -u -d '3 days' +%a | tr A-Z a-z)"
    follower.run(f"digestd subscriber add ada@example.org --topic speech --cadence weekly --weekday {day}")
    follower.run("digestd paper import /opt/digestd/digestd/sample/preprints.jsonl")
    follower.follow("mail.md")


@pytest.fixture
def bare(system: FreshSystem) -> FreshSystem:
    """Return the system without an installation, but with its packages."""
    places = "/etc/digestd /var/lib/digestd /etc/systemd/system/digestd*"
    cleared = system.run(f"systemctl stop digestd {SEVERAL}; rm -rf {places} /usr/local/bin/digestd; userdel digestd")
    assert system.run("getent passwd digestd").returncode, cleared.stderr
    return system


def test_install_without_systemd_says_what_is_left(bare: FreshSystem) -> None:
    """It takes a Python that the service can run, although root's own comes first, and names it."""
    done = bare.run("deploy/install")
    assert done.returncode == 0, done.stderr
    assert re.search(r"the user digestd runs it with Python 3\.\d+\.\d+ of /opt/python/bin/", done.stderr)
    assert "/root/bin" not in done.stderr
    assert "systemd does not run here" in done.stderr
    bare.write("/root/edits/digestd.env", SETTINGS)
    bare.run("editor /etc/digestd/digestd.env")
    [command] = re.findall(r"runuser .+$", done.stderr, re.MULTILINE)
    started = bare.run(command.replace("digestd up", "digestd config show"))
    assert "DIGESTD_DATABASE_URL\tsqlite:////var/lib/digestd/digestd.db" in started.stdout, started.stderr
    assert "run digestd as root" in bare.run("runuser -u nobody -- digestd status").stderr


def test_check_names_what_only_root_can_read(bare: FreshSystem) -> None:
    bare.write("/root/edits/digestd.env", SETTINGS)
    bare.run("deploy/install; editor /etc/digestd/digestd.env; openssl genrsa -out /etc/digestd/new.pem 2048")
    bare.run("cp -p /var/log/mail.log /var/log/other.log; gpasswd --delete digestd adm")
    key, log = "DIGESTD_DKIM_KEY_FILE=/etc/digestd/new.pem", "DIGESTD_RELAY_LOG=/var/log/other.log"
    for setting, remedy in (
        (f"{key} DIGESTD_DKIM_DOMAIN=example.org DIGESTD_DKIM_SELECTOR=new", "chown digestd /etc/digestd/new.pem"),
        (log, "usermod --append --groups adm digestd"),
    ):
        refused = bare.run(f"{setting} digestd config check")
        assert refused.returncode, setting
        assert f"run `{remedy}` as root" in refused.stderr
        accepted = bare.run(f"{remedy} && {setting} digestd config check")
        assert accepted.returncode == 0, accepted.stderr


SETTINGS = """DIGESTD_PUBLIC_URL="https://digest.example.org"
DIGESTD_MAIL_FROM="Paper Digest <digest@example.org>"
DIGESTD_POSTAL_ADDRESS='Example Institute, 1 Example Street'
DIGESTD_CONTACT=you@example.org
"""
"""As operators of the first release wrote them, for systemd and a shell."""


def test_install_upgrades_the_first_release(bare: FreshSystem) -> None:
    """Its units had a dynamic user, files that only root could read, and settings of their own."""
    old = (
        "deploy/install; userdel digestd; rm -rf /etc/digestd /var/lib/digestd",
        "mkdir -p /etc/digestd /var/lib/private/digestd /etc/systemd/system/digestd.service.d",
        "chmod 700 /etc/digestd /var/lib/private; chown 61234:61234 /var/lib/private/digestd",
        "ln -s private/digestd /var/lib/digestd",
        "cd /etc/digestd; umask 077; head -c 32 /dev/urandom >secret.key; echo smtp://127.0.0.1:25 >transport_url",
        "echo imaps://user:password@imap.example.net/INBOX >inbound_url",
        f"cat >digestd.env <<'END'\n{SETTINGS}END",
        "export DIGESTD_DATABASE_URL=sqlite:////var/lib/digestd/digestd.db DIGESTD_SECRET_KEY_FILE=$PWD/secret.key",
        "/opt/digestd/.venv/bin/digestd init && /opt/digestd/.venv/bin/digestd config rotate-secret",
        "printf '[Service]\\nLoadCredential=in:/etc/digestd/inbound_url\\nEnvironment=DIGESTD_INBOUND_URL_FILE=%s\\n' "
        "%d/in >/etc/systemd/system/digestd.service.d/override.conf; cd /root/checkout",
    )
    assert bare.run("\n".join(("set -e", *old))).returncode == 0
    upgraded = bare.run("deploy/install && digestd config check && systemctl start digestd")
    assert upgraded.returncode == 0, upgraded.stderr
    assert bare.read("/etc/digestd/digestd.env").startswith(SETTINGS)
    shown = bare.run("digestd config show; stat -c '%U %a' /var/lib/digestd/. /var/lib/digestd/digestd.db").stdout
    assert "DIGESTD_MAIL_FROM\tPaper Digest <digest@example.org>" in shown
    assert shown.splitlines()[-2:] == ["digestd 700", "digestd 600"]
    for interrupted in ("ln -s private/digestd /var/lib/digestd", "true"):
        bare.run(f"systemctl stop digestd; mv /var/lib/digestd /var/lib/digestd.moved; {interrupted}")
        again = bare.run("deploy/install && digestd config check")
        assert (again.returncode, "settings, secret key, database" in again.stdout + again.stderr) == (0, True), again
    bare.run("chmod o-r,g-r /etc/digestd/digestd.env")
    unread = bare.run("digestd config check").stderr
    assert "as digestd: Permission denied; run digestd as root, or `deploy/install` again" in unread
    assert bare.run("deploy/install && digestd config check").returncode == 0
    assert "root 600" in bare.run("stat -c '%U %a' /etc/digestd/inbound_url").stdout


def start_postgresql(system: FreshSystem, folder: Path) -> None:
    """Start the server of the machine; the page begins where one runs."""
    made = system.run(
        f"set -e; chown postgres /run/postgresql; cd /run/postgresql\n"
        f"runuser -u postgres -- {folder}/initdb --pgdata /run/postgresql/data --no-sync --auth-host=scram-sha-256 "
        "--locale=C.UTF-8\n"
        f"runuser -u postgres -- {folder}/pg_ctl --pgdata /run/postgresql/data --wait --log /run/postgresql/log "
        "--options='-c unix_socket_directories=/run/postgresql' start\ncd /root/checkout"
    )
    assert made.returncode == 0, made.stderr
