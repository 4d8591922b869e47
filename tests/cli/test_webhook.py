"""Test `digestd webhook` list, show and retry, and when webhooks are sent."""

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from digestd.cli import app
from digestd.errors import NotFound
from tests.delivery.test_service import service, terminate
from tests.subscribers.test_webhooks import ADA, SECRET, receiving
from tests.support.install import install
from tests.support.waiting import until

Run = Callable[..., Result]
NOBODY = "http://127.0.0.1:9/nobody"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return the command line of a new installation.

    The test sets the URL of the webhook.
    """
    monkeypatch.chdir(tmp_path)
    for name, value in {
        "DATABASE_URL": f"sqlite:///{tmp_path / 'd.db'}",
        "NOW": "2026-11-24T07:00:00Z",
        "SOURCES": "none",
        "WEBHOOK_SECRET": SECRET,
    }.items():
        monkeypatch.setenv(f"DIGESTD_{name}", value)

    def invoke(*words: str, hook: str = "") -> Result:
        return CliRunner().invoke(app, words, env={"DIGESTD_WEBHOOK_URLS": hook})

    assert invoke("init").exit_code == 0
    return invoke


def rows(result: Result) -> list[tuple[int, str, int]]:
    assert result.exit_code == 0, result.output
    return [(row["number"], row["state"], row["attempts"]) for row in json.loads(result.stdout)]


def test_failed_posts_are_listed_shown_and_retried(run: Run) -> None:
    with receiving(410, 204) as receiver:
        assert run("subscriber", "add", ADA, hook=receiver.url).exit_code == 0
        assert rows(run("webhook", "list", "--json", hook=receiver.url)) == [(1, "waiting", 0)]
        assert run("run", hook=receiver.url).exit_code == 0
        assert rows(run("webhook", "list", "--state", "given_up", "--json", hook=receiver.url)) == [(1, "given_up", 1)]
        shown = json.loads(run("webhook", "show", "1", "--json", hook=receiver.url).stdout)
        assert (shown["event"], shown["url"], shown["error"]) == (
            "subscriber.subscribed",
            receiver.url,
            "answered 410",
        )
        retried = run("webhook", "retry", "1", hook=receiver.url)
        assert "will retry 1 post" in retried.stderr
        run("run", hook=receiver.url)
        assert rows(run("webhook", "list", "--json", hook=receiver.url)) == [(1, "taken", 1)]
    assert len({headers["webhook-id"] for headers, _ in receiver.requests}) == 1


def test_list_is_table_with_newest_first(run: Run) -> None:
    assert "there are no webhook posts" in run("webhook", "list", hook=NOBODY).stderr
    for n in range(3):
        run("subscriber", "add", f"reader{n}@example.org", hook=NOBODY)
    assert [row[0] for row in rows(run("webhook", "list", "--limit", "2", "--json", hook=NOBODY))] == [
        3,
        2,
    ]
    table = run("webhook", "list", hook=NOBODY).stdout
    assert "subscriber.subscribed" in table
    assert "waiting" in table


@pytest.mark.parametrize("words", [("show", "9"), ("retry", "9")])
def test_unknown_post_is_one_line(run: Run, words: tuple[str, ...]) -> None:
    failed = run("webhook", *words)
    assert isinstance(failed.exception, NotFound)
    assert "no post 9" in str(failed.exception)
    assert "`digestd webhook list" in str(failed.exception)


def test_service_sends_webhooks(tmp_path: Path, sqlite_url: str, now: datetime) -> None:
    with receiving() as receiver:
        hook = {"DIGESTD_WEBHOOK_URLS": receiver.url, "DIGESTD_WEBHOOK_SECRET": SECRET}
        made = install(tmp_path / "run", sqlite_url, now).to("", webhook_urls=receiver.url)
        running = service(made, "up", **hook, DIGESTD_TRANSPORT_URL=f"maildir:{tmp_path / 'outbox'}").start()
        until(lambda: running.output.exists() and "listening=" in running.output.read_text())
        made.people([{"email": ADA}])
        until(lambda: len(receiver.requests) == 1)
        terminate(running)
        ended = running.end()
    assert ended.code == 0, ended.output
    assert receiver.events[0][1]["email"] == ADA
