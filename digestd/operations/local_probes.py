"""Probes of this machine: files and their modes, secret key, database, disk, sandbox, service."""

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from digestd.app import App
from digestd.delivery.disk_space import free_bytes
from digestd.delivery.preflight import require_templates
from digestd.errors import DigestdError
from digestd.files import is_missing, is_shared
from digestd.operations.diagnosis import Diagnosis, error, ok, warning
from digestd.operations.service_status import failed_sources, needs_attention
from digestd.operations.status_reader import read_status
from digestd.ranking.encoders import describe_encoder
from digestd.resources import OverrideState, overrides
from digestd.security.parser_process import ConfinementFailed, probe
from digestd.security.secret_key import read_keys
from digestd.settings import ENV_FILE, Settings
from digestd.store.database import EXPECTED_SETTINGS, wrong_settings
from digestd.store.papers import sources as stored_sources

DISTINCT_MIN = 12
"""A random secret of 32 bytes has more distinct bytes; a typed one often has fewer."""
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_GIB = 1 << 30
_WAL_MAX = 1 << 30
_TEMPLATE_WARNINGS = {
    OverrideState.OUTDATED: ("was copied from an earlier version", "compare with `digestd template diff NAME`"),
    OverrideState.UNKNOWN: ("replaces nothing", "`digestd template list` shows the names"),
}


def check_files(settings: Settings) -> Sequence[Diagnosis]:
    """Check the secret key's strength, and who may read files with secrets and addresses."""
    found = [*_secret(settings.secret_key_file), *_modes(settings)]
    return found or [ok("files", "secret key and modes of files")]


def check_sandbox() -> Sequence[Diagnosis]:
    """Check what the parser sandbox cannot shut on this machine."""
    try:
        confinement = probe()
    except ConfinementFailed as problem:
        return [
            error(
                "sandbox",
                f"parsers cannot be confined: {problem}",
                "`digestd config check` tries it again; see deploy/docs/security.md",
            )
        ]
    remedy = "on Linux 5.13 or newer, `systemctl start digestd` runs it confined, as does the container; not as root"
    gaps = [warning("sandbox", gap, remedy) for gap in confinement.gaps]
    return gaps or [ok("sandbox", f"parsers run confined by {', '.join(confinement.layers)}")]


def check_database(app: App) -> Sequence[Diagnosis]:
    """Check the settings of the database, its size and its disk."""
    return [*_engine(app), *_disk(app)]


def check_service(app: App) -> Sequence[Diagnosis]:
    """Check the state of the service, and what it uses: relay log, templates, encoder."""
    status = replace(read_status(app), failing_templates=0)  # the templates are checked below
    found = [finding for finding in needs_attention(status) if finding.area != "sources"]
    try:
        app.check_relay_log()
    except DigestdError as problem:
        found.append(error("service", str(problem), "make it readable for the user that digestd runs as"))
    try:
        require_templates(app.sender, app.templates)
    except DigestdError as problem:
        found.append(
            error(
                "service",
                str(problem),
                "correct it, then `digestd config check`; the mails that it is about wait until then",
            )
        )
    found += check_overrides(app)
    if not app.settings.inbound_url and not app.providers and not app.settings.transport_url.startswith("maildir:"):
        found.append(
            warning(
                "service",
                "bounces are not read, so mail to dead addresses continues",
                "set DIGESTD_INBOUND_URL, which `digestd inbound --once` tries, or the webhook of your mail provider",
            )
        )
    return [*found, ok("service", describe_encoder(app.settings.embedding_model))]


def check_overrides(app: App) -> Iterator[Diagnosis]:
    """Yield the operator's templates that are outdated or replace nothing."""
    for name, state in overrides(app.template_folders).items():
        if state in _TEMPLATE_WARNINGS:
            what, remedy = _TEMPLATE_WARNINGS[state]
            yield warning("service", f"template {name} {what}", remedy)


def check_fetches(app: App) -> Sequence[Diagnosis]:
    """Check the last fetch of each source."""
    with app.db.read() as session:
        last = stored_sources.latest_fetches(session)
    found = {source.name: last.get(source.name) for source in app.sources}
    failing = failed_sources({name: one.error for name, one in found.items() if one and one.error})
    answered = [
        ok("sources", f"{name} answered at {one.fetched:%Y-%m-%d %H:%MZ}")
        for name, one in found.items()
        if one and not one.error
    ]
    if never := [name for name, one in found.items() if one is None]:
        return [
            *failing,
            warning("sources", f"never asked: {', '.join(never)}", "`digestd ingest` asks them"),
            *answered,
        ]
    return [*failing, *answered]


def _secret(file: Path) -> Iterator[Diagnosis]:
    try:
        keys = read_keys(file)
    except DigestdError as problem:
        yield error(
            "files",
            str(problem),
            "put your copy back, or run `digestd restore FILE --only-secret`: no link in an old mail works without it",
        )
        return
    if len(set(keys.secret)) < DISTINCT_MIN:
        yield error(
            "files",
            f"{file} is easy to guess: it has {len(set(keys.secret))} different bytes",
            "make a random one with `digestd config rotate-secret`",
        )


def _modes(settings: Settings) -> Iterator[Diagnosis]:
    for file, what in _private_files(settings):
        if is_missing(file):
            continue
        with_service = stat.S_IRGRP | stat.S_IXGRP if is_shared(file.parent) else 0
        if (mode := stat.S_IMODE(file.stat().st_mode)) & _OTHERS & ~with_service:
            judge = error if mode & stat.S_IRWXO else warning
            who = "everybody" if mode & stat.S_IRWXO else "its group"
            yield judge("files", f"{file} ({what}) is open to {who} (mode {mode:o})", f"run `chmod go= {file}`")


def _private_files(settings: Settings) -> Iterator[tuple[Path, str]]:
    secret = settings.secret_key_file
    yield secret, "the secret key"
    for retired in secret.parent.glob(f"{secret.name}.retired*"):
        yield retired, "retired secret keys"
    if settings.dkim_key_file:
        yield Path(settings.dkim_key_file), "the DKIM key"
    yield Path(os.environ.get(ENV_FILE, ".env")), "settings with passwords"
    prefix = "sqlite:///"
    if settings.database_url.startswith(prefix):
        file = Path(settings.database_url.removeprefix(prefix).partition("?")[0])
        yield file, "the database with its addresses"
        yield file.with_name(f"{file.name}-wal"), "the database with its addresses"


def _engine(app: App) -> Iterator[Diagnosis]:
    with app.db.read() as session:
        wrong = wrong_settings(session)
    for name, value in wrong.items():
        remedy = f"it must be {EXPECTED_SETTINGS[name]}: remove what changes it, or create the database with it"
        yield error("database", f"the database runs with {name}={value}", remedy)
    file = app.db.file
    wal = file.with_name(f"{file.name}-wal") if file else None
    if wal and wal.exists() and wal.stat().st_size > _WAL_MAX:
        yield warning(
            "database",
            f"the write-ahead log has {wal.stat().st_size / _GIB:.1f} GiB: a process holds an old snapshot",
            f"restart the programs that `fuser {file}` names and that read it for hours",
        )
    yield ok("database", f"{'PostgreSQL' if file is None else file} answers, schema up to date")


def _disk(app: App) -> Iterator[Diagnosis]:
    """Report the free space; too little of it is reported with the service."""
    folders = [app.journals, *([app.db.file.parent] if app.db.file else [])]
    yield ok("disk", f"{min(map(free_bytes, folders)) / _GIB:.1f} GiB free for database and journals")
