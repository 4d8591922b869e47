"""Start a parser process, exchange messages with it, and end it.

Its report is trusted, as it comes before the untrusted bytes; nothing that it sends afterwards is.
"""

import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Timer
from typing import BinaryIO, cast

import digestd
from digestd.errors import DigestdError
from digestd.security import confinement
from digestd.security.confinement import Confinement, read_report, receive, send

REPORT_MAX = 10_000
PROBE_MEMORY = 512_000_000
PROBE_SECONDS = 30.0


class ConfinementFailed(DigestdError):
    """A parser process could not be started or confined."""


class ParserProcess:
    """A parser process.

    It inherits nothing: only `environment`, three pipes as descriptors, and its own session in the root folder.
    """

    def __init__(
        self,
        script: str,
        arguments: Sequence[str],
        environment: Mapping[str, str] | None = None,
        capture_stderr: bool = False,
    ) -> None:
        """Start `script` by its path. Its arguments are the folder of digestd, then `arguments`."""
        root = Path(digestd.__file__).parents[1]
        self.process = subprocess.Popen(  # noqa: S603  # our own interpreter and file
            [sys.executable, "-I", script, str(root), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if capture_stderr else subprocess.DEVNULL,
            env=dict(environment or {}),
            cwd="/",
            umask=0o077,
            start_new_session=True,
        )
        self._input = cast(BinaryIO, self.process.stdin)
        self._output = cast(BinaryIO, self.process.stdout)
        self._report: bytes | None = None

    @property
    def is_alive(self) -> bool:
        return self.process.poll() is None

    def send(self, *messages: bytes) -> None:
        """Send messages.

        Raises:
            OSError: it has ended.
        """
        for message in messages:
            send(self._input, message)

    def receive(self, most: int) -> bytes | None:
        """Return its next answer. None if it has ended, or if the answer is longer than `most` bytes."""
        return None if self._first() is None else receive(self._output, most)

    def confinement(self) -> Confinement:
        """Return its report.

        Raises:
            ConfinementFailed: it ended before it sent one.
        """
        try:
            return read_report(self._first() or b"")
        except (ValueError, TypeError) as error:
            self.kill()
            code = self.process.wait()
            raise ConfinementFailed(
                f"the process that parses strangers' files does not start (status {code})"
            ) from error

    def kill(self) -> None:
        self.process.kill()

    def end(self) -> None:
        """Kill it and release its pipes."""
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            with suppress(OSError):
                if stream is not None:
                    stream.close()

    def _first(self) -> bytes | None:
        if self._report is None:
            self._report = receive(self._output, REPORT_MAX)
        return self._report


def probe() -> Confinement:
    """Return the report of a new parser process.

    Raises:
        ConfinementFailed: none can be started.
    """
    child = ParserProcess(confinement.__file__, [str(PROBE_MEMORY)])
    watch = Timer(PROBE_SECONDS, child.kill)
    watch.start()
    try:
        return child.confinement()
    finally:
        watch.cancel()
        child.end()
