"""The process that reads answers: it has no secrets, little memory, little time and nothing to write to.

Run by its path, not as a module, so that it loads the sources and nothing else of digestd. It reads
requests on its standard input and answers on its standard output, each message as its length in
8 bytes and then so many bytes. Requests are pickles, as the parent is trusted here. Answers are
JSON, as the parent trusts nobody who has read a stranger's bytes: JSON can hold no code.
"""

import json
import os
import pickle
import resource
import struct
import sys
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    from digestd.domain.paper import Sighting
    from digestd.sources import Page

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


def main() -> None:
    """Answer requests until the input ends; `argv`: where digestd is, CPU seconds an answer, bytes of memory."""
    root, cpu, memory = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    sys.path.insert(0, root)
    import digestd.sources  # noqa: F401, PLC0415  # the path had to be set first; loaded before the limits

    _confine(memory)
    source: Any = None
    while (packed := receive(sys.stdin.buffer)) is not None:
        source = pickle.loads(packed) if packed else source  # noqa: S301  # from the parent, which is trusted here
        cursor = json.loads(receive(sys.stdin.buffer) or b"null")
        body = receive(sys.stdin.buffer) or b""
        _allow(cpu)
        for message in _answer(source, body, cursor):
            send(sys.stdout.buffer, message)


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


def _confine(memory: int) -> None:
    """Give up what reading does not need; nothing in this process can take it back."""
    for limit, most in [
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_NOFILE, FILES),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ]:
        resource.setrlimit(limit, (most, most))
    sys.addaudithook(_refuse)


def _refuse(event: str, _arguments: tuple[object, ...]) -> None:
    if event.startswith(_FORBIDDEN):
        raise PermissionError(f"{event} has no place in reading an answer")


def _allow(seconds: int) -> None:
    """So much processor time from now on; then the kernel ends this process (SIGXCPU)."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + 1 + seconds, resource.RLIM_INFINITY))


def _answer(source: Any, body: bytes, cursor: str | None) -> tuple[bytes, bytes]:
    """The page in two messages; or what is wrong, and nothing."""
    from digestd.errors import DigestdError  # noqa: PLC0415  # the path had to be set first

    try:
        return encode(source.parse(body, cursor))
    except DigestdError as error:
        why = str(error)
    except MemoryError:
        os._exit(OUT_OF_MEMORY)
    except Exception as error:  # whatever a parser did not foresee
        why = f"the answer cannot be read ({type(error).__name__}: {str(error)[:100]})"
    return json.dumps({"failed": why}).encode(), b""


def encode(page: "Page") -> tuple[bytes, bytes]:
    """A page as JSON lists, in the order in which reader.py takes them apart, and its long texts joined.

    The texts are most of a page: as JSON they would take twice as long.
    """
    texts = [text for sighting in page.sightings for text in (sighting.words.title, sighting.words.abstract)]
    rejects = [(reject.where, reject.field, reject.message) for reject in page.rejects]
    rest = [_rest(sighting) for sighting in page.sightings]
    frame = [rest, [len(text) for text in texts], rejects, page.next, page.total, page.day and page.day.isoformat()]
    return json.dumps(frame).encode(), "".join(texts).encode("utf-8", "surrogatepass")


def _rest(sighting: "Sighting") -> tuple[object, ...]:
    return (
        sighting.ids,
        sighting.words.authors,
        sighting.words.categories,
        sighting.published and sighting.published.isoformat(),
        sighting.version,
        sighting.announced,
        sighting.url,
        dict(sighting.links),
        dict(sighting.signals),
        sighting.day and sighting.day.isoformat(),
        sighting.withdrawn,
    )


if __name__ == "__main__":
    main()
