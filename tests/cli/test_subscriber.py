"""Test `digestd subscriber` through its entry point."""

import io
import json
import os
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest

from digestd.cli import main
from digestd.digests.text_model import text_model
from digestd.papers.paper_import import import_papers
from digestd.store.database import open_database
from tests.conftest import NOW


@dataclass(frozen=True)
class Ended:
    """The exit code and output of a command."""

    returncode: object
    stdout: str
    stderr: str


Run = Callable[..., Ended]


@pytest.fixture
def run(tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    for name in [name for name in os.environ if name.startswith("DIGESTD_")]:
        monkeypatch.delenv(name)
    (tmp_path / "secret.key").write_bytes(b"a secret for the tests, 32 bytes")
    monkeypatch.setenv("DIGESTD_DATABASE_URL", sqlite_url)
    monkeypatch.setenv("DIGESTD_SECRET_KEY_FILE", str(tmp_path / "secret.key"))
    monkeypatch.chdir(tmp_path)

    def call(*words: str, stdin: str = "") -> Ended:
        monkeypatch.setattr(sys, "argv", ["digestd", "subscriber", *words])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return Ended(ended.value.code, said.out, said.err)

    return call


def refused(ended: Ended, code: int, *said: str) -> None:
    """Check for a refusal.

    One line on stderr, nothing on stdout, the right code and no traceback.
    """
    assert (ended.returncode, ended.stdout) == (code, "")
    assert ended.stderr.count("\n") == 1
    for words in said:
        assert words in ended.stderr


def test_subscriber_lifecycle(run: Run) -> None:
    added = run("add", "ada@example.org", "--topic", "protein folding", "--mute-phrase", "cars", "--hour", "9")
    assert (added.returncode, added.stderr) == (0, "ada@example.org: added\n")
    assert run("edit", "ADA@example.org", "--topic", "", "--like", "2401.00001", "--weekday", "fri").returncode == 0
    assert run("pause", "ada@example.org").stderr == "paused\n"
    shown = json.loads(run("show", "ada@example.org", "--json").stdout)
    assert (shown["status"], shown["hour"], shown["weekday"], shown["topics"]) == ("paused", 9, "fri", [])
    assert (shown["likes"], shown["mute"]["phrases"]) == (["arxiv:2401.00001"], ["cars"])
    assert [event["status"] for event in shown["consent"]] == ["active", "paused"]
    assert run("resume", "ada@example.org").stderr == "active\n"
    assert run("unsubscribe", "ada@example.org").stderr == "unsubscribed\n"
    refused(run("resume", "ada@example.org"), 1, "unsubscribed")
    assert [row["status"] for row in json.loads(run("list", "--json").stdout)] == ["unsubscribed"]
    refused(run("erase", "ada@example.org"), 2, "--yes")
    assert run("erase", "ada@example.org", "--yes").returncode == 0
    refused(run("show", "ada@example.org"), 1, "ada@example.org")
    refused(run("add", "ada@example.org"), 1, "suppressed")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["add", "not-an-address"], "email"),
        (["add", "a@example.org", "--timezone", "Mars/Olympus"], "Mars/Olympus"),
        (["add", "a@example.org", "--hour", "24"], "hour"),
        (["suppress", "a@example.org", "--reason", "erased"], "erase"),
        (["import", "missing.jsonl"], "missing.jsonl"),
        (["import", "/"], "is a directory; check its name"),
    ],
)
def test_wrong_usage_is_one_line(run: Run, words: list[str], said: str) -> None:
    refused(run(*words), 2, said)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("empty.jsonl", b"", "empty.jsonl is empty"),
        ("empty.csv", b"", "empty.csv is empty"),
        ("image.jsonl", b"\x89PNG\x00\x01", "not text"),
        ("odd.csv", b"email,shoes\na@example.org,4\n", "'shoes'"),
    ],
)
def test_invalid_import_file_is_refused(run: Run, tmp_path: Path, name: str, content: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(content)
    refused(run("import", name), 2, said)


def lines(*records: object) -> str:
    return "".join(json.dumps(record) + "\n" for record in records)


def test_import_reports_bad_lines_and_takes_others(run: Run, tmp_path: Path) -> None:
    (tmp_path / "people.jsonl").write_text(
        lines({"email": "a@example.org"}, {"email": "a@example.org"}, {"email": "b@example.org", "mail": 1})
    )
    strict = run("import", "people.jsonl", "--strict", "--json")
    assert (strict.returncode, json.loads(strict.stdout)["added"]) == (1, 0)
    dry = run("import", "people.jsonl", "--dry-run", "--json")
    assert (dry.returncode, json.loads(dry.stdout)["added"], dry.stderr.count("nothing was changed")) == (1, 1, 1)
    refused(run("import", "people.jsonl", "--dry-run", "--strict"), 2, "--strict and --dry-run exclude each other")
    ended = run("import", "people.jsonl", "--json")
    report = json.loads(ended.stdout)
    assert (ended.returncode, ended.stderr) == (1, "")
    assert set(report) == {"added", "updated", "unchanged", "refused"}
    assert (report["added"], report["updated"], report["unchanged"]) == (1, 0, 0)
    assert [(r["line"], r["field"]) for r in report["refused"]] == [(2, "email"), (3, "mail")]
    told = run("import", "people.jsonl")
    assert (told.returncode, told.stderr.count("\n")) == (1, 2)
    assert told.stderr.startswith(
        "line 2: email: line 1 has the same address; keep one of the two lines\nline 3: mail: "
    )


def test_import_writes_refused_lines_to_a_file(run: Run, tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_bytes(b"E-Mail;Themen\nada@example.org;ice\nbo;snow\n")
    done = run("import", "people.csv", "--rejects", "bad.csv", "--dry-run")
    assert (done.returncode, (tmp_path / "bad.csv").read_text("utf-8-sig").count("\n")) == (1, 2)
    assert "correct the refused lines in bad.csv, then `digestd subscriber import bad.csv`" in done.stderr
    refused(run("import", "people.csv", "--rejects", "bad.csv"), 2, "bad.csv is there already")
    refused(run("import", "people.csv", "--rejects", "no/bad.csv"), 2, "cannot write no/bad.csv")
    refused(run("import", "people.csv", "--rejects", "b.csv", "--strict"), 2, "--strict and --rejects exclude")
    assert json.loads(run("list", "--json").stdout) == []


@pytest.mark.parametrize("name", ["people.jsonl", "people.csv"])
def test_export_can_be_imported(run: Run, tmp_path: Path, name: str) -> None:
    people: Iterable[object] = (
        {"email": f"s{n}@example.org", "topics": [f"topic {n}", "a; b"], "mute": {"authors": ["B"]}, "status": status}
        for n, status in enumerate(["active", "paused", "unsubscribed"])
    )
    assert run("import", "-", stdin=lines(*people)).returncode == 0
    assert run("export", name).returncode == 0
    assert (tmp_path / name).stat().st_mode & 0o777 == 0o600
    again = json.loads(run("import", name, "--json").stdout)
    assert again == {"added": 0, "updated": 0, "unchanged": 3, "refused": []}
    assert sorted(p.name for p in tmp_path.iterdir() if p.name.startswith(".")) == []


def test_switch_of_random_picks_does_nothing(run: Run) -> None:
    """Scripts and exports of earlier releases have it."""
    added = run("add", "ada@example.org", "--no-explore")
    assert (added.returncode, "no random picks any more" in added.stderr) == (0, True)
    line = json.dumps({"email": "bo@example.org", "explore": False})
    assert run("import", "-", stdin=line).returncode == 0
    assert run("import", "-", stdin="email,explore\ncy@example.org,false\n").returncode == 0
    exported = run("export").stdout
    assert (exported.count("@example.org"), "explore" in exported) == (3, False)


def test_reference_file_adds_likes(run: Run, tmp_path: Path) -> None:
    run("add", "ada@example.org", "--topic", "ice")
    (tmp_path / "mine.bib").write_text(
        "@article{a, title={Lakes}, eprint={2611.00001}}\n@article{b, author={No One}}\n"
    )
    done = run("interests", "ada@example.org", "--import", "mine.bib", "--json")
    assert done.returncode == 1
    said = json.loads(done.stdout)
    assert (said["added"], said["unchanged"]) == (1, 0)
    assert [(one["line"], one["field"]) for one in said["refused"]] == [("b (line 2)", "title")]
    assert run("interests", "ada@example.org", "--import", "-", stdin="doi:10.5555/ponds\n").returncode == 0
    listed = json.loads(run("interests", "ada@example.org", "--json").stdout)
    assert [(one["kind"], one["value"]) for one in listed] == [
        ("topic", "ice"), ("paper", "arxiv:2611.00001"), ("paper", "doi:10.5555/ponds"),
    ]  # fmt: skip
    refused(run("interests", "ada@example.org", "--import", "mine.bib", "--format", "endnote"), 2, "known are")
    refused(run("interests", "ada@example.org", "--import", "none.bib"), 2, "cannot read none.bib")
    refused(run("interests", "ada@example.org", "--format", "ris"), 2, "--import")
    refused(run("interests", "bob@example.org"), 1, "bob@example.org")


def test_topics_are_explained_on_stderr(run: Run, sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIGESTD_NOW", NOW.isoformat())
    db = open_database(sqlite_url)
    papers = [json.dumps({"id": f"sample:{n}", "title": f"Lichen growth, part {n}"}).encode() for n in range(6)]
    import_papers(db, papers, NOW)
    text_model(db, NOW)
    db.close()
    topics = ("lichne growth", "qzzx vwkq", "lichen growth")
    added = run("add", "ada@example.org", *(word for topic in topics for word in ("--topic", topic)))
    assert (added.returncode, added.stdout) == (0, "")
    assert added.stderr.splitlines() == [
        "ada@example.org: added",
        "topic 'lichne growth': read as 'lichen growth'; 6 papers in the last week",
        "topic 'qzzx vwkq': no paper uses its words, and most papers are in English",
    ]
    assert run("edit", "ada@example.org", "--hour", "9").stderr == "ada@example.org: updated\n"
    people = [
        "email,topics",
        "bo@example.org,lichen growth;apprentissage profond",
        "cy@example.org,qzzx vwkq;töpferei der osmanen",
    ]
    imported = run("import", "-", "--json", stdin="\n".join(people))
    assert (imported.returncode, json.loads(imported.stdout)["added"]) == (0, 2)
    assert imported.stderr.splitlines() == [
        "line 3: topic 'qzzx vwkq': no paper uses its words, and most papers are in English",
        "line 3: topic 'töpferei der osmanen': no paper uses its words, and most papers are in English",
    ]


def test_refused_topic_is_muted_and_said(run: Run, tmp_path: Path) -> None:
    added = run("add", "ada@example.org", "--topic", "not self driving cars")
    assert "muted 'self driving cars', which the topics refuse" in added.stderr
    run("edit", "ada@example.org", "--topic", "robots but not drones")
    shown = json.loads(run("show", "ada@example.org", "--json").stdout)
    assert (shown["topics"], shown["mute"]["topics"]) == (["robots"], ["self driving cars", "drones"])
    (tmp_path / "people.jsonl").write_text(
        '{"email": "bob@example.org", "topics": ["kein Krypto"]}\n', encoding="utf-8"
    )
    imported = run("import", str(tmp_path / "people.jsonl"))
    assert "line 1: muted 'Krypto', which the topics refuse" in imported.stderr


def test_unknown_papers_are_explained(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    added = run("add", "ada@example.org", "--like", "2611.90001", "--like", "feed:0123456789abcdef")
    assert "paper arxiv:2611.90001: not known yet; digestd will look it up at arXiv and Hugging Face" in added.stderr
    assert "paper feed:0123456789abcdef: not known yet; it counts once a source has it" in added.stderr
    monkeypatch.setenv("DIGESTD_SOURCES", "none")
    shown = json.loads(run("show", "ada@example.org", "--json").stdout)["unknown_papers"]
    assert [one["why"] for one in shown] == ["not known yet; it counts once a source has it"] * 2
