"""Compare system call numbers and the filter with known ones.

From libseccomp and the kernel's headers.
"""

import ctypes
import ctypes.util
from collections.abc import Mapping

import pytest

from digestd.security.confinement import seccomp

ALL: Mapping[str, tuple[int, int]] = {**seccomp.ALLOWED, **seccomp.RESTRICTED, "seccomp": seccomp._SECCOMP}
ALLOW, DENY, KILL = seccomp._ALLOW, seccomp._DENY, seccomp._KILL


@pytest.mark.parametrize("column", range(len(seccomp.MACHINES)), ids=seccomp.MACHINES)
def test_numbers_match_libseccomp(column: int) -> None:
    name = ctypes.util.find_library("seccomp")
    if name is None:
        pytest.skip("libseccomp is not installed")
    oracle = ctypes.CDLL(name).seccomp_syscall_resolve_name_arch
    architecture = ctypes.c_uint32(seccomp._AUDIT_ARCH[column])
    found = {call: oracle(architecture, call.encode()) for call in ALL}
    assert found == {call: numbers[column] for call, numbers in ALL.items()}


def verdict(column: int, number: int, *arguments: int, architecture: int | None = None) -> int:
    """Run the filter as the kernel does, for a system call of process 7."""
    data = {0: number, 4: seccomp._AUDIT_ARCH[column] if architecture is None else architecture}
    data |= {16 + 8 * place: value & 0xFFFFFFFF for place, value in enumerate(arguments)}
    program = list(seccomp._program(column, 7))
    place = loaded = 0
    while True:
        code, if_true, if_false, value = program[place]
        place += 1
        if code == seccomp._RETURN:
            return value
        if code == seccomp._LOAD:
            loaded = data.get(value, 0)
            continue
        holds = {
            seccomp._IF_EQUAL: loaded == value,
            seccomp._IF_AT_LEAST: loaded >= value,
            seccomp._IF_ANY_BIT: bool(loaded & value),
        }[code]
        place += if_true if holds else if_false


@pytest.mark.parametrize("column", range(len(seccomp.MACHINES)), ids=seccomp.MACHINES)
def test_filter_allows_only_the_list(column: int) -> None:
    allowed = {numbers[column] for numbers in seccomp.ALLOWED.values()}
    restricted = {numbers[column] for numbers in seccomp.RESTRICTED.values()}
    for number in range(1_024):
        if number not in restricted:
            assert verdict(column, number) == (ALLOW if number in allowed else DENY), number


@pytest.mark.parametrize("column", range(len(seccomp.MACHINES)), ids=seccomp.MACHINES)
@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("mmap", (0, 4096, 3), ALLOW),
        ("mmap", (0, 4096, 7), DENY),
        ("mmap", (0, 4096, 4), DENY),
        ("mprotect", (0, 4096, 1), ALLOW),
        ("mprotect", (0, 4096, 5), DENY),
        ("tgkill", (7, 7, 11), ALLOW),
        ("tgkill", (8, 7, 11), DENY),
        ("tgkill", (-1, 7, 11), DENY),
        ("prlimit64", (0, 0), ALLOW),
        ("prlimit64", (0, 7), DENY),
        ("prlimit64", (7, 0), DENY),
        ("prlimit64", (1, 0), DENY),
    ],
)
def test_filter_checks_arguments(column: int, name: str, arguments: tuple[int, ...], expected: int) -> None:
    assert verdict(column, seccomp.RESTRICTED[name][column], *arguments) == expected


@pytest.mark.parametrize("column", range(len(seccomp.MACHINES)), ids=seccomp.MACHINES)
def test_filter_kills_other_call_conventions(column: int) -> None:
    assert verdict(column, 0, architecture=0x40000003) == KILL  # 32-bit x86
    assert verdict(column, seccomp._X32) == KILL
    assert verdict(column, 0xFFFFFFFF) == KILL
