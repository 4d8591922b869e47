"""A relay that accepts and discards every mail, and a fast sender.

The sender reaches the speed limit of the protocol.

Postfix's smtp-sink and smtp-source if they are installed. Otherwise a built-in sink, which counts mails but is too
slow for a ratio.
"""

import asyncio
import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
_PATH = f"{os.environ.get('PATH', '')}:/usr/local/sbin:/usr/sbin:/sbin"
_COUNTED = re.compile(r"mesg=(\d+)")


@dataclass(frozen=True, slots=True)
class Sink:
    """A running sink; `kind` is "smtp-sink" or "built-in"."""

    kind: str
    port: int
    pid: int
    log: Path

    @property
    def url(self) -> str:
        """Return its address as a transport URL."""
        return f"smtp://127.0.0.1:{self.port}"

    @property
    def count(self) -> int:
        """Return the number of mails that it has accepted."""
        found = _COUNTED.findall(self.log.read_text(errors="replace"))
        return int(found[-1]) if found else 0

    @property
    def cpu(self) -> float:
        """Return the CPU seconds that it has used."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS


def find_program(name: str) -> str | None:
    """Return the path of one of Postfix's programs; None if it is not installed."""
    return shutil.which(name, path=_PATH)


@contextlib.contextmanager
def run_sink(folder: Path) -> Iterator[Sink]:
    """Run a sink on a free port of 127.0.0.1 until the end of the block."""
    port, log = _free_port(), folder / "sink.log"
    program = find_program("smtp-sink")
    as_nobody = ["-u", "nobody"] if os.geteuid() == 0 else []
    command = [program, *as_nobody, "-c", f"127.0.0.1:{port}", "1000"] if program else _builtin_command(port)
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out)  # noqa: S603  # no word of it is anybody's input
        try:
            _wait_until_listening(port)
            yield Sink("smtp-sink" if program else "built-in", port, process.pid, log)
        finally:
            process.terminate()
            process.wait(10)


def run_smtp_source(to: Sink, mail: Path, count: int) -> tuple[float, float]:
    """Send mails with smtp-source in 16 sessions; return wall-clock and CPU seconds."""
    program = find_program("smtp-source")
    if program is None:
        raise FileNotFoundError("smtp-source")
    command = [program, "-4", "-s", "16", "-d", "-F", str(mail), "-m", str(count), f"127.0.0.1:{to.port}"]
    began = time.perf_counter()
    process = subprocess.Popen(command)  # noqa: S603  # no word of it is anybody's input
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"smtp-source ended with {process.returncode}")
    return time.perf_counter() - began, usage.ru_utime + usage.ru_stime


async def serve(port: int) -> None:
    """Run the built-in sink.

    Answer 250 to all commands and 354 to DATA, and print the count after each mail.
    """
    taken = 0

    async def session(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal taken
        writer.write(b"220 sink ESMTP\r\n")
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                line = (await reader.readuntil(b"\r\n")).upper()
                if line.startswith(b"DATA"):
                    writer.write(b"354 go on\r\n")
                    await reader.readuntil(b"\r\n.\r\n")
                    taken += 1
                    print(f"mesg={taken}", flush=True)  # noqa: T201  # read by `Sink.count`
                writer.write(b"221 bye\r\n" if line.startswith(b"QUIT") else b"250 ok\r\n")
                if line.startswith(b"QUIT"):
                    break
        writer.close()

    server = await asyncio.start_server(session, "127.0.0.1", port, limit=2**22)
    async with server:
        await server.serve_forever()


def _builtin_command(port: int) -> list[str]:
    code = f"import asyncio; from digestd.evaluation.bench.smtp_sink import serve; asyncio.run(serve({port}))"
    return [sys.executable, "-c", code]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_listening(port: int) -> None:
    for _ in range(200):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise TimeoutError(f"the sink does not listen on port {port}")
