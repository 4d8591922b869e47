"""Messages between a parser process and the service.

The length in 8 bytes, then the content.
"""

import struct
from typing import BinaryIO

LENGTH = struct.Struct(">Q")


def receive(stream: BinaryIO, most: int | None = None) -> bytes | None:
    """Return the next message.

    None at the end of the stream, or if it is longer than `most` bytes.
    """
    head = stream.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    (length,) = LENGTH.unpack(head)
    if most is not None and length > most:
        return None
    body = stream.read(length)
    return body if len(body) == length else None


def send(stream: BinaryIO, message: bytes) -> None:
    """Write one complete message and flush it."""
    stream.write(LENGTH.pack(len(message)))
    stream.write(message)
    stream.flush()
