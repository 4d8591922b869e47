"""A name server on this machine with invented records, for programs that judge mail."""

import contextlib
import socket
import threading
from collections.abc import Iterator, Mapping

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rrset

_TTL = 300


@contextlib.contextmanager
def name_server(records: Mapping[tuple[str, str], str]) -> Iterator[int]:
    """Answer queries on a UDP port of 127.0.0.1.

    Args:
        records: Values by name and type; every other name does not exist.

    Yields:
        The port.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.settimeout(0.2)
        ended = threading.Event()
        thread = threading.Thread(target=_serve, args=(listening, records, ended))
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            ended.set()
            thread.join()


def _serve(listening: socket.socket, records: Mapping[tuple[str, str], str], ended: threading.Event) -> None:
    while not ended.is_set():
        with contextlib.suppress(TimeoutError):
            packet, client = listening.recvfrom(4096)
            listening.sendto(_answer(packet, records), client)


def _answer(packet: bytes, records: Mapping[tuple[str, str], str]) -> bytes:
    query = dns.message.from_wire(packet)
    answer = dns.message.make_response(query, recursion_available=True)
    question = query.question[0]
    name = question.name.to_text(omit_final_dot=True).lower()
    kind = dns.rdatatype.to_text(question.rdtype)
    if (name, kind) in records:
        answer.answer.append(dns.rrset.from_text(question.name, _TTL, question.rdclass, kind, records[name, kind]))
    elif not any(known == name or known.endswith(f".{name}") for known, _ in records):
        answer.set_rcode(dns.rcode.NXDOMAIN)
    return answer.to_wire()
