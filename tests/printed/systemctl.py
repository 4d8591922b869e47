"""Stand in for `systemctl` and `journalctl` where no systemd runs: start units as their files say.

Taken from units and their drop-ins: ExecStart, Type (notify, oneshot), User, Group, Environment, EnvironmentFile,
LoadCredential, StateDirectory, WorkingDirectory, UMask, InaccessiblePaths, ProtectSystem=strict and ProtectHome. The
user has the groups of the user database, no capabilities, and cannot gain any. Left out: filters of system calls,
limits, restarts, dependencies and timers; a timer that is enabled runs its service once.

It runs with the standard library alone, as root, in a namespace that ends with the test.
"""

import os
import pwd
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

UNITS, RUN, EDIT = Path("/etc/systemd/system"), Path("/run/units"), Path("/root/edit")
PATIENCE_SECONDS = 90
SANDBOX = """
for path in $INACCESSIBLE; do mount --bind /run/inaccessible "$path"; done
mount -t tmpfs -o mode=0 none /root; mount -t tmpfs -o mode=1777 none /tmp
for top in / /etc /opt /usr/local /var /run; do mount -o remount,ro,bind "$top"; done
for path in $WRITABLE; do mount --bind "$path" "$path"; mount -o remount,rw,bind "$path"; done
umask "$MASK"; cd "$PLACE"; user="$1" group="$2"; shift 2
exec setpriv --reuid="$user" --regid="$group" --init-groups --no-new-privs --bounding-set=-all --inh-caps=-all -- "$@"
"""


class Unit:
    """A unit with its drop-ins; `%` is filled in."""

    def __init__(self, name: str) -> None:
        self.name = name if "." in name else f"{name}.service"
        stem, _, suffix = self.name.rpartition(".")
        base, at, instance = stem.partition("@")
        file = UNITS / (f"{base}@.{suffix}" if at else self.name)
        if not file.exists():
            raise SystemExit(f"Unit {self.name} not found.")
        filled = {"S": "/var/lib", "d": f"/run/credentials/{self.name}", "i": instance, "%": "%"}
        self.settings: dict[str, list[str]] = {}
        for part in (file, *sorted((UNITS / f"{file.name}.d").glob("*.conf"))):
            for name, value in re.findall(r"^(\w+)=(.*)$", part.read_text(), re.MULTILINE):
                value = re.sub("%(.)", lambda found: filled[found[1]], value.strip())
                self.settings[name] = [*self.settings.get(name, []), value] if value else []
        self.credentials = Path(filled["d"])
        self.pid_file, self.log = RUN / f"{self.name}.pid", RUN / f"{self.name}.log"

    def one(self, name: str, default: str = "") -> str:
        return self.settings.get(name, [default])[-1]

    def words(self, name: str) -> list[str]:
        return [word for line in self.settings.get(name, ()) for word in shlex.split(line)]

    @property
    def is_running(self) -> bool:
        if not self.pid_file.exists():
            return False
        stat = Path(f"/proc/{self.pid_file.read_text()}/stat")
        return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"

    def start(self) -> int:
        if self.name.endswith(".timer"):
            return Unit(self.name.replace(".timer", ".service")).start()
        if self.is_running:
            return 0
        user = pwd.getpwnam(self.one("User"))
        states = [f"/var/lib/{one}" for one in self.words("StateDirectory")]
        for folder in map(Path, states):
            folder.mkdir(int(self.one("StateDirectoryMode", "0755"), 8), parents=True, exist_ok=True)
            if folder.stat().st_uid != user.pw_uid:
                subprocess.run(["chown", "-R", f"{user.pw_uid}:{user.pw_gid}", folder], check=True)
        self._load_credentials(user)
        notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        address = RUN / f"{self.name}.notify"
        address.unlink(missing_ok=True)
        notify.bind(str(address))
        address.chmod(0o666)
        sandbox = {
            "INACCESSIBLE": " ".join(path for path in self._inaccessible if Path(path).exists()),
            "WRITABLE": " ".join(states),
            "MASK": self.one("UMask", "0022"),
            "PLACE": self.one("WorkingDirectory", "/"),
        }
        command = [part.replace("$$", "$") for part in shlex.split(self.one("ExecStart"))]
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [
                    "unshare",
                    "--mount",
                    "sh",
                    "-ec",
                    SANDBOX,
                    "sh",
                    user.pw_name,
                    self.one("Group", user.pw_name),
                    *command,
                ],
                env={**self._environment, **sandbox, "NOTIFY_SOCKET": str(address), "HOME": user.pw_dir},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.pid_file.write_text(str(process.pid))
        if self.one("Type") == "oneshot":
            return process.wait()
        return self._wait_until_ready(process, notify)

    @property
    def _environment(self) -> dict[str, str]:
        found = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin", "LANG": "C.UTF-8"}
        found |= dict(word.split("=", 1) for word in self.words("Environment"))
        for file in self.words("EnvironmentFile"):
            for name, value in re.findall(r"^(\w+)=(.*)$", Path(file.removeprefix("-")).read_text(), re.MULTILINE):
                found[name] = " ".join(shlex.split(value))
        return found

    @property
    def _inaccessible(self) -> list[str]:
        return [path.removeprefix("-") for path in self.words("InaccessiblePaths")]

    def _load_credentials(self, user: pwd.struct_passwd) -> None:
        """Copy files for the user alone; those of a folder get the name of the credential in front."""
        shutil.rmtree(self.credentials, ignore_errors=True)
        self.credentials.mkdir(0o500, parents=True)
        for name, file in (one.split(":", 1) for one in self.words("LoadCredential")):
            path = Path(file)
            given = {f"{name}_{one.name}": one for one in path.iterdir()} if path.is_dir() else {name: path}
            for called, source in given.items():
                shutil.copy(source, self.credentials / called)
                (self.credentials / called).chmod(0o400)
        subprocess.run(["chown", "-R", str(user.pw_uid), self.credentials], check=True)

    def _wait_until_ready(self, process: "subprocess.Popen[bytes]", notify: socket.socket) -> int:
        notify.settimeout(0.2)
        for _ in range(PATIENCE_SECONDS * 5):
            if process.poll() is not None:
                return 1
            try:
                if b"READY=1" in notify.recv(4096):
                    return 0
            except TimeoutError:
                continue
        return 1

    def stop(self) -> int:
        if self.is_running:
            os.killpg(int(self.pid_file.read_text()), signal.SIGTERM)
        for _ in range(PATIENCE_SECONDS * 20):
            if not self.is_running:
                return 0
            time.sleep(0.05)
        return 1


def systemctl(verb: str, *units: str) -> int:
    """Do what systemctl would, and return its exit code."""
    if verb == "daemon-reload":
        return 0
    if verb == "edit":
        folder = UNITS / f"{Unit(units[0]).name}.d"
        folder.mkdir(exist_ok=True)
        shutil.copy(EDIT, folder / "override.conf")
        return 0
    chosen = [Unit(name) for name in units if name != "--now"]
    if verb in ("enable", "disable") and "--now" not in units:
        return 0
    codes = []
    for unit in chosen:
        was_running = unit.is_running
        if verb in ("stop", "disable", "restart", "try-restart"):
            codes.append(unit.stop())
        if verb in ("start", "enable", "restart") or (verb == "try-restart" and was_running):
            codes.append(unit.start())
            if codes[-1]:
                sys.stderr.write(f"Job for {unit.name} failed.\n{unit.log.read_text()[-2000:]}")
    return max(codes)


if __name__ == "__main__":
    RUN.mkdir(mode=0o711, exist_ok=True)
    if Path(sys.argv[0]).stem == "journalctl":
        sys.stdout.write(Unit(sys.argv[sys.argv.index("-u") + 1]).log.read_text()[-2000:])
        sys.exit(0)
    sys.exit(systemctl(*sys.argv[1:]))
