"""The pipeline from an imported paper to a mail at a relay, by commands."""

import contextlib
import email
import email.policy
import json
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest
from typer.testing import CliRunner

from digestd.cli import app
from tests.support.relay import Relay

pytestmark = pytest.mark.slow

HOSTILE = [
    "A title\r\nBcc: evil@example.org\r\n\r\nwith a line of its own",
    "=?utf-8?q?=0D=0ABcc=3A_evil=40example=2Eorg?=",
    "<script>alert(1)</script><img src=x onerror=alert(1)> & {{ 7*7 }} {% raw %}",
    "Lines\u2028that\u2029end\x85here \u202eand run backwards\u0000",
    "Endless " * 1_250,
]
HEADERS = {
    *("From", "To", "Reply-To", "Date", "Message-ID", "Subject", "List-Unsubscribe", "List-Unsubscribe-Post"),
    *("List-Id", "List-Help", "List-Subscribe", "List-Owner", "List-Archive", "List-Post", "Auto-Submitted"),
    *("Precedence", "Feedback-ID", "MIME-Version", "Content-Type"),
}


class Digestd:
    """The digestd command in a folder, at a given time, with a test relay."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.said = ""
        self.env = {
            "DIGESTD_TRANSPORT_URL": f"smtp://127.0.0.1:{port}",
            "DIGESTD_POSTAL_ADDRESS": "1 Example Street, Example City",
            "DIGESTD_MAIL_FROM": "Digest <digest@example.net>",
            "DIGESTD_SOURCES": "none",
        }

    def __call__(self, *arguments: str, now: str = "2026-11-24T08:00:00Z", fails: int = 0) -> str:
        with contextlib.chdir(self.folder):
            done = CliRunner().invoke(app, arguments, env={**self.env, "DIGESTD_NOW": now})
        assert done.exit_code == fails, done.output
        self.said = done.stderr
        return done.stdout or done.stderr

    def counts(self, *arguments: str, now: str = "2026-11-24T08:00:00Z", fails: int = 0) -> dict[str, int]:
        counts: dict[str, int] = json.loads(self(*arguments, "--json", now=now, fails=fails))
        return counts

    def papers(self, *titles: str, now: str = "2026-11-24T08:00:00Z") -> None:
        lines = [json.dumps({"title": title, "abstract": "On the folding of proteins."}) for title in titles]
        (self.folder / "papers.jsonl").write_text("\n".join(lines) + "\n")
        self("paper", "import", "papers.jsonl", now=now)


@pytest.fixture
def relay() -> Iterator[Relay]:
    relay = Relay()
    with relay.in_thread():
        yield relay


@pytest.fixture
def digestd(tmp_path: Path, relay: Relay) -> Digestd:
    command = Digestd(tmp_path, relay.port)
    command("init")
    return command


def parsed(relay: Relay) -> list[EmailMessage]:
    return [email.message_from_bytes(mail.message, policy=email.policy.default) for mail in relay.taken]


def test_pipeline_sends_a_paper_once_with_its_reason(digestd: Digestd, relay: Relay) -> None:
    digestd("subscriber", "add", "ada@example.org", "--topic", "protein folding")
    digestd.papers("Folding proteins by their contacts")
    assert digestd.counts("plan") == {"due": 1, "planned": 1, "empty": 0}
    assert digestd.counts("deliver", "--drain")["accepted"] == 1
    assert digestd.counts("plan") == {"due": 0, "planned": 0, "empty": 0}
    assert digestd.counts("deliver", "--drain")["accepted"] == 0

    (mail,) = parsed(relay)
    assert mail["To"] == "ada@example.org"
    body = mail.get_body(("plain",))
    assert body is not None
    text = body.get_content()
    assert "Folding proteins by their contacts" in text
    assert "protein folding" in text
    assert relay.taken[0].sender.startswith("bounce+")
    assert "26 of 26" in digestd("fsck")


def test_pipeline_sends_only_new_papers_next_day(digestd: Digestd, relay: Relay) -> None:
    digestd("subscriber", "add", "ada@example.org", "--topic", "protein folding")
    digestd.papers("Folding proteins by their contacts")
    digestd("plan")
    digestd("deliver", "--drain")
    digestd.papers("Folding proteins by evolution", now="2026-11-25T08:00:00Z")
    assert digestd.counts("plan", now="2026-11-25T08:00:00Z")["planned"] == 1
    digestd("deliver", "--drain", now="2026-11-25T08:00:00Z")
    body = parsed(relay)[1].get_body(("plain",))
    assert body is not None
    assert "by evolution" in body.get_content()
    assert "by their contacts" not in body.get_content()
    assert digestd.counts("plan", now="2026-11-26T08:00:00Z") == {"due": 1, "planned": 0, "empty": 1}


def test_pipeline_sends_hostile_titles_as_plain_text(digestd: Digestd, relay: Relay) -> None:
    digestd("subscriber", "add", "ada@example.org")
    for number, title in enumerate(HOSTILE):
        now = f"2026-11-{24 + number}T08:00:00Z"
        digestd.papers(title, now=now)
        digestd("plan", now=now)
        assert digestd.counts("deliver", "--drain", now=now)["accepted"] == 1
    assert [mail.recipient for mail in relay.taken] == ["ada@example.org"] * len(HOSTILE)
    for mail in parsed(relay):
        assert set(mail.keys()) == HEADERS
        assert len(mail.keys()) == len(HEADERS)
        html = mail.get_body(("html",))
        assert html is not None
        assert "<script" not in html.get_content()
        assert "<img" not in html.get_content()


def test_pipeline_skips_who_unsubscribed_before_sending(digestd: Digestd, relay: Relay) -> None:
    digestd("subscriber", "add", "ada@example.org", "--topic", "protein folding")
    digestd.papers("Folding proteins by their contacts")
    digestd("plan")
    digestd("subscriber", "unsubscribe", "ada@example.org")
    assert digestd.counts("deliver", "--drain") == {
        "accepted": 0,
        "deferred": 0,
        "rejected": 0,
        "skipped": 1,
        "expired": 0,
        "uncertain": 0,
    }
    assert relay.taken == []


def test_pipeline_waits_while_the_relay_is_down(tmp_path: Path, relay: Relay) -> None:
    offline = Digestd(tmp_path, 1)
    offline("init")
    offline("subscriber", "add", "ada@example.org", "--topic", "protein folding")
    offline.papers("Folding proteins by their contacts")
    offline("plan")
    assert offline.counts("deliver", "--drain", fails=1)["accepted"] == 0
    later = Digestd(tmp_path, relay.port)
    assert later.counts("deliver", "--drain", now="2026-11-24T09:00:00Z")["accepted"] == 1
    assert len(relay.taken) == 1


def test_run_continues_after_an_unexpected_failure(
    digestd: Digestd, relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_given: object) -> None:
        raise ZeroDivisionError("ada@example.org")

    digestd("subscriber", "add", "ada@example.org", "--topic", "protein folding")
    digestd.papers("Folding proteins by their contacts")
    monkeypatch.setattr("digestd.papers.embedding.embed_papers", fail)
    report = digestd("run", fails=1)
    assert "planned\t1\n" in report
    assert "accepted\t1\n" in report
    assert "embedding papers failed: unexpected ZeroDivisionError\n" in digestd.said
    assert "ada@" not in digestd.said
    assert len(relay.taken) == 1
