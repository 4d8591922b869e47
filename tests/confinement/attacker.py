"""A hijacked parser process.

Run by its path through `ParserProcess`, like real parsers.

Its arguments are digestd's folder, the layers to apply, and what to try, as JSON. It prepares what it needs before it
is confined. Its first message is the report, the second an object with each attempt and `done` or the error's name.
"""

import ctypes
import errno
import json
import os
import resource
import signal
import socket
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from digestd.security.confinement import Confinement

C = ctypes.CDLL(None, use_errno=True)
C.syscall.restype = ctypes.c_long


def main() -> None:
    root, layers, wanted = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
    sys.path.insert(0, root)
    from digestd.security.confinement import receive, send, send_report  # noqa: PLC0415

    attempts = [(name, prepared(name, argument)) for name, argument in wanted]
    send_report(sys.stdout.buffer, applied(layers))
    outcomes = {name: tried(attempt) for name, attempt in attempts}
    send(sys.stdout.buffer, json.dumps(outcomes).encode())
    receive(sys.stdin.buffer)


def applied(layers: str) -> "Confinement":
    """Apply one layer or all, and return the report."""
    from digestd.security import confinement  # noqa: PLC0415

    if layers == "all":
        return confinement.confine(512_000_000)
    if layers == "landlock":
        confinement.restrict_with_landlock()
    elif layers == "user":
        assert confinement.leave_root() == ""
        confinement._prctl(confinement._PR_SET_DUMPABLE, 0)
    elif layers == "limits":
        confinement.limit_resources(512_000_000)
    return confinement.Confinement((layers,), ())


def tried(attempt: Callable[[], Any]) -> Any:
    try:
        return attempt() or "done"
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, str(error))
    except (RuntimeError, ValueError) as error:
        return str(error)


def call(number: int, *arguments: Any) -> None:
    wide = [ctypes.c_long(value) if isinstance(value, int) else value for value in (number, *arguments)]
    if C.syscall(*wide) < 0:
        raise OSError(ctypes.get_errno(), "refused")


def prepared(name: str, argument: Any) -> Callable[[], Any]:
    """Return the attempt as a function, with everything it needs prepared."""
    return ATTEMPTS[name](argument)


def read(path: str) -> Callable[[], Any]:
    return lambda: os.read(os.open(path, os.O_RDONLY), 1) and None


def opened(path: str, flags: int) -> Callable[[], None]:
    return lambda: os.close(os.open(path, flags, 0o600))


def executed(path: str) -> Callable[[], None]:
    """Replace this process by another program.

    Success sends no answer, which counts as done.
    """
    program, none = path.encode(), ctypes.c_void_p(None)
    words = (ctypes.c_char_p * 2)(program, None)

    def attempt() -> None:
        if C.execve(program, words, none) < 0:
            raise OSError(ctypes.get_errno(), "refused")

    return attempt


def forked(_: Any) -> Callable[[], None]:
    def attempt() -> None:
        if (pid := C.fork()) < 0:
            raise OSError(ctypes.get_errno(), "refused")
        if pid == 0:
            C._exit(0)
        os.waitpid(pid, 0)

    return attempt


def threaded(_: Any) -> Callable[[], None]:
    import _thread  # noqa: PLC0415

    def attempt() -> None:
        _thread.start_new_thread(int, ())

    return attempt


def connected(family: int, kind: int, address: Any) -> Callable[[], None]:
    def attempt() -> None:
        with socket.socket(family, kind) as made:
            made.connect(address)
            made.send(b"x")

    return attempt


def bound(_: Any) -> Callable[[], None]:
    def attempt() -> None:
        with socket.socket() as made:
            made.bind(("127.0.0.1", 0))
            made.listen()

    return attempt


def peeked(pid: int) -> Callable[[], None]:
    """Read the memory of another process with process_vm_readv.

    The address need not exist.
    """
    place = (ctypes.c_size_t * 2)(0x400000, 1)
    here = ctypes.create_string_buffer(1)
    into = (ctypes.c_size_t * 2)(ctypes.addressof(here), 1)
    number = {"x86_64": 310, "aarch64": 270}[os.uname().machine]
    return lambda: call(number, pid, ctypes.byref(into), 1, ctypes.byref(place), 1, 0)


def traced(pid: int) -> Callable[[], None]:
    def attempt() -> None:
        if C.ptrace(0x4206, pid, None, None) < 0:  # PTRACE_SEIZE, which does not stop it
            raise OSError(ctypes.get_errno(), "refused")

    return attempt


def descriptors(_: Any) -> Callable[[], list[int]]:
    def attempt() -> list[int]:
        found = []
        for number in range(256):
            try:
                os.fstat(number)
                found.append(number)
            except OSError:
                continue
        return found

    return attempt


def around(_: Any) -> Callable[[], dict[str, Any]]:
    """Return what the service passed on."""
    with open("/proc/self/environ", "rb") as own:  # noqa: PTH123
        environment = own.read().decode()
    is_leader = os.getsid(0) == os.getpid()
    found = {"environment": environment, "folder": os.getcwd(), "leads a session": is_leader}  # noqa: PTH109
    found["umask"] = os.umask(0)
    return lambda: found | {"user": os.geteuid(), "groups": os.getgroups()}


ATTEMPTS: dict[str, Callable[[Any], Callable[[], Any]]] = {
    "read": read,
    "read the environment of the service": read,
    "read the secret": read,
    "list": lambda path: lambda: os.listdir(path) and None,  # noqa: PTH208
    "create": lambda path: opened(path, os.O_CREAT | os.O_WRONLY),
    "append": lambda path: opened(path, os.O_WRONLY | os.O_APPEND),
    "truncate": lambda path: lambda: os.truncate(path, 0),
    "delete": lambda path: lambda: os.unlink(path),  # noqa: PTH108
    "rename": lambda path: lambda: os.rename(path, path + ".new"),  # noqa: PTH104
    "link": lambda path: lambda: os.symlink("/etc/passwd", path + ".link"),  # noqa: PTH211
    "make a folder": lambda path: lambda: os.mkdir(path + ".folder"),  # noqa: PTH102
    "chmod": lambda path: lambda: os.chmod(path, 0o777),  # noqa: PTH101
    "chown": lambda path: lambda: os.chown(path, 1, 1),
    "execve": executed,
    "spawn": lambda path: lambda: os.posix_spawn(path, [path], {}) and None,
    "fork": forked,
    "thread": threaded,
    "tcp": lambda port: connected(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", port)),
    "udp": lambda port: connected(socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", port)),
    "unix": lambda path: connected(socket.AF_UNIX, socket.SOCK_STREAM, path),
    "abstract": lambda name: connected(socket.AF_UNIX, socket.SOCK_STREAM, "\0" + name),
    "listen": bound,
    "signal": lambda pid: lambda: os.kill(pid, signal.SIGURG),
    "trace": traced,
    "peek": peeked,
    "become root": lambda _: lambda: os.setresuid(0, 0, 0),
    "raise a limit": lambda _: lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (1000, 1000)),
    "descriptors": descriptors,
    "around": around,
    "sleep": lambda seconds: lambda: time.sleep(seconds),
}


if __name__ == "__main__":
    main()
