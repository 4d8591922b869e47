"""`digestd restore` puts one whole state in place, or changes nothing; what it needs is in the backup."""

import gzip
import hashlib
import io
import json
import shutil
import sqlite3
import tarfile
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command

from digestd.domain.delivery import State
from digestd.store import migrate as migrations
from digestd.store.database import open_database
from tests.conftest import NOW
from tests.delivery.conftest import READERS
from tests.proof.snapshots import checkpoint
from tests.support.command_process import Command, ProcessResult, can_trace
from tests.support.install import Install, reopen


@pytest.fixture
def saved(on_file: Install, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a backup of eight ready digests."""
    file = tmp_path_factory.mktemp("elsewhere") / "digestd.backup"
    assert run(on_file, "backup", file, "--with-secret-key").code == 0
    return file


def run(made: Install, *words: object, **environment: str) -> ProcessResult:
    return Command(tuple(map(str, words)), made.environment(**environment), made.folder).run()


def database(made: Install) -> Path:
    assert made.db.file is not None
    return made.db.file


def check(file: Path) -> str:
    with closing(sqlite3.connect(file)) as connection:
        return str(connection.execute("PRAGMA integrity_check").fetchone()[0])


def killed_writer(file: Path) -> None:
    """Leave a write-ahead log behind, as a killed process does."""
    copy = file.with_name("copy.db")
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("PRAGMA wal_autocheckpoint=0")
        connection.execute("CREATE TABLE later AS SELECT * FROM paper")
        connection.execute("UPDATE subscriber SET name = 'later'")
        for ending in ("", "-wal"):
            shutil.copy(f"{file}{ending}", f"{copy}{ending}")
    for ending in ("", "-wal"):
        shutil.move(f"{copy}{ending}", f"{file}{ending}")


@pytest.mark.parametrize(
    ("ending", "has_database"), [("-wal", True), ("-wal", False), ("-shm", True), ("-journal", False)]
)
def test_restore_moves_left_over_files_aside(on_file: Install, saved: Path, ending: str, has_database: bool) -> None:
    file = database(on_file)
    checkpoint(on_file.db)
    if ending == "-wal":
        killed_writer(file)
    else:
        Path(f"{file}{ending}").write_bytes(b"left over")
    if not has_database:
        file.unlink()
    done = run(on_file, "restore", saved)
    assert done.code == 0, done.output
    assert not Path(f"{file}{ending}").exists() or ending == "-shm"
    assert check(file) == "ok"
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("SELECT count(*) FROM subscriber WHERE name = 'later'").fetchone() == (0,)
    if not has_database:
        assert [one.name for one in file.parent.glob(f"{file.name}.before-*{ending}")]


def test_restore_keeps_the_former_database_whole(on_file: Install, saved: Path) -> None:
    checkpoint(on_file.db)
    killed_writer(database(on_file))
    assert run(on_file, "restore", saved).code == 0
    (former,) = (one for one in on_file.folder.glob("digestd.db.before-*") if not one.name.endswith(("-wal", "-shm")))
    with closing(sqlite3.connect(former)) as connection:
        assert connection.execute("SELECT count(*) FROM subscriber WHERE name = 'later'").fetchone() == (READERS,)


def unpacked(backup: Path) -> dict[str, bytes]:
    """Return the parts of an unencrypted backup."""
    with tarfile.open(backup, "r:gz") as archive:
        return {one.name: archive.extractfile(one).read() for one in archive}  # type: ignore[union-attr]


def packed(parts: dict[str, bytes], **changed: str) -> bytes:
    """Return a backup of these parts."""
    manifest = {**json.loads(parts.pop("manifest.json")), **changed}
    manifest["parts"] = {name: hashlib.sha256(data).hexdigest() for name, data in parts.items()}
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="wb") as zipped, tarfile.open(fileobj=zipped, mode="w|") as archive:
        for name, data in {"manifest.json": json.dumps(manifest).encode(), **parts}.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return out.getvalue()


def with_database(plain: Path, change: str) -> bytes:
    """Return a backup whose database was damaged before it was made, as an older digestd made them."""
    parts = unpacked(plain)
    file = plain.with_name("damaged.db")
    file.write_bytes(parts["database"])
    if change == "page":
        pages = bytearray(parts["database"])
        leaf = next(at for at in range(40_960, len(pages), 4_096) if pages[at] == 13)
        pages[leaf : leaf + 4_096] = b"\xa5" * 4_096
        file.write_bytes(pages)
    else:
        with closing(sqlite3.connect(file, isolation_level=None)) as connection:
            connection.execute("UPDATE delivery SET subscriber_id = 999999 WHERE id = 1")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    parts["database"] = file.read_bytes()
    return packed(parts)


@pytest.mark.parametrize("change", ["page", "reference"])
def test_restore_refuses_a_damaged_backup(on_file: Install, tmp_path: Path, change: str) -> None:
    plain = tmp_path / "plain.backup"
    assert run(on_file, "backup", plain).code == 0
    plain.write_bytes(with_database(plain, change))
    checkpoint(on_file.db)
    before = {one.name: one.read_bytes() for one in tmp_path.iterdir() if one.is_file() and "digestd.db" in one.name}
    done = run(on_file, "restore", plain)
    assert (done.code, "is damaged" in done.output) == (2, True), done.output
    after = {one.name: one.read_bytes() for one in tmp_path.iterdir() if one.is_file() and "digestd.db" in one.name}
    assert after == before


def test_restore_needs_nothing_but_backup_and_key(
    on_file: Install, saved: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("new-machine")
    there = {
        "DIGESTD_DATABASE_URL": f"sqlite:///{folder / 'state' / 'digestd.db'}",
        "DIGESTD_SECRET_KEY_FILE": str(folder / "etc" / "secret.key"),
        "DIGESTD_JOURNAL_DIR": "",
        "DIGESTD_TRANSPORT_URL": f"maildir:{folder / 'outbox'}",
    }
    on_file.db.close()
    done = run(on_file, "restore", saved, **there)
    assert (done.code, "cannot" in done.output) == (0, False), done.output
    assert "--lost-journal" not in done.output
    said = run(on_file, "status", **there).output
    assert "digestd restore --resume" in said
    refused = run(on_file, "deliver", **there)
    assert (refused.code, "digestd restore --resume" in refused.output) == (1, True), refused.output
    asked = run(on_file, "restore", "--resume", **there)
    assert (asked.code != 0, "--yes" in asked.output) == (True, True), asked.output
    resumed = run(on_file, "restore", "--resume", "--yes", **there)
    assert resumed.code == 0, resumed.output
    assert "digestd restore" not in run(on_file, "status", **there).output
    assert run(on_file, "deliver", **there).code == 0
    (folder / "secret.key").write_bytes((folder / "etc" / "secret.key").read_bytes())
    states = reopen(folder, there["DIGESTD_DATABASE_URL"], NOW).states
    assert states == {State.UNCERTAIN: READERS, State.EMPTY: 1}


POINTS = (
    *(("rename", 1, 2, 3, 4), ("unlink", 1, 2, 3, 4), ("link", 1, 2)),
    *(("fsync", 1, 2), ("mkdir", 1, 2), ("write", 9)),
)
KILLS = [(call, nth) for call, *all_nth in POINTS for nth in all_nth]


@pytest.mark.slow
@pytest.mark.skipif(not can_trace(), reason="strace is not installed, or may not trace")
def test_restore_killed_anywhere_is_repeated(on_file: Install, saved: Path, tmp_path: Path) -> None:
    """Neither an empty folder nor one with a damaged database is left in a state that needs more than the same."""
    file = database(on_file)
    checkpoint(on_file.db)
    whole = file.read_bytes()
    killed = 0
    for call, nth in KILLS:
        for one in tmp_path.glob("digestd.db*"):
            shutil.rmtree(one) if one.is_dir() else one.unlink()
        shutil.rmtree(tmp_path / "receipts", ignore_errors=True)
        if nth % 2:
            file.write_bytes(whole[:8_192] + b"\xff" * 4_096 + whole[12_288:])
            Path(f"{file}-wal").write_bytes(b"left over")
        killed_run = Command(("restore", str(saved)), on_file.environment(), on_file.folder).run_killed_at(call, nth)
        killed += killed_run.killed
        done = run(on_file, "restore", saved)
        assert done.code == 0, (call, nth, done.output)
        assert check(file) == "ok"
        assert not list(tmp_path.glob(".restore-*")), (call, nth)
        assert not Path(f"{file}-wal").exists() or Path(f"{file}-wal").read_bytes() != b"left over"
    assert killed > len(KILLS) // 2


def test_restore_puts_the_secret_key_back_alone(on_file: Install, saved: Path) -> None:
    """The database is fine and only the key is lost: nothing advises to make another."""
    secret = on_file.app.settings.secret_key_file
    content = secret.read_bytes()
    secret.unlink()
    for word in ("deliver", "status", "plan", "up", "init", "doctor"):
        said = run(on_file, word)
        assert said.code == (2 if word != "doctor" else 1), (word, said.output)
        assert "digestd init" not in said.output, (word, said.output)
        assert str(secret) in said.output
        assert "backup" in said.output
        assert "unsubscribe" in said.output
        assert not secret.exists(), word
    done = run(on_file, "restore", saved, "--only-secret")
    assert done.code == 0, done.output
    assert secret.read_bytes() == content
    assert secret.stat().st_mode & 0o77 == 0
    assert run(on_file, "deliver").code == 0


def as_first_release(plain: Path) -> None:
    """Turn a backup into one that the first release made: schema 0001, no papers in the journals, no opt-outs."""
    parts = unpacked(plain)
    file = plain.with_name("first.db")
    file.write_bytes(parts["database"])
    db = open_database(f"sqlite:///{file}")
    with db.write() as session:
        config = migrations._config()
        config.attributes["connection"] = session.connection()
        command.downgrade(config, "0001")
    checkpoint(db)
    parts["database"] = file.read_bytes()
    del parts["journals/opt-outs"]
    for name in [name for name in parts if name.endswith(".sent")]:
        data = parts[name]
        parts[name] = b"".join(data[at : at + 68] for at in range(0, len(data), 68) if data[at : at + 1] != b"P")
    identity = json.loads(parts["journals/journal.json"])
    parts["journals/journal.json"] = json.dumps(
        {name: value for name, value in identity.items() if name in {"id", "generation", "machine"}}
    ).encode()
    plain.write_bytes(packed(parts, schema="0001"))


@pytest.mark.parametrize("journal", ["lost", "of the first release"])
def test_backup_of_the_first_release_is_restored(on_file: Install, tmp_path: Path, journal: str) -> None:
    plain, receipts = tmp_path / "plain.backup", tmp_path / "receipts"
    assert run(on_file, "deliver", "--limit", "3").code == 0
    assert run(on_file, "backup", plain).code == 0
    as_first_release(plain)
    assert run(on_file, "deliver", "--limit", "2").code == 0
    on_file.db.close()
    if journal == "lost":
        shutil.rmtree(receipts)
    else:
        (receipts / "opt-outs").unlink()
        for file in receipts.glob("*.sent"):
            data = file.read_bytes()
            file.write_bytes(
                b"".join(data[at : at + 68] for at in range(0, len(data), 68) if data[at : at + 1] != b"P")
            )
    assert run(on_file, "restore", plain).code == 0
    said = run(on_file, "deliver")
    assert (said.code, "run `digestd init`" in said.output) == (1, True), said.output
    assert run(on_file, "init").code == 0
    said = run(on_file, "deliver")
    assert (said.code, "digestd restore --resume" in said.output) == (1, True), said.output
    resumed = run(on_file, "restore", "--resume", "--yes")
    assert resumed.code == 0, resumed.output
    assert run(on_file, "deliver").code == 0
    sent = len(list((tmp_path / "outbox").rglob("new/*")))
    assert sent == (5 if journal == "lost" else READERS)
    assert run(on_file, "fsck", "--json").code in {0, 1}
    assert on_file.unsafe == {}


def test_twin_of_a_journal_is_stopped(on_file: Install, tmp_path: Path) -> None:
    """Two machines that were cloned with everything, on one database: the second has missed a run of the first."""
    assert run(on_file, "deliver", "--limit", "1").code == 0
    shutil.copytree(tmp_path / "receipts", tmp_path / "twin")
    assert run(on_file, "deliver", "--limit", "1").code == 0
    done = run(on_file, "deliver", "--limit", "1", DIGESTD_JOURNAL_DIR=str(tmp_path / "twin"))
    assert (done.code, "older than the database" in done.output) == (1, True), done.output
    assert run(on_file, "deliver").code == 0
    assert len(list((tmp_path / "outbox").rglob("new/*"))) == READERS
