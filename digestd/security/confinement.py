"""Confine a process that parses untrusted bytes, and exchange messages with it.

A parser script runs by its path, imports everything that parsing needs, and calls `confine` before it reads its first
untrusted byte. Afterwards it can open no file and import no further module. Run as a script, this module confines
itself, sends its report and ends.

Three layers limit the process, and each is applied where the system has it: another user if the service runs as root,
resource limits, and Landlock (https://docs.kernel.org/userspace-api/landlock.html). `parser_process` adds an empty
environment and no descriptors but three pipes. Filters of system calls belong to the systemd unit and the container.

Landlock is called through ctypes: its bindings on PyPI are not maintained, and the kernel's interface is two calls.
"""

import codecs
import ctypes
import errno
import json
import os
import resource
import signal
import struct
import sys
from importlib.machinery import BuiltinImporter, FrozenImporter
from pathlib import Path
from typing import BinaryIO, NamedTuple

OUT_OF_MEMORY = 77
"""Exit status of a parser process that ran out of memory."""
NOBODY = 65534
"""User and group of parsers where the service runs as root: the kernel's overflow id, which owns no files."""
CODECS = """
    ascii latin-1 utf-8 utf-8-sig utf-7 utf-16 utf-16-le utf-16-be utf-32 utf-32-le utf-32-be idna punycode
    iso8859-2 iso8859-3 iso8859-4 iso8859-5 iso8859-6 iso8859-7 iso8859-8 iso8859-9 iso8859-10 iso8859-13 iso8859-14
    iso8859-15 iso8859-16 cp437 cp850 cp866 cp874 tis-620 koi8-r koi8-u mac-roman mac-cyrillic
    cp1250 cp1251 cp1252 cp1253 cp1254 cp1255 cp1256 cp1257 cp1258
    gb2312 gbk gb18030 hz big5 big5hkscs cp950 shift_jis cp932 euc-jp iso-2022-jp euc-kr cp949 iso-2022-kr
    raw_unicode_escape
""".split()  # noqa: SIM905  # a name a line would take a page
"""Encodings that mails and feeds use: those of the WHATWG Encoding Standard, and what the email package needs."""
LANDLOCK_CREATE_RULESET, _LANDLOCK_RESTRICT_SELF = 444, 446
"""Numbers of the system calls, the same on all architectures."""
_LANDLOCK_VERSION = 1
_FILES = {1: (1 << 13) - 1, 2: 1 << 13, 3: 1 << 14, 5: 1 << 15, 9: 1 << 16}
"""Rights by the version of the interface that added them: execute … make_sym, refer, truncate, ioctl, unix sockets."""
_NETWORK = {4: 0b11, 10: 0b1100}
"""Bind and connect over TCP; over UDP."""
_SCOPES = {6: 0b11}
"""Abstract UNIX sockets and signals, to processes that are not confined along with this one."""
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 1, 4, 38
_SETGID, _SETUID, _KILL = 6, 7, 5
"""Capabilities, by their number. A service without CAP_KILL could not end a child of another user."""
_PIPES = 3
_LENGTH = struct.Struct(">Q")


class Confinement(NamedTuple):
    """The layers that confine a parser process, and a sentence for each that is missing."""

    layers: tuple[str, ...]
    gaps: tuple[str, ...]


class _Ruleset(ctypes.Structure):
    """struct landlock_ruleset_attr: the rights that are denied, as no rule grants them."""

    _fields_ = (("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scopes", ctypes.c_uint64))


def confine(memory: int) -> Confinement:
    """Give up, for good, every right that parsing does not need.

    Args:
        memory: limit of the address space in bytes.
    """
    for name in CODECS:
        codecs.lookup(name)
    sys.meta_path[:] = [BuiltinImporter, FrozenImporter]  # a module that is not loaded yet gives ImportError
    layers, gaps = ["resource limits"], []
    if os.geteuid() == 0:
        if problem := leave_root():
            gaps.append(f"parsers run as root: {problem}; run the service as an ordinary user")
        else:
            layers.append(f"user {NOBODY}")
    if sys.platform == "linux":
        _prctl(_PR_SET_DUMPABLE, 0)
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        try:
            layers.append(f"Landlock {restrict_with_landlock()}")
        except OSError as error:
            gaps.append(f"parsers can change files and start programs: {_why_no_landlock(error)}")
    else:
        gaps.append(f"parsers can change files and start programs: {sys.platform} has no Landlock; use Linux")
    limit_resources(memory)
    return Confinement(tuple(layers), tuple(gaps))


def limit_cpu(seconds: int) -> None:
    """Limit the CPU time from now on; the kernel then ends this process with SIGXCPU."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + 1 + seconds, resource.RLIM_INFINITY))


def limit_resources(memory: int) -> None:
    """Allow no new descriptors, written files, processes or core dumps, and limit the memory."""
    for limit, most in [
        (resource.RLIMIT_NOFILE, _PIPES),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_AS, memory),
    ]:
        resource.setrlimit(limit, (most, most))


def leave_root() -> str:
    """Change from root to another user; return the reason if that is impossible, or ""."""
    if not _can_change_user():
        return "the service is root without the capabilities SETUID, SETGID and KILL"
    try:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    except OSError as error:
        return f"user {NOBODY} cannot be used ({error.strerror})"
    return ""


def landlock_version() -> int:
    return _syscall(LANDLOCK_CREATE_RULESET, None, 0, _LANDLOCK_VERSION)


def restrict_with_landlock() -> int:
    """Deny this thread and its children all that Landlock can deny; return the interface's version.

    Open descriptors stay usable.

    Raises:
        OSError: the kernel has no Landlock, or refuses it.
    """
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    found = landlock_version()
    rules = _Ruleset(*(_sum_up_to(found, rights) for rights in (_FILES, _NETWORK, _SCOPES)))
    ruleset = _syscall(LANDLOCK_CREATE_RULESET, ctypes.byref(rules), ctypes.sizeof(rules), 0)
    try:
        _syscall(_LANDLOCK_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)
    return found


def receive(stream: BinaryIO, most: int | None = None) -> bytes | None:
    """Return the next message; None at the end of the stream, or if it is longer than `most` bytes."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    if most is not None and length > most:
        return None
    body = stream.read(length)
    return body if len(body) == length else None


def send(stream: BinaryIO, message: bytes) -> None:
    """Write one complete message, its length in 8 bytes before it, and flush it."""
    stream.write(_LENGTH.pack(len(message)))
    stream.write(message)
    stream.flush()


def send_report(stream: BinaryIO, confinement: Confinement) -> None:
    send(stream, json.dumps(confinement).encode())


def read_report(message: bytes) -> Confinement:
    """Read the first message of a parser process.

    Raises:
        ValueError or TypeError: it is not a report.
    """
    layers, gaps = json.loads(message)
    return Confinement(tuple(map(str, layers)), tuple(map(str, gaps)))


def _can_change_user() -> bool:
    """Return True if this process has the capabilities, or the system has none, as macOS."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return sys.platform != "linux"
    capabilities = int(next((line.split()[1] for line in status.splitlines() if line.startswith("CapEff:")), "0"), 16)
    return all(capabilities >> capability & 1 for capability in (_SETGID, _SETUID, _KILL))


def _why_no_landlock(error: OSError) -> str:
    return {
        errno.ENOSYS: "this kernel has no Landlock; use Linux 5.13 or newer",
        errno.EOPNOTSUPP: "Landlock is switched off; add it to the kernel's parameter lsm=",
    }.get(error.errno or 0, f"Landlock is refused ({error.strerror}); allow the system calls landlock_* to the service")


def _sum_up_to(version: int, rights: dict[int, int]) -> int:
    return sum(bits for since, bits in rights.items() if since <= version)


def _syscall(number: int, *arguments: object) -> int:
    """Make a system call; arguments that are not integers must be ctypes values. Raises OSError if it fails."""
    # the function is variadic, and the kernel reads 64 bits of each argument
    wide = [ctypes.c_long(value) if isinstance(value, int) else value for value in (number, *arguments)]
    return _checked(ctypes.CDLL(None, use_errno=True).syscall(*wide))


def _prctl(option: int, value: int) -> None:
    """Change an attribute of this process. Raises OSError if that fails."""
    _checked(ctypes.CDLL(None, use_errno=True).prctl(option, ctypes.c_ulong(value), *[ctypes.c_ulong(0)] * 3))


def _checked(result: int) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


if __name__ == "__main__":
    send_report(sys.stdout.buffer, confine(int(sys.argv[2])))
