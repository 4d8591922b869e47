"""The parser process for incoming mail, confined by `digestd.security.confinement`.

Run by its path, not as a module, so that it loads the forms of bounces and nothing else of digestd. It gets the
recipients of the envelope as JSON and then the mail, and answers with JSON, which can hold no code.
"""

import gc
import json
import os
import sys
from dataclasses import asdict


def main() -> None:
    """Answer requests until the input ends; the arguments are digestd's folder, CPU seconds, bytes of memory."""
    gc.disable()  # imports leave no garbage, and looking for it is a twentieth of the start
    root, cpu, memory = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    sys.path.insert(0, root)
    from digestd.replies.commands.reading import read  # noqa: PLC0415  # the path is set now; later nothing can be loaded
    from digestd.security.confinement.framing import receive, send  # noqa: PLC0415  # likewise
    from digestd.security.confinement.sandbox import confine, limit_cpu  # noqa: PLC0415  # likewise

    read(
        b"From: =?latin-1?q?a?= <a@example.org>\nContent-Type: text/html\n\n<p>a"
    )  # loads what the parser loads only when it is used
    gc.enable()
    send(sys.stdout.buffer, confine(memory).to_json())
    while (sent_to := receive(sys.stdin.buffer)) is not None:
        raw = receive(sys.stdin.buffer) or b""
        limit_cpu(cpu)
        send(sys.stdout.buffer, json.dumps(_answer(raw, tuple(json.loads(sent_to)))).encode())


def _answer(raw: bytes, sent_to: tuple[str, ...]) -> dict[str, object]:
    from digestd.replies.commands.reading import read  # noqa: PLC0415  # the path had to be set first
    from digestd.security.confinement.sandbox import OUT_OF_MEMORY  # noqa: PLC0415  # likewise

    try:
        reading, letter = read(raw, sent_to)
        return {"reading": asdict(reading), "letter": asdict(letter)}
    except MemoryError:
        os._exit(OUT_OF_MEMORY)
    except Exception as error:  # whatever a parser did not foresee
        return {"failed": type(error).__name__}


if __name__ == "__main__":
    main()
