"""SQLite files on network drives are refused before anything is written."""

from collections.abc import Callable
from pathlib import Path, PurePath

import pytest

from digestd import app as wiring
from digestd.app import App
from digestd.errors import BadSetting
from digestd.settings import Settings
from digestd.store import database
from digestd.store.database import network_filesystem

MOUNTS = """\
proc /proc proc rw,nosuid,nodev,noexec,relatime 0 0
/dev/vda1 / ext4 rw,relatime 0 0
tmpfs /run tmpfs rw 0 0
files.example.org:/export/home /home nfs4 rw,vers=4.2,hard 0 0
/dev/vdb1 /home/ada/local xfs rw 0 0
//files.example.org/share /mnt/the\\040share cifs rw,vers=3.1.1 0 0
ada@example.org:/srv /mnt/ssh fuse.sshfs rw,nosuid,nodev 0 0
overlay /var/lib/containers fuse.fuse-overlayfs rw 0 0
/dev/sdb1 /mnt/stick fuseblk rw 0 0
share /mnt/guest virtiofs rw 0 0
filer:/old /srv/over nfs rw 0 0
/dev/vdc1 /srv/over ext4 rw 0 0
/dev/vdd1 /srv/under ext4 rw 0 0
filer:/new /srv/under nfs rw 0 0
"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/var/lib/digestd", None),
        ("/home/ada/var", "nfs4"),
        ("/home", "nfs4"),
        ("/homely", None),
        ("/home/ada/local/var", None),
        ("/home/ada/locality", "nfs4"),
        ("/mnt/the share/digestd", "cifs"),
        ("/mnt/ssh/var", "fuse.sshfs"),
        ("/var/lib/containers/var", None),
        ("/mnt/stick/var", None),
        ("/mnt/guest", None),
        ("/srv/over/var", None),
        ("/srv/under/var", "nfs"),
    ],
)
def test_network_drive_is_found_in_the_mount_table(folder: str, kind: str | None) -> None:
    assert network_filesystem(PurePath(folder), MOUNTS) == kind


def test_network_drive_is_none_without_a_mount_table() -> None:
    assert network_filesystem(PurePath("/home/ada"), "") is None


def test_network_drive_reads_the_system_mount_table() -> None:
    if not database.MOUNTS.exists():
        pytest.skip("there is no table of mounts here")
    assert network_filesystem(PurePath("/proc/self"), database.MOUNTS.read_text()) is None


@pytest.mark.parametrize("opens", [wiring.initialise, wiring.build])
def test_open_refuses_a_network_drive_with_remedy(
    opens: Callable[[Settings], App], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    far, table = tmp_path / "far", tmp_path / "mounts"
    (tmp_path / "link").symlink_to(far)
    far.mkdir()
    table.write_text(f"/dev/vda / ext4 rw 0 0\nfiler:/x {far} nfs4 rw 0 0\n")
    monkeypatch.setattr(database, "MOUNTS", table)
    (tmp_path / "secret.key").write_bytes(bytes(range(32)))
    (tmp_path / "secret.key").chmod(0o600)
    settings = Settings(
        database_url=f"sqlite:///{tmp_path / 'link' / 'digestd.db'}", secret_key_file=tmp_path / "secret.key"
    )
    with pytest.raises(BadSetting, match=r"network drive \(nfs4\).* disk of this machine, or use PostgreSQL"):
        opens(settings)
    assert list(far.iterdir()) == []
