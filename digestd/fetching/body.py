"""Read the body of an answer within limits, on the wire and once decompressed.

Bodies are decompressed piece by piece: otherwise a gzip bomb of 64 kB on the wire
would fill 64 MB of memory before its size is known.
"""

import zlib
from collections.abc import AsyncIterator

from digestd.errors import SourceFailed

_GZIP_OR_ZLIB = 47
"""Window bits that make zlib read either form by its header."""
MEMBERS_MAX = 1_000
"""A packed body may be of several members; of many tiny ones each would cost as much as a large one."""


class TooLargeError(SourceFailed):
    """The body exceeds the limits. This does not count against its host."""


class TruncatedError(Exception):
    """The body ended early; a retry may help."""


class _Plain:
    """An uncompressed body."""

    is_complete = True

    def unpack(self, piece: bytes, limit: int) -> bytes | bytearray:
        return piece[:limit]


class _Packed:
    """A gzip or zlib body, of one or several members."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(_GZIP_OR_ZLIB)
        self._members = 1
        self._begun = False

    @property
    def is_complete(self) -> bool:
        return self._member.eof or not self._begun

    def unpack(self, piece: bytes, limit: int) -> bytes | bytearray:
        """Return at most `limit` bytes; the caller gives up at the limit."""
        found = bytearray()
        while piece and len(found) < limit:
            if self._member.eof:
                self._next_member()
            self._begun = True
            found += self._member.decompress(piece, limit - len(found))
            piece = self._member.unused_data or self._member.unconsumed_tail
        return found

    def _next_member(self) -> None:
        self._members += 1
        if self._members > MEMBERS_MAX:
            raise SourceFailed(f"the answer is packed as more than {MEMBERS_MAX} pieces")
        self._member = zlib.decompressobj(_GZIP_OR_ZLIB)


async def read_body(pieces: AsyncIterator[bytes], encoding: str, wire_max: int, body_max: int) -> bytes:
    """Return the whole body, decompressed.

    Raises:
        TooLargeError: It is larger than the limits.
        TruncatedError: It ends early.
        SourceFailed: It is packed in a way that we did not request.
    """
    unpacker = _unpacker(encoding)
    body = bytearray()
    wire = 0
    async for piece in pieces:
        wire += len(piece)
        if wire > wire_max:
            raise TooLargeError(f"the answer is larger than {wire_max // 1_000_000} MB")
        try:
            body += unpacker.unpack(piece, body_max - len(body) + 1)
        except zlib.error as error:
            raise TruncatedError(f"the answer cannot be unpacked ({error})") from error
        if len(body) > body_max:
            raise TooLargeError(f"the answer unpacks to more than {body_max // 1_000_000} MB")
    if not unpacker.is_complete:
        raise TruncatedError("the answer ended early")
    return bytes(body)


def _unpacker(encoding: str) -> _Plain | _Packed:
    if encoding in {"", "identity"}:
        return _Plain()
    if encoding in {"gzip", "x-gzip", "deflate"}:
        return _Packed()
    raise SourceFailed(f"the answer is packed as {encoding[:40]!r}, which we did not request")
