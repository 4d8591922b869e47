"""seccomp: a filter of system calls.

This process can make only those that parsing needs.

Everything else fails with EPERM: there is no way to open, create, change or delete a file, to start a process or a
thread, to make a socket, to signal or trace a process, to mount, or to map memory that can be executed.
https://docs.kernel.org/userspace-api/seccomp_filter.html
"""

import ctypes
import errno
import os
import struct
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from digestd.security.confinement import kernel

ALLOWED: Mapping[str, tuple[int, int]] = {
    "read": (0, 63),
    "write": (1, 64),
    "close": (3, 57),
    "fstat": (5, 80),
    "lseek": (8, 62),
    "munmap": (11, 215),
    "brk": (12, 214),
    "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139),
    "sched_yield": (24, 124),
    "mremap": (25, 216),
    "madvise": (28, 233),
    "nanosleep": (35, 101),
    "getpid": (39, 172),
    "exit": (60, 93),
    "gettimeofday": (96, 169),
    "getrusage": (98, 165),
    "sysinfo": (99, 179),
    "times": (100, 153),
    "sigaltstack": (131, 132),
    "gettid": (186, 178),
    "futex": (202, 98),
    "restart_syscall": (219, 128),
    "clock_gettime": (228, 113),
    "clock_getres": (229, 114),
    "clock_nanosleep": (230, 115),
    "exit_group": (231, 94),
    "getrandom": (318, 278),
}
"""System calls that are allowed, whatever their arguments, with their numbers on x86_64 and aarch64."""
RESTRICTED: Mapping[str, tuple[int, int]] = {
    "mmap": (9, 222),
    "mprotect": (10, 226),
    "tgkill": (234, 131),
    "prlimit64": (302, 261),
}
"""System calls that are allowed with certain arguments: see `_conditions`."""
MACHINES = ("x86_64", "aarch64")
"""Architectures whose numbers are known, in the order of the pairs above."""
_AUDIT_ARCH = (0xC000003E, 0xC00000B7)
_SECCOMP = (317, 277)
_SET_MODE_FILTER = 1
_TSYNC = 1

# Classic BPF, linux/bpf_common.h and linux/seccomp.h. An instruction tests or loads a word of struct seccomp_data.
_LOAD, _IF_EQUAL, _IF_AT_LEAST, _IF_ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16
_ALLOW, _DENY, _KILL = 0x7FFF0000, 0x00050000 | errno.EPERM, 0x80000000
_X32 = 0x40000000
"""Numbers from here on are of the x32 interface, which is another table for the same kernel."""
_PROT_EXEC = 4
_RLIMIT_CPU = 0
_Instruction = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class _Condition:
    """A test on the low word of an argument.

    It equals `value`, or has none of its bits if `is_mask`.
    """

    argument: int
    value: int
    is_mask: bool = False


class _Filter(ctypes.Structure):
    """struct sock_fprog."""

    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def machine() -> str | None:
    """Return the architecture that this process runs on.

    None if its numbers are unknown.
    """
    name = os.uname().machine
    return name if name in MACHINES and sys.maxsize > 2**32 and sys.byteorder == "little" else None


def install(name: str) -> None:
    """Install the filter on all threads, for an architecture that `machine` returned.

    Raises OSError.

    Needs `PR_SET_NO_NEW_PRIVS`.
    """
    column = MACHINES.index(name)
    program = list(_program(column, os.getpid()))
    packed = b"".join(struct.pack("=HBBI", *instruction) for instruction in program)
    wanted = _Filter(len(program), packed)
    kernel.syscall(_SECCOMP[column], _SET_MODE_FILTER, _TSYNC, ctypes.byref(wanted))


def _program(column: int, pid: int) -> Iterator[_Instruction]:
    yield (_LOAD, 0, 0, _ARCHITECTURE)
    yield (_IF_EQUAL, 1, 0, _AUDIT_ARCH[column])
    yield (_RETURN, 0, 0, _KILL)
    yield (_LOAD, 0, 0, _NUMBER)
    yield (_IF_AT_LEAST, 0, 1, _X32)
    yield (_RETURN, 0, 0, _KILL)
    for numbers in ALLOWED.values():
        yield (_IF_EQUAL, 0, 1, numbers[column])
        yield (_RETURN, 0, 0, _ALLOW)
    for name, conditions in _conditions(pid).items():
        tests = [instruction for condition in conditions for instruction in _tested(condition)]
        yield (_IF_EQUAL, 0, len(tests) + 1, RESTRICTED[name][column])
        yield from tests
        yield (_RETURN, 0, 0, _ALLOW)
    yield (_RETURN, 0, 0, _DENY)


def _conditions(pid: int) -> Mapping[str, tuple[_Condition, ...]]:
    """Return the conditions of each restricted call.

    Memory may not become executable, and signals and limits apply to this process only.
    """
    return {
        "mmap": (_Condition(2, _PROT_EXEC, is_mask=True),),
        "mprotect": (_Condition(2, _PROT_EXEC, is_mask=True),),
        "tgkill": (_Condition(0, pid),),
        "prlimit64": (_Condition(0, 0), _Condition(1, _RLIMIT_CPU)),
    }


def _tested(condition: _Condition) -> Iterator[_Instruction]:
    """Return the instructions that deny the call unless the condition holds."""
    yield (_LOAD, 0, 0, _ARGUMENTS + 8 * condition.argument)
    if condition.is_mask:
        yield (_IF_ANY_BIT, 0, 1, condition.value)
    else:
        yield (_IF_EQUAL, 1, 0, condition.value)
    yield (_RETURN, 0, 0, _DENY)
