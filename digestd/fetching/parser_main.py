"""Main module of the parser process.

Parse answers, confined by `digestd.security.confinement`.

It is run by path, not as a module, so that it loads the sources and nothing else of digestd. Requests on standard
input are pickles, because the service is trusted here. Answers on standard output are JSON, which can hold no code:
the service does not trust a process that has parsed untrusted bytes.
"""

import gc
import json
import os
import pickle
import sys
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from digestd.sources.source import Page

_ON_DEMAND = ("pylatexenc.latexwalker._defaultspecs", "xml.sax.expatreader")
"""Modules that pylatexenc and feedparser import at the first use, which would be too late."""
_NICENESS = 10
"""Pages and mails come first."""
LONG_TEXTS = ("title", "abstract")
"""Fields whose texts follow the records; there the record holds the length in bytes."""


def main() -> None:
    """Answer requests until the input ends. The arguments are digestd's folder, CPU seconds, bytes of memory."""
    gc.disable()  # imports leave no garbage, and looking for it is a twentieth of the start
    root, cpu, memory = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    sys.path.insert(0, root)
    import digestd.domain.sighting_record  # noqa: PLC0415  # likewise
    import digestd.sources.imports  # noqa: F401, PLC0415  # the path had to be set first; nothing can be loaded later
    from digestd.security.confinement import confine, limit_cpu, receive, send, send_report  # noqa: PLC0415  # likewise
    from digestd.sources import REGISTRY  # noqa: PLC0415  # likewise
    from digestd.sources.source import Progress  # noqa: PLC0415  # likewise

    for kind in REGISTRY.values():
        kind.load()
    for module in _ON_DEMAND:
        import_module(module)
    gc.enable()
    with suppress(OSError):  # the filter of the systemd units forbids it
        os.nice(_NICENESS)
    Progress.report = lambda count: send(sys.stdout.buffer, b"%d" % count)  # type: ignore[method-assign]
    source: Any = None
    is_confined = False
    while (packed := receive(sys.stdin.buffer)) is not None:
        source = pickle.loads(packed) if packed else source  # noqa: S301  # from the service, which is trusted here
        if not is_confined:  # the first source may be of a module that is not loaded yet; its answer is still unread
            send_report(sys.stdout.buffer, confine(memory))
            is_confined = True
        cursor = json.loads(receive(sys.stdin.buffer) or b"null")
        body = receive(sys.stdin.buffer) or b""
        limit_cpu(cpu)
        for message in _answer(source, body, cursor):
            send(sys.stdout.buffer, message)


def _answer(source: Any, body: bytes, cursor: str | None) -> tuple[bytes, bytes]:
    """Return the page as two messages. If something is wrong, it is the first, and the second is empty."""
    from digestd.errors import DigestdError  # noqa: PLC0415  # likewise
    from digestd.security.confinement import OUT_OF_MEMORY  # noqa: PLC0415  # the path had to be set first

    try:
        return encode(source.parse(body, cursor))
    except DigestdError as error:
        why = str(error)
    except MemoryError:
        os._exit(OUT_OF_MEMORY)
    except Exception as error:  # whatever a parser did not foresee
        why = f"the answer cannot be read ({type(error).__name__}: {str(error)[:100]})"
    return _line({"failed": why}), b""


def encode(page: "Page") -> tuple[bytes, bytes]:
    """Return a page as JSON lines, and its long texts joined.

    `page_validation.decode` reads them.

    The texts are most of a page: as JSON they would take twice as long.
    """
    from digestd.domain.sighting_record import to_record  # noqa: PLC0415  # the path had to be set first

    head = [len(page.sightings), len(page.rejects), page.next, page.total, page.day and page.day.isoformat()]
    lines, texts = [_line(head)], []
    for sighting in page.sightings:
        record = to_record(sighting)
        for name in LONG_TEXTS:
            if name in record:
                texts.append(record[name].encode("utf-8", "surrogatepass"))
                record[name] = len(texts[-1])
        lines.append(_line(record))
    lines += [_line([reject.where, reject.field, reject.message]) for reject in page.rejects]
    return b"".join(lines), b"".join(texts)


def _line(value: object) -> bytes:
    return json.dumps(value).encode() + b"\n"


if __name__ == "__main__":
    main()
