"""How the C library keeps memory."""

import ctypes
import sys

_ARENA_MAX = -8
"""M_ARENA_MAX of mallopt(3)."""


def one_heap() -> None:
    """Let all threads share one heap. Call it before there are any.

    The GNU C library gives threads heaps of their own, and each keeps what was once needed: a worker that mails, whose
    threads take turns anyway, held 16 MB more. Other C libraries know neither the call nor such heaps.
    """
    set_option = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if set_option is not None:
        set_option(_ARENA_MAX, 1)
