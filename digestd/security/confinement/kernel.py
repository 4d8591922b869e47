"""The C library's `syscall(2)` and `prctl(2)`.

For what the standard library does not offer.
"""

import ctypes
import os
from functools import lru_cache

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_NO_NEW_PRIVS = 38


@lru_cache(maxsize=1)
def _library() -> ctypes.CDLL:
    library = ctypes.CDLL(None, use_errno=True)
    library.syscall.restype = ctypes.c_long
    return library


def syscall(number: int, *arguments: object) -> int:
    """Make a system call; arguments that are not integers must be ctypes values.

    Raises:
        OSError: it failed.
    """
    return _checked(int(_library().syscall(ctypes.c_long(number), *map(_wide, arguments))))


def prctl(option: int, value: int) -> None:
    """Change an attribute of this process.

    Raises:
        OSError: it failed.
    """
    _checked(int(_library().prctl(option, ctypes.c_ulong(value), *[ctypes.c_ulong(0)] * 3)))


def _wide(argument: object) -> object:
    """Pass integers at full width.

    `syscall` is variadic, and the kernel reads 64 bits.
    """
    return ctypes.c_long(argument) if isinstance(argument, int) else argument


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
