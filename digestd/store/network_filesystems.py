"""Detect network file systems, where an SQLite file must not be.

WAL needs shared memory and reliable locks.

On a network neither is certain, and the file may be damaged (https://sqlite.org/wal.html, section 1).
"""

import re
from pathlib import Path, PurePath

MOUNTS = Path("/proc/self/mounts")
"""Linux's table of mounts. Other systems lack it, and nothing is refused there."""
_NETWORK = frozenset(
    (
        *("afs", "beegfs", "ceph", "cifs", "coda", "davfs", "gfs", "gfs2", "glusterfs", "gpfs", "lustre", "ncpfs"),
        *("nfs", "nfs4", "ocfs2", "orangefs", "panfs", "pvfs2", "smb2", "smb3", "smbfs"),
    )
)
"""Shares of a virtual machine with its host (9p, virtiofs) are allowed: often the machine has nothing else."""
_BY_FUSE = re.compile(
    r"fuse\.(sshfs|s3fs|rclone|glusterfs|ceph(-fuse)?|davfs2?|gcsfuse|goofys|juicefs|mfs|moosefs|seaweedfs|weed|"
    r"curlftpfs|smbnetfs|fuse-nfs|blobfuse2?|vmhgfs-fuse)",
    re.IGNORECASE,
)
_ESCAPE = re.compile(r"\\([0-7]{3})")


def network_filesystem(folder: PurePath, mounts: str) -> str | None:
    """Return the kind of network file system a folder is on; None for a local disk.

    `mounts`: lines as in proc_mounts(5). Of several on one place the last is the one that is seen.
    """
    found: tuple[int, str] | None = None
    for line in mounts.splitlines():
        _, place, kind, *_ = line.split(" ")
        at = PurePath(_ESCAPE.sub(lambda code: chr(int(code[1], 8)), place))
        if folder.is_relative_to(at) and (found is None or len(at.parts) >= found[0]):
            found = len(at.parts), kind
    kind = found[1] if found else ""
    return kind if kind in _NETWORK or _BY_FUSE.fullmatch(kind) else None
