"""How memory is kept: by the C library, and until when by Python."""

import ctypes
import gc
import sys

_ARENA_MAX = -8
"""M_ARENA_MAX of mallopt(3)."""
SELDOM = 20_000, 20, 50
"""How often garbage is looked for: a digest leaves none in circles, and looking after each one costs a twenty-fifth."""


def one_heap() -> None:
    """Let all threads share one heap. Call it before there are any.

    The GNU C library gives threads heaps of their own, and each keeps what was once needed: a worker that mails, whose
    threads take turns anyway, held 16 MB more. Other C libraries know neither the call nor such heaps.
    """
    set_option = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if set_option is not None:
        set_option(_ARENA_MAX, 1)


def importing() -> None:
    """Until `imported` look for no garbage: importing leaves next to none, and looking takes a seventh of its time."""
    gc.disable()


def imported() -> None:
    """What is here now stays to the end, so it is never looked through; nothing happens where none was `importing`."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()


def long_run() -> None:
    """Thousands of digests are about to be made: what was read for them stays too, and garbage is looked for seldom."""
    gc.freeze()
    gc.set_threshold(*SELDOM)
