"""A backup restored a day late: no paper goes out twice, no digest is left out, and whoever left stays away."""

import asyncio
import email
import email.policy
import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests.delivery.conftest import READERS
from tests.support import sample_data
from tests.support.command_process import Command, ProcessResult
from tests.support.install import Install, reopen
from tests.support.relay import ReceivedMail, Relay

DAY = timedelta(days=1)


@dataclass
class Service:
    """An installation that is used by commands, and what its relay took."""

    made: Install
    relay: Relay
    folder: Path
    titles: list[str] = field(default_factory=list)

    def run(self, *words: object, code: int | None = 0, **environment: str) -> ProcessResult:
        done = Command(tuple(map(str, words)), self.made.environment(**environment), self.made.folder).run()
        assert code is None or done.code == code, done.output
        return done

    def take_papers(self, day: int) -> None:
        """Import the papers of a day; the same ones for the same day."""
        found = list(sample_data.papers(40, seed=day + 1, first=1_000 * day))
        self.made.papers(iter(found))
        self.titles += [str(one["title"]) for one in found if one["title"] not in self.titles]

    def work(self, day: int, limit: int | None = None) -> None:
        """Import, plan and deliver for one day."""
        self.take_papers(day)
        self.made.plan()
        asyncio.run(self.made.deliver(limit=limit))

    def backup(self, name: str = "digestd.backup") -> Path:
        file = self.folder / name
        self.run("backup", file, "--with-secret-key")
        return file

    def restore(self, file: Path, *options: str) -> None:
        self.made.db.close()
        self.run("restore", file)
        self.run("restore", "--resume", *options)
        clock, settings = self.made.clock, self.made.app.settings
        again = reopen(self.made.folder, self.made.url, clock.now).to(settings.transport_url)
        self.made = replace(again, clock=clock, app=replace(again.app, clock=clock))

    def papers_of(self, address: str) -> Counter[str]:
        """Return how often each paper went to an address."""
        found: Counter[str] = Counter()
        for mail in self.relay.taken:
            if mail.recipient == address:
                text = plain_text(mail).partition("Everybody is reading:")[0]
                found.update(title for title in self.titles if title in text)
        return found

    @property
    def repeated(self) -> dict[str, list[str]]:
        """Return the papers that went out more than once, by address."""
        addresses = {mail.recipient for mail in self.relay.taken}
        twice = {who: [title for title, count in self.papers_of(who).items() if count > 1] for who in addresses}
        return {who: titles for who, titles in twice.items() if titles}

    def recipients_since(self, count: int) -> Counter[str]:
        return Counter(mail.recipient for mail in self.relay.taken[count:])


def plain_text(mail: ReceivedMail) -> str:
    found = email.message_from_bytes(mail.message, policy=email.policy.default)
    body = found.get_body(("plain",))
    assert body is not None
    return " ".join(body.get_content().split())


@pytest.fixture
def service(on_file: Install, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with Relay().in_thread() as relay:
        made = Service(on_file.to(relay.url), relay, tmp_path_factory.mktemp("elsewhere"))
        made.titles = [str(one["title"]) for one in sample_data.papers(60)]
        asyncio.run(made.made.deliver())
        yield made


def everybody() -> set[str]:
    return {f"reader{number}@example.net" for number in range(READERS)}


@pytest.mark.slow
@pytest.mark.parametrize("papers", ["in the backup", "reported again"])
def test_restore_a_day_late_repeats_no_paper(service: Service, papers: str) -> None:
    for day in range(1, 5):
        service.made.clock.go(DAY)
        service.work(day)
    if papers == "in the backup":
        service.take_papers(5)
    file = service.backup()
    service.made.clock.go(DAY)
    service.work(5)
    service.made.clock.go(DAY)
    before = len(service.relay.taken)
    service.restore(file)
    service.take_papers(5)
    service.work(6)
    assert service.recipients_since(before) == Counter(everybody())
    service.made.clock.go(DAY)
    service.work(7)
    assert service.repeated == {}
    assert service.recipients_since(before) == Counter(dict.fromkeys(everybody(), 2))
    assert service.made.unsafe == {}
    found = json.loads(service.run("delivery", "list", "--limit", "200", "--json").output)
    periods = Counter(row["period"] for row in found if row["state"] == "accepted")
    if papers == "in the backup":
        assert set(periods.values()) == {READERS}, "also the digests of the day that was lost"
    assert service.run("fsck", code=None).output.count("J1") == 0


@pytest.mark.slow
def test_restore_sends_what_was_not_sent(service: Service) -> None:
    service.made.clock.go(DAY)
    service.work(1)
    file = service.backup()
    service.made.clock.go(DAY)
    service.work(2, limit=3)
    had = set(service.recipients_since(2 * READERS))
    before = len(service.relay.taken)
    service.made.clock.go(timedelta(hours=2))
    service.restore(file)
    service.work(2)
    assert set(service.recipients_since(before)) == everybody() - had
    assert service.repeated == {}


def leave_all(service: Service) -> dict[str, str]:
    """Let four readers leave in four ways; return their status."""
    service.run("subscriber", "unsubscribe", "reader0@example.net")
    service.run("subscriber", "pause", "reader1@example.net")
    service.run("subscriber", "suppress", "reader2@example.net")
    service.run("subscriber", "erase", "reader3@example.net", "--yes")
    return {"reader0@example.net": "unsubscribed", "reader1@example.net": "paused", "reader2@example.net": "suppressed"}


def lose_record(service: Service) -> None:
    for file in service.made.folder.rglob("opt-outs"):
        file.unlink()


def lose_database(service: Service) -> None:
    database = service.made.db.file
    assert database is not None
    service.made.db.close()
    database.write_bytes(b"\xff" * 100_000)
    for ending in ("-wal", "-shm"):
        Path(f"{database}{ending}").unlink(missing_ok=True)


@pytest.mark.slow
@pytest.mark.parametrize("lose", [lose_record, lose_database], ids=["record lost", "database lost"])
def test_whoever_left_stays_away(service: Service, lose: Callable[[Service], None]) -> None:
    file = service.backup()
    service.made.clock.go(DAY)
    status = leave_all(service)
    service.run("subscriber", "unsubscribe", "reader4@example.net")
    lose(service)
    service.made.clock.go(DAY)
    before = len(service.relay.taken)
    service.restore(file)
    service.work(2)
    gone = {*status, "reader3@example.net", "reader4@example.net"}
    assert set(service.recipients_since(before)) == everybody() - gone
    rows = json.loads(service.run("subscriber", "list", "--json").output)
    found = {row["email"]: row["status"] for row in rows if row["email"]}
    assert {who: found[who] for who in status} == status
    assert "reader3@example.net" not in found
    assert b"reader3" not in (service.made.folder / "digestd.db").read_bytes()
    assert service.made.unsafe == {}


@pytest.mark.slow
def test_resume_asks_if_nothing_tells_who_left(service: Service) -> None:
    file = service.backup()
    service.made.clock.go(DAY)
    lose_record(service)
    lose_database(service)
    service.run("restore", file)
    said = service.run("restore", "--resume", code=2).output
    assert "2026-11-24 07:00Z" in said
    assert "--yes" in said
    refused = service.run("deliver", code=1).output
    assert "digestd restore --resume" in refused
    service.run("restore", "--resume", "--yes")


def test_record_of_opt_outs_has_hashes_only(service: Service) -> None:
    leave_all(service)
    (record,) = service.made.folder.rglob("opt-outs")
    assert record.stat().st_mode & 0o77 == 0
    assert b"reader" not in record.read_bytes()
    assert record.stat().st_size < 1_000
    record.chmod(0o400)
    shutil.move(record, record.with_name("away"))
    record.mkdir()
    service.run("subscriber", "unsubscribe", "reader5@example.net")
    rows = json.loads(service.run("subscriber", "list", "--json").output)
    assert {row["email"]: row["status"] for row in rows}["reader5@example.net"] == "unsubscribed"


@pytest.mark.slow
def test_coming_back_outweighs_having_left(service: Service) -> None:
    file = service.backup()
    service.made.clock.go(DAY)
    service.run("subscriber", "pause", "reader1@example.net")
    service.run("subscriber", "resume", "reader1@example.net")
    service.made.clock.go(DAY)
    before = len(service.relay.taken)
    service.restore(file)
    service.work(2)
    assert set(service.recipients_since(before)) == everybody()


@pytest.mark.slow
def test_restore_with_a_lost_journal_repeats_nothing(service: Service, tmp_path: Path) -> None:
    """What may have been sent is uncertain for each day, and the next digest has other papers."""
    service.made.clock.go(DAY)
    service.work(1)
    service.take_papers(2)
    service.take_papers(3)
    file = service.backup()
    for day in (2, 3):
        service.made.clock.go(DAY)
        service.work(day)
    shutil.rmtree(service.made.app.journals)
    before = len(service.relay.taken)
    service.made.clock.go(timedelta(hours=2))
    service.restore(file, "--yes")
    asyncio.run(service.made.deliver())
    assert service.recipients_since(before) == Counter()
    service.made.clock.go(DAY)
    service.work(4)
    assert service.recipients_since(before) == Counter(everybody())
    assert service.repeated == {}
