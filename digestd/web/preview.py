"""Preview today's digest for the subscribe form, ranked like a real digest.

Nothing is stored.

It uses POST although it changes nothing, so that interests do not appear in URLs, logs or the browser history.

A preview is the only page that takes more than a few milliseconds. So it counts as several requests if it has many
topics, and there are few places for it (see `preview_day`). Who is refused is told so, and the script asks again.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from digestd.app import App
from digestd.domain.interest import Interest, Kind, values
from digestd.domain.paper import PaperId
from digestd.mail.paper_view import PAGE_LEVELS, PaperView
from digestd.mail.rendering import render_reason
from digestd.store import papers
from digestd.subscribers.subscriber_record import SubscriberRecord
from digestd.text.tex import to_plain
from digestd.web import home
from digestd.web.consent_audit import network_key
from digestd.web.example_papers import ExamplePaper, ExamplePapers, ExampleState
from digestd.web.form_fields import read_lines
from digestd.web.home import ExampleNote, PreviewResult
from digestd.web.limiter import RateLimits, network_of
from digestd.web.pages import SHOW, Pages, joined
from digestd.web.preview_day import PreviewDay, PreviewRefused
from digestd.web.signup_form import SentSignUp, SignUpForm

SHOWN = 5
PER_NETWORK = 60
EVERYONE = 900
SPAN = timedelta(minutes=1)
TOPICS, LETTERS = 10, 60
"""Topics that count as one more request, each for every started LETTERS: reading them takes longer than all else."""


def router(app: App, pages: Pages, preview_day: PreviewDay, examples: ExamplePapers) -> APIRouter:
    """Return the routes of this module."""
    routes = APIRouter()
    limits = RateLimits(PER_NETWORK, EVERYONE, SPAN)

    async def seen(request: Request, form: SignUpForm, record: SubscriberRecord, *, ask: bool) -> PreviewResult:
        """Return the preview of a form, after a lookup of its example papers if `ask`."""
        now, wanted = app.clock(), record.as_new.interests
        missing = await run_in_threadpool(_missing, app, values(wanted, Kind.PAPER))
        looked_up = await examples.get(network_of(request), missing, now, ask=ask)
        work = partial(_preview, app, pages.to(request), preview_day, (wanted, form.max_papers, looked_up), now)
        return await preview_day.run(network_of(request), work)

    @routes.api_route("/preview", methods=SHOW)
    async def back() -> Response:
        return RedirectResponse(pages.site.root, 303)

    @routes.post("/preview")
    async def page(request: Request, form: SentSignUp) -> Response:
        _count(limits, request, form, app.clock())
        form, visitor = form.with_chosen_topic, network_key(app.keys, request)
        checked = form.read_interests()
        preview = None if checked.record is None else await seen(request, form, checked.record, ask=True)
        return await run_in_threadpool(home.show, app, pages.to(request), form, visitor, checked.errors, preview)

    @routes.post("/preview/picks")
    async def picks(request: Request, form: SentSignUp) -> Response:
        """Return the preview and the hints about topics as an HTML fragment for the script.

        The script asks while the reader types; example papers are looked up once they are done.
        """
        preview, status, headers = None, 200, {}
        try:
            _count(limits, request, form, app.clock())
            checked = form.read_interests()
            if checked.record is None:
                status = 422
            else:
                preview = await seen(request, form, checked.record, ask=bool(form["look_up"]))
        except PreviewRefused as refusal:
            status, headers = refusal.status, refusal.later
        shown = partial(pages.to(request).page, "picks", status, seen=preview, is_busy=bool(headers))
        answer = await run_in_threadpool(shown)
        answer.headers.update(headers)
        return answer

    return routes


def _count(limits: RateLimits, request: Request, form: SignUpForm, now: datetime) -> None:
    """Count a preview by its price. Raises PreviewRefused if it exceeds a limit."""
    if not limits.allows(request, now, _price(form)):
        raise PreviewRefused(429, limits.later)


def _price(form: SignUpForm) -> int:
    """Return how many requests a preview counts as."""
    weight = sum(1 + len(topic) // LETTERS for topic in read_lines(form["topics"]))
    return min(1 + weight // TOPICS, PER_NETWORK)


def _missing(app: App, names: Sequence[str]) -> list[PaperId]:
    """Return the papers that no source has reported."""
    named = list(map(PaperId, names))
    if not named:
        return []
    with app.db.read() as session:
        known = papers.public_names(session, named)
    return [name for name in named if name not in known]


def _preview(
    app: App,
    pages: Pages,
    preview_day: PreviewDay,
    wanted: tuple[tuple[Interest, ...], int, Sequence[ExamplePaper]],
    now: datetime,
) -> PreviewResult:
    """Return what these interests, this size and these looked-up papers would bring today."""
    interests, size, looked_up = wanted
    own = [example.reference for example in looked_up if example.reference]
    with app.db.read() as session:
        found = preview_day.preview(session, interests, size, own, now)
    shown = [
        (PaperView.of(paper).cut(PAGE_LEVELS[-1]), render_reason(app.templates, reason, pages.language))
        for paper, reason in found.papers[:SHOWN]
    ]
    hints = preview_day.hints(values(interests, Kind.TOPIC), now)
    return PreviewResult(tuple(shown), len(found.papers), found.considered, _notes(looked_up, pages.language), hints)


def _notes(looked_up: Sequence[ExamplePaper], language: str) -> tuple[ExampleNote, ...]:
    """Return a note for each state of the papers, with the papers and the registries that were asked."""
    notes = []
    for state in ExampleState:
        of_state = [one for one in looked_up if one.state is state]
        for registries in dict.fromkeys(one.registries for one in of_state):
            named = [
                to_plain(one.reference.words.title) if one.reference else one.name
                for one in of_state
                if one.registries == registries
            ]
            notes.append(ExampleNote(state, tuple(named), joined(registries, language)))
    return tuple(notes)
