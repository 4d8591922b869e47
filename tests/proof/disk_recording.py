"""Recorded writes and syncs, and the possible disk states after a power cut.

A write is durable once a sync of its file has ended. Until then a power cut may keep it, lose it, or keep some of its
sectors, and it may keep later writes without earlier ones. A renaming is durable once a sync of its folder has ended; a
power cut keeps it or loses it.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

CALLS = ("pwrite64", "fdatasync", "fsync", "ftruncate", "unlink", "rename", "sendto")
OPTIONS = ["-y", "-xx", "-s", "1000000", "-e", f"trace={','.join(CALLS)}"]
"""strace: print names of files, and complete contents in hexadecimal."""
SECTOR = 512
_LINE = re.compile(r'^(\d+) +(\w+)\((?:(\d+)<(.*?)>(?=[,) ])|"([^"]*)")(?:, (.*))?')
_DONE = re.compile(r"^(\d+) +<\.\.\. (\w+) resumed>.* = (-?\d+)")
_MESSAGE = re.compile(rb"^Message-ID: (\S+)\r\n.*?\r\n\.\r\n", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Write:
    """Bytes written at an offset of a file; None truncates the file there."""

    file: Path
    offset: int
    data: bytes | None


@dataclass(frozen=True)
class Sync:
    """A sync of a file: everything written to it is durable."""

    file: Path


@dataclass(frozen=True)
class Removal:
    """The removal of a file."""

    file: Path


@dataclass(frozen=True)
class Renaming:
    """The renaming of a file, which replaces the file that had the new name."""

    file: Path
    to: Path


@dataclass(frozen=True)
class Replacement:
    """A file's content, all of it, by renaming another file."""

    file: Path
    data: bytes


@dataclass(frozen=True)
class SentMail:
    """The last byte of a mail, sent to the relay."""

    message_id: str


Change = Write | Removal | Replacement
Event = Write | Sync | Removal | Renaming | SentMail


def read_events(log: Path) -> list[Event]:
    """Return the events of a run in order; a sync counts when it has ended."""
    return list(_events(log.read_text(errors="replace").splitlines()))


@dataclass
class Disk:
    """Durable file contents, and pending changes that may be lost."""

    sure: dict[Path, bytes]
    pending: dict[Path, list[Change]] = field(default_factory=dict)

    def do(self, event: Event) -> None:
        """Apply one event."""
        match event:
            case Write() | Removal():
                self.pending.setdefault(event.file, []).append(event)
            case Renaming(file, to):
                self.pending.pop(file, None)
                self.pending.setdefault(to, []).append(Replacement(to, self.sure.pop(file, b"")))
            case Sync(synced):
                renamed = {file for file, done in self.pending.items() if isinstance(done[-1], Replacement)}
                for file in [
                    file for file in self.pending if file == synced or (file in renamed and file.parent == synced)
                ]:
                    content = self.sure.get(file, b"")
                    for done in self.pending.pop(file):
                        content = _apply(content, done)
                    self.sure[file] = content

    def cut(self, rng: Random) -> dict[Path, bytes]:
        """Return one of the states that a power cut may leave."""
        left = dict(self.sure)
        for file, events in self.pending.items():
            content = left.get(file, b"")
            for event in events:
                content = _apply_partly(content, event, rng)
            if content or file in left or not isinstance(events[-1], Replacement):
                left[file] = content  # a renaming that was lost leaves no file
        return left


def power_cuts(
    events: Iterable[Event], before: Mapping[Path, bytes], rng: Random
) -> Iterator[tuple[set[str], dict[Path, bytes]]]:
    """Yield the sent Message-IDs and the files for a cut after each event."""
    disk, sent = Disk(dict(before)), set[str]()
    for event in events:
        if isinstance(event, SentMail):
            sent.add(event.message_id)
        disk.do(event)
        yield set(sent), disk.cut(rng)


def _apply(content: bytes, event: Change) -> bytes:
    if isinstance(event, Removal):
        return b""
    if isinstance(event, Replacement):
        return event.data
    before = content[: event.offset].ljust(event.offset, b"\0")
    return before if event.data is None else before + event.data + content[event.offset + len(event.data) :]


def _apply_partly(content: bytes, event: Change, rng: Random) -> bytes:
    fate = rng.random()
    if fate < 0.4:
        return content
    if fate < 0.8 or not isinstance(event, Write) or event.data is None:
        return _apply(content, event)
    for start in range(0, len(event.data), SECTOR):
        if rng.random() < 0.5:
            content = _apply(content, Write(event.file, event.offset + start, event.data[start : start + SECTOR]))
    return content


def _events(lines: Iterable[str]) -> Iterator[Event]:
    waiting: dict[tuple[str, str], Path] = {}
    streams: dict[str, bytes] = {}
    for line in lines:
        if resumed := _DONE.match(line):
            yield from _finished_sync(waiting, *resumed.groups())
        elif found := _LINE.match(line):
            thread, call, _, name, quoted, rest = found.groups()
            if call == "sendto":
                yield from _sent_mails(streams, name, _bytes(rest))
            elif call not in {"fdatasync", "fsync"}:
                yield _file_event(call, _path(name or quoted), rest or "")
            else:
                waiting[thread, call] = _path(name)
                if not line.endswith("<unfinished ...>"):
                    yield from _finished_sync(waiting, thread, call, line.rpartition("= ")[2])


def _finished_sync(waiting: dict[tuple[str, str], Path], thread: str, call: str, result: str) -> Iterator[Sync]:
    file = waiting.pop((thread, call), None)
    if file is not None and result == "0":
        yield Sync(file)


def _file_event(call: str, file: Path, rest: str) -> Event:
    match call:
        case "pwrite64":
            offset = int(rest.rpartition('"')[2].split(",")[2].split(")")[0].split()[0])
            return Write(file, offset, _bytes(rest))
        case "ftruncate":
            return Write(file, int(rest.split(")")[0].split()[0]), None)
        case "rename":
            return Renaming(file, _path(rest.split('"')[1]))
        case _:
            return Removal(file)


def _sent_mails(streams: dict[str, bytes], socket: str, data: bytes) -> Iterator[SentMail]:
    stream = streams.get(socket, b"") + data
    end = 0
    for found in _MESSAGE.finditer(stream):
        end = found.end()
        yield SentMail(found[1].decode())
    streams[socket] = stream[end:]


def _path(quoted: str) -> Path:
    return Path(_unescape(quoted).decode())


def _bytes(rest: str) -> bytes:
    return _unescape(rest.split('"')[1])


def _unescape(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", "")) if text.startswith("\\x") else text.encode()
