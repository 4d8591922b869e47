"""Test characters that nobody can see, in everything that people, papers and the operator say: they stop no mail."""

import json
from collections.abc import Callable
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from digestd.cli import app
from digestd.errors import BadInput
from tests.support import sample_data

Run = Callable[..., Result]
OTHERS = 10
SIGNS = {
    "private": "\ue001",
    "slot": "\ue000view\ue000",
    "private plane": "\U000f0001",
    "control": "\x07",
    "override": "\u202e",
    "unassigned": "\u0378",
    "non-character": "\ufffe",
    "surrogate": "\udcff",
    "zero-width": "\u200b",
    "joiner": "\u200d",
}


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return the command line of an installation with ten subscribers."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DIGESTD_DATABASE_URL", f"sqlite:///{tmp_path / 'd.db'}")
    monkeypatch.setenv("DIGESTD_NOW", "2026-11-24T07:00:00Z")
    monkeypatch.setenv("DIGESTD_SOURCES", "none")
    monkeypatch.setenv("DIGESTD_TRANSPORT_URL", f"maildir:{tmp_path / 'outbox'}")
    monkeypatch.setenv("DIGESTD_MAIL_FROM", "Invented Digest <digest@example.org>")
    monkeypatch.setenv("DIGESTD_POSTAL_ADDRESS", "1 Invented Street")

    def invoke(*words: str) -> Result:
        return CliRunner().invoke(app, words)

    assert invoke("init").exit_code == 0
    records = {"papers": sample_data.papers(60), "people": sample_data.people(OTHERS, hour=0)}
    for name, found in records.items():
        (tmp_path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, found)), encoding="utf-8")
    assert invoke("paper", "import", "papers.jsonl").exit_code == 0
    assert invoke("subscriber", "import", "people.jsonl").exit_code == 0
    return invoke


def delivered(run: Run) -> dict[str, int]:
    """Plan and deliver, and return what the command says."""
    planned = run("plan", "--json")
    assert planned.exit_code == 0, planned.output
    sent = run("deliver", "--json")
    assert sent.exit_code == 0, sent.output
    found: dict[str, Any] = json.loads(sent.stdout)
    return {name: count for name, count in found.items() if count}


def test_odd_characters_stop_no_mail(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each character stands in a paper, and in all that one subscriber and one group say."""
    papers = []
    for number, sign in enumerate(SIGNS.values()):
        paper = {"id": f"invented:odd{number}", "title": f"Protein folding{sign} in {sign} lake {number}"}
        words = {"abstract": f"Of {sign} ice.", "authors": [f"Ada{sign} Odd"], "venue": f"Odd{sign}"}
        papers.append(paper | words | {"url": f"https://example.net/odd{number}"})
        said = ("--name", f"Ada {sign}", "--topic", f"protein folding{sign}")
        added = run("subscriber", "add", f"odd{number}@example.net", *said)
        assert added.exit_code == 0, added.output
        assert run("group", "add", f"Ice{sign} lab {number}", "--topic", f"ice{sign}").exit_code == 0
    (tmp_path / "odd.jsonl").write_text("\n".join(map(json.dumps, papers)), encoding="utf-8")
    assert run("paper", "import", "odd.jsonl").exit_code == 0
    for number, group in enumerate(json.loads(run("group", "list", "--json").stdout)):
        assert run("group", "join", group["name"], f"odd{number}@example.net").exit_code == 0
    monkeypatch.setenv("DIGESTD_THEME_INTRO", f"Good morning{''.join(SIGNS.values())}".replace(SIGNS["surrogate"], ""))
    assert delivered(run) == {"accepted": OTHERS + len(SIGNS)}
    texts = [_text(file) for file in (tmp_path / "outbox" / "new").iterdir()]
    assert not [name for name, sign in SIGNS.items() if any(sign in text for text in texts)]
    shown = " ".join(" ".join(texts).split())
    left = ["view" if sign == SIGNS["slot"] else "" for sign in SIGNS.values()]
    titles = [f"Protein folding {word} in {word} lake {number}" for number, word in enumerate(left)]
    assert [title for title in titles if " ".join(title.split()) not in shown] == []


def test_text_without_visible_characters_is_refused(run: Run) -> None:
    for word in ("--topic", "--author", "--name"):
        refused = run("subscriber", "add", "odd@example.net", word, "\ue001 \u200b\u3164")
        assert isinstance(refused.exception, BadInput)
        assert str(refused.exception).startswith(word.removeprefix("--"))
        assert "has no visible characters; write it with letters or digits" in str(refused.exception)


def _text(file: Path) -> str:
    """Return a mail as its reader sees it: headers and text part."""
    mail = message_from_bytes(file.read_bytes(), policy=default)
    part = mail.get_body(("plain",))
    assert part is not None
    return "\n".join([*map(str, mail.values()), part.get_content()])
