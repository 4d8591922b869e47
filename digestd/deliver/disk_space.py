"""Whether the disk has room for a run: nothing is claimed below a low-water mark.

A mail that went out must be recorded. The receipt journal has its room already; the database needs some.
As Postfix does with `queue_minfree`, digestd stops taking on work while there is still some left.
"""

import shutil
from collections.abc import Iterable
from pathlib import Path

from digestd.errors import Unavailable

LOW_WATER = 64 * 1024 * 1024
"""Bytes that must be free: more than the ledger of 100,000 mails grows by in a run."""


class DiskFull(Unavailable):
    """There is too little room on the disk to record what would be sent."""


def check_disk_space(folders: Iterable[Path]) -> None:
    """Raise DiskFull where one of these folders, or what is there of the path to it, has less than LOW_WATER free."""
    for folder in folders:
        there = next(above for above in [folder.absolute(), *folder.absolute().parents] if above.exists())
        free = shutil.disk_usage(there).free
        if free < LOW_WATER:
            raise DiskFull(
                f"only {free // 2**20} MiB are free in {there}; nothing is sent until there are {LOW_WATER // 2**20}, "
                "so that what is sent can be recorded: make room, then it goes on by itself"
            )
