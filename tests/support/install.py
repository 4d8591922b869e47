"""An installation of digestd on a database, with a manual clock."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import func, select

from digestd import app as wiring
from digestd.app import App
from digestd.delivery.attempt_recorder import RunCounters
from digestd.delivery.recovery import recover
from digestd.delivery.run import deliver
from digestd.delivery.transports import Route
from digestd.delivery.transports.transport import Transport
from digestd.digests.planner import PlanReport, plan
from digestd.domain.delivery import State
from digestd.jobs.worker import run
from digestd.papers.paper_import import import_papers
from digestd.settings import Settings
from digestd.store import clock, core
from digestd.store.database import Database
from digestd.store.fsck import fsck
from digestd.subscribers.files import FileLine
from digestd.subscribers.importing import import_subscribers
from tests.support import sample_data


@dataclass
class Clock:
    """A clock that stands at `now` until `go` moves it."""

    now: datetime

    def __call__(self) -> datetime:
        return self.now

    def go(self, step: timedelta) -> None:
        """Move the clock; a negative step moves it back."""
        self.now += step


@dataclass
class Install:
    """An installation in a folder."""

    folder: Path
    url: str
    clock: Clock
    app: App

    @property
    def db(self) -> Database:
        """Return its database."""
        return self.app.db

    def to(self, transport_url: str, connections: int = 4, **more: str) -> "Install":
        """Return the installation with another transport and other settings."""
        changed = {"transport_url": transport_url, "transport_connections": connections, **more}
        return replace(self, app=replace(self.app, settings=self.app.settings.model_copy(update=changed)))

    def environment(self, **more: str) -> dict[str, str]:
        """Return the environment of a digestd process that starts at this time."""
        settings = self.app.settings
        return {
            "DIGESTD_DATABASE_URL": self.url,
            "DIGESTD_TRANSPORT_URL": settings.transport_url,
            "DIGESTD_TRANSPORT_CONNECTIONS": str(settings.transport_connections),
            "DIGESTD_SECRET_KEY_FILE": str(settings.secret_key_file),
            "DIGESTD_MAIL_FROM": settings.mail_from,
            "DIGESTD_POSTAL_ADDRESS": settings.postal_address,
            "DIGESTD_SOURCES": "none",
            "DIGESTD_EMBEDDING_MODEL": settings.embedding_model,
            "DIGESTD_JOURNAL_DIR": settings.journal_dir,
            "DIGESTD_NOW": self.clock.now.isoformat(),
            **more,
        }

    def papers(self, records: Iterable[dict[str, object]]) -> None:
        """Import papers, first seen now."""
        report = import_papers(self.db, sample_data.lines(iter(records)), self.clock.now)
        assert not report.refused, report.refused

    def next_day(self, number: int = 1, papers: int = 60) -> None:
        """Advance by a day and import other papers; `number` makes days differ."""
        self.clock.go(timedelta(days=1))
        self.papers(sample_data.papers(papers, seed=number + 1, first=1_000 * number))

    def run_on(self, span: timedelta) -> None:
        """Advance as while the service runs, which reads the clock again and again."""
        until = self.clock.now + span
        while self.clock.now < until:
            self.clock.go(min(timedelta(minutes=30), until - self.clock.now))
            clock.note(self.db, self.clock.now)

    def people(self, records: Iterable[Mapping[str, object]]) -> None:
        """Import subscribers."""
        numbered = (FileLine(number, record) for number, record in enumerate(records, 1))
        report = import_subscribers(self.db, self.app.notices, numbered, self.clock.now)
        assert not report.refused, report.refused

    def plan(self) -> PlanReport:
        """Plan the digests that are due."""
        return plan(self.db, self.app.planner, self.clock.now)

    async def deliver(self, transport: Transport | None = None, limit: int | None = None) -> RunCounters:
        """Recover and deliver as the command does, optionally by `transport`."""
        recover(self.db, self.app.owners, self.app.journals, self.clock.now)
        if transport is None:
            return await run(self.app, limit=limit)
        owner = self.app.new_owner()
        with self.app.owners.hold(owner):
            return await deliver(self.app.delivery(owner, (Route("relay", transport),)), limit=limit)

    @property
    def states(self) -> dict[State, int]:
        """Return the number of deliveries in each state."""
        column = core.delivery.c.state
        with self.db.read() as session:
            rows = session.connection().execute(select(column, func.count()).group_by(column))
            return {State(state): count for state, count in rows}

    @property
    def worker_names(self) -> set[str]:
        """Return the names of all workers that have claimed deliveries."""
        with self.db.read() as session:
            return set(session.connection().execute(select(core.attempt.c.owner)).scalars())

    @property
    def states_by_message_id(self) -> dict[str, State]:
        """Return the state of each Message-ID."""
        with self.db.read() as session:
            rows = session.connection().execute(select(core.delivery.c.message_id, core.delivery.c.state))
            return {message_id: State(state) for message_id, state in rows}

    @property
    def by_address(self) -> dict[str, State]:
        """Return the state of each address's mail."""
        joined = core.delivery.join(core.subscriber, core.subscriber.c.id == core.delivery.c.subscriber_id)
        query = select(core.subscriber.c.address, core.delivery.c.state).select_from(joined)
        with self.db.read() as session:
            return {address: State(state) for address, state in session.connection().execute(query)}

    @property
    def broken(self) -> dict[str, list[dict[str, object]]]:
        """Return the violated invariants."""
        return {name: rows for name, rows in fsck(self.db, self.clock.now).items() if rows}

    @property
    def unsafe(self) -> dict[str, list[dict[str, object]]]:
        """Return the violated invariants, without those about waiting too long."""
        return {name: rows for name, rows in self.broken.items() if name.startswith("I")}

    @property
    def passes_integrity_check(self) -> bool:
        """Return True if SQLite's integrity check passes."""
        with self.db.read() as session:
            return list(session.connection().exec_driver_sql("PRAGMA integrity_check").scalars()) == ["ok"]

    def sound(self, copies: Mapping[str, int]) -> bool:
        """Assert that all invariants hold and that the relay has each accepted mail once."""
        broken = self.broken
        assert broken == {}, broken
        fates = self.states_by_message_id
        assert copies.keys() <= fates.keys()
        wrong = {
            message_id: (state, copies.get(message_id, 0))
            for message_id, state in fates.items()
            if copies.get(message_id, 0) not in _COPIES.get(state, {0})
        }
        assert wrong == {}
        return True


_COPIES = {State.ACCEPTED: {1}, State.UNCERTAIN: {0, 1}}
"""Allowed numbers of copies at the relay; 0 for all other states."""


def install(folder: Path, url: str, now: datetime, transport_url: str = "") -> Install:
    """Return a new installation on a migrated database."""
    folder.mkdir(parents=True, exist_ok=True)
    clock = Clock(now)
    settings = _settings(folder, url, transport_url)
    return Install(folder, url, clock, replace(wiring.initialise(settings), clock=clock))


def reopen(folder: Path, url: str, now: datetime) -> Install:
    """Return an existing installation whose secret is in the folder."""
    clock = Clock(now)
    return Install(folder, url, clock, replace(wiring.build(_settings(folder, url)), clock=clock))


def _settings(folder: Path, url: str, transport_url: str = "") -> Settings:
    return Settings(
        database_url=url,
        transport_url=transport_url or f"maildir:{folder / 'outbox'}",
        secret_key_file=folder / "secret.key",
        mail_from="Invented Digest <digest@example.org>",
        postal_address="1 Invented Street",
        sources="none",
        journal_dir=str(folder / "receipts"),
        embedding_model="none",
        paper_lookup=False,
    )
