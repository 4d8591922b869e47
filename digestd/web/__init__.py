"""Serve the web pages and the JSON API.

One module per page, all behind the same middleware.

    home            GET  /                 subscribe form and today's papers
    preview         POST /preview          preview of today's digest; /preview/picks for the script
    papers          GET  /papers, /papers/{day}; these and the next two unless DIGESTD_PUBLIC_PAPERS is off
    paper_page      GET  /paper/{id}       one paper
    public_papers   GET  /papers.{ending}  today's papers as a file or feed
    subscribe       POST /subscribe        sign up; the answer is the same for every address
    resend          GET  /resend           address form;  POST sends the confirmation again
    confirm         GET  /confirm/{token}  POST confirms; /decline deletes the address
    unsubscribe     GET  /u/{token}        POST unsubscribes, also with one click from a mail reader
    feedback        GET  /f/{token}        POST rates a paper of a digest
    saved           GET  /s/{token}        saved papers, with files and feeds; read only
                    GET  /p/{token}/saved  the same;  POST removes a paper
    preferences     GET  /p/{token}        settings of a subscriber;  POST saves
    pause, leave, data_export              actions below the settings
    mute            GET  /p/{token}/mute/{period}/{n}  POST mutes something of a paper
    requests        POST /p/{token}/erase, …/renew  mails a link;  GET /erase/{token}, /renew/{token};  POST acts
    references      GET  /p/{token}/import import form;  POST likes its papers
    libraries       GET  /p/{token}/libraries  Zotero;  POST links, reads, unlinks
    groups          POST /p/{token}/groups/share, …/leave  act on the settings page
    settings_link   GET  /settings         address form;  POST mails a link to the settings
    address_change  GET  /move/{token}     POST confirms or cancels a new address
    view            GET  /d/{token}        a digest in the browser; /digest.{ending} as a file
    api             /api/v1                JSON API, see its docstring
    health          GET  /healthz, /readyz (the latter for operators only, see operator_access)
    metrics         GET  /metrics          for operators only
    admin           GET  /admin            the operators' page, with a token of scope `admin`
    webhooks        POST /webhooks/{provider}  bounces from configured providers
    assets          GET  /static/…, /robots.txt

GET shows, POST acts, because mail scanners and link previews follow every link. There are no cookies, so there is no
session to forge. A token in the path permits one action. No page links from a weaker token to a stronger one, because
people share the addresses of `/d`, `/f` and `/s`.

Middleware from the outside in: connection_limits (server), proxy headers (trusted proxies only), headers, access_log,
body_limit. email_forms holds what the public forms share.
"""

from collections.abc import Callable
from datetime import datetime
from fnmatch import fnmatchcase
from functools import partial

from fastapi import FastAPI, Request
from starlette.responses import Response
from starlette.types import Scope
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from digestd.app import App
from digestd.security.links import BadToken, OutdatedToken, Purpose, read_token
from digestd.tracing import NO_TELEMETRY
from digestd.web import (
    address_change,
    admin,
    assets,
    confirm,
    data_export,
    feedback,
    groups,
    health,
    home,
    leave,
    libraries,
    metrics,
    mute,
    paper_page,
    papers,
    pause,
    preferences,
    preview,
    public_papers,
    references,
    requests,
    resend,
    saved,
    settings_link,
    subscribe,
    unsubscribe,
    view,
    webhooks,
)
from digestd.web.access_log import AccessLog
from digestd.web.api import PATH as API
from digestd.web.api import build_api
from digestd.web.api.problems import DETAILS, problem
from digestd.web.body_limit import BODY_MAX, LARGE, SLOW, BodyLimit
from digestd.web.email_forms import EmailForms
from digestd.web.error_pages import handlers
from digestd.web.example_papers import ExamplePapers
from digestd.web.headers import SecurityHeaders
from digestd.web.pages import Pages
from digestd.web.preview_day import PreviewDay


def build(app: App, last_tick: Callable[[], datetime | None] | None = None) -> FastAPI:
    """Return the web application.

    Args:
        last_tick: Returns the last tick of this process's scheduler, if it runs one.
    """
    pages = Pages.of(app)
    forms = EmailForms.of(app, pages)
    preview_day = PreviewDay.of(app)
    web = FastAPI(
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        exception_handlers=handlers(pages),
        telemetry=NO_TELEMETRY,
    )
    web.state.preview_day = preview_day
    for router in (
        home.router(app, pages, preview_day),
        preview.router(app, pages, preview_day, ExamplePapers.of(app)),
        *((papers.router(app, pages), paper_page.router(app, pages)) if app.settings.public_papers else ()),
        public_papers.router(app),
        subscribe.router(app, pages, forms),
        resend.router(app, forms),
        confirm.router(app, pages),
        unsubscribe.router(app, pages),
        feedback.router(app, pages),
        saved.router(app, pages),
        preferences.router(app, pages, preview_day),
        pause.router(app, pages),
        leave.router(app, pages),
        data_export.router(app, pages),
        mute.router(app, pages),
        requests.router(app, pages),
        references.router(app, pages),
        libraries.router(app, pages),
        groups.router(app, pages),
        settings_link.router(app, forms),
        address_change.router(app, pages),
        view.router(app),
        health.router(app, last_tick),
        metrics.router(app, last_tick),
        admin.router(app, pages),
        webhooks.router(app),
        assets.router(pages),
    ):
        web.include_router(router)
    web.mount(API, build_api(app, preview_day))
    web.add_middleware(BodyLimit, refused=partial(_refusal, pages), most=partial(body_max, app))
    web.add_middleware(AccessLog, broken=partial(_refusal, pages, status=500))
    web.add_middleware(SecurityHeaders, https=app.settings.public_url.startswith("https:"))
    if app.settings.proxies:
        web.add_middleware(ProxyHeadersMiddleware, trusted_hosts=list(app.settings.proxies))
    return web


def body_max(app: App, path: str) -> int:
    """Return the maximum bytes of a body: larger for the forms behind a link, if it is genuine, and for providers.

    A body is read and parsed before the page looks at the link.
    """
    larger = {references.PATHS: references.BODY_MAX, preferences.PATHS: preferences.BODY_MAX}
    found = next((most for paths, most in larger.items() if fnmatchcase(path, paths)), BODY_MAX)
    if found > BODY_MAX:
        try:
            read_token(app.keys, Purpose.PREFERENCES, path.split("/")[2], app.clock())
        except (BadToken, OutdatedToken):
            return BODY_MAX
    return webhooks.BODY_MAX if app.providers and fnmatchcase(path, webhooks.PATHS) else found


def _refusal(pages: Pages, scope: Scope, status: int) -> Response:
    """Return the answer of a middleware: an error page, or an error of the API."""
    name = {LARGE: "large", SLOW: "slow", 500: "broken"}[status]
    if scope["path"].startswith(f"{API}/"):
        return problem(status, DETAILS[name])
    return pages.to(Request(scope)).problem(name, status)
