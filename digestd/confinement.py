"""How a process that reads strangers' bytes gives up what it does not need, and is spoken to.

For scripts run by their path, which import what they read with first and call `confine` then. Each
message is its length in 8 bytes and then so many bytes.
"""

import resource
import struct
import sys
from typing import BinaryIO

LENGTH = struct.Struct(">Q")
OUT_OF_MEMORY = 77
"""The exit status after which the parent says that memory ran out."""
FILES = 16
"""Open files: encodings and time zones may have to be looked up."""
_FORBIDDEN = (
    "socket.",
    "subprocess.",
    "os.exec",
    "os.fork",
    "os.posix_spawn",
    "os.system",
    "os.spawn",
    "ctypes.",
    "pty.",
)


def receive(stream: BinaryIO, most: int | None = None) -> bytes | None:
    """The next message; None at the end, or when it is longer than `most`."""
    head = stream.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    (length,) = LENGTH.unpack(head)
    if most is not None and length > most:
        return None
    body = stream.read(length)
    return body if len(body) == length else None


def send(stream: BinaryIO, message: bytes) -> None:
    """Write one message whole."""
    stream.write(LENGTH.pack(len(message)))
    stream.write(message)
    stream.flush()


def confine(memory: int) -> None:
    """Give up what reading does not need; nothing in this process can take it back. `memory` in bytes."""
    for limit, most in [
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_NOFILE, FILES),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ]:
        resource.setrlimit(limit, (most, most))
    sys.addaudithook(_refuse)


def allow(seconds: int) -> None:
    """So much processor time from now on; then the kernel ends this process (SIGXCPU)."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + 1 + seconds, resource.RLIM_INFINITY))


def _refuse(event: str, _arguments: tuple[object, ...]) -> None:
    if event.startswith(_FORBIDDEN):
        raise PermissionError(f"{event} has no place in reading an answer")
