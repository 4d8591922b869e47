"""Sandbox for the processes that parse untrusted bytes.

    framing         messages between a parser process and the service
    sandbox         called by a parser process: `confine` gives up every right that parsing does not need
    landlock        file system and network rules of the Linux kernel
    seccomp         allow-list of system calls
    kernel          the C library's `syscall` and `prctl`
    report          which rights were given up on this machine, and which were not
    parser_process  the service's side: start a parser process, exchange messages, end it
    probe           a parser process that parses nothing and only reports

The layers are independent, and each is applied if the kernel has it, so a gap in one is covered by the others:
another
user if the service runs as root, no new privileges, Landlock, seccomp, resource limits, and an audit hook in the
interpreter. A parser has no environment and no descriptors but its three pipes, and ends with the service.

Landlock and seccomp are called through ctypes. The bindings on PyPI are no alternative: those of Landlock are
pre-releases or months old and start `ldconfig` to find the C library, and that of libseccomp has had no release since
2021 and needs a shared library that slim containers lack. The kernel's interface is three system calls and one array
of instructions, it is stable, and the tests compare the system call numbers with libseccomp.
"""
