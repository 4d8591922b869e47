"""Test that root may run any command on the data of another user's service."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from digestd.files import user_name
from tests.support import sample_data
from tests.support.command_process import Command, ProcessResult
from tests.support.waiting import PATIENCE_SECONDS

SERVICE = 12_345
"""A user without a name, as in a container."""
OTHER = 12_346
CHECKOUT = Path(__file__).parents[2]
PRIVATE = [
    str(one)
    for one in (Path(sys.base_prefix), CHECKOUT)
    if any(not parent.stat().st_mode & 0o001 for parent in one.parents)
]
"""What of Python and this checkout only root can reach, as in root's home."""
BECOME = """
uid="$0" python="$1"
shift
while [ "$1" != -- ]; do
    top="/$(echo "$1" | cut -d/ -f2)"
    mount --rbind "$1" /mnt && mount -t tmpfs -o mode=755 none "$top" && mkdir -p "$1" && mount --rbind /mnt "$1"
    shift
done
shift
exec setpriv --reuid="$uid" --regid="$uid" --clear-groups "$python" "$@"
"""
"""Run Python as another user, in a mount namespace in which that user can reach Python."""
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can run commands as other users")

AS_ROOT = (
    "init",
    "subscriber add second@example.net --category inv.2",
    "subscriber edit second@example.net --size 5",
    "subscriber pause second@example.net",
    "subscriber resume second@example.net",
    "subscriber import {work}/people.jsonl",
    "subscriber interests second@example.net",
    "subscriber unsubscribe third@example.net",
    "subscriber erase third@example.net --yes",
    "group add Lab --topic lakes",
    "paper import {work}/papers.jsonl",
    "ingest",
    "plan",
    "deliver",
    "send first@example.net --date 2026-11-24",
    "api-token add monitor",
    "prune",
    "fsck",
    "status",
    "doctor",
    "config check",
    "config rotate-secret",
    "backup {folder}/whole.backup",
    "run",
    "restore {folder}/whole.backup",
    "init",
    "restore --resume",
)


CHECKED_AS_OWNER = ("config check", "doctor")
REACHED = {"PATH": os.environ["PATH"], "PYTHONPATH": str(CHECKOUT), "HOME": "/"}


def as_user(uid: int, *words: str) -> list[str]:
    """Return the command that runs Python as a user."""
    return ["unshare", "--mount", "sh", "-ec", BECOME, str(uid), sys.executable, *PRIVATE, "--", *words]


@dataclass(frozen=True)
class Service:
    """An installation in a folder of SERVICE; `work` is root's own folder."""

    folder: Path
    work: Path

    @property
    def environment(self) -> dict[str, str]:
        """Return the settings."""
        return {
            "DIGESTD_DATABASE_URL": f"sqlite:///{self.folder}/digestd.db",
            "DIGESTD_SECRET_KEY_FILE": f"{self.folder}/secret.key",
            "DIGESTD_TRANSPORT_URL": f"maildir:{self.folder}/outbox",
            "DIGESTD_INBOUND_QUARANTINE": f"{self.folder}/quarantine",
            "DIGESTD_MAIL_FROM": "digest@example.org",
            "DIGESTD_POSTAL_ADDRESS": "1 Invented Street",
            "DIGESTD_EMBEDDING_MODEL": "none",
            "DIGESTD_PAPER_LOOKUP": "false",
            "DIGESTD_SOURCES": "none",
            "DIGESTD_NOW": "2026-11-24T09:00:00Z",
        }

    def run(self, words: str, *, uid: int = SERVICE, more: Mapping[str, str] = {}) -> subprocess.CompletedProcess[str]:
        """Run a command as a user."""
        return subprocess.run(
            as_user(uid, "-m", "digestd", *words.split()),
            cwd="/",
            env={**REACHED, **self.environment, **more},
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )

    def as_root(self, words: str, **more: str) -> ProcessResult:
        """Run a command as root."""
        given = words.format(folder=self.folder, work=self.work)
        if given in CHECKED_AS_OWNER:  # by a Python that the owner can reach
            done = self.run(given, uid=0, more=more)
            return ProcessResult(done.returncode, done.stdout + done.stderr)
        return Command(tuple(given.split()), self.environment | more, self.work).run()

    @property
    def foreign(self) -> dict[str, str]:
        """Return owner and mode of the files that are not SERVICE's alone."""
        found = {one.relative_to(self.folder): one.lstat() for one in self.folder.rglob("*")}
        return {
            str(name): f"{user_name(had.st_uid)} {had.st_mode & 0o777:o}"
            for name, had in found.items()
            if (had.st_uid, had.st_gid) != (SERVICE, SERVICE) or had.st_mode & 0o077
        }


@pytest.fixture(scope="module")
def fresh() -> Iterator[Service]:
    """Yield an installation that SERVICE has made, with a subscriber, and a copy of its folder beside it."""
    with tempfile.TemporaryDirectory(prefix="digestd-own-") as top:
        Path(top).chmod(0o755)
        made = Service(Path(top, "service"), Path(top, "root"))
        for folder, uid in ((made.folder, SERVICE), (made.work, 0)):
            folder.mkdir(mode=0o700)
            os.chown(folder, uid, uid)
        (made.work / "papers.jsonl").write_bytes(b"".join(sample_data.lines(sample_data.papers(30))))
        (made.work / "more.jsonl").write_bytes(b"".join(sample_data.lines(sample_data.papers(30, first=30))))
        (made.work / "people.jsonl").write_text(json.dumps({"email": "third@example.net", "topics": ["lakes"]}))
        if made.run("--version").returncode:
            pytest.skip(f"user {SERVICE} cannot run this checkout")
        assert made.run("init").returncode == 0
        assert made.run("subscriber add first@example.net --category inv.1").returncode == 0
        _copy(made.folder, Path(top, "copy"))
        yield made


@pytest.fixture
def service(fresh: Service) -> Service:
    """Return that installation as it was made; its folder has the path that the database knows."""
    shutil.rmtree(fresh.folder)
    _copy(fresh.folder.with_name("copy"), fresh.folder)
    for file in fresh.work.iterdir():
        if file.suffix != ".jsonl":
            shutil.rmtree(file) if file.is_dir() else file.unlink()
    return fresh


def _copy(folder: Path, to: Path) -> None:
    subprocess.run(["cp", "--archive", str(folder), str(to)], check=True)


def test_commands_of_root_leave_files_to_the_service(service: Service) -> None:
    assert service.foreign == {}
    for words in AS_ROOT:
        done = service.as_root(words)
        assert done.code == (words == "doctor"), done.output
        assert (words, service.foreign) == (words, {})
    later = {"DIGESTD_NOW": "2026-11-25T09:00:00Z"}
    service.as_root("paper import {work}/more.jsonl", **later)
    assert service.run("plan", more=later).returncode == 0
    delivered = service.run("deliver --json", more=later)
    assert (delivered.returncode, json.loads(delivered.stdout)["accepted"]) == (0, 2), delivered.stderr


def test_first_command_of_root_makes_no_file_of_its_own(service: Service) -> None:
    for entry in service.folder.iterdir():
        shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    service.as_root("init")
    service.as_root("subscriber add first@example.net --category inv.1")
    service.as_root("run")
    assert service.foreign == {}
    assert service.run("deliver").returncode == 0


def test_up_of_root_leaves_files_to_the_service(service: Service) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    settings = service.environment | {"DIGESTD_WEB_PORT": port}
    running = Command(("up",), settings, service.work).start()
    for _ in range(200):
        time.sleep(0.1)
        if list(service.folder.glob("digestd.db.locks/*")) and list(service.folder.glob("outbox/new/*")):
            break
    os.kill(running.process.pid or 0, signal.SIGTERM)
    assert running.end().code == 0
    assert service.foreign == {}


def test_root_does_not_follow_a_link_of_the_service(service: Service) -> None:
    victim = service.work / "victim"
    victim.write_text("root's")
    lock = service.folder / "digestd.db.results" / "lock"
    lock.unlink(missing_ok=True)
    lock.parent.mkdir(exist_ok=True)
    lock.symlink_to(victim)
    assert "lock" in service.as_root("deliver").output
    assert (victim.read_text(), victim.stat().st_uid) == ("root's", 0)


@pytest.mark.parametrize("target", ["{folder}", "{folder}/whole.backup"])
def test_root_gives_no_secret_to_the_owner_of_a_folder(service: Service, target: str) -> None:
    refused = service.as_root(f"backup {target} --with-secret-key")
    assert (refused.code, "name a folder of your own" in refused.output) == (1, True), refused.output
    assert list(service.folder.glob("*.backup")) == []
    assert service.as_root("backup {work} --with-secret-key").code == 0


def test_rotation_keeps_owner_and_mode_of_the_secret(service: Service) -> None:
    secret = service.work / "secret.key"
    shutil.copy(service.folder / "secret.key", secret)
    os.chown(secret, 0, SERVICE)
    secret.chmod(0o640)
    service.as_root("config rotate-secret", DIGESTD_SECRET_KEY_FILE=str(secret))
    for file in (secret, service.work / "secret.key.retired" / "0001"):
        assert (file.stat().st_uid, file.stat().st_gid, file.stat().st_mode & 0o777) == (0, SERVICE, 0o640)
    assert (service.work / "secret.key.retired").stat().st_mode & 0o777 == 0o750


def test_user_who_is_not_the_owner_is_refused(service: Service) -> None:
    for words in ("status", "deliver"):
        refused = service.run(words, uid=OTHER)
        assert refused.returncode != 0
        assert f"it belongs to {SERVICE}" in refused.stderr
        assert f"runuser -u {SERVICE} -- digestd" in refused.stderr


def test_file_of_root_is_named_with_its_remedy(service: Service) -> None:
    service.as_root("paper import {work}/papers.jsonl")
    assert service.as_root("plan").code == 0
    lock = service.folder / "digestd.db.results" / "lock"
    lock.parent.mkdir(exist_ok=True)
    os.chown(lock.parent, SERVICE, SERVICE)
    lock.touch(0o600)
    os.chown(lock, 0, 0)
    failed = service.run("deliver")
    assert failed.returncode != 0
    assert f"{lock}: permission denied; it belongs to root (mode 600)" in failed.stderr
    assert f"`chown {SERVICE} {lock}`" in failed.stderr
    assert "space" not in failed.stderr
    status = service.as_root("status")
    assert status.code == 1
    assert (
        f"nothing is sent: DIGESTD_JOURNAL_DIR: cannot use the sent journal {lock}: permission denied" in status.output
    )
    assert f"1 file that the service may not be able to use: {lock} belongs to root (mode 600)" in status.output
    assert f"{lock} belongs to root" in service.as_root("doctor").output
    os.chown(lock, SERVICE, SERVICE)
    assert service.run("deliver").returncode == 0
    assert "nothing is sent" not in service.as_root("status").output


@pytest.mark.parametrize("name", [".env", "my.env"])
@pytest.mark.parametrize("mode", [0o755, 0o700])
def test_root_checks_the_settings_of_the_current_folder(service: Service, mode: int, name: str) -> None:
    """As the owner of the data, by a program with a relative path, and elsewhere if that user cannot enter."""
    program = ("run.py",) if mode == 0o755 else ("-m", "digestd")
    with tempfile.TemporaryDirectory(prefix="digestd-own-") as here:
        Path(here).chmod(mode)
        settings = service.environment | {"DIGESTD_TRANSPORT_URL_FILE": "url"}
        del settings["DIGESTD_TRANSPORT_URL"]
        for file, text in {
            name: "".join(f"{setting}={value}\n" for setting, value in settings.items()),
            "run.py": "from digestd.cli import main\nmain()\n",
            "url": "maildir:outbox",
        }.items():
            Path(here, file).write_text(text)
            Path(here, file).chmod(0o600 if file == "url" else 0o644)
        checked = subprocess.run(
            as_user(0, *program, "config", "check"),
            cwd=here,
            env=REACHED if name == ".env" else REACHED | {"DIGESTD_ENV_FILE": name},
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
    denied = "url" if mode == 0o755 else f"{here}/{name}"
    assert f"cannot read {denied} as {SERVICE}: Permission denied" in checked.stderr
    assert checked.returncode != 0
    assert not (service.folder / "var").exists()
