"""The pipeline by hand, step by step: ingest, plan, deliver, inbound, send, and run for all of it.

Each command imports what it needs, as planning alone must stay small.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from digestd import app as wiring
from digestd.app import App
from digestd.cli.arguments import Email, Json, check_number, not_empty, parse_date, parse_datetime
from digestd.cli.output import delivery_progress, emit, progress
from digestd.cli.stdio import say
from digestd.domain.bounce import InboundOutcome
from digestd.domain.delivery import MailKind, State
from digestd.domain.schedule import period_date
from digestd.domain.subscriber import Status, Subscriber
from digestd.errors import BadInput, BadSetting, DigestdError, NotFound

if TYPE_CHECKING:
    from digestd.delivery.attempt_recorder import RunCounters
    from digestd.papers.ingest_report import IngestReport, SourceReport
    from digestd.replies.mailboxes.lmtp import LmtpServer
    from digestd.replies.mailboxes.mailbox import InboundMailbox
    from digestd.store.ledger.queries import DeliveryView


def ingest(
    source: Annotated[
        str | None,
        typer.Option(
            callback=not_empty, help="Only this source, as in arxiv:cs.LG+cs.CL. Default: all of `digestd source list`."
        ),
    ] = None,
    since: Annotated[
        str,
        typer.Option(
            help="Fetch papers since this time (ISO 8601). Default: since the last fetch. "
            "Papers announced more than 7 days ago train the ranking and are never mailed."
        ),
    ] = "",
    as_json: Json = False,
) -> None:
    """Fetch new papers. One failing source does not stop the others.

    Exits 1 if a source failed.

    Example: digestd ingest --source arxiv-rss:stat.ML --since 2026-11-20
    """
    from digestd.papers.embedding import embed_papers
    from digestd.papers.ingest import IngestOptions
    from digestd.papers.ingest import ingest as fetch_all
    from digestd.sources import parse_source

    app = wiring.build()
    sources = app.observed([parse_source(source)]) if source else app.sources
    if not sources:
        say("there are no sources: DIGESTD_SOURCES is none")
    with progress("records", None) as advance:
        options = IngestOptions(advance)
        report = asyncio.run(
            fetch_all(
                app.db, sources, app.client, app.clock, parse_datetime(since, "--since") if since else None, options
            )
        )
    with progress("papers encoded", None) as advance:
        embed_papers(app.db, app.encoder, advance=advance)
    emit(report.as_dict() if as_json else [_row(one) for one in report.sources], as_json)
    _say_notes(report)
    if report.broken:
        raise typer.Exit(1)


def _say_notes(report: IngestReport) -> None:
    """Print failed sources as warnings, notes and skipped records, which do not fit in the table."""
    for one in report.sources:
        if one.error:
            say(f"warning: {one.source}: {one.error}; `digestd source check {one.source}` tries it")
        if one.note:
            say(f"{one.source}: {one.note}")
        for reject in one.rejects:
            say(f"{one.source}: skipped {reject.where}: {reject.field}: {reject.message}")


def _row(report: SourceReport) -> dict[str, object]:
    columns = ("source", "state", "fetched", "new", "updated", "unchanged", "rejected")
    return {name: getattr(report, name) for name in columns} | {"error": report.error or ""}


def plan_due(
    at: Annotated[
        str, typer.Option(help="Plan as of this time (ISO 8601), as in 2026-11-24T07:00:00Z. Default: now.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Plan a digest for every subscriber who is due.

    Then refit the text model if the archive has outgrown it.

    Example: digestd plan --at 2026-11-24T07:00:00Z
    """
    from digestd.digests.planner import plan
    from digestd.digests.refit import is_due, prepare
    from digestd.digests.resource_limits import tune_gc_for_batch
    from digestd.operations.service_status import clock_time
    from digestd.store.monitoring import due_times

    app = wiring.build()
    now = parse_datetime(at, "--at") if at else app.clock()
    app.restore_guard.require_resumed(app.clock())
    tune_gc_for_batch()
    report = plan(app.db, app.planner, now, is_clock=not at)
    asyncio.run(_say_rescheduled(app, report.rescheduled))
    emit({"due": report.due, "planned": report.planned, "empty": report.empty}, as_json)
    if not report.due:
        with app.db.read() as session:
            following = due_times(session, now, now).following
        if following is not None:
            say(f"nobody is due before {clock_time(following, now)}; `digestd send EMAIL` sends a digest now")
    if is_due(app.db, app.encoder, app.clock()):
        prepare(app.db, app.encoder, app.clock())


def deliver(
    drain: Annotated[bool, typer.Option("--drain", help="Also send mails that become ready meanwhile.")] = False,
    limit: Annotated[int | None, typer.Option(callback=check_number, help="The maximum number of mails.")] = None,
    as_json: Json = False,
) -> None:
    """Send the mails that are ready.

    Exits 1 if a relay stopped accepting mail, or mails are held because their templates fail.

    Example: digestd deliver --drain --json
    """
    from digestd.cli.service import run_until_stopped
    from digestd.digests.resource_limits import tune_gc_for_batch
    from digestd.jobs.worker import clean_up, counts, settle_uncertain

    app = wiring.build()
    clean_up(app, app.clock())
    settle_uncertain(app, app.clock())
    tune_gc_for_batch()
    report = asyncio.run(run_until_stopped(lambda stop: _deliver(app, drain=drain, limit=limit, stop=stop)))
    emit(counts(report), as_json)
    if report.poisoned:
        say(f"{report.poisoned} could not be composed; see `digestd delivery list --state poisoned`")
    _say_waiting(app)
    _say_ready(app, limit)
    if report.stopped:
        say(f"stopped: {report.stopped}")
        raise typer.Exit(1)


def _say_waiting(app: App) -> None:
    """Say how many mails wait, until when and why."""
    from digestd.operations.service_status import waiting_lines
    from digestd.store import monitoring

    with app.db.read() as session:
        found = monitoring.waiting(session)
    for line in waiting_lines(found, app.clock()):
        say(f"waiting: {line}")


def _say_ready(app: App, limit: int | None) -> None:
    """Say how many mails could be sent at once."""
    from digestd.store.ledger import queries

    with app.db.read() as session:
        ready = queries.count_ready(session, app.clock())
    if ready:
        why = "became ready meanwhile" if limit is None else f"--limit {limit} allowed no more"
        say(f"{ready} mail{'s are' if ready > 1 else ' is'} still ready ({why}); run `digestd deliver` again")


async def _deliver(app: App, *, drain: bool, limit: int | None, stop: asyncio.Event) -> RunCounters:
    """Run once, with a progress bar."""
    from digestd.delivery.attempt_recorder import RunCounters
    from digestd.jobs.worker import run
    from digestd.store.ledger import queries

    with app.db.read() as session:
        ready = queries.count_ready(session, app.clock())
    counters = RunCounters()
    with delivery_progress(counters, ready if limit is None else min(limit, ready)):
        return await run(app, drain=drain, limit=limit, stop=stop, counters=counters)


class KeptAction(StrEnum):
    """Action on the mails that are kept for the operator."""

    LIST = "list"
    SHOW = "show"
    DONE = "done"


def inbound(
    action: Annotated[
        KeptAction | None,
        typer.Argument(help="Instead of reading: list the mails that wait for you, show one, or delete it when done."),
    ] = None,
    number: Annotated[
        int | None, typer.Argument(min=1, max=2**32 - 1, help="The mail's number, for show and done.")
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="Read what has arrived, print the counts and exit.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print counts or mails as JSON.")] = False,
) -> None:
    """Read bounces, complaints and mail commands, or what they left for you.

    They arrive at DIGESTD_INBOUND_URL. `digestd up` reads them too. Mails that digestd does not understand, such as
    questions, stay there, or with LMTP in DIGESTD_INBOUND_QUARANTINE: `digestd inbound list` lists the newest hundred,
    `show` prints what one says, and `done` deletes it. All are deleted after DIGESTD_KEEP_DELIVERIES days, and those
    of a person who is erased within a day.

    Example: digestd inbound show 48151623
    """
    if action is not None or number is not None:
        if once:
            raise BadInput(f"--once reads new mail; leave it out with {action or 'a number'}")
        _handle_kept(action, number, as_json)
        return
    if as_json and not once:
        raise BadInput("--json: prints counts or mails; add --once, list or show")
    from digestd.cli.service import run_until_stopped
    from digestd.jobs.receiver import Receiver, receive
    from digestd.logs import configure

    built = wiring.build()
    endpoint = built.inbound
    if endpoint is None:
        raise BadSetting(
            "DIGESTD_INBOUND_URL: is not set; set it to where bounces arrive, as in maildir:/var/mail/bounce"
        )
    if once:
        mailbox = _require_mailbox(endpoint)
        with Receiver.open(built) as receiver:
            counts = Counter(asyncio.run(run_until_stopped(lambda stop: receiver.poll_once(mailbox, stop))))
            emit({outcome.value: counts[outcome] for outcome in InboundOutcome}, as_json)
        return
    configure(built.settings.log_format, built.settings.log_level)
    asyncio.run(run_until_stopped(lambda stop: receive(built, stop)))


def _handle_kept(action: KeptAction | None, number: int | None, as_json: bool) -> None:
    from digestd.replies.kept_mail import delete_kept, list_kept, show_kept
    from digestd.replies.mail_parser import MailParser

    if (number is None) != (action is KeptAction.LIST):
        raise BadInput("write `digestd inbound list`, or show or done with a number of that list")
    mailbox = wiring.connect().kept_mails
    if mailbox is None:
        raise BadSetting("DIGESTD_INBOUND_URL: is not set, so no mail is kept; set it to where mail arrives")
    if action is KeptAction.DONE and number is not None:
        delete_kept(mailbox, number)
        say(f"deleted mail {number}")
        return
    with closing(MailParser()) as parse:
        if number is not None:
            emit({**asdict(show_kept(mailbox, number, parse)), "place": mailbox.place}, as_json)
            return
        rows = [asdict(mail) for mail in list_kept(mailbox, parse)]
    emit(({name: value for name, value in row.items() if name != "text"} for row in rows), as_json)


def _require_mailbox(endpoint: InboundMailbox | LmtpServer) -> InboundMailbox:
    from digestd.replies.mailboxes.lmtp import LmtpServer

    if isinstance(endpoint, LmtpServer):
        raise BadInput("--once reads a mailbox, but LMTP receives mail from the server; run it without --once")
    return endpoint


def send(
    email: Email,
    on: Annotated[
        str, typer.Option("--date", metavar="DATE", help="Send what they got, or would have got, on this date.")
    ] = "",
    test: Annotated[
        bool, typer.Option("--test", help="Send a sample to EMAIL, who need not subscribe, through every relay.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Send a subscriber their digest now, ahead of their hour.

    It is their digest of the day, so none follows at their hour. With --date it is a copy, which changes nothing else.
    With --test it is a mail with an invented paper, signed like all others, to see whether and how mail arrives: exits
    1 if a relay did not accept it.

    Example: digestd send ada@example.org --date 2026-11-24

    Example: digestd send --test you@example.org
    """
    from digestd.cli.service import run_until_stopped
    from digestd.jobs.worker import run
    from digestd.subscribers.lookup import find

    if on and test:
        raise BadInput("--date: a test mail has no papers of a date; leave out --date or --test")
    day = parse_date(on, "--date") if on else None
    app = wiring.build()
    if test:
        _send_sample(app, email, as_json)
        return
    with app.db.read() as session:
        subscriber = find(session, app.keys, email)
    if subscriber.status is not Status.ACTIVE:
        raise BadInput(
            f"{email} is {subscriber.status}, so no digest may be sent to them; `digestd subscriber show {email}` says "
            "since when"
        )
    delivery = _plan_copy(app, subscriber, day) if day else _plan(app, subscriber)
    _check_ready(app, delivery, email)
    report = asyncio.run(run_until_stopped(lambda stop: run(app, only=[delivery], stop=stop)))
    sent = _entry(app, delivery)
    emit({"email": email, "period": sent.period, "papers": sent.picks, "state": sent.state}, as_json)
    if sent.state is not State.ACCEPTED:
        why = report.stopped or sent.reason or sent.reply
        say(f"not sent yet: {why or 'another process is sending it'}; see `digestd delivery show {delivery}`")
        raise typer.Exit(1)


def _send_sample(app: App, email: str, as_json: bool) -> None:
    """Send a sample through every relay. Raises BadInput if mail to the address is suppressed."""
    from digestd.delivery.preflight import compose_sample
    from digestd.delivery.sample_mail import send_through_each
    from digestd.delivery.transports import OutgoingMail
    from digestd.security.addresses import address_key
    from digestd.store import suppressions

    with app.db.read() as session:
        suppressed = suppressions.reason_for(session, address_key(app.keys, email))
    if suppressed:
        raise BadInput(f"{email} is suppressed ({suppressed}); use another address")
    message = compose_sample(app.sender, app.templates, email, app.clock())
    done = asyncio.run(send_through_each(app.routes, OutgoingMail(app.sender.bounce, email, message)))
    emit([asdict(one) for one in done], as_json)
    if not all(one.accepted for one in done):
        raise typer.Exit(1)
    say("look at its folder and at Authentication-Results: spf, dkim and dmarc should pass")


class NothingToSend(DigestdError):
    """There is no digest to send."""


def _plan(app: App, subscriber: Subscriber) -> int:
    """Return the delivery of the current period, planned if need be."""
    from digestd.digests.planner import plan_now

    delivery = plan_now(app.db, app.planner, subscriber.key, app.clock())
    if delivery is None:
        raise NothingToSend(_nothing(subscriber))
    return delivery


def _plan_copy(app: App, subscriber: Subscriber, day: date) -> int:
    from digestd.digests.explanation import preview_on
    from digestd.security.addresses import make_message_id
    from digestd.store import ledger
    from digestd.store.ledger.create import NewCopy
    from digestd.store.ledger.packing import pack_picks

    now = app.clock()
    shown = preview_on(app.db, subscriber.key, day, now, app.ranking)
    if not shown.picks:
        raise NothingToSend(_nothing(subscriber))
    copy = NewCopy(
        subscriber=subscriber.key,
        consent_version=subscriber.version,
        period=shown.period,
        packed=pack_picks(shown.picks, news=shown.facts.news),
        facts=shown.facts,
    )
    with app.db.write() as session:
        return ledger.plan_copy(
            session,
            copy,
            lambda key: make_message_id(app.keys, subscriber.key, MailKind.COPY, key, app.sender.host),
            now,
        )


def _nothing(subscriber: Subscriber) -> str:
    return f"nothing to send: no new paper reaches their minimum score; see `digestd explain {subscriber.address}`"


def _check_ready(app: App, delivery: int, email: str) -> None:
    entry = _entry(app, delivery)
    if entry.state is not State.READY:
        raise NothingToSend(
            f"their digest of {entry.period} is {entry.state} already; "
            f"send it once more with `digestd send {email} --date {period_date(entry.period)}`"
        )


def _entry(app: App, delivery: int) -> DeliveryView:
    from digestd.store.ledger import queries

    with app.db.read() as session:
        entry = queries.entry(session, delivery)
    if entry is None:
        raise NotFound(f"delivery {delivery} is gone")
    return entry


def run_once(as_json: Json = False) -> None:
    """Ingest, plan and deliver once, then exit; for cron.

    Exits 1 if a relay stopped accepting mail, or if a step failed unexpectedly; the others still run.

    Example: 0 * * * *  digestd run
    """
    from digestd.cli.service import run_until_stopped
    from digestd.digests.planner import PlanReport, plan
    from digestd.digests.refit import is_due, prepare
    from digestd.jobs.worker import clean_up, counts, delete_expired, run, settle_uncertain
    from digestd.papers.embedding import embed_papers
    from digestd.papers.ingest import ingest
    from digestd.papers.ingest_report import IngestReport
    from digestd.store.processes import SCHEDULER
    from digestd.subscribers.libraries import sync_due
    from digestd.subscribers.paper_lookups import look_up_due
    from digestd.subscribers.webhooks import post_due

    app = wiring.build()
    app.restore_guard.require_resumed(app.clock())
    failed: list[str] = []
    with app.owners.hold(SCHEDULER):
        fetched = IngestReport(())
        with _despite_failure("ingest", failed):
            fetched = asyncio.run(ingest(app.db, app.sources, app.client, app.clock))
        with _despite_failure("library sync", failed):
            while asyncio.run(sync_due(app.libraries)):
                continue  # each pass syncs a limited number
        with _despite_failure("looking up papers", failed):
            reader = app.registry_reader
            while reader is not None and asyncio.run(look_up_due(reader)):
                continue
        with _despite_failure("embedding papers", failed):
            embed_papers(app.db, app.encoder)
        planned = PlanReport()
        with _despite_failure("planning", failed):
            planned = plan(app.db, app.planner, app.clock())
            asyncio.run(_say_rescheduled(app, planned.rescheduled))
        with _despite_failure("upkeep", failed):
            clean_up(app, app.clock())
            delete_expired(app, app.clock())
            settle_uncertain(app, app.clock())
        delivered = asyncio.run(run_until_stopped(lambda stop: run(app, stop=stop)))
        with _despite_failure("posting webhooks", failed):
            if app.webhooks is not None:
                asyncio.run(post_due(app.webhooks))
        with _despite_failure("refit", failed):
            if is_due(app.db, app.encoder, app.clock()):
                prepare(app.db, app.encoder, app.clock())
    report = {
        "new": sum(source.new for source in fetched.sources),
        "due": planned.due,
        "planned": planned.planned,
        "empty": planned.empty,
        **counts(delivered),
    }
    emit(report, as_json)
    if delivered.stopped:
        say(f"delivery stopped: {delivered.stopped}")
    if delivered.stopped or failed:
        raise typer.Exit(1)


async def _say_rescheduled(app: App, count: int) -> None:
    from digestd.digests.rescheduling import CORRECTED

    if count:
        why = CORRECTED.format(count)
        say(why)
        await app.send_alert("clock was ahead", "", why)


@contextmanager
def _despite_failure(step: str, failed: list[str]) -> Iterator[None]:
    """Name an unexpected error of one step and continue; an error that an operator must act on ends the run."""
    try:
        yield
    except DigestdError:
        raise
    except Exception as error:
        say(f"{step} failed: unexpected {type(error).__name__}")
        failed.append(step)
