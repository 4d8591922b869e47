"""One bad item in a loop over things: it is named and left out, and all others are handled."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import func, select

from digestd.domain.bounce import BounceKind, InboundOutcome
from digestd.domain.delivery import State
from digestd.domain.gist import GistKind
from digestd.domain.library import LibraryLink, LibraryProvider, LibraryState
from digestd.domain.paper import PaperId, Sighting, Words
from digestd.papers.embedding import embed_papers
from digestd.papers.gist_writing import GistWriter, write_gists
from digestd.papers.ingest import ingest
from digestd.papers.language_model import LanguageModel
from digestd.papers.page_store import store_page
from digestd.ranking.arrays import Floats
from digestd.replies.bounces.providers import BounceEvent, WebhookPayload
from digestd.replies.mailboxes.mailbox import MaildirMailbox, poll
from digestd.replies.processing import ReplyProcessor, process_events
from digestd.security.encryption import encrypt
from digestd.sources.jsonl import JsonlFile
from digestd.sources.source import Page, RateLimit, Request
from digestd.store import core, libraries, papers
from digestd.store.papers import sources as stored_sources
from digestd.subscribers.files import read_lines
from digestd.subscribers.importing import import_subscribers
from digestd.subscribers.libraries import sync_due
from tests.gists.test_writing import ABSTRACT, TITLE
from tests.proof.one_bad_item_server import ODD_ANSWERS, serving_models
from tests.support import sample_data
from tests.support.command_process import Command
from tests.support.install import Install, install

ODD_LINES = (
    b"[" * 65_000,
    b'{"a":' * 65_000,
    b'{"title": "T", "signals": {"upvotes": ' + b"9" * 5_000 + b"}}",
    b'{"title": "T", "signals": {"upvotes": NaN}}',
    b'{"title": "T", "published": "0000-00-00"}',
    b'{"title": "T", "published": "99999-01-01"}',
    b'{"title": ' + b"[" * 90 + b"]" * 90 + b"}",
    b"\xff\xfe\x00",
    b'"\\ud800"',
)


@pytest.fixture
def made(tmp_path: Path, sqlite_url: str, now: datetime) -> Install:
    return install(tmp_path, sqlite_url, now)


def count(made: Install, table: str) -> int:
    with made.db.read() as session:
        return int(session.connection().execute(select(func.count()).select_from(getattr(core, table))).scalar_one())


def sighting(number: int, title: str) -> Sighting:
    return Sighting((PaperId(f"doi:10.5555/one.{number}"),), Words(title, "They freeze in winter."))


@dataclass(frozen=True)
class OddSource:
    """A source with a fault that nobody foresaw."""

    name: str = "odd"
    rate_limit: RateLimit = field(default_factory=lambda: RateLimit("", 0))

    def requests(self, _since: datetime, _cursor: str | None) -> Request | None:
        raise NotImplementedError

    def parse(self, _body: bytes, _cursor: str | None = None) -> Page:
        raise NotImplementedError

    def warning(self, _day: object) -> str | None:
        raise RecursionError


def test_import_takes_all_papers_but_the_odd(made: Install, tmp_path: Path) -> None:
    good = list(sample_data.lines(sample_data.papers(3)))
    file = tmp_path / "papers.jsonl"
    file.write_bytes(b"\n".join(part for pair in zip(ODD_LINES, good * 3, strict=True) for part in pair))
    report = asyncio.run(ingest(made.db, [JsonlFile(file)], made.app.client, made.clock))
    assert (report.sources[0].new, report.sources[0].rejected) == (3, len(ODD_LINES))


def test_import_takes_all_subscribers_but_the_odd(made: Install, tmp_path: Path) -> None:
    file = tmp_path / "people.jsonl"
    odd = (b'{"email": "odd@example.org", "size": ' + b"9" * 5_000 + b"}", *ODD_LINES)
    good = [json.dumps({"email": f"reader{number}@example.org"}).encode() for number in range(len(odd))]
    file.write_bytes(b"\n".join(part for pair in zip(odd, good, strict=True) for part in pair))
    with file.open("rb") as lines:
        report = import_subscribers(made.db, made.app.notices, read_lines(lines), made.clock.now)
    assert (report.added, len(report.refused)) == (len(odd), len(odd))


def test_page_is_stored_but_for_the_odd_paper(made: Install) -> None:
    page = [sighting(number, "Lakes \ud800" if number == 3 else f"Lakes {number}") for number in range(8)]
    stored = store_page(made.db, "jsonl:/p", page, made.clock.now)
    assert (stored.new, [one.ids[0] for one, _ in stored.refused]) == (7, [page[3].ids[0]])
    assert count(made, "paper") == 7


def test_odd_source_stops_no_other(made: Install, tmp_path: Path) -> None:
    file = tmp_path / "papers.jsonl"
    file.write_bytes(b"\n".join(sample_data.lines(sample_data.papers(3))))
    report = asyncio.run(ingest(made.db, [OddSource(), JsonlFile(file)], made.app.client, made.clock))
    assert [one.new for one in report.sources] == [0, 3]
    assert report.sources[0].error == "unexpected RecursionError; the next ingest tries again"


def test_unknown_stored_source_stops_no_other(made: Install, tmp_path: Path) -> None:
    with made.db.write() as session:
        stored_sources.add(session, ["gone:lakes", f"jsonl:{tmp_path}/p.jsonl"], made.clock.now)
    app = replace(made.app, settings=made.app.settings.model_copy(update={"sources": ""}))
    assert {"gone:lakes", f"jsonl:{tmp_path}/p.jsonl"} & {source.name for source in app.sources} == {
        f"jsonl:{tmp_path}/p.jsonl"
    }


def test_papers_are_encoded_but_for_the_odd_one(made: Install) -> None:
    @dataclass(frozen=True)
    class Encoder:
        version: str = "test"
        dims: int = 4

        def encode(self, texts: Sequence[str]) -> Floats:
            if any("cursed" in text for text in texts):
                raise OverflowError
            return np.full((len(texts), 4), 0.5, dtype=np.float32)

    made.papers([*sample_data.papers(5), {"title": "A cursed paper", "abstract": "It breaks the encoder."}])
    assert embed_papers(made.db, Encoder()) == 6
    assert count(made, "embedding") == 6
    assert embed_papers(made.db, Encoder()) == 0


@pytest.mark.parametrize("odd", sorted(ODD_ANSWERS))
def test_gists_are_written_but_for_the_odd_answer(made: Install, odd: str) -> None:
    made.papers(
        {"id": f"shelf:{name}", "title": TITLE, "abstract": f"{ABSTRACT}{name}"} for name in ("good", odd, "fine")
    )
    with serving_models() as url:
        writer = GistWriter(LanguageModel(url, "m", seconds=5), per_day=9)
        write_gists(made.db, writer, made.clock)
    with made.db.read() as session:
        kinds = {name: papers.find(session, PaperId(f"shelf:{name}")).gist.kind for name in ("good", "fine")}  # type: ignore[union-attr]  # they were imported
    assert kinds == {"good": GistKind.GENERATED, "fine": GistKind.GENERATED}


def test_mails_are_processed_but_for_the_odd_one(made: Install, tmp_path: Path) -> None:
    box = tmp_path / "box"
    (box / "new").mkdir(parents=True)
    for name in ("1", "2-odd", "3"):
        (box / "new" / name).write_bytes(f"From: a@example.org\r\nSubject: {name}\r\n\r\nhello\r\n".encode())

    def prepare(_db: object, mail: object, _now: object) -> object:
        if "2-odd" in repr(mail):
            raise OverflowError
        return mail

    processor = ReplyProcessor(made.db, made.app.keys, prepare=prepare)  # type: ignore[arg-type]  # one that fails
    assert poll(MaildirMailbox(box), processor, made.clock) == {InboundOutcome.FOREIGN: 2, InboundOutcome.UNREAD: 1}
    assert list((box / "new").iterdir()) == []
    assert len(list((box / "cur").iterdir())) == 3


def test_events_are_recorded_but_for_the_odd_one(made: Install) -> None:
    made.people({"email": f"reader{number}@example.org"} for number in range(5))
    events = [
        BounceEvent("\ud800" if number == 2 else str(number), BounceKind.HARD, f"reader{number}@example.org")
        for number in range(5)
    ]
    counted = process_events(made.db, made.app.keys, "ses", WebhookPayload(tuple(events)), made.clock.now)
    assert counted == {InboundOutcome.TAKEN: 4, InboundOutcome.UNREAD: 1}
    assert count(made, "bounce") == 4


def test_run_goes_on_beside_a_damaged_library(made: Install) -> None:
    made.people(sample_data.people(3))
    made.papers(sample_data.papers(30))
    with made.db.write() as session:
        new = LibraryLink(1, LibraryProvider.ZOTERO, "users/1", None, may_write=False)
        libraries.link(session, new, made.clock.now)
        session.connection().exec_driver_sql("UPDATE library SET synced_us = 900000000000000000")
    environment = made.environment(DIGESTD_NOW=(made.clock.now + timedelta(hours=1)).isoformat())
    done = Command(("run",), environment, made.folder).run()
    assert done.code == 0
    assert "cannot read what is stored of a library" in done.output
    assert made.states == {State.ACCEPTED: 3}


def test_libraries_are_read_but_for_the_odd_one(made: Install) -> None:
    made.people(sample_data.people(3))
    keys = made.app.keys
    with made.db.write() as session:
        for subscriber in (1, 2, 3):
            place = f"users/{subscriber}"
            key = None if subscriber == 2 else encrypt(keys, "library", f"{subscriber}:zotero:{place}", "key")
            new = LibraryLink(subscriber, LibraryProvider.ZOTERO, place, key, may_write=False)
            libraries.link(session, new, made.clock.now)
    context = replace(made.app.libraries, zotero_url="http://127.0.0.1:1")
    made.clock.go(timedelta(minutes=1))
    assert asyncio.run(sync_due(context)) == 3
    with made.db.read() as session:
        tried = [library for number in (1, 2, 3) for library in libraries.of(session, number)]
    states = [LibraryState.LINKED, LibraryState.REFUSED, LibraryState.LINKED]
    assert [(library.state, bool(library.why)) for library in tried] == [(state, True) for state in states]
