"""Planning beside all else that a machine does: one core at a time, and no more memory than it uses."""

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from threadpoolctl import threadpool_limits


@contextmanager
def single_blas_thread() -> Iterator[None]:
    """Within it linear algebra uses one thread: the products of a shard are so small that more of them mostly wait.

    Two threads took 1.7 times the CPU of one.
    """
    with threadpool_limits(1, "blas"):
        yield


def release_free_memory() -> None:
    """Give the system what reading has left free: after a day of 1,000 papers some 50 MB.

    Only the GNU C library keeps so much, and only it has this call.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)
