"""A minimal IMAP server over TLS: one account, one folder, flags, expunge."""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tests.support.postgres import free_port

USER, PASSWORD = "bounce", "a pass word/with:signs"


@dataclass
class ImapServer:
    """An IMAP server. `mails` and `flags` are by UID, `offers` are its capabilities."""

    mails: dict[int, bytes] = field(default_factory=dict)
    flags: dict[int, set[str]] = field(default_factory=dict)
    offers: str = "IMAP4rev1 UIDPLUS"
    refuses: str = ""
    port: int = field(default_factory=free_port)
    commands: list[str] = field(default_factory=list)

    def put(self, *raws: bytes) -> None:
        """Add new mails."""
        for raw in raws:
            uid = max(self.mails, default=0) + 1
            self.mails[uid], self.flags[uid] = raw, set()

    @asynccontextmanager
    async def serving(self, context: ssl.SSLContext) -> AsyncIterator["ImapServer"]:
        """Listen on 127.0.0.1."""
        server = await asyncio.start_server(self._session, "127.0.0.1", self.port, ssl=context)
        async with server:
            yield self

    async def _session(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(f"* OK [CAPABILITY {self.offers}] ready\r\n".encode())
        while line := (await reader.readline()).decode().rstrip():
            tag, _, command = line.partition(" ")
            self.commands.append(command)
            verb = command.split(" ")[0].upper()
            if verb == self.refuses:
                writer.write(f"{tag} NO refused\r\n".encode())
            else:
                for piece in self._answer(command):
                    writer.write(piece)
                writer.write(f"{tag} OK done\r\n".encode())
            await writer.drain()
            if verb == "LOGOUT":
                break
        writer.close()

    def _answer(self, command: str) -> list[bytes]:
        verb, _, rest = command.partition(" ")
        if verb.upper() == "CAPABILITY":
            return [f"* CAPABILITY {self.offers}\r\n".encode()]
        if verb.upper() == "SELECT":
            return [f"* {len(self.mails)} EXISTS\r\n".encode()]
        if verb.upper() == "LOGOUT":
            return [b"* BYE\r\n"]
        if verb.upper() == "EXPUNGE":
            self._expunge(set(self.mails))
        return self._by_uid(rest) if verb.upper() == "UID" else []

    def _by_uid(self, rest: str) -> list[bytes]:
        verb, _, words = rest.partition(" ")
        if verb == "SEARCH":
            left = {uid: flags for uid, flags in self.flags.items() if "\\Deleted" not in flags}
            new = [uid for uid, flags in left.items() if ("\\Flagged" if "FLAGGED" in words else "\\Seen") in flags]
            new = new if "FLAGGED" in words else [uid for uid in left if uid not in new]
            return [f"* SEARCH {' '.join(map(str, new))}\r\n".encode()]
        uids, _, what = words.partition(" ")
        uid = int(uids.split(",")[0])
        if verb == "STORE":
            self.flags[uid] |= set(re.findall(r"\\\w+", what))
        if verb == "EXPUNGE":
            self._expunge({int(one) for one in uids.split(",")})
        if verb != "FETCH":
            return []
        raw = self.mails[uid]
        if "INTERNALDATE" in what:
            return [f'* {uid} FETCH (UID {uid} INTERNALDATE "24-Nov-2026 10:00:00 +0000")\r\n'.encode()]
        if "SIZE" in what:
            return [f"* {uid} FETCH (UID {uid} RFC822.SIZE {len(raw)})\r\n".encode()]
        return [f"* {uid} FETCH (UID {uid} BODY[] {{{len(raw)}}}\r\n".encode(), raw, b")\r\n"]

    def _expunge(self, among: set[int]) -> None:
        for uid in [uid for uid in among if "\\Deleted" in self.flags.get(uid, ())]:
            del self.mails[uid], self.flags[uid]
