"""Every command but the services prints JSON with `--json`."""

import json
from datetime import datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from digestd.cli import app
from digestd.cli.commands import load
from tests.cli.test_command_line import table
from tests.support.install import install

SERVICES = {"digestd up", "digestd web", "digestd worker", "digestd try", "digestd mcp"}
OUTSIDE = {
    "digestd db copy",
    "digestd inbound",
    "digestd paper summarise",
    "digestd restore",
    "digestd source check",
    "digestd subscriber chat",
    "digestd subscriber library link",
    "digestd subscriber library stop",
    "digestd subscriber library sync",
    "digestd subscriber library unlink",
}
"""Commands that need a service of others or another database; their own tests run them."""
ADA, PAPER = "ada@example.net", "invented:one"
COMMANDS = f"""
init
paper import papers.jsonl
paper list
subscriber add bo@example.net --topic rivers --timezone Beijing
subscriber import people.csv
subscriber list
subscriber show {ADA}
subscriber edit {ADA} --hour 0
subscriber pause {ADA}
subscriber resume {ADA}
subscriber interests {ADA}
subscriber feedback {ADA} {PAPER} more
subscriber feedback {ADA}
subscriber feedback {ADA} {PAPER} saved
subscriber saved list {ADA}
subscriber saved edit {ADA} {PAPER} --tag moss
subscriber saved export {ADA} --out saved.bib
subscriber data {ADA}
subscriber export
subscriber library list {ADA}
subscriber chat --list
subscriber chat {ADA} --show
group add lab --topic moss
group edit lab --name bryology
group join bryology {ADA}
group show bryology
group list
group leave bryology {ADA}
group remove bryology
paper show {PAPER}
paper merge {PAPER} invented:two
paper split {PAPER}
preview {ADA}
preview {ADA} --lint
explain {ADA}
explain {ADA} {PAPER}
coverage
ingest
plan
deliver
replay {ADA} 2026-11-24
send {ADA} --date 2026-11-24
send --test cy@example.net
run
delivery list
delivery show 1
delivery resend {ADA} --state accepted --dry-run
delivery reconcile --log mail.log
fsck
status
doctor --resolver 127.0.0.1:9
prune --dry-run
webhook list
webhook retry
api-token add website
api-token list
api-token remove 1
template list
template copy email/reason.txt.j2
config show
config check
config rotate-secret
backup one.backup
subscriber suppress {ADA}
subscriber suppress --held
subscriber unsuppress {ADA} --why mistake
subscriber unsubscribe {ADA}
subscriber erase {ADA} --yes
source list
conference list
evaluate --papers papers.jsonl --judgments judgments.jsonl
"""


@pytest.mark.slow
def test_every_command_prints_json(
    tmp_path: Path, sqlite_url: str, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = install(tmp_path, sqlite_url, now)
    installed.people([{"email": ADA, "topics": ["moss"], "hour": 0}])
    installed.db.close()
    for name, value in installed.environment(DIGESTD_TEMPLATES_DIR="own").items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    titles = {PAPER: "Moss on walls", "invented:two": "Moss on old walls"}
    (tmp_path / "papers.jsonl").write_text("\n".join(json.dumps({"id": i, "title": t}) for i, t in titles.items()))
    (tmp_path / "people.csv").write_text("email\ndi@example.net\n")
    (tmp_path / "judgments.jsonl").write_text(json.dumps({"user": "a", "topics": ["moss"], "relevant": [PAPER]}))
    (tmp_path / "mail.log").write_text("")
    (tmp_path / "own").mkdir()
    done = set()
    for line in COMMANDS.strip().splitlines():
        result = CliRunner().invoke(app, [*line.split(), "--json"])
        assert result.exit_code == 0 or line.startswith("doctor"), (line, result.output, result.exception)
        assert isinstance(json.loads(result.stdout), dict | list), line
        done |= {path for path, _ in table() if f"digestd {line} ".startswith(f"{path} ")}
    missing = {path for path, _ in table()} - SERVICES - OUTSIDE - done
    assert missing == ONLY_LOOKED_AT


ONLY_LOOKED_AT = {
    "digestd conference plan",
    "digestd conference sessions",
    "digestd config dkim",
    "digestd delivery settle",
    "digestd source add",
    "digestd source remove",
    "digestd template diff",
    "digestd webhook show",
}


def test_every_command_but_services_has_json() -> None:
    without = {path for path, entry in table() if not any("--json" in one.opts for one in load(path, entry).params)}
    assert without == SERVICES
