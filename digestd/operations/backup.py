"""Write a backup of an installation, and read one back.

A tar archive, compressed with gzip: `manifest.json` (what it is, and the hash of every other part), `database`,
`journals/…`, and on request `secrets/…`. The database is copied before the journals: they may then know of
mails that it does not, which resuming after the restore records, and never the reverse.
"""

import gzip
import hashlib
import json
import re
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Any

import structlog

from digestd import files
from digestd.errors import BadInput, Damaged
from digestd.operations.service_status import BACKUP_STATE, LastBackup
from digestd.store import migrate
from digestd.store.database import Database
from digestd.store.database_copy import copy_database
from digestd.store.fsck.file_checks import file_damage

FORMAT = 1
FULL_CHECK_EVERY = timedelta(days=7) - timedelta(hours=1)
FULL_CHECK_BELOW = 64 << 20
"""Smaller files are checked completely each time, which takes less than a second."""
OpenOut = Callable[[], AbstractContextManager[IO[bytes]]]
log = structlog.get_logger(__name__)
_MANIFEST, _DATABASE, _JOURNALS, _SECRETS = "manifest.json", "database", "journals", "secrets"
_PART = re.compile(r"(journals|secrets)/\w[\w.-]*(/\w[\w.-]*)?")
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Backup:
    """An unpacked backup.

    Attributes:
        made: when its database was copied.
        engine: sqlite or postgresql.
        schema: the revision of its tables.
        database: the file with the copy.
        journals, secrets: files by name.
    """

    made: datetime
    engine: str
    schema: str
    database: Path
    journals: Mapping[str, Path]
    secrets: Mapping[str, Path]


def write_backup(
    db: Database, journals: Path, secrets: Mapping[str, Path], open_out: OpenOut, now: datetime, folder: Path | None
) -> None:
    """Write a backup while digestd runs, once the copy of the database is known to be whole.

    Args:
        secrets: files of secrets by name; they may be left out.
        open_out: opens where it is written.
        folder: has room for a copy of the database; None for the system's folder for temporary files.

    Raises:
        Damaged: the database is damaged; nothing was opened.
        BadInput: the folder cannot be written.
    """
    try:
        scratch = tempfile.TemporaryDirectory(prefix=".backup-", dir=folder)
    except OSError as error:
        unnamed = OSError(error.errno, error.strerror)  # its file is a temporary one
        raise BadInput(f"cannot write into {files.explain(unnamed, folder or Path(tempfile.gettempdir()))}") from error
    with scratch as work:
        copy = Path(work, _DATABASE)
        copy_database(db, copy)
        full = _is_full_check_due(journals, copy, now)
        if db.is_sqlite and (damage := file_damage(copy, full=full)):
            raise Damaged(f"the database is damaged: {damage[0]}")
        parts = {_DATABASE: copy}
        for number, file in enumerate(sorted(journals.glob("*"))):
            if file.is_file() and file.name != BACKUP_STATE:  # it may grow while it is read
                parts[f"{_JOURNALS}/{file.name}"] = Path(shutil.copyfile(file, Path(work, str(number))))
        parts |= {f"{_SECRETS}/{name}": file for name, file in secrets.items()}
        manifest = {
            "format": FORMAT,
            "made": now.isoformat(),
            "engine": db.engine.dialect.name,
            "schema": migrate.newest(),
            "parts": {name: _sha256(file) for name, file in parts.items()},
        }
        described = Path(work, _MANIFEST)
        described.write_text(json.dumps(manifest, indent=1), encoding="utf-8")
        with open_out() as out, tarfile.open(fileobj=out, mode="w|gz") as archive:
            for name, file in {_MANIFEST: described, **parts}.items():
                archive.add(file, name, recursive=False, filter=_anonymous)
    record_backup(journals, now, checked=full)


def record_backup(journals: Path, now: datetime, *, checked: bool = False, why: str = "") -> None:
    """Note how a backup went, for `LastBackup.read`.

    Args:
        checked: the database was checked completely.
        why: why it failed; empty if it did not.
    """
    before = LastBackup.read(journals)
    good = now if not why else before and before.good
    full = now if checked and not why else before and before.checked
    fields = {"at": now, "ok": not why, "why": why, "good": good, "checked": full}
    try:
        files.make_folder(journals)
        noted = json.dumps({name: _json_value(value) for name, value in fields.items()})
        files.replace(journals / BACKUP_STATE, noted.encode())
    except OSError as error:
        log.error("cannot note the backup", folder=str(journals), why=error.strerror)


def _json_value(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else value


def _is_full_check_due(journals: Path, copy: Path, now: datetime) -> bool:
    """Return True if the copy is small, or the last full check was a week ago, or the last backup failed."""
    if copy.stat().st_size < FULL_CHECK_BELOW:
        return True
    last = LastBackup.read(journals)
    return last is None or bool(last.why) or last.checked is None or not now - last.checked < FULL_CHECK_EVERY


def read_backup(file: IO[bytes], folder: Path, name: str) -> Backup:
    """Unpack a backup into a folder and check every part of it.

    Args:
        name: what messages call the file.

    Raises:
        BadInput: it is not a backup, is damaged or cut short, or of a newer digestd.
    """
    try:
        manifest = _unpack(file, folder)
    except BadInput:  # of a stream that is decrypted
        raise
    except (tarfile.TarError, gzip.BadGzipFile, EOFError, zlib.error, ValueError, KeyError) as error:
        raise BadInput(f"{name} is not a complete digestd backup; use another copy") from error
    parts = {part: Path(folder, part) for part in manifest["parts"]}
    for part, expected in manifest["parts"].items():
        if not parts[part].is_file() or _sha256(parts[part]) != expected:
            raise BadInput(f"{name} is damaged: {part} is not what was written; use another copy")
    return Backup(
        datetime.fromisoformat(manifest["made"]),
        manifest["engine"],
        manifest["schema"],
        parts[_DATABASE],
        {part.partition("/")[2]: path for part, path in parts.items() if part.startswith(f"{_JOURNALS}/")},
        {part.partition("/")[2]: path for part, path in parts.items() if part.startswith(f"{_SECRETS}/")},
    )


def _unpack(file: IO[bytes], folder: Path) -> dict[str, Any]:
    """Unpack the parts that the manifest names, which is first, and return it."""
    manifest: dict[str, Any] = {}
    with tarfile.open(fileobj=file, mode="r|gz") as archive:
        for entry in archive:
            content = archive.extractfile(entry)
            if content is None:
                continue
            if not manifest:
                manifest = _read_manifest(entry.name, content)
            elif entry.name in manifest["parts"]:
                target = Path(folder, entry.name)
                target.parent.mkdir(parents=True, exist_ok=True)
                with target.open("xb") as out:
                    shutil.copyfileobj(content, out, _BLOCK)
    if not manifest:
        raise ValueError("no manifest")
    return manifest


def _read_manifest(name: str, content: IO[bytes]) -> dict[str, Any]:
    if name != _MANIFEST:
        raise ValueError("the first part is not the manifest")
    manifest: dict[str, Any] = json.loads(content.read(_BLOCK))
    if manifest["format"] != FORMAT:
        raise BadInput("the backup was written by a newer digestd: restore it with that version")
    for part in manifest["parts"]:
        if part != _DATABASE and not _PART.fullmatch(part):
            raise ValueError("a part with an impossible name")
    return manifest


def _anonymous(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """Leave out who owned the file, and let only the owner read it."""
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    entry.mode = 0o600
    return entry


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
