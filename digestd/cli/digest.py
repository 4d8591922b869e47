"""What planning and delivery would do, and what they did: preview, explain, replay."""

import re
from collections.abc import Iterator
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from digestd import app as wiring
from digestd.app import App
from digestd.cli.output import emit, say, tell
from digestd.deliver import Composer, replay
from digestd.domain.delivery import Claim, MailKind
from digestd.domain.paper import paper_id
from digestd.domain.subscriber import Subscriber
from digestd.domain.suppression import SuppressionReason
from digestd.errors import BadInput, DigestdError, NotFound
from digestd.links import address_key, message_id
from digestd.plan import Explanation, explain, explain_past_pick, preview
from digestd.render import Rendered, render_reason
from digestd.schedule import newest_due, period_date
from digestd.store import subscribers, suppressions
from digestd.store.instants import to_us
from digestd.subscribe import find

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Text = Annotated[bool, typer.Option("--text", help="Show the text part (the default).")]
Html = Annotated[bool, typer.Option("--html", help="Show the HTML part.")]
Eml = Annotated[bool, typer.Option("--eml", help="Show the whole mail.")]
Out = Annotated[Path | None, typer.Option(help="Write to this file instead of the terminal.")]
_PERIOD = re.compile(r"\d{4}-(\d{2}-\d{2}|W\d{2})", re.ASCII)


class Part(StrEnum):
    """Which form of a mail to show."""

    TEXT = "text"
    HTML = "html"
    EML = "eml"


def show_preview(
    email: Annotated[str, typer.Argument(help="The subscriber's address.")],
    text: Text = False,
    html: Html = False,
    eml: Eml = False,
    out: Out = None,
) -> None:
    """Show the digest that would be planned for a subscriber now; nothing is changed or sent.

    Example: digestd preview ada@example.org --html --out digest.html
    """
    part = _part(text=text, html=html, eml=eml)
    _show(_previewed(wiring.build(), email, part), out)


def show_again(
    email: Annotated[str, typer.Argument(help="The subscriber's address.")],
    period: Annotated[str, typer.Argument(help="The day or week of the digest: 2026-11-24 or 2026-W48.")],
    text: Text = False,
    html: Html = False,
    eml: Eml = False,
    out: Out = None,
) -> None:
    """Show a past digest again, and say whether it is byte for byte what was sent; exits 1 if it is not.

    Example: digestd replay ada@example.org 2026-11-24 --eml --out digest.eml
    """
    part = _part(text=text, html=html, eml=eml)
    _checked_period(period)
    app = wiring.build()
    again = replay(app.db, app.sender, _known(app, email).key, period)
    _show(again.message if part is Part.EML else _words(again.rendered, part), out)
    say(f"the digest of {period} {again.verdict}")
    if again.differs:
        raise typer.Exit(1)


def show_explanation(
    email: Annotated[str, typer.Argument(help="The subscriber's address.")],
    paper: Annotated[str, typer.Argument(help="The paper's id, e.g. arxiv:2401.00001.")],
    period: Annotated[str, typer.Option(help="How it fared in this past digest: 2026-11-24 or 2026-W48.")] = "",
    as_json: Json = False,
) -> None:
    """Tell how a paper fares for a subscriber, and why; the parts that each signal adds sum to the score.

    Example: digestd explain ada@example.org arxiv:2401.00001
    """
    name = paper_id(paper)
    if period:
        _checked_period(period)
    app = wiring.build()
    with app.db.read() as session:
        subscriber = find(session, app.keys, email)
    if period:
        found = explain_past_pick(app.db, subscriber.key, name, period)
    else:
        found = explain(app.db, subscriber.key, name, app.clock(), app.encoder, app.settings.explore)
    if as_json:
        emit(_explained(app, subscriber, found), as_json=True)
        return
    say_explanation(app, subscriber, found)


def say_explanation(app: App, subscriber: Subscriber, found: Explanation) -> None:
    """The account as a table, with its sum."""
    said = _explained(app, subscriber, found)
    rows = [{_SHORT.get(name, name): value for name, value in part.items()} for part in _parts(found)]
    tell(found.paper.plain_title)
    meets_nothing = found.relevance is not None and found.relevance <= 0
    tell(found.verdict if meets_nothing else f"{found.verdict} – {said['reason']}")
    if rows:
        emit(rows, as_json=False)
    tell("; ".join(_figures(found)))


_SHORT = {"contribution": "adds"}


def _parts(found: Explanation) -> list[dict[str, object]]:
    """The parts of the account; what single precision adds to a figure is left out, and so is a zero's sign."""
    return [
        {name: value if isinstance(value, str) else round(value, 6) + 0.0 for name, value in asdict(part).items()}
        for part in found.parts
    ]


def _figures(found: Explanation) -> Iterator[str]:
    yield f"score {found.score:.3f}"
    yield "not among the candidates" if found.rank is None else f"ranked {found.rank} of {found.candidates}"
    for name, value in (
        ("relevance", found.relevance),
        ("probability", found.probability),
        ("min_score", found.min_score),
    ):
        if value is not None:
            yield f"{name} {value:.2f}"


class NothingToShow(DigestdError):
    """A digest that would hold nothing."""


def _part(*, text: bool, html: bool, eml: bool) -> Part:
    """The form of a mail that was asked for. Raises BadInput where several were."""
    if text + html + eml > 1:
        raise BadInput("choose one of --text, --html and --eml")
    return Part.HTML if html else Part.EML if eml else Part.TEXT


def _show(shown: bytes, out: Path | None) -> None:
    if out is None:
        typer.echo(shown, nl=False)
        return
    try:
        out.write_bytes(shown)
    except OSError as error:
        raise BadInput(f"--out: cannot write {out}: {error.strerror}") from error


def _words(rendered: Rendered, part: Part) -> bytes:
    return (rendered.html if part is Part.HTML else rendered.text).encode()


def _checked_period(period: str) -> None:
    try:
        if not _PERIOD.fullmatch(period):
            raise ValueError(period)
        period_date(period)
    except ValueError as error:
        raise BadInput(f"{period[:40]!r} is no period; write a day like 2026-11-24 or a week like 2026-W48") from error


def _known(app: App, email: str) -> Subscriber:
    """The subscriber of an address. Raises NotFound, which tells an erased one from an unknown one."""
    with app.db.read() as session:
        key = address_key(app.keys, email)
        is_known = subscribers.by_address_key(session, key) is not None
        if not is_known and suppressions.is_suppressed(session, key) is SuppressionReason.ERASED:
            raise NotFound(f"{email} was erased: their address is not kept, so no digest of theirs can be rebuilt")
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


def _previewed(app: App, email: str, part: Part) -> bytes:
    now = app.clock()
    with app.db.read() as session:
        subscriber = find(session, app.keys, email)
    seen = preview(app.db, subscriber.key, now, app.encoder, app.settings.explore)
    period = newest_due(subscriber.timing, now).key
    claim = Claim(
        key=0,
        attempt=0,
        kind=MailKind.DIGEST,
        subscriber=subscriber.key,
        consent_version=subscriber.version,
        address=subscriber.address or "",
        name=subscriber.name,
        language=subscriber.language,
        period=period,
        covers_from=period,
        considered=seen.considered,
        message_id=message_id(app.keys, subscriber.key, MailKind.DIGEST, f"preview-{period}", app.sender.host),
        envelope_from="",
        template_hash=app.templates.hash,
        picks=seen.picks,
        dated_us=to_us(now),
        failures=0,
        coverage=seen.coverage,
    )
    if not claim.picks:
        raise NothingToShow(f"{email} would get no digest now: there is no new paper that meets an interest of theirs")
    composer = Composer(app.db, app.sender)
    composer.prepare([claim])
    if part is Part.EML:
        return composer.compose(claim)
    return _words(composer.render(claim), part)
