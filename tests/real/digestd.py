"""digestd in a folder of its own, by the commands an operator types, and what a look into its ledger shows."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import select

from digestd.store import core
from digestd.store.database import open_database
from digestd.store.packing import unpack_picks
from tests.parts.forks import Command


@dataclass(frozen=True)
class Digestd:
    """A fresh SQLite file under `folder`; mail goes to `transport`."""

    folder: Path
    transport: str

    def __call__(self, now: datetime, *words: str) -> str:
        """Run a command to its end; it must succeed."""
        environment = {
            "DIGESTD_NOW": now.isoformat(),
            "DIGESTD_SOURCES": "none",
            "DIGESTD_TRANSPORT_URL": self.transport,
            "DIGESTD_MAIL_FROM": "Invented Digest <digest@example.org>",
            "DIGESTD_POSTAL_ADDRESS": "1 Invented Street",
        }
        ended = Command(words, environment, self.folder).run(120)
        assert ended.code == 0, ended.said
        return ended.said

    def counts(self, now: datetime, *words: str) -> dict[str, int]:
        """What a command prints with `--json`: its last lines, after any log."""
        said = self(now, *words, "--json")
        counts: dict[str, int] = json.loads(said[said.index("{\n") if "{\n" in said else said.index("{") :])
        return counts

    def fsck(self, now: datetime) -> Mapping[str, list[object]]:
        """The invariants that do not hold."""
        found: dict[str, list[object]] = json.loads(self(now, "fsck", "--json"))
        return {name: rows for name, rows in found.items() if rows}

    def held(self) -> dict[str, list[list[int]]]:
        """For each address its digests that have picks, oldest first, as row numbers of papers."""
        db = open_database(f"sqlite:///{self.folder / 'var' / 'digestd.db'}")
        delivery, subscriber = core.delivery.c, core.subscriber.c
        query = select(subscriber.address, delivery.picks).where(delivery.kind == "digest", delivery.state != "empty")
        joined = query.join_from(core.delivery, core.subscriber, subscriber.id == delivery.subscriber_id)
        found: dict[str, list[list[int]]] = {}
        with db.read() as session:
            for address, picks in session.connection().execute(joined.order_by(delivery.id)):
                found.setdefault(address, []).append([pick.paper for pick in unpack_picks(picks)])
        db.close()
        return found
