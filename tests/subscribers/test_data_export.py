"""Personal data is complete in the export and never in a log.

At erasure it is deleted from every file.
"""

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlmodel import SQLModel

from digestd.delivery.bounces import record as record_bounce
from digestd.domain.bounce import Bounce, BounceKind
from digestd.domain.delivery import SuppressionReason
from digestd.domain.interest import Verdict
from digestd.domain.library import LibraryEntry, LibraryLink, LibraryProvider
from digestd.domain.mail_budget import Pool
from digestd.domain.paper import PaperId, Words
from digestd.domain.reference import Reference
from digestd.domain.subscriber import Cause, ConsentAction, Status
from digestd.security.addresses import address_key
from digestd.security.tokens import Scope
from digestd.store import core, groups, integrations, libraries, personal_data, references, subscribers, suppressions
from digestd.subscribers import feedback, saved_papers
from digestd.subscribers.address_change import request_address_change
from digestd.subscribers.lookup import find
from digestd.subscribers.personal_data import collect_data, erase, to_json, without_identity
from tests.digests.topic_papers import TOPIC, archive, paper, reader, shelf
from tests.support.install import Install, install

pytestmark = pytest.mark.slow

ADA, NEW = "ada.canary@example.net", "new.canary@example.com"
CANARIES = (b"ada.canary", b"new.canary", b"Canary Lovelace", b"canary topic", b"Canary Author", b"canary tag")
ADDRESSES = ("recipient_key", "address_key")
NOBODYS = frozenset(
    {
        *("paper", "paper_alias", "revision", "sighting", "signal", "fetch", "host", "source", "coverage", "merge"),
        *(
            "rejected_record",
            "similarity_key",
            "do_not_merge",
            "embedding",
            "gist_attempt",
            "judgment",
            "judge_request",
            "encoding",
            "text_model",
        ),
        *("calibration", "trial", "consent_wording", "webhook", "inbound_count", "due_audit", "throttle"),
        *("alert_state", "sent_journal", "subscriber_group", "group_interest"),
    }
)
"""Tables that hold nothing of anybody; a new table is either here or in the export."""
LEDGER = frozenset(
    {
        *("subscriber", "delivery", "earlier_attempt", "consent_event", "suppression", "lifted_suppression"),
        *("saved_list_link", "webhook_post"),
    }
)
"""What stays of the erased, without a word of theirs: that mails went, that they consented, that they left."""


@pytest.fixture
def installed(tmp_path: Path, database_url: str, now: datetime) -> Iterator[Install]:
    """Return an installation where one subscriber has left data everywhere. In every table that can hold it."""
    installed = install(tmp_path, database_url, now)
    archive(installed)
    installed.papers([paper("strong00"), *shelf("more", 3)])
    installed.people(
        [reader(email=ADA, name="Canary Lovelace", topics=[TOPIC, "canary topic"], authors=["Canary Author"])]
    )
    installed.plan()
    yield installed
    installed.db.close()


async def lived(installed: Install) -> int:
    """Leave the data, and return the subscriber."""
    await installed.deliver()
    db, keys, now = installed.db, installed.app.keys, installed.clock.now
    with db.read() as session:
        key = find(session, keys, ADA).key
        name = PaperId(str(session.connection().execute(select(core.paper.c.paper_id).limit(1)).scalar()))
    feedback.add_feedback(db, keys, ADA, name, Verdict.MORE, now)
    saved_papers.save(db, key, name, now)
    saved_papers.annotate(db, key, name, ["canary tag"], "A note by Canary Lovelace.")
    request_address_change(db, installed.app.notices, key, NEW, now)
    with db.write() as session:
        by = address_key(keys, ADA)
        groups.join(session, groups.add(session, "Ice lab", (), now), key, now)
        libraries.link(
            session, LibraryLink(key, LibraryProvider.ZOTERO, "users/12", b"Canary Author", may_write=True), now
        )
        (library,) = libraries.of(session, key)
        libraries.write_entries(
            session, (), [LibraryEntry(library.key, "LAKES000", PaperId("doi:10.5555/canary topic"))]
        )
        brought = PaperId("doi:10.5555/canary topic")
        references.store(session, key, [Reference(brought, (brought,), Words("Canary Lovelace", "canary topic"))], now)
        record_bounce(session, Bounce(b"k" * 32, by, BounceKind.SOFT, "dsn", "4.2.2", 1, 1, now), now)
        integrations.add_token(session, "Canary Lovelace's assistant", "s" * 43, {Scope.READ}, now, key)
        suppressions.record(session, by, SuppressionReason.REQUEST, now)
        suppressions.lift(session, by, "they asked: ada.canary is back", now)
        act = ConsentAction(Cause.WEB, b"n" * 32, "Press the button.")
        subscribers.change_status(session, key, Status.PAUSED, act, now)
    return key


def test_data_export_classifies_every_table() -> None:
    assert set(SQLModel.metadata.tables) == personal_data.PERSONAL_TABLES | NOBODYS
    tied = {"subscriber_id", "address_key", "recipient_key", "address", "delivery_id"}
    for name, table in SQLModel.metadata.tables.items():
        assert name in personal_data.PERSONAL_TABLES or not tied & set(table.columns.keys()), name


async def test_data_export_contains_every_personal_row(installed: Install) -> None:
    key = await lived(installed)
    with installed.db.read() as session:
        known = subscribers.by_key(session, key)
        assert known is not None
        kept, there = collect_data(session, known, installed.clock.now), address_key(installed.app.keys, NEW)
        for name in personal_data.PERSONAL_TABLES - {"subscriber"}:
            rows = session.connection().execute(select(SQLModel.metadata.tables[name])).all()
            rows = [row for row in rows if getattr(row, "pool", "") not in {Pool.MAILBOX, Pool.DOMAIN}]  # of nobody
            if name != "address_change":  # an address to move to is not theirs yet
                rows = [row for row in rows if there not in {getattr(row, of, None) for of in ADDRESSES}]
            assert len(kept[name]) == len(rows), name  # type: ignore[arg-type]  # a list: there is one subscriber
    said = json.dumps(kept, default=str)
    theirs = ("A note by Canary", "canary tag", "Canary Lovelace", "canary topic", "strong00", "they asked", "Ice lab")
    for word in (ADA, NEW, "Press the button.", *theirs):
        assert word in said, word


async def test_data_for_a_settings_link_names_nobody(installed: Install) -> None:
    key = await lived(installed)
    with installed.db.write() as session:
        quoted = f"550 <{ADA}>: recall@10 of {NEW} is low"
        session.connection().execute(core.delivery.update().values(reply_text=quoted))
        known = subscribers.by_key(session, key)
        assert known is not None
        full = collect_data(session, known, installed.clock.now)
    shown = to_json(without_identity(full))
    assert [word for word in (ADA, NEW, "ada.canary@", "new.canary@") if word in shown] == []
    assert "Canary Lovelace" not in json.dumps(
        [json.loads(shown)[part] for part in ("subscriber", "row", "pending_request")]
    )
    assert "550 <…>: recall@10 of … is low" in shown
    assert json.loads(shown).keys() == full.keys()
    for word in ("canary topic", "canary tag", "Press the button.", "Ice lab"):
        assert word in shown, word


async def test_erasure_leaves_no_personal_text_in_any_file(installed: Install, tmp_path: Path) -> None:
    key = await lived(installed)
    erase(installed.db, installed.app.keys, ADA, installed.clock.now)
    assert not left_in_rows(installed)
    with installed.db.read() as session:
        connection = session.connection()
        counts = connection.execute(select(core.caused_mail.c.network, core.caused_mail.c.causer)).all()
        assert {tuple(row) for row in counts} <= {(None, "")}, "of mails to a keyed hash, only that they went"
        for name in personal_data.PERSONAL_TABLES - LEDGER - {"caused_mail"}:
            assert connection.execute(select(SQLModel.metadata.tables[name])).all() == [], name
        networks = connection.execute(select(core.consent_event.c.network)).scalars()
        assert set(networks) == {None}
        hashed = address_key(installed.app.keys, ADA)
        assert suppressions.reason_for(session, hashed) is SuppressionReason.ERASED
        assert subscribers.address_key_of(session, key) != hashed
    installed.db.close()
    outbox = tmp_path / "outbox"  # the mails themselves are where the relay put them
    for file in (one for one in tmp_path.rglob("*") if one.is_file() and outbox not in one.parents):
        held = file.read_bytes()
        assert [canary for canary in CANARIES if canary in held] == [], file.name


def left_in_rows(installed: Install) -> list[str]:
    """Return the tables that still contain one of the texts."""
    found = []
    with installed.db.read() as session:
        for name, table in SQLModel.metadata.tables.items():
            rows = session.connection().execute(select(table)).all()
            if any(canary.decode() in repr(row) for canary in CANARIES for row in rows):
                found.append(name)
    return found


async def test_logs_contain_no_address_or_secret(
    installed: Install, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    await lived(installed)
    erase(installed.db, installed.app.keys, ADA, installed.clock.now)
    shown = capfd.readouterr()
    told = f"{shown.out}{shown.err}{caplog.text}"
    secret = installed.app.keys.secret.decode()
    assert [word for word in (*(canary.decode() for canary in CANARIES), secret) if word in told] == []
