"""A fresh machine for the printed commands: namespaces of mounts, network and processes that end with the test.

Everything that is written below /etc, /opt, /usr/local, /var, /run, /root, /media and /tmp goes into memory, also users
and units. There is no network but the machine itself. Real are `deploy/install`, digestd, its Python, users, files and
their modes, OpenSSL, git and PostgreSQL. Root's own Python is one that nobody else can read.

Simulated are systemctl and journalctl (see systemctl.py), uv (packages come from this checkout's .venv instead of an
index), an editor that fills in what the page shows, and the programs of STUBS, which do little or nothing.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

REPO = Path(__file__).parents[2]
SHIPPED = ("digestd", "templates", "deploy", "pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", ".env.example")
STUBS = {
    "docker": "",
    "kubectl": 'for one in "$@"; do case $one in --from-file=*) test -s "${one#*=}";; esac; done',
    "curl": "echo HTTP/1.1 200 OK",
    "dig": "",
    "age": 'case "$1" in -d) exec base64 -d "$4";; esac\n'
    'while [ $# -gt 0 ]; do case $1 in -o) exec base64 >"$2";; esac; shift; done; exec base64',
    "age-keygen": 'echo AGE-SECRET-KEY >"$2"',
    "minisign": "",
    "gpg": "",
    "ssh": "cat >/root/sent-elsewhere",
    "sudo": 'shift; user=$1; shift; exec runuser -u "$user" -- "$@"',
}
"""Programs of others that the pages call, as shell scripts."""
SETUP = r"""
set -e
work=$1 python=$2 packages=$3
mount -t tmpfs -o mode=755 none "$work"
for top in etc opt usr/local var; do
    name=$(basename "$top"); mkdir "$work/$name" "$work/$name.work"
    mount -t overlay -o "lowerdir=/$top,upperdir=$work/$name,workdir=$work/$name.work" none "/$top"
done
mkdir -p /media /opt/python /opt/packages
mount --bind "$python" /opt/python
mount --bind "$packages" /opt/packages
for top in python packages; do mount -o remount,ro,bind "/opt/$top"; done
for top in run media root; do mount -t tmpfs -o mode=755 none "/$top"; done
chmod 700 /root
cp -r "$4/." /root
mount -t tmpfs -o mode=1777 none /tmp
mkdir -p /var/backups /var/log /run/units /run/postgresql /usr/local/bin /usr/local/sbin; chmod 711 /run/units
install -m 000 /dev/null /run/inaccessible
for name in /root/sbin/*; do install -m 755 "$name" /usr/local/sbin/; done
echo /opt/python/lib >/etc/ld.so.conf.d/00-python.conf
ldconfig -X
ours=$(/opt/python/bin/python3 -c 'import sys; print("python3.%d" % sys.version_info[1])')
for name in python3 python3.13 python3.12 python3.11; do
    [ "$name" = "$ours" ] || ln -s /opt/python/bin/python3 "/root/bin/$name"
done
mkdir -p /root/edits
rm -rf /etc/digestd /opt/digestd /var/lib/digestd /etc/systemd/system/digestd*
printf '127.0.0.1 localhost relay.example.net digest.example.org\n' >/etc/hosts
echo nameserver 127.0.0.1 >/etc/resolv.conf
install -m 640 -g adm /dev/null /var/log/mail.log
/opt/python/bin/python3 -c '
import fcntl, socket, struct
fcntl.ioctl(socket.socket(), 0x8914, struct.pack("16sh14x", b"lo", 1))  # the loopback interface, up
'
echo ready
while :; do sleep 1000 & wait $!; done
"""
ALONE = ("unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc")
INSIDE = ("nsenter", "--mount", "--net", "--pid")
KEEP_PLACE = 'cd "{}"\n{}\ncode=$?; pwd >/root/place; exit $code'
PATH = "/root/bin:/opt/python/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class FreshSystem:
    """The machine: `run` runs a line of shell there as root, in `place`."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self.place = "/root/checkout"

    def run(self, line: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run a line of shell; `place` follows `cd`."""
        done = subprocess.run(
            [*INSIDE, f"--target={self._pid}", "bash", "-c", KEEP_PLACE.format(self.place, line)],
            env={"PATH": PATH, "HOME": "/root", "LANG": "C.UTF-8", "EDITOR": "editor"},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        self.place = self.read("/root/place").strip() or self.place
        return done

    def read(self, path: str) -> str:
        return Path(f"/proc/{self._pid}/root{path}").read_text()

    def write(self, path: str, text: str) -> None:
        Path(f"/proc/{self._pid}/root{path}").write_text(text)


@contextmanager
def fresh_system() -> Iterator[FreshSystem]:
    """Yield such a machine. Raises OSError with the reason if this one does not allow it."""
    with TemporaryDirectory(prefix="digestd-fresh-", dir="/tmp") as top:  # reachable by every user
        work, files = Path(top, "work"), Path(top, "files")
        work.mkdir()
        _write_files(files)
        arguments = map(str, (work, Path(sys.base_prefix), sysconfig.get_path("purelib"), files))
        holder = subprocess.Popen(
            [*ALONE, "bash", "-c", SETUP, "setup", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert holder.stdout
        assert holder.stderr
        try:
            if holder.stdout.readline() != "ready\n":
                raise OSError(f"no namespaces here: {holder.stderr.read().strip()[-300:]}")
            children = Path(f"/proc/{holder.pid}/task/{holder.pid}/children").read_text().split()
            yield FreshSystem(int(children[0]))
        finally:
            holder.kill()
            holder.wait()


def _write_files(files: Path) -> None:
    """Write what root's home has: a checkout that pulls from a repository, and the programs that stand in."""
    programs, administration = files / "bin", files / "sbin"
    programs.mkdir(parents=True)
    administration.mkdir()
    stand_ins = STUBS | {
        "uv": 'while [ "$1" != --python ]; do shift; done\n'
        'echo /opt/packages >"$("$2" -c "import sysconfig; print(sysconfig.get_path(\'purelib\'))")/packages.pth"',
        "editor": 'exec /opt/python/bin/python3 /root/editor.py "$@"',
    }
    for name, script in stand_ins.items():
        _script(administration / name, f"#!/bin/sh\nset -e\n{script}\n")
    for name in ("systemctl", "journalctl"):
        shutil.copy(Path(__file__).with_name("systemctl.py"), files / f"{name}.py")
        _script(administration / name, f'#!/bin/sh\nexec /opt/python/bin/python3 /root/{name}.py "$@"\n')
    (files / "editor.py").write_text(EDITOR)
    checkout = files / "origin"
    checkout.mkdir()
    for name in SHIPPED:
        if (REPO / name).is_dir():
            shutil.copytree(REPO / name, checkout / name, ignore=shutil.ignore_patterns("__pycache__", "secrets"))
        else:
            shutil.copy(REPO / name, checkout / name)
    commands = (
        "umask 077; cd origin; git init --quiet; git add --all; git -c user.name=a -c user.email=a@b commit -qm first"
        "; git tag v0.1.0; cd ..; git clone --quiet origin checkout; git -C checkout remote set-url origin /root/origin"
    )
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    subprocess.run(["sh", "-ec", commands], cwd=files, env=clean, check=True, capture_output=True)


def _script(file: Path, text: str) -> None:
    file.write_text(text)
    file.chmod(0o755)


EDITOR = r'''
"""Fill in files as a person would who has read the page: what it shows is in /root/edits."""
import re, sys
from pathlib import Path

for file in map(Path, sys.argv[1:]):
    shown, text = Path("/root/edits", file.name).read_text(), file.read_text()
    if file.suffix != ".env":
        file.write_text(shown)
        continue
    for line in shown.splitlines():
        name = line.partition("=")[0]
        if not re.match(r"\w+=", line):
            continue
        text, found = re.subn(rf"^{name}=.*$", lambda _: line, text, flags=re.MULTILINE)
        text += "" if found else f"{line}\n"
    if "EMBEDDING_MODEL" not in text:
        text += "DIGESTD_EMBEDDING_MODEL=none\nDIGESTD_SOURCES=none\n"  # which take time, and a network
    file.write_text(text)
'''
