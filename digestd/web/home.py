"""Show the home page, and preview today's digest for its form.

The home page has the subscribe form, a preview of today's digest, and trending papers. A preview is ranked like a real
digest, and nothing is stored. It uses POST although it changes nothing, so that interests do not appear in URLs, logs
or the browser history.

A preview is the only page that takes more than a few milliseconds. So it counts as several requests if its topics are
many or long, and there are few places for it (see `preview_day`). Who is refused is told so, and the script asks again.
"""

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Annotated, Self

from fastapi import APIRouter, Depends
from fastapi.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from digestd.app import SAMPLE_ADDRESS
from digestd.domain.interest import Interest, Kind, TopicHint, values
from digestd.domain.paper import Paper, PaperId
from digestd.domain.subscriber import Preferences
from digestd.mail.paper_view import PaperView, cut_for_page
from digestd.mail.rendering import render_reason
from digestd.security.addresses import address_key, canonical_address
from digestd.security.keys import Keys
from digestd.security.tokens import Purpose, make_token
from digestd.security.urls import Urls
from digestd.store import papers, subscribers
from digestd.store.database import Database
from digestd.store.ledger import queries
from digestd.subscribers.subscriber_record import SubscriberRecord
from digestd.text.tex import to_plain
from digestd.web.dependencies import (
    Db,
    Links,
    Network,
    NetworkKey,
    Now,
    SigningKeys,
    SitePages,
    VisitorPages,
    made,
    part,
)
from digestd.web.example_papers import ExamplePaper, ExampleState, Lookups
from digestd.web.forms import SIZES, SentSignUp, SignUpForm, choices, read_lines, zones
from digestd.web.guards import RateLimits, refreshed_timestamp, with_new_timestamp
from digestd.web.pages import SHOW, Pages, ResponseCache, joined
from digestd.web.preview_day import PreviewRefused, TodaysPapers, price_of

if TYPE_CHECKING:
    from digestd.digests.anonymous_preview import DigestPreview

PAPERS_MAX = 20
ENOUGH = 5
"""With fewer papers in the last day (for example on Sundays), the page covers more days."""
SPANS = (1, 3, 7)
KEPT = timedelta(minutes=1)
PREVIEWED = 5
PER_NETWORK = 60
EVERYONE = 900
SPAN = timedelta(minutes=1)
router = APIRouter()
_Cache = Annotated[ResponseCache, Depends(part(lambda _app: ResponseCache(KEPT, shared=False)))]
_Limits = Annotated[RateLimits, Depends(part(lambda _app: RateLimits(PER_NETWORK, EVERYONE, SPAN)))]


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
        count: Number of all its papers.
        near: Number of those, the last ones, that are only near the interests.
        considered: Number of new papers that they were chosen from.
        examples: Notes about example papers that no source has reported.
        hints: Hints about the topics.
        is_again: Whether papers that the reader had are among these, as there are no newer ones.
    """

    papers: tuple[tuple[PaperView, str], ...]
    count: int
    near: int
    considered: int
    examples: tuple[ExampleNote, ...] = ()
    hints: tuple[TopicHint, ...] = ()
    is_again: bool = False

    @classmethod
    def of(
        cls,
        pages: Pages,
        language: str,
        found: "DigestPreview",
        hints: tuple[TopicHint, ...],
        notes: tuple[ExampleNote, ...] = (),
    ) -> Self:
        """Return a preview as it is shown in a language."""
        views = cut_for_page(paper for paper, _ in found.papers[:PREVIEWED])
        reasons = (render_reason(pages.templates, reason, language) for _, reason in found.papers)
        shown = tuple(zip(views, reasons, strict=False))
        return cls(shown, len(found.papers), found.near, found.considered, notes, hints, found.is_again)


@dataclass(frozen=True, slots=True)
class HomePage:
    """The home page for one visitor."""

    db: Db
    keys: SigningKeys
    urls: Links
    pages: VisitorPages
    network: NetworkKey
    now: Now

    def show(
        self,
        form: SignUpForm,
        problems: Collection[str] = (),
        seen: PreviewResult | None = None,
        *,
        with_trending: bool = False,
    ) -> Response:
        """Return the page.

        Args:
            form: What was typed, to be shown again.
            problems: Names of fields with errors.
            seen: Preview of the digest, if asked for.
            with_trending: Show trending papers, which take most of its time.
        """
        days, trending = _trending(self.db, self.now) if with_trending else (0, ())
        with self.db.read() as session:
            has_votes = papers.any_votes(session, self.now - timedelta(days=SPANS[-1]))
        return self.pages.page(
            "home",
            422 if problems else 200,
            form=form.visible,
            stamp=refreshed_timestamp(self.keys, self.network, form["stamp"], self.now),
            odd_paper=form.odd_paper,
            problems=frozenset(problems),
            choices=choices(self.pages, self.pages.language, SIZES) | {"zones": zones(form.visible["timezone"])},
            seen=seen,
            today=self.now.date(),
            days=days,
            has_votes=has_votes,
            papers=cut_for_page(trending),
            sample_url=sample_digest_url(self.db, self.keys, self.urls, self.now),
        )


Home = Annotated[HomePage, made(HomePage)]


@router.api_route("/", methods=SHOW)
async def front(home: Home, cache: _Cache, preview_day: TodaysPapers) -> Response:
    preview_day.begin(home.now)
    return await cache.page(
        (home.pages.language, home.pages.site.carried),
        home.now,
        partial(home.show, SignUpForm(), with_trending=home.pages.site.has_papers),
        partial(with_new_timestamp, keys=home.keys, network=home.network, now=home.now),
    )


@dataclass(frozen=True, slots=True)
class PreviewPlace:
    """Parts that answer a network's previews."""

    network: Network
    now: Now
    limits: _Limits
    day: TodaysPapers

    def count(self, topics: str) -> None:
        """Count a request for a preview with these topics. Raises PreviewRefused."""
        if not self.limits.allows(self.network, self.now, min(price_of(read_lines(topics)), PER_NETWORK)):
            raise PreviewRefused(429, self.limits.later)


Place = Annotated[PreviewPlace, made(PreviewPlace)]


@dataclass(frozen=True, slots=True)
class Previews:
    """Previews for one visitor."""

    db: Db
    pages: VisitorPages
    place: Place
    examples: Lookups

    async def of(self, form: SignUpForm, record: SubscriberRecord, *, look_up: bool) -> PreviewResult:
        """Return the preview of a form, after a lookup of its example papers if `look_up`."""
        wanted = record.as_new.interests
        missing = await run_in_threadpool(_missing, self.db, values(wanted, Kind.PAPER))
        network, now = self.place.network, self.place.now
        looked_up = await self.examples.get(network, missing, now, ask=look_up)
        found = await self.place.day.run(network, partial(self._preview, wanted, form.previewed, looked_up))
        return replace(found, hints=(*record.refused, *found.hints))

    def _preview(
        self, interests: tuple[Interest, ...], preferences: Preferences, looked_up: Sequence[ExamplePaper]
    ) -> PreviewResult:
        """Return what these interests, preferences and looked-up papers would bring today."""
        own = [example.reference for example in looked_up if example.reference]
        day, now, language = self.place.day, self.place.now, self.pages.language
        with self.db.read() as session:
            found = day.preview(session, interests, preferences, own, now)
        hints = day.hints(values(interests, Kind.TOPIC), now)
        return PreviewResult.of(self.pages, language, found, hints, _notes(looked_up, language))


_Previews = Annotated[Previews, made(Previews)]


@router.api_route("/preview", methods=SHOW)
async def preview_link(pages: SitePages) -> Response:
    return RedirectResponse(pages.site.root, 303)


@router.post("/preview")
async def preview(form: SentSignUp, home: Home, previews: _Previews) -> Response:
    previews.place.count(form["topics"])
    form = form.with_chosen_topic
    checked = form.read_interests()
    seen = None if checked.record is None else await previews.of(form, checked.record, look_up=True)
    return await run_in_threadpool(home.show, form, checked.errors, seen)


@router.post("/preview/picks")
async def picks(form: SentSignUp, previews: _Previews) -> Response:
    """Return the preview and the hints about topics as an HTML fragment for the script.

    The script asks while the reader types; example papers are looked up once they are done.
    """

    async def seen() -> PreviewResult | None:
        checked = form.read_interests()
        look_up = bool(form["look_up"])
        return None if checked.record is None else await previews.of(form, checked.record, look_up=look_up)

    pages = previews.pages
    action = f"{pages.site.root}preview{pages.site.carried}#hints"
    return await fragment(previews.place, form["topics"], seen, partial(pages.page, "picks", action=action))


async def fragment(
    place: PreviewPlace,
    topics: str,
    preview: Callable[[], Awaitable[PreviewResult | None]],
    page: Callable[..., Response],
) -> Response:
    """Return a preview for the script, or why there is none.

    Args:
        topics: what is counted.
        preview: returns the preview; None for a form with errors.
        page: renders the fragment.
    """
    seen, status, headers = None, 200, {}
    try:
        place.count(topics)
        seen = await preview()
        status = 422 if seen is None else 200
    except PreviewRefused as refusal:
        status, headers = refusal.status, refusal.later
    answer = await run_in_threadpool(partial(page, status=status, seen=seen, is_busy=bool(headers)))
    answer.headers.update(headers)
    return answer


def sample_digest_url(db: Database, keys: Keys, urls: Urls, now: datetime) -> str | None:
    """Return the web view of the sample subscriber's newest digest, or None."""
    with db.read() as session:
        found = subscribers.by_address_key(session, address_key(keys, canonical_address(SAMPLE_ADDRESS)))
        delivery = queries.newest_digest(session, found.key) if found else None
    return None if delivery is None else urls.view(make_token(keys, Purpose.VIEW, delivery, now))


def _trending(db: Database, now: datetime) -> tuple[int, Sequence[Paper]]:
    """Return the number of days covered, and their trending papers."""
    with db.read() as session:
        for days in SPANS:
            found = papers.trending(session, now - timedelta(days=days), PAPERS_MAX)
            if len(found) >= ENOUGH:
                break
    return days, found


def _missing(db: Database, names: Sequence[str]) -> list[PaperId]:
    """Return the papers that no source has reported."""
    named = list(map(PaperId, names))
    if not named:
        return []
    with db.read() as session:
        known = papers.public_names(session, named)
    return [name for name in named if name not in known]


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
