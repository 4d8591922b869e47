"""Test that a damaged row of one subscriber costs nobody else anything.

The damage is written into the SQLite file, as a disk or a person might. All kinds are in one database.
"""

import json
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from typer.testing import CliRunner

from digestd.cli import app
from digestd.domain.subscriber import Subscriber
from digestd.errors import DigestdError
from digestd.security.tokens import Scope
from digestd.store import integrations, subscribers
from digestd.subscribers.settings_link import link_for
from digestd.web import build
from digestd.web.forms import PreferencesForm
from tests.conftest import NOW
from tests.support import sample_data
from tests.support.install import Install, install

pytestmark = pytest.mark.slow

FIELDS = {
    "timezone": ("UPDATE subscriber SET timezone = 'Mars/Phobos'", "--timezone Europe/Berlin"),
    "zone-folder": ("UPDATE subscriber SET timezone = 'America'", "--timezone Europe/Berlin"),
    "zone-path": ("UPDATE subscriber SET timezone = '../../etc/passwd'", "--timezone Europe/Berlin"),
    "zone-number": ("UPDATE subscriber SET timezone = x'ff'", "--timezone Europe/Berlin"),
    "hour": ("UPDATE subscriber SET hour = 99", "--hour 7"),
    "hour-text": ("UPDATE subscriber SET hour = 'seven'", "--hour 7"),
    "cadence": ("UPDATE subscriber SET cadence = 'hourly'", "--cadence daily"),
    "weekday": ("UPDATE subscriber SET weekday = 9, cadence = 'weekly'", "--weekday tue"),
    "size": ("UPDATE subscriber SET size = 'many'", "--size 10"),
    "min_score": ("UPDATE subscriber SET min_score = 'extreme'", "--min-score normal"),
    "name": ("UPDATE subscriber SET name = x'ff00'", "--name Ada"),
    "language": ("UPDATE subscriber SET language = x'ff'", "--language en"),
    "interest": ("UPDATE interest SET kind = 'mood'", "--topic rivers"),
    "stance": ("UPDATE interest SET stance = 'envied'", "--topic rivers"),
}
"""Statements that damage a subscriber, and the options of `subscriber edit` that correct it."""
_VERDICT = "INSERT INTO feedback (subscriber_id, paper, verdict, at_us) VALUES ({{key}}, 1, {}, {})"
_MUTING = "INSERT INTO muting (subscriber_id, paper, kind, value, at_us) VALUES ({{key}}, 1, {}, {}, 1)"
OTHERS = {
    "last_date": "UPDATE subscriber SET last_date = 'tomorrow'",
    "last_planned": "UPDATE subscriber SET last_planned_us = 9e18",
    "next_due": "UPDATE subscriber SET next_due_us = 'never'",
    "status": "UPDATE subscriber SET status = 'asleep'",
    "seen": "INSERT INTO seen_papers (subscriber_id, papers) VALUES ({key}, x'010203')",
    "verdict": _VERDICT.format("'adored'", 1),
    "verdict-time": _VERDICT.format("'saved'", "9e18"),
    "muting": _MUTING.format("'mood'", "'rivers'"),
    "muting-bytes": _MUTING.format("'topic'", "x'ff'"),
    "profile": "UPDATE profile SET record = x'00'",
    "profile-json": "UPDATE profile SET papers = '[['",
}
"""Damage that no option corrects, or that needs none."""


EVERY = [*(statement for statement, _ in FIELDS.values()), *OTHERS.values()]
SOUND = 2
SECRET = "s" * 43
Digestd = Callable[[str], tuple[int, str]]


def number(name: str) -> int:
    return SOUND + 1 + [*FIELDS, *OTHERS].index(name)


def address(name: str) -> str:
    return f"reader{number(name) - 1}@example.net"


@pytest.fixture
def damaged(sqlite_url: str, tmp_path: Path) -> Install:
    """Return an install with papers, two sound subscribers, and one for each kind of damage; nothing is planned."""
    made = install(tmp_path, sqlite_url, NOW)
    made.papers(sample_data.papers(60))
    made.people(sample_data.people(SOUND + len(EVERY)))
    made.plan()  # stores profiles
    made.db.close()
    with sqlite3.connect(tmp_path / "digestd.db", isolation_level=None) as file:
        file.execute("PRAGMA ignore_check_constraints = ON")
        for statement in ("DELETE FROM delivery", "DELETE FROM seen_papers", "DELETE FROM due_audit"):
            file.execute(statement)
        file.execute("UPDATE subscriber SET last_date = NULL, last_planned_us = NULL, horizon = NULL, next_due_us = 0")
        for key, statement in enumerate(EVERY, SOUND + 1):
            who = "" if "VALUES" in statement else " WHERE subscriber_id = {key}"
            who = who.replace("subscriber_id", "id") if "UPDATE subscriber " in statement else who
            file.execute((statement + who).format(key=key))
    file.close()
    return made


@pytest.fixture
def digestd(damaged: Install, monkeypatch: pytest.MonkeyPatch) -> Digestd:
    """Return a function that runs a command and returns its exit code and everything it says."""
    for name, value in damaged.environment(DIGESTD_PAPER_LOOKUP="false").items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(damaged.folder)

    def run(words: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, words.split())
        if done.exception is not None and not isinstance(done.exception, SystemExit | DigestdError):
            raise AssertionError(words) from done.exception
        return done.exit_code, f"{done.output}{done.exception or ''}"

    return run


def counts(said: str) -> dict[str, int]:
    found: dict[str, int] = json.JSONDecoder().raw_decode(said[said.index("{\n") :])[0]
    return found


def test_damaged_rows_cost_only_their_subscribers(digestd: Digestd) -> None:
    assert counts(digestd("plan --json")[1])["planned"] >= SOUND
    said = digestd("deliver --json")[1]
    assert counts(said)["accepted"] >= SOUND, said
    code, status = digestd("status")
    assert code == 1
    code, checked = digestd("fsck")
    assert code == 1
    code, exported = digestd("subscriber export")
    assert code == 1
    assert '"reader0@example.net"' in exported
    for name in FIELDS:
        assert f"no digest can be planned for {address(name)}: cannot be read" in status
        assert address(name) in checked
        assert f"left out: {address(name)}" in exported
        assert f'"{address(name)}"' not in exported


@pytest.mark.parametrize("name", FIELDS)
def test_damaged_field_is_said_and_corrected(digestd: Digestd, name: str) -> None:
    digestd("plan")
    for words in (f"subscriber show {address(name)}", f"explain {address(name)}"):
        said = digestd(words)[1]
        assert "They get no digest" in said, words
        assert f"`digestd subscriber edit {address(name)} --" in said
    assert digestd(f"subscriber edit {address(name)} {FIELDS[name][1]}")[0] == 0
    assert address(name) not in digestd("status")[1]
    assert counts(digestd("plan --json")[1])["due"] == 1


@pytest.fixture
def client(damaged: Install) -> Iterator[TestClient]:
    with TestClient(build(damaged.app), base_url="http://127.0.0.1:8080", client=("127.0.0.1", 50_000)) as client:
        yield client


def test_damaged_settings_are_marked_and_saved_correctly(damaged: Install, client: TestClient) -> None:
    for name in (*FIELDS, *OTHERS):
        page = f"/p/{link_for(damaged.app.keys, number(name), NOW)}"
        assert [client.get(one).status_code for one in (page, f"{page}/saved")] == [200, 200], name
        before = stored(damaged, name)
        assert client.post(page, data=PreferencesForm.of(before)).status_code == 200, name
        assert name in OTHERS or (before.damage and not stored(damaged, name).damage), name


def stored(damaged: Install, name: str) -> Subscriber:
    with damaged.db.read() as session:
        found = subscribers.by_key(session, number(name))
    assert found is not None
    return found


def test_api_names_damage_in_lists(damaged: Install, client: TestClient) -> None:
    with damaged.db.write() as session:
        token = integrations.add_token(session, "test", SECRET, frozenset({Scope.READ}), NOW)
    headers = {"Authorization": f"Bearer digestd_{token}_{SECRET}"}
    listed = client.get("/api/v1/subscribers", headers=headers).json()["items"]
    damage = {one["number"]: one["damaged"] for one in listed}
    assert all(damage[number(name)].startswith("cannot be read: ") for name in FIELDS)
    assert [damage[key] for key in range(1, SOUND + 1)] == [""] * SOUND


def test_every_command_goes_on_with_damaged_rows(damaged: Install, digestd: Digestd) -> None:
    people = damaged.folder / "people.jsonl"
    people.write_text("".join(json.dumps({"email": address(name), "size": 9}) + "\n" for name in FIELDS))
    assert digestd(f"subscriber import {people}")[0] == 0
    for words in ("subscriber list", "subscriber list --json", "doctor", "group list", "delivery list", "prune"):
        digestd(words)
    assert digestd("run")[0] == 0
    for name in (*FIELDS, *OTHERS):
        for words in ("subscriber show {}", "preview {}", "explain {}", "send {}", "subscriber data {}"):
            digestd(words.format(address(name)))
        assert digestd(f"subscriber unsubscribe {address(name)}")[0] == 0
        assert digestd(f"subscriber erase {address(name)} --yes")[0] == 0
    assert digestd("subscriber export")[0] == 0
