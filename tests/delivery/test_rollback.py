"""Test the way back: the code of the first release, from this repository's history, goes on after today's has run."""

import io
import json
import os
import subprocess
import sys
import tarfile
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from email import message_from_bytes
from pathlib import Path

import pytest

from digestd.delivery import journals
from digestd.domain.delivery import Outcome, State
from digestd.store.ledger.results import AttemptResult
from digestd.store.opt_outs import Event, OptOut, OptOutRecord
from tests.conftest import NOW
from tests.support import sample_data

ROOT = Path(__file__).parents[2]
COMMIT = "ff47bc0d"
READERS = 12
PROGRAM = """
import json, sys
from digestd.cli import app
for words in json.loads(sys.argv[1]):
    app(words, standalone_mode=False)
"""
Digestd = Callable[..., str]


@pytest.fixture(scope="session")
def first_release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the code of the first release."""
    found = subprocess.run(
        ["git", "-c", "safe.directory=*", "archive", COMMIT, "digestd", "templates"], cwd=ROOT, capture_output=True
    )
    if found.returncode:
        pytest.skip(f"THE WAY BACK IS NOT TESTED: the history lacks {COMMIT}; clone with `fetch-depth: 0`")
    folder = tmp_path_factory.mktemp("first_release")
    with tarfile.open(fileobj=io.BytesIO(found.stdout)) as archive:
        archive.extractall(folder, filter="data")
    return folder


@pytest.fixture
def run(tmp_path: Path) -> Digestd:
    """Return a function that runs commands one after the other with the code in a folder; it returns their output."""
    environment = {
        "PATH": os.environ["PATH"],
        "DIGESTD_DATABASE_URL": f"sqlite:///{tmp_path / 'digestd.db'}",
        "DIGESTD_TRANSPORT_URL": f"maildir:{tmp_path / 'outbox'}",
        "DIGESTD_SECRET_KEY_FILE": str(tmp_path / "secret.key"),
        "DIGESTD_MAIL_FROM": "digestd <digest@example.org>",
        "DIGESTD_POSTAL_ADDRESS": "1 Example Street",
        "DIGESTD_SOURCES": "none",
        "DIGESTD_EMBEDDING_MODEL": "none",
        "DIGESTD_NOW": NOW.isoformat(),
    }

    def run(code: Path, *commands: str) -> str:
        words = json.dumps([command.split() for command in commands])
        ended = subprocess.run(
            [sys.executable, "-P", "-W", "ignore", "-c", PROGRAM, words],
            cwd=tmp_path,
            env={**environment, "PYTHONPATH": str(code)},
            capture_output=True,
            text=True,
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout + ended.stderr

    return run


def sent(folder: Path) -> Counter[str]:
    """Return how often each Message-ID is in the outbox."""
    return Counter(
        str(message_from_bytes(file.read_bytes())["Message-ID"]) for file in (folder / "outbox").rglob("new/*")
    )


@pytest.mark.parametrize("is_first", [False, True], ids=["after it sent", "before it sent"])
def test_first_release_resumes_after_todays(run: Digestd, tmp_path: Path, first_release: Path, is_first: bool) -> None:
    """It finds its waiting mails: those that today's code sent as sent, the others ready, none uncertain."""
    for name, records in {"papers": sample_data.papers(60), "people": sample_data.people(READERS)}.items():
        (tmp_path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, records)), encoding="utf-8")
    start = ("init", "paper import papers.jsonl", "subscriber import people.jsonl", "plan")
    run(first_release, *start, *(() if is_first else ("deliver --limit 3",)), "backup before.backup")
    run(ROOT, "init", "deliver --limit 4")
    assert sum(sent(tmp_path).values()) == (4 if is_first else 7)
    run(first_release, "restore before.backup", "restore --resume", "deliver")
    assert sent(tmp_path) == dict.fromkeys(sent(tmp_path), 1)
    listed = json.loads(run(first_release, "delivery list --json"))
    assert Counter(row["state"] for row in listed) == {"accepted": READERS}
    assert len(sent(tmp_path)) == READERS
    run(ROOT, "init", "deliver")  # and forward again
    assert len(sent(tmp_path)) == READERS


def test_identity_has_the_keys_of_the_first_release(tmp_path: Path) -> None:
    own = replace(journals.new_identity("here"), generation=4, next=5, has_opt_outs=True)
    journals.write_identity(tmp_path, own)
    assert json.loads((tmp_path / "journal.json").read_text()).keys() == {"id", "generation", "machine"}
    assert journals.read_identity(tmp_path) == own


@pytest.mark.parametrize(
    ("generation", "expected", "has_opt_outs"),
    [(3, 3, True), (4, 5, True), (5, 5, True), (6, None, False)],
    ids=["put back", "same", "killed between the files", "written by another version since"],
)
def test_identity_knows_who_wrote_it_last(
    tmp_path: Path, generation: int, expected: int | None, has_opt_outs: bool
) -> None:
    own = replace(journals.new_identity("here"), generation=4, next=5, has_opt_outs=True)
    journals.write_identity(tmp_path, own)
    first = {"id": own.id, "generation": generation, "machine": "here", "later": [1]}
    (tmp_path / "journal.json").write_text(json.dumps(first))
    assert journals.read_identity(tmp_path) == replace(
        own, generation=generation, next=expected, has_opt_outs=has_opt_outs
    )


def test_result_journal_ignores_keys_of_later_versions(tmp_path: Path) -> None:
    result = AttemptResult(7, 1, "w1", State.ACCEPTED, Outcome.ACCEPTED, code=250)
    with journals.open_result_journal(tmp_path, "w1") as journal:
        journal.write([result])
    file = tmp_path / "w1.results"
    fields = json.loads(file.read_bytes().partition(b" ")[2].partition(b"\n")[0]) | {"later": 1}
    data = json.dumps(fields).encode()
    file.write_bytes(journals._checksum(data) + b" " + data + b"\n")
    assert journals.read_results(tmp_path, "w1") == [result]


def test_opt_outs_ignore_events_of_later_versions(tmp_path: Path) -> None:
    record = OptOutRecord(tmp_path / "opt-outs")
    known = OptOut(Event.UNSUBSCRIBED, bytes(32), 1)
    record.append([known, known])
    data = record.file.read_bytes()
    record.file.write_bytes(b"Z" + data[1:])
    assert record.read() == [known]
