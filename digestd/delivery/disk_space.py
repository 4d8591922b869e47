"""Check the free disk space.

What is sent must be recorded. The result journal has its blocks already; the database needs room to grow. Like Postfix
with `queue_minfree`, digestd stops accepting work while there is still some space.
"""

import shutil
from collections.abc import Iterable
from pathlib import Path

from digestd.errors import Unavailable

MIN_FREE_BYTES = 64 * 1024 * 1024
"""Disk space below which nothing is sent: more than the ledger of 100,000 mails grows by in a run."""


class DiskFull(Unavailable):
    """There is too little disk space to record what would be sent."""


def check_disk_space(folders: Iterable[Path]) -> None:
    """Raise DiskFull if a folder has less than MIN_FREE_BYTES free.

    A missing folder is judged by its nearest existing parent.
    """
    for folder in folders:
        existing = _existing(folder)
        free = shutil.disk_usage(existing).free
        if free < MIN_FREE_BYTES:
            raise DiskFull(
                f"only {free // 2**20} MiB are free in {existing}, and sending needs {MIN_FREE_BYTES // 2**20} MiB to "
                "record results; free some space. Sending resumes by itself"
            )


def free_bytes(folder: Path) -> int:
    """Return the free bytes on the disk of a folder, or of its nearest existing parent."""
    return shutil.disk_usage(_existing(folder)).free


def _existing(folder: Path) -> Path:
    return next(parent for parent in [folder.absolute(), *folder.absolute().parents] if parent.exists())
