"""Network namespaces as machines: each has its own network, which a test can cut off without a word."""

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

NETWORK = "198.18.0.0/15"
"""Where all hosts are: addresses for tests of networks (RFC 2544)."""


def can_make_hosts() -> bool:
    """Return True if this machine lets us make network namespaces."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        return False
    return subprocess.run(["unshare", "-n", "true"], capture_output=True, check=False).returncode == 0


@dataclass(frozen=True)
class Host:
    """A network namespace with a line to this machine."""

    number: int

    @property
    def name(self) -> str:
        """Return the name of the namespace, and of this machine's end of the line."""
        return f"dg{os.getpid() % 100_000}-{self.number}"

    @property
    def centre(self) -> str:
        """Return the address of this machine as the host sees it."""
        return self._address(1)

    @property
    def address(self) -> str:
        """Return the host's own address."""
        return self._address(2)

    def _address(self, end: int) -> str:
        return f"198.18.{os.getpid() % 256}.{4 * self.number + end}"

    def start(self, environment: Mapping[str, str], folder: Path, *words: str) -> "subprocess.Popen[bytes]":
        """Start a digestd command on the host; its output goes to `folder`/output."""
        program = Path(sys.executable).with_name("digestd")
        with (folder / "output").open("wb") as output:
            return subprocess.Popen(
                ["ip", "netns", "exec", self.name, str(program), *words],
                env={**os.environ, **environment},
                cwd=folder,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def cut_off(self) -> None:
        """Lose every packet from now on, as when a machine loses its power or its network."""
        _ip("link", "set", self.name, "down")

    def reconnect(self) -> None:
        """Connect the line again."""
        _ip("link", "set", self.name, "up")


@contextlib.contextmanager
def hosts(number: int) -> Iterator[list[Host]]:
    """Make hosts, and remove them."""
    made: list[Host] = []
    try:
        for each in range(number):
            host = Host(each)
            _ip("netns", "add", host.name)
            made.append(host)
            inside = ("netns", "exec", host.name, "ip")
            _ip("link", "add", host.name, "type", "veth", "peer", "name", "eth0", "netns", host.name)
            _ip("addr", "add", f"{host.centre}/30", "dev", host.name)
            _ip("link", "set", host.name, "up")
            _ip(*inside, "addr", "add", f"{host.address}/30", "dev", "eth0")
            _ip(*inside, "link", "set", "eth0", "up")
            _ip(*inside, "link", "set", "lo", "up")
        yield made
    finally:
        for host in made:
            subprocess.run(["ip", "link", "del", host.name], capture_output=True, check=False)
            subprocess.run(["ip", "netns", "del", host.name], capture_output=True, check=False)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)
