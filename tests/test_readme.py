"""README is true: its commands run, its links lead somewhere, its list of commands is complete."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from digestd.cli import app
from digestd.sources import REGISTRY

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
PAPERS = """
{"id": "arxiv:2401.00001", "title": "Folding proteins by following their contacts", "abstract": "Protein folding."}
{"id": "arxiv:2401.00002", "title": "How river deltas grow", "abstract": "Sand and mud, settled where rivers end."}
"""


def blocks(kind: str) -> list[str]:
    return [part.split("```")[0] for part in README.split(f"```{kind}\n")[1:]]


def commands(block: str) -> list[list[str]]:
    return [shlex.split(line.removeprefix("$ ")) for line in block.splitlines() if line.startswith("$ ")]


def digestd(arguments: list[str], folder: Path) -> "subprocess.CompletedProcess[str]":
    env = {name: value for name, value in os.environ.items() if not name.startswith("DIGESTD_")}
    env["PYTHONPATH"] = str(ROOT)
    env["DIGESTD_NOW"] = "2026-11-24T09:00:00Z"  # before seven in the morning nobody is due
    run = [sys.executable, "-m", "digestd", *arguments]
    return subprocess.run(run, cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=120)


def test_the_commands_shown_run_in_their_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of a first day each as a process of its own, the later ones in this one."""
    first, *more = map(commands, blocks("console"))
    (tmp_path / "papers.jsonl").write_text(PAPERS)
    for command in first:
        assert command[0] == "digestd"
        done = digestd(command[1:], tmp_path)
        assert done.returncode == 0, (command, done.stderr)
    assert len(list((tmp_path / "var" / "outbox" / "new").iterdir())) == 1

    (tmp_path / "judgments.jsonl").write_text(next(block for block in blocks("json") if '"relevant"' in block))
    monkeypatch.chdir(tmp_path)
    for command in (command for block in more for command in block):
        asked = CliRunner().invoke(app, command[1:], catch_exceptions=False)
        assert (command[0], asked.exit_code) == ("digestd", 0), (command, asked.output)
    pictures = sorted(file.name for file in (tmp_path / "pictures").iterdir())
    assert pictures == [f"{n}.{kind}" for n in ("calibration", "difference", "scores") for kind in ("png", "svg")]


def test_the_account_shown_is_of_the_form_that_explain_gives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = next(json.loads(block) for block in blocks("json") if '"verdict"' in block)
    (tmp_path / "papers.jsonl").write_text(PAPERS)
    monkeypatch.chdir(tmp_path)
    asked = ["explain", "ada@example.org", "arxiv:2401.00001", "--json"]
    for words in [*(command[1:] for command in commands(blocks("console")[0])[:3]), asked]:
        done = CliRunner().invoke(app, words, catch_exceptions=False)
        assert done.exit_code == 0, done.output
    given = json.loads(done.stdout)
    assert list(given) == list(shown)
    assert (given["title"], given["verdict"], given["reason"]) == (shown["title"], shown["verdict"], shown["reason"])
    assert {tuple(part) for part in given["parts"]} == {tuple(part) for part in shown["parts"]}
    for account in (given, shown):
        assert sum(part["contribution"] for part in account["parts"]) == pytest.approx(account["score"], abs=1e-4)


def test_every_command_in_the_table_exists(tmp_path: Path) -> None:
    help_text = digestd(["--help"], tmp_path).stdout
    table = README.split("| command | what it does |")[1].split("\n\n")[0]
    nouns = {"source", "paper", "subscriber", "delivery", "config", "trial", "webhook", "api-token"}
    for cell in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE):
        named = re.findall(r"`([a-z-]+)([^`]*)`", cell)
        if named[0][0] in nouns:
            noun, verbs = named[0][0], [named[0][1].strip(), *[verb for verb, _ in named[1:] if verb != "fsck"]]
            shown = digestd([noun, "--help"], tmp_path).stdout
            assert all(verb in shown for verb in verbs), (noun, verbs)
        else:
            assert all(re.search(rf"\b{word}\b", help_text) for word, _ in named)


def test_the_table_of_sources_has_every_kind_and_says_which_are_proven() -> None:
    table = README.split("| spec | what it reads | proven |")[1].split("\n\n")[0]
    rows = [
        (re.findall(r"`([a-z0-9-]+)", specs), proven)
        for specs, proven in re.findall(r"^\| (.*?) \|.*\| (.*?) \|$", table, re.M)
    ]
    assert {kind for kinds, _ in rows for kind in kinds} == set(REGISTRY)
    for kinds, said in rows:
        for kind in set(kinds):
            named = re.findall(r"`([a-z0-9-]+)`", said)
            proven = "not yet" not in said and (not named or kind in named)
            assert proven == REGISTRY[kind].proven, kind


@pytest.mark.parametrize("page", ["README.md", "deploy/README.md"])
def test_every_link_into_the_repository_leads_somewhere(page: str) -> None:
    text = (ROOT / page).read_text()
    for target in re.findall(r"\]\((?!https?:|mailto:|#)([^)#]+)", text):
        assert (ROOT / page).parent.joinpath(target).exists(), target
