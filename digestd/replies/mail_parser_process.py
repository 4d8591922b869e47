"""Run the parser of inbound mails in a confined process.

Run by path, not as a module, so that it imports only the parsers. For each mail it receives the envelope recipients as
JSON and then the raw mail; it answers in JSON, which cannot carry code.
"""

import gc
import json
import os
import sys
from dataclasses import asdict


def main() -> None:
    """Answer requests until standard input ends.

    Command line arguments: import path of digestd, CPU seconds per mail, bytes of memory.
    """
    gc.disable()  # collecting during imports takes 5 % of the start and finds nothing
    root, cpu, memory = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    sys.path.insert(0, root)
    from digestd.replies.inbound_mail import parse_inbound_mail  # noqa: PLC0415  # needs the path; nothing loads later
    from digestd.security.confinement import confine, limit_cpu, receive, send, send_report  # noqa: PLC0415  # likewise

    parse_inbound_mail(
        b"From: =?latin-1?q?a?= <a@example.org>\nContent-Type: text/html\n\n<p>a"
    )  # load what the parser imports on first use, before imports are blocked
    gc.enable()
    send_report(sys.stdout.buffer, confine(memory))
    while (sent_to := receive(sys.stdin.buffer)) is not None:
        raw = receive(sys.stdin.buffer) or b""
        limit_cpu(cpu)
        send(sys.stdout.buffer, json.dumps(_parse(raw, tuple(json.loads(sent_to)))).encode())


def _parse(raw: bytes, sent_to: tuple[str, ...]) -> object:
    from digestd.replies.inbound_mail import parse_inbound_mail  # noqa: PLC0415  # the path had to be set first
    from digestd.security.confinement import OUT_OF_MEMORY  # noqa: PLC0415  # likewise

    try:
        return [asdict(part) for part in parse_inbound_mail(raw, sent_to)]
    except MemoryError:
        os._exit(OUT_OF_MEMORY)
    except Exception as error:  # a parser bug must not end the process
        return {"error": type(error).__name__}


if __name__ == "__main__":
    main()
