"""Sandbox for the processes that parse bytes written by strangers.

    framing   the messages between a parser and the service
    inside    what a parser process calls: `confine` gives up every right that parsing does not need
    landlock  file system and network rules of the Linux kernel
    seccomp   the allow-list of system calls
    kernel    the C library's `syscall` and `prctl`
    report    what could be shut on this machine, and what could not
    child     the service's side: start a parser process, talk to it, end it
    probe     a parser process that parses nothing and only reports

The layers are independent. Each one is applied where the kernel has it, so a gap in one is covered by the others:
another user where the service runs as root, no new privileges, Landlock, seccomp, resource limits, and a hook in the
interpreter. A parser has no environment, no descriptors but its three pipes, and ends with the service.

Landlock and seccomp are called through ctypes. The bindings on PyPI were weighed and not taken: those of Landlock are
pre-releases or months old and start `ldconfig` to find the C library, and the one of libseccomp has had no release
since 2021 and needs a shared library that slim containers lack. The kernel's interface is three system calls and one
array of instructions, it is stable, and the tests compare the system call numbers with libseccomp.
"""
