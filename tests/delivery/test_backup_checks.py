"""Backups of a damaged database fail, say so, and never replace a good one."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
from sqlmodel import Session

from digestd.store.fsck.file_checks import damage
from tests.proof.snapshots import checkpoint
from tests.support.command_process import Command, ProcessResult
from tests.support.install import Install

PAGE = 4_096
Damage = Callable[[Path], None]


def pages(file: Path, kinds: set[int]) -> list[int]:
    """Return the offsets of the b-tree pages of some kinds: 13 table leaf, 10 index leaf."""
    data = file.read_bytes()
    return [at for at in range(PAGE, len(data), PAGE) if data[at] in kinds]


def overwrite(file: Path, at: int, data: bytes) -> None:
    with file.open("r+b") as opened:
        opened.seek(at)
        opened.write(data)


def change(file: Path, *statements: str) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


def flipped_page(file: Path) -> None:
    leaves = pages(file, {13})
    overwrite(file, leaves[len(leaves) // 2], b"\xa5" * PAGE)


def truncated_file(file: Path) -> None:
    overwrite(file, 0, file.read_bytes()[:PAGE])
    with file.open("r+b") as opened:
        opened.truncate(file.stat().st_size // PAGE // 2 * PAGE)


def zeroed_header(file: Path) -> None:
    overwrite(file, 0, bytes(PAGE))


def missing_index_rows(file: Path) -> None:
    """Zero the number of cells of an index page."""
    overwrite(file, pages(file, {10})[0] + 3, bytes(2))


def missing_table(file: Path) -> None:
    change(file, "DROP TABLE suppression")


def broken_reference(file: Path) -> None:
    change(file, "PRAGMA foreign_keys=OFF", "UPDATE delivery SET subscriber_id = 999999 WHERE id = 1")


def damaged_free_list(file: Path) -> None:
    change(file, "CREATE TABLE gone(x)", "INSERT INTO gone VALUES (zeroblob(200000))", "DROP TABLE gone")
    first = int.from_bytes(file.read_bytes()[32:36], "big")
    overwrite(file, (first - 1) * PAGE, b"\xff" * 64)


DAMAGE = [flipped_page, truncated_file, zeroed_header, missing_index_rows, missing_table, broken_reference]
DAMAGE += [damaged_free_list]


@pytest.fixture
def alerts() -> Iterator[tuple[str, list[dict[str, str]]]]:
    """Return the URL of a chat room and the alerts that came there."""
    got: list[dict[str, str]] = []

    class Room(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Room)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/", got
    server.shutdown()
    server.server_close()


def run(made: Install, *words: object, **environment: str) -> ProcessResult:
    return Command(tuple(map(str, words)), made.environment(**environment), made.folder).run()


@pytest.mark.parametrize("damage", DAMAGE, ids=lambda damage: damage.__name__)
def test_backup_refuses_a_damaged_database(
    on_file: Install, tmp_path: Path, damage: Damage, alerts: tuple[str, list[dict[str, str]]]
) -> None:
    folder, (room, told) = tmp_path / "backups", alerts
    folder.mkdir()
    good = [folder / f"digestd-2026110{day}T000000Z.backup" for day in (1, 2)]
    for file in good:
        file.write_bytes(b"a good one")
    assert on_file.db.file is not None
    checkpoint(on_file.db)
    damage(on_file.db.file)
    done = run(on_file, "backup", folder, "--keep", "1", DIGESTD_ALERT_URL=room)
    assert done.code == 1, done.output
    assert "no backup was written" in done.output
    assert "Traceback" not in done.output
    assert sorted(folder.iterdir()) == good
    assert [alert["event"] for alert in told] == ["backup failed"]


def test_backup_refuses_a_database_behind_its_journal(on_file: Install, tmp_path: Path) -> None:
    """A damaged write-ahead log is cut by SQLite without a word: the database is whole, and older."""
    file = on_file.db.file
    assert file is not None
    checkpoint(on_file.db)
    before = file.read_bytes()
    assert run(on_file, "deliver").code == 0
    checkpoint(on_file.db)
    wal = file.with_name(f"{file.name}-wal")
    wal.unlink(missing_ok=True)
    file.write_bytes(before)
    done = run(on_file, "backup", tmp_path / "a.backup")
    assert (done.code, "older than the mails sent with it" in done.output) == (1, True), done.output


def test_former_nightly_unit_fails_with_an_alert(
    on_file: Install, tmp_path: Path, alerts: tuple[str, list[dict[str, str]]]
) -> None:
    """The unit of 0.1.0 names a key, which is refused as a failed backup is."""
    room, told = alerts
    command = ("backup", tmp_path, "--keep", "7", "--key-file", "/etc/digestd/backup.key")
    done = run(on_file, *command, DIGESTD_ALERT_URL=room)
    assert (done.code, "deploy/install" in done.output) == (1, True), done.output
    assert [alert["event"] for alert in told] == ["backup failed"]
    assert list(tmp_path.glob("*.backup")) == []
    assert "--key-file" in run(on_file, "status").output
    assert "--key-file" not in run(on_file, "backup", "--help").output


def test_status_shows_the_last_backup(on_file: Install, tmp_path: Path) -> None:
    def attention() -> list[str]:
        found = json.loads(run(on_file, "status", "--json").output)
        return [one["message"] for one in found["attention"] if one["area"] == "backup"]

    assert "none yet" in run(on_file, "status").output
    assert run(on_file, "backup", tmp_path / "a.backup").code == 0
    assert attention() == []
    assert on_file.db.file is not None
    checkpoint(on_file.db)
    whole = on_file.db.file.read_bytes()
    damaged_free_list(on_file.db.file)
    assert run(on_file, "backup", tmp_path / "b.backup").code == 1
    on_file.db.file.write_bytes(whole)
    (said,) = attention()
    assert "the last backup failed" in said
    assert run(on_file, "status").code == 1
    assert run(on_file, "backup", tmp_path / "c.backup").code == 0
    on_file.clock.go(4 * (on_file.clock.now - on_file.clock.now.replace(day=on_file.clock.now.day - 1)))
    (said,) = attention()
    assert "4 days" in said


def test_fsck_finds_a_damaged_file(on_file: Install) -> None:
    assert on_file.db.file is not None
    assert run(on_file, "fsck").code == 0
    checkpoint(on_file.db)
    missing_index_rows(on_file.db.file)
    done = run(on_file, "fsck")
    assert (done.code, "D1" in done.output) == (1, True), done.output


def test_backup_checks_completely_once_a_week(on_file: Install, tmp_path: Path) -> None:
    state = on_file.app.journals / "backup.json"
    assert run(on_file, "backup", tmp_path / "a.backup").code == 0
    first = json.loads(state.read_text())
    assert first["ok"]
    assert first["checked"] == first["at"]


def test_check_reads_the_search_index_anew(on_file: Install) -> None:
    """A connection that read the index before others changed it sees no damage."""
    on_file.papers({"id": f"shelf:{n}", "title": f"Ice on lake {n}"} for n in range(60))
    with on_file.db.engine.connect() as waiting:
        assert damage(Session(waiting)) == []
        waiting.rollback()
        for day in range(5):
            on_file.next_day(day)
        assert damage(Session(waiting)) == []
