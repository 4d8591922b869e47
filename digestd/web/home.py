"""Show the home page.

The subscribe form, a preview of today's digest, and trending papers.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from fastapi import APIRouter, Request
from starlette.responses import Response

from digestd.app import App
from digestd.domain.paper import Paper
from digestd.domain.topic_hint import TopicHint
from digestd.mail.paper_view import PaperView, cut_for_page
from digestd.store import papers
from digestd.web import form_timestamp
from digestd.web.consent_audit import network_key
from digestd.web.form_fields import choices
from digestd.web.pages import SHOW, Pages
from digestd.web.preview_day import PreviewDay
from digestd.web.response_cache import ResponseCache
from digestd.web.signup_form import SIZES, SignUpForm
from digestd.web.time_zones import zones

PAPERS_MAX = 20
ENOUGH = 5
"""With fewer papers in the last day (for example on Sundays), the page covers more days."""
SPANS = (1, 3, 7)
KEPT = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class ExampleNote:
    """What is known about example papers that no source has reported.

    Attributes:
        state: Their state, from `example_papers.ExampleState`.
        papers: Their titles if they were found, else their identifiers.
        registries: Where they are looked up, as a list in words.
    """

    state: str
    papers: tuple[str, ...]
    registries: str


@dataclass(frozen=True, slots=True)
class PreviewResult:
    """A preview of today's digest.

    Attributes:
        papers: First papers of the digest, with the reason for each.
        considered: Number of new papers that they were chosen from.
        examples: Notes about example papers that no source has reported.
        hints: Hints about the topics.
    """

    papers: tuple[tuple[PaperView, str], ...]
    count: int
    considered: int
    examples: tuple[ExampleNote, ...] = ()
    hints: tuple[TopicHint, ...] = ()


def router(app: App, pages: Pages, preview_day: PreviewDay) -> APIRouter:
    """Return the routes of this module."""
    routes = APIRouter()
    cache = ResponseCache(KEPT, shared=False)

    @routes.api_route("/", methods=SHOW)
    def front(request: Request) -> Response:
        spoken, now = pages.to(request), app.clock()
        name = (spoken.language, spoken.site.carried)
        visitor = network_key(app.keys, request)
        preview_day.begin(now)
        finish = partial(form_timestamp.with_new_timestamp, keys=app.keys, network=visitor, now=now)
        make = partial(_page, app, spoken, SignUpForm(), visitor, with_trending=app.settings.public_papers)
        return cache.page(name, now, make, finish)

    return routes


def show(
    app: App,
    pages: Pages,
    form: SignUpForm,
    visitor: bytes,
    problems: Collection[str] = (),
    seen: PreviewResult | None = None,
) -> Response:
    """Return the home page with a form that was sent, without trending papers, which take most of its time.

    Args:
        pages: Pages in the language of the visitor.
        form: What was typed, to be shown again.
        visitor: Network of the visitor, from `consent_audit.network_key`.
        problems: Names of fields with errors.
        seen: Preview of the digest, if asked for.
    """
    return _page(app, pages, form, visitor, problems=problems, seen=seen)


def _page(
    app: App,
    pages: Pages,
    form: SignUpForm,
    visitor: bytes,
    *,
    problems: Collection[str] = (),
    seen: PreviewResult | None = None,
    with_trending: bool = False,
) -> Response:
    now = app.clock()
    days, trending = _trending(app, now) if with_trending else (0, ())
    return pages.page(
        "home",
        422 if problems else 200,
        form=form.visible,
        stamp=form_timestamp.refreshed_timestamp(app.keys, visitor, form["stamp"], now),
        odd_paper=form.odd_paper,
        problems=frozenset(problems),
        choices=choices(pages, pages.language, SIZES) | {"zones": zones(form.visible["timezone"])},
        seen=seen,
        today=now.date(),
        days=days,
        papers=cut_for_page(trending),
        sample_url=app.sample_digest_url,
    )


def _trending(app: App, now: datetime) -> tuple[int, Sequence[Paper]]:
    """Return the number of days covered, and their trending papers."""
    with app.db.read() as session:
        for days in SPANS:
            found = papers.trending(session, now - timedelta(days=days), PAPERS_MAX)
            if len(found) >= ENOUGH:
                break
    return days, found
