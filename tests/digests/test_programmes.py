"""Conference mode: hundreds of papers of a venue become one programme for each subscriber who follows it.

OpenReview is a local server that answers in its pages, with papers of our own.
"""

import asyncio
import json
import multiprocessing
import os
import signal
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import select

from digestd.delivery.recovery import recover
from digestd.digests import programmes
from digestd.digests.planner import plan
from digestd.digests.programmes import ProgrammeReport, plan_due, plan_programmes
from digestd.digests.shard import rank_shard
from digestd.domain.delivery import MailKind, State
from digestd.domain.digest import ReasonKind
from digestd.domain.subscriber import Cause
from digestd.errors import NotResumed
from digestd.sources.openreview import PAGE_SIZE
from digestd.store import core
from digestd.store.ledger.packing import unpack_picks
from digestd.store.papers import conferences, sources
from digestd.store.papers.conferences import Programmes
from digestd.subscribers.status_changes import unsubscribe
from tests.digests.topic_papers import NONE, digests, paper, reader, shelf, subscriber, welcome
from tests.papers.http_server import HttpServer, ReceivedRequest, head, serve_http
from tests.papers.ingester import Ingester
from tests.proof.snapshots import snapshot_database
from tests.support.install import Install
from tests.support.relay import Relay

NAME = "ICLR 2027"
SOURCE = "openreview:ICLR.cc/2027/Conference"
DAY = timedelta(days=1)
COUNT, MATCHING = 300, 14
OTHER = "other@example.net"
"""Follows the venue, and nothing that its papers are about."""


class OpenReview:
    """The papers of a venue, as the service gives them: the latest changes first."""

    def __init__(self, now: datetime) -> None:
        self.notes = [_note(number, now - 60 * DAY) for number in range(COUNT)]

    async def __call__(self, request: ReceivedRequest, writer: asyncio.StreamWriter) -> None:
        query = parse_qs(urlsplit(request.path).query)
        is_venue = query["content.venueid"] == ["ICLR.cc/2027/Conference"]
        start = int(query.get("offset", ["0"])[0])
        listed = self.notes if is_venue else []
        page = listed[start : start + min(PAGE_SIZE, int(query["limit"][0]))]
        body = json.dumps({"notes": page, "count": len(listed)}).encode()
        writer.write(head(200, Content_Length=len(body)) + body)


def _note(number: int, public: datetime, **content: object) -> dict[str, Any]:
    words = paper(f"note{number:03}", NONE if number >= MATCHING else 3)
    said = {"title": words["title"], "abstract": words["abstract"], "authors": ["Ann Example"], **content}
    at = int(public.timestamp() * 1000)
    return {
        "id": f"note{number:03}",
        "forum": f"note{number:03}",
        "pdate": at,
        "tmdate": at,
        "content": {key: {"value": value} for key, value in {**said, "venue": f"{NAME} oral"}.items()},
    }


@pytest.fixture
async def site(bare: Install) -> AsyncIterator[OpenReview]:
    """Return the venue, whose list was read twice, a day apart; two subscribers follow it, one does not."""
    with bare.db.write() as session:
        sources.add(session, [SOURCE], bare.clock.now, NAME)
    bare.people(
        [
            reader(venues=["iclr"], explore=False),
            reader(email=OTHER, topics=["murmuring basalt harpsichords"], venues=[NAME, "Nature"]),
            reader(email="third@example.net", explore=False),
        ]
    )
    async with serve_http() as web:
        web.paths["/notes"] = review = OpenReview(bare.clock.now)
        bare.web = web  # type: ignore[attr-defined]
        await read(bare)
        yield review


async def read(install: Install) -> None:
    """Read the list."""
    web: HttpServer = install.web  # type: ignore[attr-defined]
    [report] = await Ingester(install.db, web, install.clock).ingest(SOURCE)
    assert not report.error


async def later(install: Install) -> list[ProgrammeReport]:
    """Read the list a day later, and plan what is due."""
    install.clock.go(DAY)
    await read(install)
    return plan_due(install.db, install.app.planner, install.clock)


def programme(install: Install, address: str = "reader@example.net") -> Any:
    """Return a subscriber's programme of the ledger; None without one."""
    query = select(core.delivery).where(
        core.delivery.c.subscriber_id == subscriber(install, address), core.delivery.c.kind == MailKind.PROGRAMME
    )
    with install.db.read() as session:
        return session.connection().execute(query).one_or_none()


def mails(install: Install) -> list[EmailMessage]:
    found = sorted((install.folder / "outbox" / "new").glob("*"))
    parsed = (message_from_bytes(file.read_bytes(), policy=policy.default) for file in found)
    return [mail for mail in parsed if isinstance(mail, EmailMessage)]


async def test_programme_comes_once_to_its_followers(bare: Install, site: OpenReview) -> None:
    assert plan(bare.db, bare.app.planner, bare.clock.now).planned == 0, "no paper of the conference is news"
    assert plan_due(bare.db, bare.app.planner, bare.clock) == [], "the list was new a moment ago"
    assert await later(bare) == [ProgrammeReport(NAME, COUNT, followers=2, planned=1)]
    found = programme(bare)
    picks = unpack_picks(found.picks)
    assert (found.key, found.state, found.considered, len(picks)) == (NAME, State.READY, COUNT, MATCHING)
    assert {pick.reason.kind for pick in picks} == {ReasonKind.TITLE}
    assert programme(bare, OTHER) is None
    assert programme(bare, "third@example.net") is None
    assert await later(bare) == []
    again = plan_programmes(bare.db, bare.app.planner, NAME, bare.clock.now)
    assert (again.followers, again.planned) == (1, 0)
    await bare.deliver()
    [mail] = [mail for mail in mails(bare) if NAME in mail["Subject"]]
    assert mail["Subject"] == f"{MATCHING} of {COUNT} for you: {NAME}"
    assert mail["List-Unsubscribe"]
    html, text = (mail.get_body((form,)).get_content() for form in ("html", "plain"))  # type: ignore[union-attr]
    assert f"of {COUNT} papers, {MATCHING} fit your interests" in text
    assert "4 more papers" in html
    assert bare.unsafe == {}


async def test_daily_digest_stays_as_it_is(bare: Install, site: OpenReview) -> None:
    bare.papers(shelf("daily", 3))
    await later(bare)
    bare.plan()
    assert set(digests(bare)[-1].names) == {"daily00", "daily01", "daily02"}
    assert programme(bare) is not None
    await bare.deliver()
    assert bare.unsafe == {}
    to_reader = [mail["Subject"] for mail in mails(bare) if mail["To"] == "reader@example.net"]
    assert len(to_reader) == 2


async def test_paper_of_both_comes_once(bare: Install, site: OpenReview) -> None:
    welcome(bare)
    await later(bare)
    seen = len(unpack_picks(programme(bare).picks))
    title = site.notes[0]["content"]["title"]["value"]
    abstract = site.notes[0]["content"]["abstract"]["value"]
    bare.papers([{"id": "openreview:note000", "title": title, "abstract": abstract}, paper("fresh")])
    bare.plan()
    assert digests(bare)[-1].names == ("fresh",)
    assert digests(bare, "third@example.net")[-1].names.count("openreview:note000") == 1, "it is news for others"
    assert (seen, bare.unsafe) == (MATCHING, {})


async def test_growing_list_waits_unless_asked(bare: Install, site: OpenReview) -> None:
    site.notes.insert(0, _note(900, bare.clock.now + DAY))
    assert await later(bare) == []
    with bare.db.write() as session:
        conferences.set_programmes(session, NAME, Programmes.ASKED)
    assert [one.papers for one in plan_due(bare.db, bare.app.planner, bare.clock)] == [COUNT + 1]


async def test_unsubscribed_gets_no_programme(bare: Install, site: OpenReview) -> None:
    await later(bare)
    unsubscribe(bare.db, subscriber(bare), Cause.CLI, bare.clock.now)
    await bare.deliver()
    assert programme(bare).state == State.SKIPPED
    assert not [mail for mail in mails(bare) if NAME in mail["Subject"]]
    assert bare.unsafe == {}


async def test_one_odd_paper_or_reader_spoils_no_other(
    bare: Install, site: OpenReview, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.notes += [
        _note(901, bare.clock.now - 60 * DAY, title="\\" * 400 + "{" * 400, abstract="$" * 9_999),
        _note(902, bare.clock.now - 60 * DAY, title="\u202e" * 9, abstract="\\input{" * 200),
    ]
    bare.people([{"email": "odd@example.net", "topics": [")" * 300], "venues": ["(" * 300, "%s {{ 7 }}", "ICLR"]}])
    odd = subscriber(bare, "odd@example.net")

    def fail(session: Any, day: Any, readers: Any) -> Any:
        if any(due.key == odd for due in readers):
            raise ValueError("of one reader")
        return rank_shard(session, day, readers)

    monkeypatch.setattr("digestd.digests.programmes.rank_shard", fail)
    await read(bare)
    [report] = await later(bare)
    assert (report.planned, report.failed) == (1, 1)
    assert len(unpack_picks(programme(bare).picks)) == MATCHING
    assert bare.unsafe == {}


async def test_killed_planner_leaves_no_second_programme(
    bare: Install, site: OpenReview, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare.people([reader(email=f"more{n}@example.net", venues=["ICLR"], explore=False) for n in range(3)])
    bare.clock.go(DAY)
    await read(bare)
    monkeypatch.setattr(programmes, "BLOCK", 1)

    def killed_after_two() -> None:
        left = iter([True, True, False])

        def go_on() -> bool:
            if not next(left):
                os.kill(os.getpid(), signal.SIGKILL)
            return True

        bare.db.engine.dispose(close=False)
        plan_due(bare.db, bare.app.planner, bare.clock, go_on)

    child = multiprocessing.get_context("fork").Process(target=killed_after_two)
    child.start()
    child.join()
    assert child.exitcode == -signal.SIGKILL
    planned = [one for one in bare.by_address.items() if one[1] is State.READY]
    assert 0 < len(planned) < 4
    await bare.deliver()
    plan_due(bare.db, bare.app.planner, bare.clock)
    await bare.deliver()
    to = [mail["To"] for mail in mails(bare) if NAME in mail["Subject"]]
    assert sorted(to) == sorted({"reader@example.net", *(f"more{n}@example.net" for n in range(3))})
    assert bare.unsafe == {}


async def test_restored_database_sends_no_programme_again(bare: Install, site: OpenReview, tmp_path: Path) -> None:
    (tmp_path / "backup").mkdir()
    put_back = snapshot_database(bare.db, tmp_path / "backup")
    async with Relay().serving() as relay:
        there = bare.to(relay.url)
        await later(bare)
        assert (await there.deliver()).accepted == 1
        put_back()
        guard, now = there.app.restore_guard, bare.clock.now
        with pytest.raises(NotResumed):
            guard.require_resumed(now)
        recover(bare.db, there.app.owners, there.app.journals, now)
        assert guard.resume(now, bare.app.planner).accepted == 1
        await read(bare)
        await later(bare)
        await there.deliver()
        assert [programme(bare).state, sum(relay.copies.values())] == [State.ACCEPTED, 1]
        assert len(unpack_picks(programme(bare).picks)) == MATCHING
        assert bare.unsafe == {}
