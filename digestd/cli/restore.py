"""restore: guard against sending twice after a restore or a move.

A restore puts a backup back; a move is to another machine.
"""

import io
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import IO, Annotated

import typer

from digestd import app as wiring
from digestd import files
from digestd import settings as configuration
from digestd.cli.arguments import Json
from digestd.cli.messages import say
from digestd.cli.output import emit
from digestd.delivery.journals import add_journals
from digestd.delivery.recovery import recover
from digestd.errors import BadInput
from digestd.operations.backup import Backup, read_backup
from digestd.security.sealed_file import MAGIC, SealedReader
from digestd.security.secret_key import put_secrets_back
from digestd.store.database import engine_name, open_database
from digestd.store.migrate import require_known
from digestd.store.opt_outs import FILE_NAME, OptOutRecord
from digestd.store.process_locks import SCHEDULER
from digestd.store.snapshot import former_opt_outs, mark_restored, put_in_place

_WORK = ".restore-"
"""Prefix of the folder in which a backup is unpacked."""


def restore(
    file: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE]", help="A backup as `digestd backup` writes it; - for standard input."),
    ] = None,
    key_file: Annotated[
        Path | None,
        typer.Option("--key-file", metavar="FILE", help="The key of a backup that digestd 0.1.0 encrypted."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="The database is in place: record what was sent since the backup.")
    ] = False,
    lost_journal: Annotated[
        bool,
        typer.Option(
            "--lost-journal",
            help="The sent journal is lost, here or on another machine: what may have been sent becomes uncertain.",
        ),
    ] = False,
    only_secret: Annotated[
        bool, typer.Option("--only-secret", help="Put back the secret key and nothing else.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="With --resume: confirm what cannot be known.")] = False,
    as_json: Json = False,
) -> None:
    """Put a backup back, and resume without sending anything twice.

    Stop digestd first. `digestd restore FILE` puts the database in place, moves the former one aside, and adds the
    journals that are missing. Then run `digestd restore --resume` once on every machine that sent mail, before any
    digestd process is started. It records the digests that were sent since the backup, with their papers, from the
    sent journal and the relay's log, and lets everybody leave again who left since. What nothing tells any more it asks
    you to confirm. Use it alone after copying the database to a new machine.

    Example: digestd restore /var/backups/digestd.backup

    Example: age -d -i key.txt digestd.age | digestd restore -
    """
    if (file is None) != resume:
        raise BadInput("name the backup, or say --resume once the database is in place")
    if file is not None:
        _put_back(file, key_file, only_secret=only_secret)
        return
    app = wiring.build()
    with app.owners.hold(SCHEDULER):
        recover(app.db, app.owners, app.journals, app.clock())
        for doubt in app.restore_guard.doubts(app.clock(), lost_journal=lost_journal):
            _confirm(doubt, yes=yes)
        done = app.restore_guard.resume(app.clock(), app.planner, lost_journal=lost_journal)
    emit(asdict(done), as_json)


def _confirm(doubt: str, *, yes: bool) -> None:
    """Ask the operator to go on. Raises BadInput where nobody can be asked."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise BadInput(f"{doubt}. Say --yes to go on")
    if not typer.confirm(f"{doubt}. Go on?"):
        raise typer.Exit(1)


def _put_back(file: Path, key_file: Path | None, *, only_secret: bool) -> None:
    settings = configuration.load()
    now = wiring.clock(settings.now)()
    database = open_database(settings.database_url)
    journals = wiring.journal_folder(settings, database)
    folder = database.file.parent if database.file else journals
    database.close()
    files.make_folder(folder)
    for left in folder.glob(f"{_WORK}*"):  # by a restore that was killed
        shutil.rmtree(left)
    with tempfile.TemporaryDirectory(prefix=_WORK, dir=folder) as work, _opened(file, key_file) as stream:
        found = read_backup(stream, Path(work))
        _check(found, settings.database_url, settings.secret_key_file)
        if only_secret and not found.secrets:
            raise BadInput("the backup has no secret key: it was made without --with-secret-key")
        if found.secrets:
            put_secrets_back(settings.secret_key_file, found.secrets)
        if only_secret:
            say(f"the secret key is back in {settings.secret_key_file}")
            return
        add_journals(journals, found.journals)
        kept = put_in_place(settings.database_url, found.database, found.made, now)
    opt_outs, is_complete = former_opt_outs(settings.database_url)
    OptOutRecord(journals / FILE_NAME).append(opt_outs)
    if is_complete:
        mark_restored(settings.database_url, found.made, now, has_opt_outs=True)
    if kept:
        say(f"the former database is now {kept}")
    say(f"the database is that of {found.made:%Y-%m-%d %H:%M}Z")
    say("next: `digestd init` if this digestd is newer than the backup, then `digestd restore --resume`")


def _check(found: Backup, database_url: str, secret: Path) -> None:
    """Refuse a backup that does not fit, before anything is changed."""
    engine = engine_name(database_url)
    if found.engine != engine:
        raise BadInput(
            f"the backup is of {found.engine}, but DIGESTD_DATABASE_URL names {engine}; set it to {found.engine}"
        )
    if not found.secrets and not secret.exists():
        raise BadInput(
            f"the secret key is not in this backup: put it back as {secret} first, as mails have links made by it"
        )
    require_known(found.schema)


@contextmanager
def _opened(file: Path, key_file: Path | None) -> Iterator[IO[bytes]]:
    with ExitStack() as stack:
        try:
            stream: IO[bytes] = sys.stdin.buffer if str(file) == "-" else stack.enter_context(file.open("rb"))
        except OSError as error:
            raise BadInput(f"cannot read {file}: {error.strerror}") from error
        if key_file is not None:
            stream = io.BufferedReader(SealedReader(stream, _read_key(key_file)))  # type: ignore[type-var]  # a raw stream
        elif isinstance(stream, io.BufferedReader):
            start = stream.peek(max(map(len, _ENCRYPTED)))
            if remedy := next((remedy for magic, remedy in _ENCRYPTED.items() if start.startswith(magic)), ""):
                raise BadInput(f"the backup is encrypted: {remedy}")
        yield stream


def _read_key(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise BadInput(f"--key-file: cannot read {file}: {error.strerror}") from error


_ENCRYPTED = {
    MAGIC: "name its key with --key-file",
    b"age-encryption.org/v1": "decrypt it, as in `age -d -i KEY FILE | digestd restore -`",
}
