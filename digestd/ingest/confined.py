"""The process that reads answers: it has no secrets, little memory, little time and nothing to write to.

Run by its path, not as a module, so that it loads the sources and nothing else of digestd. It reads
requests on its standard input and answers on its standard output, as `confinement` frames them.
Requests are pickles, as the parent is trusted here. Answers are JSON, as the parent trusts nobody
who has read a stranger's bytes: JSON can hold no code.
"""

import json
import os
import pickle
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from digestd.domain.paper import Sighting
    from digestd.sources import Page


def main() -> None:
    """Answer requests until the input ends; `argv`: where digestd is, CPU seconds an answer, bytes of memory."""
    root, cpu, memory = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    sys.path.insert(0, root)
    import digestd.sources.imports  # noqa: F401, PLC0415  # the path had to be set first; loaded before the limits
    from digestd.confinement import allow, confine, receive, send  # noqa: PLC0415  # likewise
    from digestd.sources import REGISTRY  # noqa: PLC0415  # likewise

    for kind in REGISTRY.values():
        kind.load()
    confine(memory)
    source: Any = None
    while (packed := receive(sys.stdin.buffer)) is not None:
        source = pickle.loads(packed) if packed else source  # noqa: S301  # from the parent, which is trusted here
        cursor = json.loads(receive(sys.stdin.buffer) or b"null")
        body = receive(sys.stdin.buffer) or b""
        allow(cpu)
        for message in _answer(source, body, cursor):
            send(sys.stdout.buffer, message)


def _answer(source: Any, body: bytes, cursor: str | None) -> tuple[bytes, bytes]:
    """The page in two messages; or what is wrong, and nothing."""
    from digestd.confinement import OUT_OF_MEMORY  # noqa: PLC0415  # the path had to be set first
    from digestd.errors import DigestdError  # noqa: PLC0415  # likewise

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
