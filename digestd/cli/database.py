"""init, db, prune, backup and restore: create, upgrade, move, shorten, copy and put back the database."""

import asyncio
import contextlib
import io
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import IO, Annotated

import typer

from digestd import app as wiring
from digestd import files
from digestd import settings as configuration
from digestd.cli.arguments import DryRun, Json, between
from digestd.cli.output import emit, progress
from digestd.cli.stdio import say
from digestd.delivery.journals import add_journals
from digestd.delivery.recovery import recover
from digestd.errors import BadInput, DatabaseUnreachable, DigestdError, NotResumed
from digestd.operations.backup import Backup, read_backup, record_backup, write_backup
from digestd.security.sealed_file import MAGIC, SealedReader
from digestd.security.secret_key import put_secrets_back, secret_files
from digestd.settings import Settings
from digestd.store.database import engine_name, open_database
from digestd.store.database_copy import former_opt_outs, mark_restored, put_in_place
from digestd.store.migrate import require_known
from digestd.store.opt_outs import FILE_NAME, OptOutRecord
from digestd.store.papers import conferences
from digestd.store.papers.conferences import Programmes
from digestd.store.processes import SCHEDULER


def init(as_json: Json = False) -> None:
    """Create the database and the secret key, or upgrade them.

    Safe to repeat.

    Example: digestd init
    """
    app = wiring.initialise()
    settings = app.settings
    url = app.db.engine.url.render_as_string(hide_password=True)
    if as_json:
        emit({"database": url, "secret": settings.secret_key_file}, as_json)
        return
    typer.echo(f"database  {url}")
    typer.echo(f"secret    {settings.secret_key_file} (keep a copy: links in mails depend on it)")
    typer.echo("ready     next: `digestd subscriber add you@example.org`, then `digestd up`")


def copy_database(
    url: Annotated[str, typer.Argument(metavar="URL", help="An empty PostgreSQL database.")],
    as_json: Json = False,
) -> None:
    """Copy the SQLite database to PostgreSQL, and compare every value.

    Stop all digestd processes first. The copy is one transaction, so start again after an interruption. Afterwards the
    SQLite file is not used any more: set DIGESTD_DATABASE_URL to the new one, and DIGESTD_JOURNAL_DIR to the folder
    that the command names. Prints the number of rows by table.

    Example: digestd db copy postgresql://digestd:password@127.0.0.1/digestd
    """
    from digestd.store import database_copy
    from digestd.store.database import open_database
    from digestd.store.ledger import settlement

    app = wiring.connect()
    with app.db.read() as session:
        if settlement.owners(session):
            raise BadInput(
                "a worker has claimed mails: stop it, or run `digestd deliver` if it crashed; then try again"
            )
    if not url.startswith("postgresql"):
        raise BadInput("URL: must be an empty PostgreSQL database, as in postgresql://USER:PASSWORD@HOST/NAME")
    try:
        target = open_database(url)
    except DatabaseUnreachable as error:
        raise DatabaseUnreachable(str(error).replace(f"{configuration.PREFIX}DATABASE_URL", "URL")) from error
    with app.owners.hold(SCHEDULER):
        rows = sum(database_copy.count_rows(app.db).values())
        with progress("copying", 2 * rows) as advance:
            counts = database_copy.copy_to_postgresql(app.db, target, advance)
    emit(counts, as_json)
    journals = app.journals.resolve()
    say(f"copied and compared {rows} rows; set DIGESTD_DATABASE_URL to the copy and DIGESTD_JOURNAL_DIR to {journals}")


def prune(dry_run: DryRun = False, as_json: Json = False) -> None:
    """Delete old deliveries, and old papers that nobody was sent.

    DIGESTD_KEEP_DELIVERIES and DIGESTD_KEEP_PAPERS say how many days are kept. The service does this every day by
    itself. The command can run next to the service, and can be stopped and repeated.

    Example: digestd prune --dry-run
    """
    from digestd.store.clock import settled
    from digestd.store.personal_data import prune as prune_database

    app = wiring.connect()
    deliveries, papers = app.settings.keep_deliveries, app.settings.keep_papers
    now = settled(app.db, app.clock())
    done = prune_database(app.db, now, keep_deliveries=deliveries, keep_papers=papers, dry_run=dry_run)
    if dry_run:
        say("dry run: nothing was changed")
    emit(asdict(done), as_json)


_NAME = "digestd-%Y%m%dT%H%M%SZ.backup"
_NO_KEY_FILE = (
    "there is no --key-file any more: run `deploy/install` again if the nightly unit says it, and encrypt with another "
    "program, as in `digestd backup --with-secret-key --to 'age -r age1… -o FILE'`"
)


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
        typer.Option(callback=between(1, 10_000), help="In a folder, delete all but this many backups. Default: none."),
    ] = None,
    former_key_file: Annotated[str, typer.Option("--key-file", hidden=True)] = "",
) -> None:
    """Back up the database and the journals of delivery while digestd runs.

    The copy is checked first, completely once a week. If the database is damaged, no backup is written, none is
    deleted, an alert is sent, and the exit code is 1.

    The backup is not encrypted. Encrypt it before it leaves this machine: `--to` passes it to age or gpg. Keep a copy
    of the secret key elsewhere, or include it, as no link in a mail works without it. `digestd restore FILE` reads it.

    In a folder, the file is named by the time.

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
        if former_key_file:  # of the nightly unit of 0.1.0, whose failure must not pass unseen
            raise BadInput(_NO_KEY_FILE)
        _write(settings, now, target, command, with_secret_key=with_secret_key)
    if keep and file:
        for old in sorted(file.glob("digestd-*.backup"))[:-keep]:
            old.unlink()
    written = f"wrote {target}" if target else "wrote the backup"
    if with_secret_key:
        say(f"{written}, with the secret key")
    else:
        say(f"{written}, without the secret key; keep a copy of the key elsewhere")


def _write(settings: Settings, now: datetime, target: Path | None, command: str, *, with_secret_key: bool) -> None:
    if target and with_secret_key:
        _require_own(target.absolute().parent)
    app = wiring.connect(settings)
    if app.restore_guard.is_behind(now):
        raise NotResumed("the database is older than the mails sent with it; run `digestd restore --resume` first")
    near = target or app.db.file
    secrets = secret_files(settings.secret_key_file) if with_secret_key else {}
    opened = partial(_new_file, target) if target else partial(_piped, command)
    write_backup(app.db, app.journals, secrets, opened, now, near.absolute().parent if near else None)


def _require_own(folder: Path) -> None:
    """Refuse a folder of another user, who may own a new file in it and have the keys. Raises BadInput."""
    try:
        owner = folder.stat().st_uid
    except OSError as error:
        raise BadInput(f"cannot write {files.explain(error, folder)}") from error
    if owner != os.geteuid():
        raise BadInput(
            f"{folder} belongs to {files.user_name(owner)}, who would get the secret key: name a folder of your own, "
            "pass the backup to a command with --to, or leave out --with-secret-key"
        )


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
    sent journal and the relay's log, and unsubscribes everybody again who left since. It asks you to confirm what
    cannot be known any more. Use it alone after copying the database to a new machine.

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
    with app.db.read() as session:
        held = [one.name for one in conferences.listing(session) if one.state is Programmes.HELD]
    if held:
        say(f"no programme of {', '.join(held)} comes, as who had one is not known; `digestd conference plan NAME` "
            "sends them, perhaps a second time")  # fmt: skip


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
        found = read_backup(stream, Path(work), "standard input" if str(file) == "-" else str(file))
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
            raise BadInput(f"cannot read {files.explain(error, file)}") from error
        if key_file is not None:
            stream = io.BufferedReader(SealedReader(stream, _read_key(key_file)))  # type: ignore[type-var]  # a raw stream
        elif isinstance(stream, io.BufferedReader):
            start = stream.peek(max(map(len, _ENCRYPTED)))
            if not start and str(file) == "-":
                raise BadInput(
                    "standard input is empty: what should decrypt or send the backup has failed, "
                    "as with a missing or wrong key; see what it says"
                )
            if remedy := next((remedy for magic, remedy in _ENCRYPTED.items() if start.startswith(magic)), ""):
                raise BadInput(f"the backup is encrypted: {remedy}")
        yield stream


def _read_key(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise BadInput(f"--key-file: cannot read {files.explain(error, file)}") from error


_BY_AGE, _BY_GPG = (f"decrypt it, as in `{how} FILE | digestd restore -`" for how in ("age -d -i KEY", "gpg -d"))
_ENCRYPTED = {
    MAGIC: "name its key with --key-file",
    b"age-encryption.org/v1": _BY_AGE,
    b"-----BEGIN AGE": _BY_AGE,
    b"-----BEGIN PGP": _BY_GPG,
    **dict.fromkeys((b"\x84", b"\x85", b"\x8c", b"\xc1", b"\xc3"), _BY_GPG),
}
"""The beginnings of encrypted files (RFC 9580 section 4.2: an encrypted session key comes first), and the remedy."""
