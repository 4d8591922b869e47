"""Simulate a kernel without Landlock or seccomp by a filter.

For this process and its children.
"""

import ctypes
import errno
import struct
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from digestd.security.confinement import kernel, landlock, seccomp

LANDLOCK = (landlock.CREATE_RULESET, 445, landlock.RESTRICT_SELF)


def without(layer: str) -> None:
    """Answer ENOSYS to Landlock's system calls, or EINVAL to seccomp."""
    column = seccomp.MACHINES.index(str(seccomp.machine()))
    numbers = LANDLOCK if layer == "landlock" else (seccomp._SECCOMP[column],)
    answer = 0x00050000 | (errno.ENOSYS if layer == "landlock" else errno.EINVAL)
    program = [(seccomp._LOAD, 0, 0, seccomp._NUMBER)]
    for number in numbers:
        program += [(seccomp._IF_EQUAL, 0, 1, number), (seccomp._RETURN, 0, 0, answer)]
    program.append((seccomp._RETURN, 0, 0, seccomp._ALLOW))
    packed = b"".join(struct.pack("=HBBI", *instruction) for instruction in program)
    wanted = seccomp._Filter(len(program), packed)
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    kernel.syscall(seccomp._SECCOMP[column], seccomp._SET_MODE_FILTER, 0, ctypes.byref(wanted))


if __name__ == "__main__":
    for missing in sys.argv[1].split("+"):
        without(missing)
    exec(sys.argv[2])
