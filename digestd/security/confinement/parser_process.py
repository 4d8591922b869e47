"""The service's side of a parser process: start it, exchange messages with it, end it.

Nothing that a parser process says is trusted once it has read a stranger's bytes. Its report comes before those.
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
from digestd.security.confinement import probe as probing
from digestd.security.confinement.framing import receive, send
from digestd.security.confinement.report import Confinement, parse_report

REPORT_MAX = 10_000
PROBE_MEMORY = 512_000_000
PROBE_SECONDS = 30.0


class ConfinementFailed(DigestdError):
    """A parser process could not be started or confined."""


class ParserProcess:
    """A parser process.

    It inherits nothing: no environment but `environment`, no descriptors but three pipes, no session, no folder.
    """

    def __init__(
        self,
        script: str,
        arguments: Sequence[str],
        environment: Mapping[str, str] | None = None,
        capture_stderr: bool = False,
    ) -> None:
        """Start `script` by its path; its arguments are the folder of digestd, then `arguments`."""
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
        """True if it has not ended."""
        return self.process.poll() is None

    def send(self, *messages: bytes) -> None:
        """Send messages. Raises OSError if it has ended."""
        for message in messages:
            send(self._input, message)

    def receive(self, most: int) -> bytes | None:
        """Return its next answer; None if it has ended, or if the answer is longer than `most` bytes."""
        return None if self._first() is None else receive(self._output, most)

    def confinement(self) -> Confinement:
        """Return what is shut to it. Raises ConfinementFailed if it ended before it said so."""
        try:
            return parse_report(self._first() or b"")
        except (ValueError, TypeError, KeyError) as error:
            self.kill()
            code = self.process.wait()
            raise ConfinementFailed(
                f"the process that parses strangers' files does not start (status {code})"
            ) from error

    def kill(self) -> None:
        """Kill it; whoever waits for its answer gets none."""
        self.process.kill()

    def end(self) -> None:
        """Kill it and release everything it held."""
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
    """Return what is shut to parsers on this machine. Raises ConfinementFailed if none can be started."""
    child = ParserProcess(probing.__file__, [str(PROBE_MEMORY)])
    watch = Timer(PROBE_SECONDS, child.kill)
    watch.start()
    try:
        return child.confinement()
    finally:
        watch.cancel()
        child.end()
