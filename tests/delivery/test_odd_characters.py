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


@pytest.mark.parametrize("sign", SIGNS.values(), ids=SIGNS)
def test_odd_character_stops_no_mail(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sign: str) -> None:
    paper = {"id": "invented:odd", "title": f"Protein folding{sign} in {sign} ice", "abstract": f"Of {sign} ice.",
             "authors": [f"Ada{sign} Odd"], "venue": f"Odd{sign}", "url": "https://example.net/odd"}  # fmt: skip
    (tmp_path / "odd.jsonl").write_text(json.dumps(paper), encoding="utf-8")
    assert run("paper", "import", "odd.jsonl").exit_code == 0
    added = run("subscriber", "add", "odd@example.net", "--name", f"Ada {sign}", "--topic", f"protein folding{sign}")
    assert added.exit_code == 0, added.output
    assert run("group", "add", f"Ice{sign} lab", "--topic", f"ice{sign}").exit_code == 0
    [group] = json.loads(run("group", "list", "--json").stdout)
    assert run("group", "join", group["name"], "odd@example.net").exit_code == 0
    monkeypatch.setenv("DIGESTD_THEME_INTRO", f"Good morning{sign.replace(SIGNS['surrogate'], '')}")
    assert delivered(run) == {"accepted": OTHERS + 1}
    texts = [_text(file) for file in (tmp_path / "outbox" / "new").iterdir()]
    assert not [text for text in texts if sign in text]
    [odd] = [text for text in texts if "odd@example.net" in text]
    left = " view" if sign == SIGNS["slot"] else ""
    assert f"Protein folding{left} in{left} ice" in " ".join(odd.split())


@pytest.mark.parametrize("words", [("--topic",), ("--author",), ("--name",)])
def test_text_without_visible_characters_is_refused(run: Run, words: tuple[str, ...]) -> None:
    refused = run("subscriber", "add", "odd@example.net", *words, "\ue001 \u200b\u3164")
    field = words[0].removeprefix("--")
    assert isinstance(refused.exception, BadInput)
    assert str(refused.exception).startswith(field)
    assert "has no visible characters; write it with letters or digits" in str(refused.exception)


def _text(file: Path) -> str:
    """Return a mail as its reader sees it: headers and text part."""
    mail = message_from_bytes(file.read_bytes(), policy=default)
    part = mail.get_body(("plain",))
    assert part is not None
    return "\n".join([*map(str, mail.values()), part.get_content()])
