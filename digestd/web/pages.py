"""Render pages from templates in the language of the reader, cache those that are public, answer with files and feeds.

The language is that of `?lang=`, else the one that the browser prefers.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Collection, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from http import HTTPStatus
from threading import Lock
from typing import Self
from urllib.parse import urlsplit

from babel import Locale
from babel.lists import format_list
from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, Response

from digestd.app import App
from digestd.mail.outlets import Outlet, PaperList
from digestd.mail.rendering import render_page
from digestd.mail.templates import Templates
from digestd.settings import LOOPBACK

ENGLISH = "en"
SHOW = ["GET", "HEAD"]
"""Methods of pages that change nothing."""
MAX_HEADER = 200
"""Maximum characters read of an Accept-Language header."""
CACHED_MAX = 100
"""Maximum number of pages in a cache. The least recently written is dropped."""
_HIDDEN = "•••"


@dataclass(frozen=True, slots=True)
class Site:
    """Values that every page shows.

    Attributes:
        root: Path of the home page, prefix of all links.
        home: URL of the home page, for social previews; empty without a public URL.
        has_papers: There are public pages of papers.
        has_search: They have a search of the archive.
        edition: Version of the static files, changes with the templates.
        languages: Other languages of this page, as pairs of tag and name.
        carried: Query that links end with to keep the chosen language.
        judge_host: The host of the language model that topics are sent to; empty for this machine, None without one.
    """

    list_name: str
    postal_address: str
    root: str
    edition: str
    home: str = ""
    has_papers: bool = True
    has_search: bool = False
    languages: tuple[tuple[str, str], ...] = ()
    carried: str = ""
    judge_host: str | None = None


@dataclass(frozen=True, slots=True)
class Pages:
    """Renderer of `web/<name>.html.j2`, in English by default.

    Attributes:
        languages: All languages, as pairs of tag and name.
        language: Tag of the language to render in.
    """

    templates: Templates
    site: Site
    languages: tuple[tuple[str, str], ...]
    language: str = ENGLISH

    @classmethod
    def of(cls, app: App) -> Self:
        """Return the pages of an installation."""
        settings = app.settings
        root = f"{urlsplit(settings.public_url).path.rstrip('/')}/"
        site = Site(
            settings.list_name,
            settings.postal_address,
            root,
            app.templates.hash[:12],
            app.urls.home,
            settings.public_papers,
            settings.public_papers and settings.archive_search,
            judge_host=("" if app.judge_host in LOOPBACK else app.judge_host) if app.judge_host else None,
        )
        return cls(app.templates, site, tuple((tag, _name(app.templates, tag)) for tag in app.templates.languages))

    def to(self, request: Request) -> "Pages":
        """Return pages in the language of a request: of `?lang=`, else of the browser.

        Only answers to GET offer other languages.
        """
        known = self.templates.languages
        wish = supported_language(request.query_params.get("lang", "")[:20], known)
        language = wish or preferred(request.headers.get("accept-language", ""), known) or ENGLISH
        others = tuple((tag, name) for tag, name in self.languages if tag != language)
        site = replace(
            self.site,
            languages=others if request.method in SHOW else (),
            carried=f"?lang={wish}" if wish else "",
        )
        return replace(self, site=site, language=language)

    def page(self, name: str, status: int = 200, language: str = "", **values: object) -> HTMLResponse:
        """Return a page.

        `language`: that of the subscriber, which overrides the visitor's.
        """
        site = replace(self.site, languages=()) if language else self.site
        html = render_page(self.templates, f"web/{name}.html.j2", language or self.language, site=site, **values)
        return HTMLResponse(html, status)

    def known_language(self, language: str) -> str:
        """Return the language of a catalogue for a subscriber's language, else that of these pages."""
        return supported_language(language, self.templates.languages) or self.language

    def text(self, name: str, language: str = "") -> str:
        return render_page(self.templates, f"web/{name}.txt.j2", language or self.language)

    def consent_text(self, name: str, language: str = "") -> str:
        """Return the text beside a button that changes consent; the same text is shown and stored."""
        return self.text(f"consent/{name}", language).strip()

    def consent_lines(self, name: str, language: str = "") -> list[str]:
        """Return the same by lines, to be shown."""
        return self.consent_text(name, language).split("\n")

    def problem(self, problem: str, status: int, headers: Mapping[str, str] | None = None) -> HTMLResponse:
        """Return an error page. `problem`: name of its text in `web/error.html.j2`."""
        answer = self.page("error", status, problem=problem)
        answer.headers.update(headers or {})
        return answer


def locale_of(language: str) -> Locale:
    return Locale.parse(language, sep="-")


def joined(names: Sequence[str], language: str) -> str:
    """Return names as a list in a language: `arXiv and Hugging Face`."""
    return format_list(names, locale=locale_of(language))


def masked(address: str | None) -> str:
    """Return an address with most of its local part hidden: `a•••@example.org`."""
    local, _, domain = (address or "").rpartition("@")
    return f"{local[:1]}{_HIDDEN}@{domain}" if address else ""


def preferred(accept: str, known: Collection[str]) -> str | None:
    """Return the known language that an Accept-Language header prefers, or None (RFC 9110 section 12.5.4)."""
    ranges = sorted(_ranges(accept[:MAX_HEADER]), key=lambda found: -found[1])
    return next((match for tag, quality in ranges if quality > 0 and (match := supported_language(tag, known))), None)


def supported_language(tag: str, known: Collection[str]) -> str | None:
    """Return the known language for a tag. Itself or its parent (`de` for `de-AT`; RFC 4647 section 3.4)."""
    parts = tag.strip().lower().replace("_", "-").split("-")
    by_name = {name.lower().replace("_", "-"): name for name in known}
    return next((by_name[name] for n in range(len(parts), 0, -1) if (name := "-".join(parts[:n])) in by_name), None)


class ResponseCache:
    """Render each page at most once per `span`.

    Args:
        span: Lifetime of a page.
        shared: False for pages that are completed per visitor, which proxies must not cache.
    """

    def __init__(self, span: timedelta, *, shared: bool = True) -> None:
        kept_by = "public" if shared else "private"
        self._headers = {
            "Cache-Control": f"{kept_by}, max-age={int(span.total_seconds())}",
            "X-Robots-Tag": "all",
            "Vary": "Accept-Language",
        }
        self._span = span
        self._kept: OrderedDict[Hashable, tuple[datetime, bytes]] = OrderedDict()
        self._lock = Lock()

    async def page(
        self, name: Hashable, now: datetime, make: Callable[[], Response], finish: Callable[[bytes], bytes] = bytes
    ) -> Response:
        """Return a page from the cache, or render and cache it. Exceptions and redirects are not cached.

        Args:
            name: Key of the page.
            make: Renders the page, in a thread.
            finish: Completes the cached bytes for this visitor.
        """
        with self._lock:
            made, body = self._kept.get(name, (None, b""))
        if made is None or not timedelta() <= now - made < self._span:
            answer = await run_in_threadpool(make)
            if answer.status_code != HTTPStatus.OK:
                return answer
            body = bytes(answer.body)
            self._keep(name, now, body)
        return HTMLResponse(finish(body), headers=self._headers)

    def _keep(self, name: Hashable, now: datetime, body: bytes) -> None:
        with self._lock:
            self._kept[name] = (now, body)
            self._kept.move_to_end(name)
            while len(self._kept) > CACHED_MAX:
                self._kept.popitem(last=False)


def as_file(outlet: Outlet, papers: PaperList, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(outlet.render(papers), media_type=outlet.media_type, headers=headers)


def as_feed(request: Request, outlet: Outlet, papers: PaperList, cached: str = "private, no-cache") -> Response:
    """Return the papers as a feed, or 304 if the client has the current version (RFC 9110 section 13).

    `cached`: the value of Cache-Control.
    """
    body, updated = outlet.render(papers), papers.updated
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {
        "ETag": tag,
        "Last-Modified": format_datetime(updated.replace(microsecond=0), usegmt=True),
        "Cache-Control": cached,
    }
    if _is_known(request, tag, updated):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type=outlet.media_type, headers=headers)


def _name(templates: Templates, language: str) -> str:
    """Return what a language calls itself, by its catalogue or else by Unicode's."""
    name = render_page(templates, "web/language.txt.j2", language).strip()
    if name == "English" and locale_of(language).language != ENGLISH:
        return (locale_of(language).get_display_name() or language).capitalize()
    return name


def _ranges(accept: str) -> Iterator[tuple[str, float]]:
    for part in accept.split(","):
        tag, _, weight = part.partition(";")
        quality = weight.strip().removeprefix("q=") or "1"
        try:
            yield tag, float(quality)
        except ValueError:
            continue  # ignore a malformed range


def _is_known(request: Request, tag: str, updated: datetime) -> bool:
    if given := request.headers.get("if-none-match"):
        return given.strip() == "*" or tag in (one.strip().removeprefix("W/") for one in given.split(","))
    since = request.headers.get("if-modified-since")
    try:
        return since is not None and parsedate_to_datetime(since) >= updated.replace(microsecond=0)
    except (ValueError, TypeError):
        return False
