"""backup: copy the installation while it runs."""

import asyncio
import contextlib
import os
import subprocess
from collections.abc import Iterator
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import IO, Annotated

import typer

from digestd import app as wiring
from digestd import files
from digestd import settings as configuration
from digestd.cli.messages import say
from digestd.errors import BadInput, DigestdError, NotResumed
from digestd.operations.backup import record_backup, write_backup
from digestd.security.secret_key import secret_files
from digestd.settings import Settings
from digestd.store.database import open_database

_NAME = "digestd-%Y%m%dT%H%M%SZ.backup"


def backup(
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="The file to write, which must not exist, or a folder.")
    ] = None,
    command: Annotated[
        str, typer.Option("--to", metavar="COMMAND", help="Pass the backup to a command's standard input instead.")
    ] = "",
    with_secret_key: Annotated[
        bool, typer.Option("--with-secret-key", help="Include the secret key and the retired keys.")
    ] = False,
    keep: Annotated[
        int | None,
        typer.Option(min=1, max=10_000, help="In a folder, delete all but this many backups. Default: none."),
    ] = None,
) -> None:
    """Back up the database and the journals of delivery while digestd runs.

    The copy is checked first, completely once a week. If the database is damaged, no backup is written, none is
    deleted, an alert is sent, and the exit code is 1.

    The backup is not encrypted. Encrypt it before it leaves this machine: `--to` passes it to age or gpg. Keep a copy
    of the secret key elsewhere, or include it, as no link in a mail works without it. `digestd restore FILE` reads it.

    In a folder its name is the time.

    Example: digestd backup /var/backups --keep 7

    Example: digestd backup --with-secret-key --to 'age -r age1… -o /media/usb/digestd.age'
    """
    if (file is None) == (not command):
        raise BadInput("name a file to write, or a command with --to that reads the backup")
    if keep and not (file and file.is_dir()):
        raise BadInput("--keep deletes old backups in a folder; name the folder instead of a file")
    settings = configuration.load()
    now = wiring.clock(settings.now)()
    target = file / f"{now:{_NAME}}" if file and file.is_dir() else file
    if target and target.exists():
        raise BadInput(f"{target} exists; name another file")
    with _reporting_failure(settings, now):
        _write(settings, now, target, command, with_secret_key=with_secret_key)
    if keep and file:
        for old in sorted(file.glob("digestd-*.backup"))[:-keep]:
            old.unlink()
    if not with_secret_key:
        say("the secret key is not in it: keep a copy of it elsewhere")


def _write(settings: Settings, now: datetime, target: Path | None, command: str, *, with_secret_key: bool) -> None:
    app = wiring.connect(settings)
    if app.restore_guard.is_behind(now):
        raise NotResumed("the database is older than the mails sent with it; run `digestd restore --resume` first")
    near = target or app.db.file
    secrets = secret_files(settings.secret_key_file) if with_secret_key else {}
    opened = partial(_new_file, target) if target else partial(_piped, command)
    write_backup(app.db, app.journals, secrets, opened, now, near.absolute().parent if near else None)


@contextlib.contextmanager
def _reporting_failure(settings: Settings, now: datetime) -> Iterator[None]:
    """Note a failed backup for `status`, and alert the operator."""
    try:
        yield
    except DigestdError as error:
        why = f"{error}; no backup was written, and none was deleted"
        with contextlib.suppress(DigestdError):
            record_backup(wiring.journal_folder(settings, open_database(settings.database_url)), now, why=str(error))
            asyncio.run(_alert(settings, why))
        raise DigestdError(why) from error


async def _alert(settings: Settings, why: str) -> None:
    await wiring.alert_sender(settings)("backup failed", "", why)


@contextlib.contextmanager
def _new_file(file: Path) -> Iterator[IO[bytes]]:
    """Write a file that appears when it is whole, readable by its owner only."""
    part = file.with_name(f".{file.name}.part")
    try:
        with os.fdopen(files.create(part, os.O_WRONLY | os.O_TRUNC), "wb") as out:
            yield out
            out.flush()
            os.fsync(out.fileno())
        part.replace(file)
    except OSError as error:
        raise BadInput(f"cannot write {files.explain(error, file)}. Nothing was left there") from error
    finally:
        part.unlink(missing_ok=True)


@contextlib.contextmanager
def _piped(command: str) -> Iterator[IO[bytes]]:
    """Yield the standard input of a shell command, which must succeed."""
    with subprocess.Popen(command, shell=True, stdin=subprocess.PIPE) as process:  # noqa: S602  # the operator's own command
        assert process.stdin is not None  # noqa: S101  # it is a pipe
        try:
            yield process.stdin
            process.stdin.close()
        except BrokenPipeError:
            pass  # its exit code says more
        except BaseException:
            process.kill()  # a backup that ends early must not look whole
            raise
    if process.returncode:
        raise DigestdError(f"--to: the command ended with exit code {process.returncode}; there is no backup")
