"""preview, explain, replay: digests that would be or were sent, and their scores."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, date, datetime
from enum import StrEnum
from time import monotonic
from typing import Annotated

import typer
from sqlmodel import Session

from digestd import app as wiring
from digestd.app import App
from digestd.cli.arguments import Email, Json, Out, between, parse_date
from digestd.cli.output import emit, emit_line, write_out
from digestd.cli.stdio import say
from digestd.delivery.composer import Composer
from digestd.delivery.replay import replay
from digestd.digests.explanation import Explanation, describe_chance, describe_digest, explain, preview, preview_on
from digestd.digests.forecast import Forecast, InterestYield, explain_date, forecast
from digestd.digests.planning_day import RankingOptions
from digestd.domain.delivery import Claim, MailKind, State, SuppressionReason
from digestd.domain.paper import paper_id
from digestd.domain.schedule import local_date, next_digest, period_date, period_on
from digestd.domain.subscriber import Subscriber
from digestd.errors import BadInput, DigestdError, NotFound
from digestd.mail.content import Rendered
from digestd.mail.lint import Finding, Severity
from digestd.mail.outlets import OUTLETS
from digestd.mail.rendering import render_reason
from digestd.operations.service_status import counted
from digestd.ranking.arrays import Floats
from digestd.ranking.dense import Encoder
from digestd.security.addresses import address_key, make_message_id
from digestd.store import consent, subscribers, suppressions
from digestd.store.ledger import queries
from digestd.store.ledger.queries import DeliveryView
from digestd.store.timestamps import to_us
from digestd.subscribers.lookup import find

Text = Annotated[bool, typer.Option("--text", help="Show the text part. Default.")]
Html = Annotated[bool, typer.Option("--html", help="Show the HTML part.")]
Eml = Annotated[bool, typer.Option("--eml", help="Show the complete mail.")]
REPORT_AFTER = 5.0
"""Seconds without a word on papers that are encoded, 20 to 30 of them a second."""
_PERIOD = re.compile(r"\d{4}-(\d{2}-\d{2}|W\d{2})", re.ASCII)


class MailPart(StrEnum):
    """A part of a mail, or the complete mail."""

    TEXT = "text"
    HTML = "html"
    EML = "eml"


def show_preview(
    email: Email,
    text: Text = False,
    html: Html = False,
    eml: Eml = False,
    form: Annotated[
        str,
        typer.Option(
            "--as",
            metavar="FORM",
            help=f"Show it in another form: {', '.join(OUTLETS)}.",
            autocompletion=lambda: list(OUTLETS),
        ),
    ] = "",
    out: Out = None,
    on: Annotated[
        str, typer.Option("--date", metavar="DATE", help="Show what they got, or would have got, on this date.")
    ] = "",
    lint: Annotated[bool, typer.Option("--lint", help="Check the mail instead, and exit 1 on an error.")] = False,
    as_json: Json = False,
    live: Annotated[
        bool, typer.Option("--serve", help="Show it in the browser, and again when a template changes.")
    ] = False,
    port: Annotated[int, typer.Option(callback=between(1, 65_535), help="The port of --serve on this machine.")] = 8025,
) -> None:
    """Show the digest that a subscriber would get now.

    Changes nothing and sends nothing. With --date, the papers are those known then; interests and votes are today's.
    With --lint it shows what receivers would refuse, clip or block. With --serve the browser follows every change of a
    template.

    Example: digestd preview ada@example.org --html --out digest.html

    Example: digestd preview ada@example.org --as bibtex --out digest.bib
    """
    shown = (text or html or eml) + (as_json and not lint)
    if form or lint or live or as_json:
        _check_views(form, lint=lint, live=live, shown=shown, writes=out is not None)
    part = _part(text=text, html=html, eml=eml)
    day = parse_date(on, "--date") if on else None
    app = wiring.build()
    composer, claim = find_preview(app, email, day)
    if live:
        from digestd.cli.web import serve_preview  # the web framework takes half a second to import

        serve_preview(app, composer, claim, port)
    elif lint:
        _show_findings(composer.lint(claim), as_json=as_json)
    elif form:
        write_out(OUTLETS[form].render(composer.paper_list(claim)), out)
    elif as_json:
        emit({"period": claim.period, **asdict(composer.render(claim))}, as_json)
    else:
        is_mail = part is MailPart.EML
        write_out(composer.compose(claim).message if is_mail else _rendered_part(composer.render(claim), part), out)


def _check_views(form: str, *, lint: bool, live: bool, shown: int, writes: bool) -> None:
    """Raise BadInput if --as, --lint or --serve is used with an option that it excludes, or --as is unknown."""
    if form and form not in OUTLETS:
        raise BadInput(f"--as: {form[:40]!r} is not a form; use one of {', '.join(OUTLETS)}")
    if bool(form) + lint + live + shown > 1:
        raise BadInput(
            "--text, --html, --eml, --as, --lint and --serve exclude each other, and --json all but --lint; use one"
        )
    if writes and not form:
        raise BadInput("--out writes one part of the mail or another form; leave it out, or add --html or --as")


def _show_findings(findings: Sequence[Finding], *, as_json: bool) -> None:
    """Print the findings.

    Raises:
        typer.Exit: with code 1 if one is an error.
    """
    if findings or as_json:
        emit([finding._asdict() for finding in findings], as_json)
    else:
        say("no findings: the mail is ready to be sent")
    if any(finding.severity is Severity.ERROR for finding in findings):
        raise typer.Exit(1)


def show_replay(
    email: Email,
    period: Annotated[
        str, typer.Argument(metavar="PERIOD", help="The day or week of the digest: 2026-11-24 or 2026-W48.")
    ],
    text: Text = False,
    html: Html = False,
    eml: Eml = False,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """Rebuild a past digest and compare it with what was sent.

    Exits 1 if it is not byte for byte the same. Programmes of conferences cannot be rebuilt.

    Example: digestd replay ada@example.org 2026-11-24 --eml --out digest.eml
    """
    part = _part(text=text, html=html, eml=eml)
    if as_json and (text or html or eml or out):
        raise BadInput("--json shows the whole mail; leave out --text, --html, --eml and --out")
    _check_period(period)
    app = wiring.build()
    again = replay(app.db, app.sender, app.templates, _find(app, email).key, period)
    if as_json:
        emit({"period": period, "differs": again.differs, "verdict": again.verdict, **asdict(again.rendered)}, as_json)
    else:
        write_out(again.message if part is MailPart.EML else _rendered_part(again.rendered, part), out)
        say(f"the digest of {period} {again.verdict}")
    if again.differs:
        raise typer.Exit(1)


def show_explanation(
    email: Email,
    paper: Annotated[
        str,
        typer.Argument(metavar="[PAPER]", help="A paper's id, as in arxiv:2401.00001. Default: their digests."),
    ] = "",
    period: Annotated[
        str,
        typer.Option(
            help="The digest to explain: 2026-11-24 or 2026-W48. Default: the next one, or that for which it was new."
        ),
    ] = "",
    on: Annotated[
        str, typer.Option("--date", metavar="DATE", help="Say why they got a digest on this date, or none.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Explain a paper's score for a subscriber, or why they got a digest or none.

    The contributions of all signals add up to the score. Without a paper it says what became of today's digest, or that
    of --date, and of the last one, when the next one is due, and what each interest finds among the papers of the last
    days.

    Example: digestd explain ada@example.org arxiv:2401.00001

    Example: digestd explain ada@example.org --date 2026-11-24
    """
    if not paper:
        if period:
            raise BadInput(f"--period: explains one paper of a digest; for the digest itself, use --date {period[:10]}")
        show_forecast(wiring.build(), email, parse_date(on, "--date") if on else None, as_json=as_json)
        return
    if on:
        raise BadInput("--date: explains a digest; for one paper of it, use --period")
    name = paper_id(paper, "PAPER")
    if period:
        _check_period(period)
    app = wiring.build()
    with app.db.read() as session:
        subscriber = find(session, app.keys, email)
    found = explain(app.db, subscriber.key, name, app.clock(), _ranking(app), period)
    if as_json:
        emit(_explained(app, subscriber, found), as_json=True)
        return
    print_explanation(app, subscriber, found)


def show_forecast(app: App, email: str, on: date | None, *, as_json: bool) -> None:
    """Print how a subscriber's digests fared, when the next is due, and what their interests find.

    `on`: the date to explain; today in their time zone by default.
    """
    now = app.clock()
    with app.db.read() as session:
        subscriber = find(session, app.keys, email)
        suppressed = suppressions.reason_for(session, address_key(app.keys, email))
        due = next_digest(subscriber, subscribers.next_due(session, subscriber.key), now)
        today = local_date(subscriber.timing, now)
        if (day := on or today) > today:
            raise BadInput(f"--date: {day} is still to come; leave the option out for today's digest and the next")
        verdict = _explain_date(session, subscriber, day, now)
    if on is not None and not as_json:
        emit_line(f"{day}: {verdict}")
        return
    found = forecast(app.db, subscriber.key, now, _ranking(app))
    interests = [_interest_row(each) for each in found.interests]
    if as_json:
        row = {
            "email": email,
            "status": subscriber.status,
            "suppressed": suppressed,
            "paused_until": subscriber.paused_until,
            "next_due": due and due.astimezone(UTC),
            "date": day,
            "on_date": verdict,
            "last": None if found.last is None else _last_row(found.last),
            "considered": found.considered,
            "picks": found.picks,
            "near": found.near,
            "min_score": found.min_score,
            "interests": interests,
            "news": [{"title": one.title, "changes": [change.kind for change in one.changes]} for one in found.news],
        }
        emit(row, as_json=True)
        return
    emit_line(f"today: {verdict}")
    for line in _forecast_lines(subscriber, found, suppressed, due, now):
        emit_line(line)
    if interests:
        emit([_readable_row(row, found.min_score) for row in interests])


def _explain_date(session: Session, subscriber: Subscriber, day: date, now: datetime) -> str:
    """Return why the subscriber got a digest on a date, or none."""
    period = period_on(subscriber.timing, day)
    key = queries.digest_of(session, subscriber.key, period.key)
    status = consent.status_at(session, subscriber.key, min(period.due, now))
    return explain_date(subscriber, day, queries.entry(session, key) if key is not None else None, status, now)


def _forecast_lines(
    subscriber: Subscriber, found: Forecast, suppressed: SuppressionReason | None, due: datetime | None, now: datetime
) -> Iterator[str]:
    timing = subscriber.timing
    if due is not None:
        until = subscriber.paused_until
        paused = f", paused until {until.astimezone(due.tzinfo):%Y-%m-%d}" if until else ""
        when = "is due now" if due <= now else f"{due:%A %Y-%m-%d %H:%M} in {timing.timezone}"
        yield f"next digest: {when} ({timing.cadence}{paused})"
    else:
        yield f"no digest is due: the subscriber is {subscriber.status}"
    if suppressed is not None:
        yield f"no mail may be sent to them: the address is suppressed ({suppressed})"
    yield f"last digest: {_last_line(found.last)}"
    yield (
        f"a digest now would add {counted(found.picks, 'paper')}"
        + (f", {found.near} of them near" if found.near else "")
        + f" ({counted(found.considered, 'paper')} in the last days); minimum probability {found.min_score:.2f}"
    )
    if found.news:
        yield f"and tell of saved papers that changed: {'; '.join(one.title for one in found.news)}"
    if not found.interests:
        yield "they have no interests, so they get what is trending"


def _last_line(last: DeliveryView | None) -> str:
    if last is None:
        return "none yet"
    if last.state is State.EMPTY:
        return f"{last.period}: no mail, because " + (
            "no source answered" if last.is_unanswered else "no paper reached their minimum score"
        )
    if last.state is State.READY:
        waits_for = f"; the relay said: {last.reply}" if last.reply else ""
        return (
            f"{last.period}: {counted(last.picks, 'paper')}, waits until {last.not_before:%Y-%m-%d %H:%M}Z{waits_for}"
        )
    why = "" if last.state is State.ACCEPTED else last.reason or last.reply
    return f"{last.period}: {counted(last.picks, 'paper')}, {last.state}" + (f" ({why})" if why else "")


def _last_row(last: DeliveryView) -> dict[str, object]:
    return {"id": last.key, "period": last.period, "papers": last.picks, "state": last.state, "reason": last.reason}


def _interest_row(found: InterestYield) -> dict[str, object]:
    return {
        "interest": found.interest.value,
        "kind": found.interest.kind,
        "papers": found.papers,
        "sent": found.sent,
        "best": found.best.plain_title if found.best else "",
        "probability": found.probability if found.best else None,
    }


def _readable_row(row: dict[str, object], min_score: float) -> dict[str, object]:
    """Return a row of interests for people, which calls a paper below the minimum the nearest, not the best."""
    chance = row["probability"]
    if not isinstance(chance, float) or row["papers"]:
        return row
    return row | {"best": f"nearest ({describe_chance(chance, min_score)}): {row['best']}"}


def print_explanation(app: App, subscriber: Subscriber, found: Explanation) -> None:
    """Print the score breakdown as a table, with its sum."""
    row = _explained(app, subscriber, found)
    rows = [{_SHORT.get(name, name): value for name, value in part.items()} for part in _parts(found)]
    emit_line(found.paper.plain_title)
    emit_line(f"{found.verdict} – {row['reason']}")
    if rows:
        emit(rows, as_json=False)
    emit_line("; ".join(_figures(found)))


_SHORT = {"contribution": "adds"}


def _parts(found: Explanation) -> list[dict[str, object]]:
    """Return the score breakdown.

    Rounding errors of single precision and negative zeros are removed.
    """
    return [
        {name: value if isinstance(value, str) else round(value, 6) + 0.0 for name, value in asdict(part).items()}
        for part in found.parts
    ]


def _figures(found: Explanation) -> Iterator[str]:
    yield f"score {found.score:.3f}"
    if found.rank is not None:
        yield f"ranked {found.rank} of {found.candidates} by score"
    figures = {"relevance": found.relevance, "probability": found.probability, "minimum score": found.min_score}
    for name, value in figures.items():
        if value is not None:
            yield f"{name} {value:.2f}"


class NothingToShow(DigestdError):
    """A digest would be empty."""


def _part(*, text: bool, html: bool, eml: bool) -> MailPart:
    if text + html + eml > 1:
        raise BadInput("--text, --html and --eml exclude each other; use one of them")
    return MailPart.HTML if html else MailPart.EML if eml else MailPart.TEXT


def _rendered_part(rendered: Rendered, part: MailPart) -> bytes:
    return (rendered.html if part is MailPart.HTML else rendered.text).encode()


def _check_period(period: str) -> None:
    try:
        if not _PERIOD.fullmatch(period):
            raise ValueError(period)
        period_date(period)
    except ValueError as error:
        raise BadInput(
            f"invalid period {period[:40]!r}; write a day like 2026-11-24 or a week like 2026-W48"
        ) from error


def _find(app: App, email: str) -> Subscriber:
    """Return the subscriber of an address.

    Raises NotFound, with a message of its own for an erased one.
    """
    with app.db.read() as session:
        key = address_key(app.keys, email)
        is_known = subscribers.by_address_key(session, key) is not None
        if not is_known and suppressions.reason_for(session, key) is SuppressionReason.ERASED:
            raise NotFound(f"{email} was erased; digests of erased subscribers cannot be rebuilt")
        return find(session, app.keys, email)


def _explained(app: App, subscriber: Subscriber, found: Explanation) -> dict[str, object]:
    return {
        "paper": found.paper.id,
        "title": found.paper.plain_title,
        "period": found.period,
        "verdict": found.verdict,
        "reason": render_reason(app.templates, found.reason.shareable, subscriber.language),
        "score": found.score,
        "relevance": found.relevance,
        "probability": found.probability,
        "min_score": found.min_score,
        "rank": found.rank,
        "candidates": found.candidates,
        "parts": _parts(found),
    }


def find_preview(app: App, email: str, day: date | None) -> tuple[Composer, Claim]:
    """Return the digest that a subscriber would get now or on a date, and a composer that is ready for it."""
    now = app.clock()
    with app.db.read() as session:
        subscriber = find(session, app.keys, email)
    if day is None:
        shown = preview(app.db, subscriber.key, now, _ranking(app))
    else:
        shown = preview_on(app.db, subscriber.key, day, now, _ranking(app))
    period = shown.period
    claim = Claim(
        key=0,
        attempt=0,
        kind=MailKind.DIGEST,
        subscriber=subscriber.key,
        consent_version=subscriber.version,
        address=subscriber.address or "",
        preferences=subscriber.preferences,
        period=period,
        covers_from=period,
        message_id=make_message_id(app.keys, subscriber.key, MailKind.DIGEST, f"preview-{period}", app.sender.host),
        envelope_from="",
        picks=shown.picks,
        dated_us=to_us(now),
        failures=0,
        planned_us=to_us(now),
        facts=shown.facts,
    )
    if not claim.picks and not claim.facts.news:
        raise NothingToShow(
            f"{email} would get no digest {f'on {day}' if day else 'now'}: no new paper reaches their minimum score"
            f"{'' if day else _since_last(app, subscriber)}; see `digestd explain`"
        )
    composer = Composer(app.db, app.sender, app.templates)
    composer.prepare([claim])
    return composer, claim


def _since_last(app: App, subscriber: Subscriber) -> str:
    """Return since which digest there is nothing to show, if they had one."""
    with app.db.read() as session:
        key = queries.newest_digest(session, subscriber.key)
        last = None if key is None else queries.entry(session, key)
    if last is None:
        return ""
    return f" since {describe_digest(last)}, which `--date {period_date(last.period)}` shows"


@dataclass(eq=False)
class _ReportingEncoder:
    """An encoder that reports on standard error what it has done, every REPORT_AFTER seconds."""

    encoder: Encoder
    done: int = 0
    reported: float = field(default_factory=monotonic)

    @property
    def version(self) -> str:
        return self.encoder.version

    @property
    def dims(self) -> int:
        return self.encoder.dims

    def encode(self, texts: Sequence[str]) -> Floats:
        vectors = self.encoder.encode(texts)
        self.done += len(texts)
        if len(texts) > 1 and monotonic() - self.reported >= REPORT_AFTER:  # topics come one by one
            self.reported = monotonic()
            say(f"reading papers that were never ranked before: {self.done} so far")
        return vectors


def _ranking(app: App) -> RankingOptions:
    return replace(app.ranking, encoder=_ReportingEncoder(app.ranking.encoder))
