"""Give up access with Landlock (Linux 5.13 or newer).

This covers the file system, TCP and other processes.

A ruleset names the rights that it handles, and every handled right is denied unless a rule grants it. This ruleset
has
no rules. https://docs.kernel.org/userspace-api/landlock.html
"""

import ctypes
import os

from digestd.security.confinement import kernel

CREATE_RULESET, RESTRICT_SELF = 444, 446
"""Numbers of the system calls, the same on all architectures."""
_VERSION = 1
_FILES = {1: (1 << 13) - 1, 2: 1 << 13, 3: 1 << 14, 5: 1 << 15, 9: 1 << 16}
"""Rights by the version of the interface that added them: execute … make_sym, refer, truncate, ioctl, unix sockets."""
_NETWORK = {4: 0b11, 10: 0b1100}
"""Bind and connect over TCP; over UDP."""
_SCOPES = {6: 0b11}
"""Abstract UNIX sockets and signals, to processes that are not confined along with this one."""


class _Ruleset(ctypes.Structure):
    """struct landlock_ruleset_attr."""

    _fields_ = (("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scopes", ctypes.c_uint64))


def version() -> int:
    """Return the version of the kernel's interface.

    Raises:
        OSError: the kernel has no Landlock.
    """
    return kernel.syscall(CREATE_RULESET, None, 0, _VERSION)


def restrict() -> int:
    """Deny this thread and its children all that the kernel can deny.

    Return the interface's version.

    Needs `PR_SET_NO_NEW_PRIVS`. Open descriptors stay usable.

    Raises:
        OSError: the kernel has no Landlock.
    """
    found = version()
    rules = _Ruleset(*(_up_to(found, rights) for rights in (_FILES, _NETWORK, _SCOPES)))
    ruleset = kernel.syscall(CREATE_RULESET, ctypes.byref(rules), ctypes.sizeof(rules), 0)
    try:
        kernel.syscall(RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)
    return found


def _up_to(found: int, rights: dict[int, int]) -> int:
    return sum(bits for since, bits in rights.items() if since <= found)
