"""Conference mode: hundreds of papers of a venue become one programme for each subscriber who follows it.

OpenReview is a local server that answers in its pages, with papers of our own.
"""

import asyncio
import json
import multiprocessing
import os
import signal
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import select, update

from digestd.delivery import journals
from digestd.delivery.recovery import recover
from digestd.delivery.resend import RESENDABLE, resend
from digestd.digests import programmes
from digestd.digests.shard import rank_shard
from digestd.domain.delivery import MailKind, State
from digestd.domain.digest import ReasonKind
from digestd.domain.interest import Kind, Stance
from digestd.domain.paper import PaperId
from digestd.domain.subscriber import Cause
from digestd.errors import NotFound, NotResumed
from digestd.security.addresses import make_message_id
from digestd.sources.openreview import PAGE_SIZE
from digestd.store import core, papers
from digestd.store.ledger.packing import unpack_picks
from digestd.store.ledger.resending import ResendFilter
from digestd.store.papers import conferences, sources
from digestd.store.papers.conferences import Programmes
from digestd.store.personal_data import prune
from digestd.subscribers import group_edits
from digestd.subscribers.status_changes import pause, resume, unsubscribe
from digestd.subscribers.suppression import unsuppress
from tests.digests.topic_papers import NONE, digests, paper, reader, shelf, subscriber
from tests.papers.http_server import HttpServer, ReceivedRequest, head, serve_http
from tests.papers.ingester import Ingester
from tests.proof.snapshots import snapshot_database
from tests.support.command_process import Command
from tests.support.install import Install
from tests.support.relay import Fault, Relay

NAME = "ICLR 2027"
SOURCE = "openreview:ICLR.cc/2027/Conference"
DAY = timedelta(days=1)
COUNT, MATCHING = 120, 14
READER = "reader@example.net"
OTHER = "other@example.net"
"""Follows the venue, and nothing that its papers are about."""
NEW = "new@example.net"


class OpenReview:
    """The papers of a venue, as the service gives them: the latest changes first."""

    def __init__(self, now: datetime) -> None:
        self.notes = [_note(number, now - 60 * DAY) for number in range(COUNT)]
        self.also: dict[str, list[dict[str, Any]]] = {}
        self.on_page: Callable[[], object] = bool

    async def __call__(self, request: ReceivedRequest, writer: asyncio.StreamWriter) -> None:
        query = parse_qs(urlsplit(request.path).query)
        self.on_page()
        [venue] = query["content.venueid"]
        start = int(query.get("offset", ["0"])[0])
        listed = self.notes if venue == "ICLR.cc/2027/Conference" else self.also.get(venue, [])
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
    """Return the venue, whose list was read once; two subscribers follow it, one does not, and all had a digest."""
    with bare.db.write() as session:
        sources.add(session, [SOURCE], bare.clock.now, NAME)
    bare.people(
        [
            reader(venues=["iclr"]),
            reader(email=OTHER, topics=["murmuring basalt harpsichords"], venues=[NAME, "Nature"]),
            reader(email="third@example.net"),
        ]
    )
    bare.papers([paper("welcome", NONE)])
    bare.plan()
    await bare.deliver()
    bare.clock.go(DAY)
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


async def later(install: Install) -> int:
    """Read the list a day later, and plan what is due; return how many programmes that brought."""
    install.clock.go(DAY)
    await read(install)
    return planned(install)


def planned(install: Install) -> int:
    """Plan what is due, and return how many programmes that brought; the next command may send them."""
    before = conference(install).programmes
    install.plan()
    install.clock.go(timedelta(microseconds=1))
    return conference(install).programmes - before


def conference(install: Install) -> conferences.Conference:
    with install.db.read() as session:
        return conferences.find(session, NAME)


def open_now(install: Install) -> None:
    with install.db.write() as session:
        assert conferences.open_programmes(session, NAME).state is Programmes.OPEN


def programme(install: Install, address: str = READER) -> Any:
    """Return a subscriber's programme of the ledger; None without one."""
    query = select(core.delivery).where(
        core.delivery.c.subscriber_id == subscriber(install, address), core.delivery.c.kind == MailKind.PROGRAMME
    )
    with install.db.read() as session:
        return session.connection().execute(query).one_or_none()


def damage(install: Install, address: str) -> None:
    """Damage an interest of a subscriber."""
    theirs = core.interest.c.subscriber_id == subscriber(install, address), core.interest.c.kind == Kind.TOPIC
    with install.db.write() as session:
        session.connection().execute(update(core.interest).where(*theirs).values(since_us=9 * 10**18))


def text_of(mail: EmailMessage) -> str:
    part = mail.get_body(("plain",))
    assert part is not None
    return " ".join(part.get_content().split())


def mails(install: Install) -> list[EmailMessage]:
    found = sorted((install.folder / "outbox" / "new").glob("*"))
    parsed = (message_from_bytes(file.read_bytes(), policy=policy.default) for file in found)
    return [mail for mail in parsed if isinstance(mail, EmailMessage)]


async def test_programme_follows_a_digest_once(bare: Install, site: OpenReview) -> None:
    assert (planned(bare), conference(bare).state) == (0, Programmes.COLLECTING)
    assert digests(bare)[-1].state == State.EMPTY, "no paper of the conference is news"
    assert await later(bare) == 1
    found = programme(bare)
    picks = unpack_picks(found.picks)
    assert (found.key, found.state, found.considered, len(picks)) == (NAME, State.READY, COUNT, MATCHING)
    assert {pick.reason.kind for pick in picks} == {ReasonKind.TITLE}
    assert programme(bare, OTHER).state == State.EMPTY
    assert programme(bare, "third@example.net") is None
    assert await later(bare) == 0
    await bare.deliver()
    [mail] = [mail for mail in mails(bare) if NAME in mail["Subject"]]
    assert mail["Subject"] == f"{MATCHING} of {COUNT} for you: {NAME}"
    assert mail["List-Unsubscribe"]
    html, text = (mail.get_body((form,)).get_content() for form in ("html", "plain"))  # type: ignore[union-attr]
    assert f"Your programme: {MATCHING} papers, chosen from {COUNT}" in text
    assert [html.count(note["id"]) > 0 for note in site.notes[:MATCHING]] == [True] * MATCHING
    prune(bare.db, bare.clock.now + 500 * DAY, keep_deliveries=1, keep_papers=0)
    assert (await later(bare), programme(bare).state, programme(bare).picks) == (0, State.ACCEPTED, b"")
    assert bare.unsafe == {}


async def test_run_sends_what_it_plans(bare: Install, site: OpenReview) -> None:
    bare.clock.go(DAY)
    await read(bare)
    done = Command(("run",), bare.environment(), bare.folder).run()
    assert done.code == 0, done.output
    assert [mail["To"] for mail in mails(bare) if NAME in mail["Subject"]] == [READER]


async def test_new_reader_gets_a_first_digest_first(bare: Install, site: OpenReview) -> None:
    open_now(bare)
    bare.clock.go(4 * DAY)
    bare.people([reader(email=NEW, venues=["ICLR"])])
    assert planned(bare) == 1
    assert (digests(bare, NEW)[-1].state, programme(bare, NEW)) == (State.EMPTY, None)
    bare.clock.go(DAY)
    bare.papers([paper("far", NONE)])
    assert planned(bare) == 1
    assert (digests(bare, NEW)[-1].names, programme(bare, NEW).state) == (("far",), State.READY), "however far it is"
    await bare.deliver()
    assert sorted(NAME in mail["Subject"] for mail in mails(bare) if mail["To"] == NEW) == [False, True]


async def test_old_edition_comes_to_nobody_new(bare: Install, site: OpenReview) -> None:
    assert await later(bare) == 1
    bare.clock.go(60 * DAY)
    bare.people([reader(email=NEW, venues=["ICLR"])])
    bare.papers([paper("news", NONE)])
    assert await later(bare) == 0
    assert (len(digests(bare, NEW)[-1].names), conference(bare).state) == (1, Programmes.ENDED)
    with bare.db.write() as session, pytest.raises(NotFound, match="has not grown for 60 days"):
        conferences.open_programmes(session, NAME)


async def test_programme_of_fifty_is_the_best_of_all(bare: Install, site: OpenReview) -> None:
    site.notes = [_note(number, bare.clock.now - 60 * DAY, **paper(f"n{number}")) for number in range(60)]
    await read(bare)
    assert await later(bare) == 1
    await bare.deliver()
    [mail] = [one for one in mails(bare) if NAME in one["Subject"]]
    assert mail["Subject"] == f"The 50 best of {COUNT} for you: {NAME}"
    assert f"Your programme: the 50 of {COUNT} papers that fit your interests" in text_of(mail)


async def test_programmes_wait_for_the_hour_and_the_digests(bare: Install, site: OpenReview) -> None:
    addresses = [f"more{number}@example.net" for number in range(5)]
    bare.people([reader(email=address, venues=["ICLR"], hour=9) for address in addresses])
    bare.papers(shelf("daily", 3))
    open_now(bare)
    bare.clock.go(timedelta(hours=1, minutes=59))
    assert planned(bare) == 1
    assert {programme(bare, address) for address in addresses} == {None}, "it is before their hour"
    await bare.deliver()
    bare.clock.go(timedelta(minutes=1))
    assert planned(bare) == 5
    ready = select(core.delivery.c.kind).where(core.delivery.c.state == State.READY)
    with bare.db.read() as session:
        order = session.connection().execute(ready.order_by(core.delivery.c.not_before_us, core.delivery.c.id.desc()))
        assert list(order.scalars()) == [MailKind.DIGEST] * 5 + [MailKind.PROGRAMME] * 5, "whatever was planned first"


async def test_daily_digest_stays_as_it_is(bare: Install, site: OpenReview) -> None:
    bare.papers(shelf("daily", 3))
    await later(bare)
    assert set(digests(bare)[-1].names) == {"daily00", "daily01", "daily02"}
    assert programme(bare) is not None
    await bare.deliver()
    assert bare.unsafe == {}
    assert len([mail["Subject"] for mail in mails(bare) if mail["To"] == READER]) == 3, "with the first digest"


async def test_paper_of_both_comes_once(bare: Install, site: OpenReview) -> None:
    await later(bare)
    assert len(unpack_picks(programme(bare).picks)) == MATCHING
    title = site.notes[0]["content"]["title"]["value"]
    abstract = site.notes[0]["content"]["abstract"]["value"]
    bare.papers([{"id": "openreview:note000", "title": title, "abstract": abstract}, paper("fresh")])
    bare.clock.go(DAY)
    bare.plan()
    assert digests(bare)[-1].names == ("fresh",)
    assert digests(bare, "third@example.net")[-1].names.count("openreview:note000") == 1, "it is news for others"
    assert bare.unsafe == {}


async def test_growing_list_waits_unless_asked(bare: Install, site: OpenReview) -> None:
    site.notes.insert(0, _note(900, bare.clock.now + DAY))
    assert await later(bare) == 0
    open_now(bare)
    bare.clock.go(DAY)
    assert planned(bare) == 1
    assert programme(bare).considered == COUNT + 1


async def test_list_half_read_brings_no_programme(bare: Install, site: OpenReview) -> None:
    venue, edition = "ICLR.cc/2028/Conference", "ICLR 2028"
    site.also[venue] = [*site.notes, *(_note(number, bare.clock.now - 60 * DAY) for number in range(COUNT, 1_200))]
    with bare.db.write() as session:
        sources.add(session, [f"openreview:{venue}"], bare.clock.now, edition)

    def plan_half() -> None:
        with bare.db.write() as session, pytest.raises(NotFound, match="was not read to its end yet"):
            conferences.open_programmes(session, edition)
        bare.plan()

    site.on_page = plan_half
    ingester = Ingester(bare.db, bare.web, bare.clock)  # type: ignore[attr-defined]
    await ingester.ingest(f"openreview:{venue}")
    with bare.db.write() as session:
        opened = conferences.open_programmes(session, edition.lower())
    assert (opened.name, opened.papers, opened.programmes) == (edition, 1_200, 0)


async def test_group_and_late_followers_get_theirs(bare: Install, site: OpenReview) -> None:
    third, late = "third@example.net", "late@example.net"
    group_edits.add(bare.db, "Lab", {(Kind.VENUE, Stance.LIKED): ["ICLR"]}, bare.clock.now)
    group_edits.join(bare.db, bare.app.keys, "Lab", third, bare.clock.now, is_list=False)
    assert await later(bare) == 2
    assert len(unpack_picks(programme(bare, third).picks)) == MATCHING
    bare.papers([paper("news", NONE)])
    bare.people([reader(email=late, venues=["ICLR"]), {"email": "only@example.net", "venues": ["ICLR"]}])
    assert await later(bare) == 1
    assert programme(bare, late).state == State.READY
    assert programme(bare, "only@example.net") is None, "until they follow something else"
    bare.people([reader(email="only@example.net", venues=["ICLR"])])
    assert await later(bare) == 1


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
    bare.people([reader(email="damaged@example.net", venues=["ICLR"])])
    damage(bare, "damaged@example.net")
    bare.papers([paper("news", NONE)])
    odd = subscriber(bare, "odd@example.net")

    def fail(session: Any, day: Any, readers: Any) -> Any:
        if any(due.key == odd for due in readers):
            raise ValueError("of one reader")
        return rank_shard(session, day, readers)

    monkeypatch.setattr("digestd.digests.programmes.rank_shard", fail)
    await read(bare)
    assert await later(bare) == 1
    assert len(unpack_picks(programme(bare).picks)) == MATCHING
    assert [programme(bare, f"{name}@example.net") for name in ("odd", "damaged")] == [None, None]
    assert len(digests(bare, "odd@example.net")) == 1, "what fails are their programmes"
    monkeypatch.undo()
    await later(bare)
    assert programme(bare, "odd@example.net") is not None


async def test_broken_conference_stops_no_other(
    bare: Install, site: OpenReview, monkeypatch: pytest.MonkeyPatch
) -> None:
    with bare.db.write() as session:
        sources.add(session, ["openreview:Broken.cc/2027/Conference"], bare.clock.now, "ICLR 2026")
    whole = papers.by_keys

    def fail(session: Any, keys: Any, *more: Any) -> Any:
        if len(list(keys)) == 1:
            raise ValueError("of one conference")
        return whole(session, keys, *more)

    monkeypatch.setattr("digestd.digests.programmes.papers.by_keys", fail)
    broken = Ingester(bare.db, bare.web, bare.clock)  # type: ignore[attr-defined]
    site.also["Broken.cc/2027/Conference"] = [_note(999, bare.clock.now - 60 * DAY)]
    assert not (await broken.ingest("openreview:Broken.cc/2027/Conference"))[0].error
    with bare.db.write() as session:
        conferences.open_programmes(session, "ICLR 2026")
    bare.papers(shelf("daily", 3))
    assert await later(bare) == 1
    assert len(digests(bare)[-1].names) == 3


async def test_source_made_a_conference_keeps_its_list(bare: Install, site: OpenReview) -> None:
    with bare.db.write() as session:
        sources.remove(session, SOURCE)
        sources.add(session, [SOURCE], bare.clock.now)
    site.notes.append(_note(900, bare.clock.now))
    await read(bare)
    with bare.db.write() as session:
        sources.remove(session, SOURCE)
        sources.add(session, [SOURCE], bare.clock.now, NAME)
    assert conference(bare).papers == COUNT + 1


async def test_removed_source_brings_no_news(bare: Install, site: OpenReview) -> None:
    site.notes = [_note(number, bare.clock.now) for number in range(COUNT, 3 * COUNT)]

    def remove() -> None:
        with bare.db.write() as session:
            sources.remove(session, SOURCE)

    site.on_page = remove
    await read(bare)
    with bare.db.read() as session:
        assert papers.newest_news(session, bare.clock.now - DAY, bare.clock.now + DAY) == (0, 0)
        assert papers.count(session) > 2 * COUNT


async def test_feed_of_a_conference_keeps_papers_for_arxiv(bare: Install, site: OpenReview) -> None:
    feed = "feed:https://proceedings.example.org/iclr.xml"
    with bare.db.write() as session:
        sources.add(session, [feed], bare.clock.now, "ICML 2027")
    bare.web.paths["/iclr.xml"] = _feed(bare.clock.now - 90 * DAY)  # type: ignore[attr-defined]
    [report] = await Ingester(bare.db, bare.web, bare.clock).ingest(feed)  # type: ignore[attr-defined]
    assert (report.error, report.new) == (None, 1)
    bare.papers([paper("", id="arxiv:2611.00001")])
    with bare.db.read() as session:
        known = papers.find(session, PaperId("arxiv:2611.00001"))
    assert known is not None
    assert not known.archived


def _feed(published: datetime) -> Any:
    said = paper("")
    entry = (
        f"<entry><id>https://arxiv.org/abs/2611.00001</id><link href='https://arxiv.org/abs/2611.00001'/>"
        f"<title>{said['title']}</title><summary>{said['abstract']}</summary><author><name>Ann Example</name></author>"
        f"<published>{published:%Y-%m-%dT%H:%M:%SZ}</published><updated>{published:%Y-%m-%dT%H:%M:%SZ}</updated></entry>"
    )
    body = f"<feed xmlns='http://www.w3.org/2005/Atom'><title>T</title><id>i</id>{entry}</feed>".encode()

    async def answer(_request: ReceivedRequest, writer: asyncio.StreamWriter) -> None:
        writer.write(head(200, Content_Length=len(body), Content_Type="application/atom+xml") + body)

    return answer


async def test_killed_planner_leaves_no_second_programme(
    bare: Install, site: OpenReview, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare.people([reader(email=f"more{n}@example.net", venues=["ICLR"]) for n in range(3)])
    bare.papers([paper("news", NONE)])
    bare.clock.go(DAY)
    await read(bare)
    monkeypatch.setattr(programmes, "BLOCK", 1)
    whole = programmes._plan

    def killed_at_the_third() -> None:
        left = iter(range(3))

        def kill(*arguments: Any) -> None:
            if next(left) == 2:
                os.kill(os.getpid(), signal.SIGKILL)
            whole(*arguments)

        bare.db.engine.dispose(close=False)
        monkeypatch.setattr(programmes, "_plan", kill)
        bare.plan()

    child = multiprocessing.get_context("fork").Process(target=killed_at_the_third)
    child.start()
    child.join()
    assert child.exitcode == -signal.SIGKILL
    assert conference(bare).programmes == 1
    await bare.deliver()
    bare.clock.go(DAY)
    assert planned(bare) == 3
    await bare.deliver()
    to = [mail["To"] for mail in mails(bare) if NAME in mail["Subject"]]
    assert sorted(to) == sorted({READER, *(f"more{n}@example.net" for n in range(3))})
    assert bare.unsafe == {}


def lose_list(install: Install) -> None:
    """Delete the papers of the conference, as if it was not read yet."""
    with install.db.write() as session:
        lost = select(core.sighting.c.paper).where(core.sighting.c.source == SOURCE)
        gone = list(session.connection().execute(lost).scalars())
        for table in (core.sighting, core.paper_alias, core.revision, core.similarity_key):
            session.connection().execute(table.delete().where(table.c.paper.in_(gone)))
        session.connection().execute(core.paper.delete().where(core.paper.c.id.in_(gone)))


def wait_long(install: Install) -> None:
    """Let the papers get older than those that a restore looks at."""
    install.clock.go(50 * DAY)


def pause_reader(install: Install) -> None:
    pause(install.db, subscriber(install), Cause.CLI, install.clock.now)


def resume_reader(install: Install) -> None:
    resume(install.db, subscriber(install), Cause.CLI, install.clock.now)


@pytest.mark.parametrize("before", [lambda _: None, lose_list, wait_long, pause_reader])
async def test_restored_database_sends_no_programme_again(
    bare: Install, site: OpenReview, tmp_path: Path, before: Callable[[Install], None]
) -> None:
    before(bare)
    (tmp_path / "backup").mkdir()
    put_back = snapshot_database(bare.db, tmp_path / "backup")
    resume_reader(bare)
    await read(bare)
    async with Relay().serving() as relay:
        there = bare.to(relay.url)
        await later(bare)
        assert (await there.deliver()).accepted == 1
        put_back()
        guard, now = there.app.restore_guard, bare.clock.now
        with pytest.raises(NotResumed):
            guard.require_resumed(now)
        recover(bare.db, there.app.owners, there.app.journals, now)
        guard.resume(now, bare.app.planner)
        resume_reader(bare)
        await read(bare)
        for _ in range(2):
            await later(bare)
        await there.deliver()
        assert sum(relay.copies.values()) == 1
        is_known = before not in {lose_list, wait_long, pause_reader}
        assert programme(bare).state == (State.ACCEPTED if is_known else State.EMPTY)
        assert len(unpack_picks(programme(bare).picks)) == (MATCHING if is_known else 0)
        assert bare.unsafe == {}


async def test_resume_with_nothing_lost_holds_nothing(bare: Install, site: OpenReview) -> None:
    assert await later(bare) == 1
    await bare.deliver()
    bare.clock.go(journals.SENT_RETENTION + DAY)
    bare.app.restore_guard.resume(bare.clock.now, bare.app.planner)
    assert conference(bare).state == Programmes.OPEN


async def test_restore_of_what_no_journal_tells_holds_programmes(
    bare: Install, site: OpenReview, tmp_path: Path
) -> None:
    (tmp_path / "backup").mkdir()
    put_back = snapshot_database(bare.db, tmp_path / "backup")
    async with Relay().serving() as relay:
        there = bare.to(relay.url)
        await later(bare)
        assert (await there.deliver()).accepted == 1
        bare.clock.go(journals.SENT_RETENTION + DAY)
        await there.deliver()
        put_back()
        there.app.restore_guard.resume(bare.clock.now, bare.app.planner)
        assert (await later(bare), conference(bare).state) == (0, Programmes.HELD)
        open_now(bare)
        assert await later(bare) == 1, "the operator has decided so"


async def test_rejected_programme_is_sent_again_by_its_number(bare: Install, site: OpenReview) -> None:
    async with Relay({"RCPT": Fault("550 5.1.1 who?", to=READER)}).serving() as relay:
        await later(bare)
        await bare.to(relay.url).deliver()
    assert programme(bare).state == State.REJECTED
    unsuppress(bare.db, bare.app.keys, READER, "their server was misconfigured", bare.clock.now)
    wanted = ResendFilter(datetime.fromtimestamp(0, UTC), RESENDABLE, delivery=programme(bare).id)

    def message_id(who: int, kind: MailKind, key: str) -> str:
        return make_message_id(bare.app.keys, who, kind, key, bare.app.sender.host)

    assert len(resend(bare.db, wanted, message_id, bare.clock.now)) == 1
    await bare.deliver()
    [mail] = [one for one in mails(bare) if one["To"] == READER and NAME in one["Subject"]]
    assert mail["Subject"] == f"{MATCHING} of {COUNT} for you: {NAME}"
    assert await later(bare) == 0
    assert bare.unsafe == {}
