"""Limit what planning and sending use: one core, little garbage collection, and no memory that they do not need."""

import ctypes
import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from threadpoolctl import threadpool_limits

_BATCH_GC_THRESHOLDS = 20_000, 20, 50
"""Composing a digest leaves no reference cycles, and collecting after each one costs 4 % of the time."""


@contextmanager
def single_blas_thread() -> Iterator[None]:
    """Limit linear algebra to one thread.

    A shard's products are so small that threads mostly wait.

    Two threads took 1.7 times the CPU of one.
    """
    with threadpool_limits(1, "blas"):
        yield


def release_free_memory() -> None:
    """Return freed heap memory to the system: about 50 MB after a day of 1,000 papers.

    Only glibc keeps that much, and only glibc has malloc_trim(3).
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)


def tune_gc_for_batch() -> None:
    """Collect garbage rarely, without the objects loaded so far, in processes that make thousands of digests."""
    gc.freeze()
    gc.set_threshold(*_BATCH_GC_THRESHOLDS)
