"""Check the free disk space, because what is sent must be recorded.

The result journal has its blocks already; the database needs room to grow. Like Postfix with `queue_minfree`, digestd
stops accepting work while there is still some space.
"""

import shutil
from collections.abc import Iterable
from pathlib import Path

from digestd.errors import Unavailable

MIN_FREE_BYTES = 64 * 1024 * 1024
"""More than the ledger of 100,000 mails grows by in a run."""


class DiskFull(Unavailable):
    """There is too little disk space to record what would be sent."""


def check_disk_space(folders: Iterable[Path]) -> None:
    """Raise DiskFull if a folder, or its nearest existing parent, has less than MIN_FREE_BYTES free."""
    for folder in folders:
        existing = next(parent for parent in [folder.absolute(), *folder.absolute().parents] if parent.exists())
        free = shutil.disk_usage(existing).free
        if free < MIN_FREE_BYTES:
            raise DiskFull(
                f"only {free // 2**20} MiB are free in {existing}, and sending needs {MIN_FREE_BYTES // 2**20} MiB to "
                "record results; free some space. Sending resumes by itself"
            )
