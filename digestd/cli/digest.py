"""preview, explain, replay: digests that would be or were sent, and their scores."""

import re
from collections.abc import Iterator
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from digestd import app as wiring
from digestd.app import App
from digestd.cli.arguments import Email, Json
from digestd.cli.messages import say
from digestd.cli.output import emit, emit_line
from digestd.delivery.composer import Composer
from digestd.delivery.replay import replay
from digestd.digests.explanation import Explanation, explain, explain_past_pick, preview
from digestd.domain.delivery import Claim, MailKind
from digestd.domain.paper import paper_id
from digestd.domain.schedule import newest_due, period_date
from digestd.domain.subscriber import Subscriber
from digestd.domain.suppression import SuppressionReason
from digestd.errors import BadInput, DigestdError, NotFound
from digestd.mail.content import Rendered
from digestd.mail.rendering import render_reason
from digestd.security.links import address_key, make_message_id
from digestd.store import subscribers, suppressions
from digestd.store.timestamps import to_us
from digestd.subscribers.lookup import find

Text = Annotated[bool, typer.Option("--text", help="Show the text part. Default.")]
Html = Annotated[bool, typer.Option("--html", help="Show the HTML part.")]
Eml = Annotated[bool, typer.Option("--eml", help="Show the complete mail.")]
Out = Annotated[Path | None, typer.Option(help="The file to write. Default: standard output.")]
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
    out: Out = None,
) -> None:
    """Show the digest that a subscriber would get now.

    Changes nothing and sends nothing.

    Example: digestd preview ada@example.org --html --out digest.html
    """
    part = _part(text=text, html=html, eml=eml)
    _show(_preview(wiring.build(), email, part), out)


def show_replay(
    email: Email,
    period: Annotated[
        str, typer.Argument(metavar="PERIOD", help="The day or week of the digest: 2026-11-24 or 2026-W48.")
    ],
    text: Text = False,
    html: Html = False,
    eml: Eml = False,
    out: Out = None,
) -> None:
    """Rebuild a past digest and compare it with what was sent.

    Exits 1 if it is not byte for byte the same.

    Example: digestd replay ada@example.org 2026-11-24 --eml --out digest.eml
    """
    part = _part(text=text, html=html, eml=eml)
    _check_period(period)
    app = wiring.build()
    again = replay(app.db, app.sender, _find(app, email).key, period)
    _show(again.message if part is MailPart.EML else _rendered_part(again.rendered, part), out)
    say(f"the digest of {period} {again.verdict}")
    if again.differs:
        raise typer.Exit(1)


def show_explanation(
    email: Email,
    paper: Annotated[str, typer.Argument(metavar="PAPER", help="The paper's id, as in arxiv:2401.00001.")],
    period: Annotated[
        str, typer.Option(help="Explain this past digest: 2026-11-24 or 2026-W48. Default: the next one.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Explain a paper's score for a subscriber.

    The contributions of all signals add up to the score.

    Example: digestd explain ada@example.org arxiv:2401.00001
    """
    name = paper_id(paper)
    if period:
        _check_period(period)
    app = wiring.build()
    with app.db.read() as session:
        subscriber = find(session, app.keys, email)
    if period:
        found = explain_past_pick(app.db, subscriber.key, name, period)
    else:
        settings = app.settings
        found = explain(
            app.db, subscriber.key, name, app.clock(), app.encoder, settings.explore, co_likes=settings.co_likes
        )
    if as_json:
        emit(_explained(app, subscriber, found), as_json=True)
        return
    print_explanation(app, subscriber, found)


def print_explanation(app: App, subscriber: Subscriber, found: Explanation) -> None:
    """Print the score breakdown as a table, with its sum."""
    row = _explained(app, subscriber, found)
    rows = [{_SHORT.get(name, name): value for name, value in part.items()} for part in _parts(found)]
    emit_line(found.paper.plain_title)
    meets_nothing = found.relevance is not None and found.relevance <= 0
    emit_line(found.verdict if meets_nothing else f"{found.verdict} – {row['reason']}")
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
    yield "not among the candidates" if found.rank is None else f"ranked {found.rank} of {found.candidates}"
    figures = {"relevance": found.relevance, "probability": found.probability, "minimum score": found.min_score}
    for name, value in figures.items():
        if value is not None:
            yield f"{name} {value:.2f}"


class NothingToShow(DigestdError):
    """A digest would be empty."""


def _part(*, text: bool, html: bool, eml: bool) -> MailPart:
    """Return the part that the options name. Raises BadInput if they name several."""
    if text + html + eml > 1:
        raise BadInput("--text, --html and --eml exclude each other; use one of them")
    return MailPart.HTML if html else MailPart.EML if eml else MailPart.TEXT


def _show(shown: bytes, out: Path | None) -> None:
    if out is None:
        typer.echo(shown, nl=False)
        return
    try:
        out.write_bytes(shown)
    except OSError as error:
        raise BadInput(f"--out: cannot write {out}: {error.strerror}") from error


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


def _preview(app: App, email: str, part: MailPart) -> bytes:
    now = app.clock()
    with app.db.read() as session:
        subscriber = find(session, app.keys, email)
    shown = preview(app.db, subscriber.key, now, app.encoder, app.settings.explore, app.settings.co_likes)
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
        considered=shown.considered,
        message_id=make_message_id(app.keys, subscriber.key, MailKind.DIGEST, f"preview-{period}", app.sender.host),
        envelope_from="",
        template_hash=app.template_hash,
        picks=shown.picks,
        dated_us=to_us(now),
        failures=0,
        coverage=shown.coverage,
        planned_us=to_us(now),
        occasions=shown.occasions,
    )
    if not claim.picks:
        raise NothingToShow(
            f"{email} would get no digest now: no new paper matches their interests; see `digestd explain`"
        )
    composer = Composer(app.db, app.sender)
    composer.prepare([claim])
    if part is MailPart.EML:
        return composer.compose(claim).message
    return _rendered_part(composer.render(claim), part)
