"""Serve the web pages and the JSON API.

One module per family of pages, all behind the same middleware.

    home            GET  /                 subscribe form and today's papers
                    POST /preview          preview of today's digest; /preview/picks for the script
    papers          GET  /papers, /papers/{day}; these and the next two unless DIGESTD_PUBLIC_PAPERS is off
                    GET  /papers.{ending}  today's papers as a file or feed
                    GET  /paper/{id}       one paper
    signup          POST /subscribe        sign up; the answer is the same for every address
                    GET  /resend           address form;  POST sends the confirmation again
                    GET  /settings         address form;  POST mails a link to the settings
                    GET  /confirm/{token}  POST confirms; /decline deletes the address
    unsubscribe     GET  /u/{token}        POST unsubscribes, also with one click from a mail reader
    feedback        GET  /f/{token}        POST rates a paper of a digest
                    GET  /p/{token}/mute/{period}/{n}  POST mutes something of a paper
    saved           GET  /s/{token}        saved papers, with files and feeds; read only
                    GET  /p/{token}/saved  the same;  POST removes a paper
    preferences     GET  /p/{token}        settings of a subscriber;  POST saves
                    POST /p/{token}/groups/share, …/leave  share with a group, or leave it
    account         actions below the settings: pause, leave, move, erase, renew, data;  /erase, /renew, /move/{token}
    libraries       GET  /p/{token}/import import form;  POST likes its papers
                    GET  /p/{token}/libraries  Zotero;  POST links, reads, unlinks
    view            GET  /d/{token}        a digest in the browser; /digest.{ending} as a file
    api             /api/v1                JSON API, see its docstring
    mcp             POST /mcp              tools for the assistant of a reader, with their token
    health          GET  /healthz, /readyz (the latter for operators only, see access)
    metrics         GET  /metrics          for operators only
    admin           GET  /admin            the operators' page, with a token of scope `admin`
    provider_webhooks
                    POST /webhooks/{provider}  bounces from configured providers
    site            GET  /static/…, /robots.txt; error pages

GET shows, POST acts, because mail scanners and link previews follow every link. There are no cookies, so there is no
session to forge. A token in the path permits one action. No page links from a weaker token to a stronger one, because
people share the addresses of `/d`, `/f` and `/s`.

Routes name what they use as parameters, see dependencies. Around them, from the outside in: connection_limits (server),
proxy headers (trusted proxies only), and middleware: headers, log, bodies. guards has rate limits and form timestamps.
"""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from re import fullmatch

from fastapi import FastAPI, Request
from starlette.responses import Response
from starlette.types import Scope
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from digestd.app import App
from digestd.security.tokens import BadToken, OutdatedToken, Purpose, read_token
from digestd.tracing import NO_TELEMETRY
from digestd.web import (
    account,
    admin,
    feedback,
    health,
    home,
    libraries,
    mcp,
    metrics,
    papers,
    preferences,
    provider_webhooks,
    saved,
    signup,
    site,
    unsubscribe,
    view,
)
from digestd.web.api import PATH as API
from digestd.web.api import build_api
from digestd.web.api.problems import DETAILS, problem
from digestd.web.dependencies import part_of, provide, visitor_pages
from digestd.web.middleware import BODY_MAX, BUSY, LARGE, SLOW, AccessLog, BodyLimit, SecurityHeaders, is_done
from digestd.web.pages import Pages

_FAMILIES = (
    view,
    preferences,
    feedback,
    home,
    unsubscribe,
    saved,
    account,
    libraries,
    signup,
    site,
    health,
    metrics,
    admin,
)
"""Modules with routes, those of links in mails first: a request is compared with one route after the other."""


def build(app: App, last_tick: Callable[[], datetime | None] | None = None) -> FastAPI:
    """Return the web application.

    Args:
        last_tick: Returns the last tick of this process's scheduler, if it runs one.
    """
    web = FastAPI(
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        exception_handlers=site.ERROR_PAGES,
        telemetry=NO_TELEMETRY,
    )
    provide(web, app, last_tick)
    part_of(web, Pages.of)
    public = (papers,) if app.settings.public_papers else ()
    for family in (*public, *_FAMILIES, *((provider_webhooks,) if app.providers else ())):
        web.router.routes.extend(family.router.routes)  # flat: an included router is searched twice
    api = build_api(app)
    api.state = web.state  # the parts are the same
    web.mount(API, api)
    web.router.routes.append(mcp.AssistantRoute(app))
    web.add_middleware(BodyLimit, refused=_refusal, limit=partial(body_limit, app))
    web.add_middleware(
        AccessLog, broken=lambda scope: site.done_page(scope) if is_done(scope) else _refusal(scope, 500)
    )
    web.add_middleware(SecurityHeaders, https=app.settings.public_url.startswith("https:"))
    if app.settings.proxies:
        web.add_middleware(ProxyHeadersMiddleware, trusted_hosts=list(app.settings.proxies))
    return web


def body_limit(app: App, path: str) -> tuple[int, object]:
    """Return the maximum bytes of a body, and whose it is: the subscriber of a link, or else the path.

    It is larger for the forms behind a link, if it is genuine, and for providers: a body is read and parsed before the
    page looks at the link.
    """
    if app.providers and fullmatch(provider_webhooks.PATHS, path):
        return provider_webhooks.BODY_MAX, path
    larger = {libraries.PATHS: libraries.BODY_MAX, preferences.PATHS: preferences.BODY_MAX}
    found = next((most for paths, most in larger.items() if fullmatch(paths, path)), BODY_MAX)
    if found > BODY_MAX:
        try:
            return found, read_token(app.keys, Purpose.PREFERENCES, path.split("/")[2], app.clock()).number
        except (BadToken, OutdatedToken):
            pass
    return BODY_MAX, path


def _refusal(scope: Scope, status: int) -> Response:
    """Return the answer of a middleware: an error page, or an error of the API."""
    name = {LARGE: "large", SLOW: "slow", BUSY: "busy", 500: "broken"}[status]
    if scope["path"].startswith((f"{API}/", mcp.PATH)):
        return problem(status, DETAILS[name])
    return visitor_pages(Request(scope)).problem(name, status)
