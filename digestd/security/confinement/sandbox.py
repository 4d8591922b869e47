"""Confine the calling parser process before it reads its first untrusted byte.

For scripts that run by their path: they import everything they need for parsing, then call `confine`. Afterwards no
file can be opened, so lazy imports fail.
"""

import codecs
import errno
import os
import resource
import signal
import sys
from pathlib import Path

from digestd.security.confinement import kernel, landlock, seccomp
from digestd.security.confinement.report import Confinement

OUT_OF_MEMORY = 77
"""Exit status of a parser process that ran out of memory."""
NOBODY = 65534
"""User and group of parsers where the service runs as root: the kernel's overflow id, which owns no files."""
_SETGID, _SETUID, _KILL = 6, 7, 5
"""Capabilities, by their number. A service without CAP_KILL could not end a child of another user."""
_PIPES = 3
CODECS = """
    ascii latin-1 utf-8 utf-8-sig utf-7 utf-16 utf-16-le utf-16-be utf-32 utf-32-le utf-32-be idna punycode
    iso8859-2 iso8859-3 iso8859-4 iso8859-5 iso8859-6 iso8859-7 iso8859-8 iso8859-9 iso8859-10 iso8859-13 iso8859-14
    iso8859-15 iso8859-16 cp437 cp850 cp866 cp874 tis-620 koi8-r koi8-u mac-roman mac-cyrillic
    cp1250 cp1251 cp1252 cp1253 cp1254 cp1255 cp1256 cp1257 cp1258
    gb2312 gbk gb18030 hz big5 big5hkscs cp950 shift_jis cp932 euc-jp iso-2022-jp euc-kr cp949 iso-2022-kr
    raw_unicode_escape
""".split()  # noqa: SIM905  # a name a line would take a page
"""Encodings that mails and feeds use: those of the WHATWG Encoding Standard, and what the email package needs."""
_FORBIDDEN = (
    "socket.",
    "subprocess.",
    "os.exec",
    "os.fork",
    "os.posix_spawn",
    "os.system",
    "os.spawn",
    "ctypes.",
    "pty.",
)


def confine(memory: int) -> Confinement:
    """Give up every right that parsing does not need.

    Report what could not be given up.

    Nothing in this process can take a right back.

    Args:
        memory: limit of the address space in bytes.
    """
    for name in CODECS:
        codecs.lookup(name)
    identity = _leave_root()
    layers = [f"user {os.geteuid()}"] if os.geteuid() == NOBODY else []
    if sys.platform != "linux":
        _limit(memory)
        sys.addaudithook(_audit_hook)
        reason = f"{sys.platform} has neither Landlock nor seccomp; run digestd on Linux"
        return Confinement(reason, reason, reason, identity, (*layers, "resource limits"))
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    kernel.prctl(kernel.PR_SET_DUMPABLE, 0)
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
    without_landlock = _apply_landlock(layers)
    _limit(memory)
    without_seccomp = _apply_seccomp(layers)
    sys.addaudithook(_audit_hook)
    return Confinement(
        files=without_seccomp and without_landlock and f"{without_landlock}; {without_seccomp}",
        processes=without_seccomp,
        network=without_seccomp,
        identity=identity,
        layers=(*layers, "no new privileges", "resource limits"),
    )


def limit_cpu(seconds: int) -> None:
    """Limit the CPU time from now on; the kernel then ends this process with SIGXCPU."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + 1 + seconds, resource.RLIM_INFINITY))


def _leave_root() -> str:
    """Change to another user if this process is root.

    Return the reason if that is impossible, or "".
    """
    if os.geteuid() != 0:
        return ""
    remedy = "run the service as an ordinary user"
    if not _can_change_user():
        return f"the service is root without the capabilities SETUID, SETGID and KILL; {remedy}"
    try:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    except OSError as error:
        return f"user {NOBODY} cannot be used ({error.strerror}); {remedy}"
    return ""


def _can_change_user() -> bool:
    """Return True if this process may change its user.

    It has the capabilities, or the system has none, as macOS.
    """
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return sys.platform != "linux"
    capabilities = int(next((line.split()[1] for line in status.splitlines() if line.startswith("CapEff:")), "0"), 16)
    return all(capabilities >> capability & 1 for capability in (_SETGID, _SETUID, _KILL))


def _apply_landlock(layers: list[str]) -> str:
    """Apply Landlock and add it to `layers`.

    Return the reason if that is impossible, or "".
    """
    try:
        layers.append(f"Landlock {landlock.restrict()}")
    except OSError as error:
        reasons = {
            errno.ENOSYS: "this kernel has no Landlock; use Linux 5.13 or newer",
            errno.EOPNOTSUPP: "Landlock is switched off; add it to the kernel's parameter lsm=",
        }
        forbidden = f"Landlock is refused ({error.strerror}); allow the system calls landlock_* to the service"
        return reasons.get(error.errno or 0, forbidden)
    return ""


def _apply_seccomp(layers: list[str]) -> str:
    """Install the filter and add it to `layers`.

    Return the reason if that is impossible, or "".
    """
    name = seccomp.machine()
    if name is None:
        known = " and ".join(seccomp.MACHINES)
        return f"digestd has a system call filter for {known} only, not for {os.uname().machine}"
    try:
        seccomp.install(name)
    except OSError as error:
        return f"the system call filter is refused ({error.strerror}); use a kernel with CONFIG_SECCOMP_FILTER"
    layers.append("seccomp")
    return ""


def _limit(memory: int) -> None:
    """Set the resource limits.

    No new descriptors, files, processes or core dumps, and limited memory.
    """
    for limit, most in [
        (resource.RLIMIT_NOFILE, _PIPES),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_AS, memory),
    ]:
        resource.setrlimit(limit, (most, most))


def _audit_hook(event: str, _arguments: tuple[object, ...]) -> None:
    if event.startswith(_FORBIDDEN):
        raise PermissionError(f"{event} is not allowed in a parser")
