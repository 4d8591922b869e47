"""The web: a page a file, all of them behind the same guards.

    front         GET  /                 the form to subscribe, and the papers of the day
    preview       POST /preview          what today's digest would hold; /preview/picks for a script
    papers        GET  /papers, /papers/{day}
    subscribe     POST /subscribe        asks for the digest; the answer is the same for everyone
    resend        GET  /resend           asks for an address;  POST sends the confirmation once more
    confirm       GET  /confirm/{token}  a button;  POST acts; /decline below it for those who did not ask
    unsubscribe   GET  /u/{token}        a button;  POST acts, also by one click from a mail reader
    feedback      GET  /f/{token}        what can be said of one pick;  POST says it
    saved         GET  /s/{token}        what a subscriber saved, with files and feeds below it: only to read
                  GET  /p/{token}/saved  the same;  POST removes one
    preferences   GET  /p/{token}        all of one subscriber;  POST saves
    resting, parting, belongings         what can be done below that: pause, leave, move, take along
    muting        GET  /p/{token}/mute/{period}/{n}  what of a pick can be muted;  POST mutes it
    requests      POST /p/{token}/erase, …/renew  mails a link;  GET /erase/{token}, /renew/{token};  POST acts
    references    GET  /p/{token}/import a form for a file or text;  POST likes its papers
    libraries     GET  /p/{token}/libraries  those linked at Zotero or ORCID;  POST links, reads, unlinks
    settings_link GET  /settings         a form for a fresh link;  POST answers everyone alike
    moving        GET  /move/{token}     a new address;  POST confirms, or stops
    view          GET  /d/{token}        a digest in the browser
    api           /api/v1                JSON, for those who embed it; see its own docstring
    health        GET  /healthz, /readyz  the second for operators only, see operations
    metrics       GET  /metrics          the same
    webhooks      POST /webhooks/{provider}  bounces, from providers that are set up
    assets        GET  /static/…, /robots.txt

GET shows, POST acts: mail scanners and link previews follow every link and must change nothing.
The guards, from the outside in: who the client is (the peer, or behind a proxy of DIGESTD_TRUSTED_PROXIES the last
address of X-Forwarded-For that is none of those), headers, watch (log, faults), intake (size and time of a request);
before them all, serving (who holds a connection). There are no cookies, so there is nothing to forge; a token in the
path is the right to do the one thing it names, and no page leads from a weaker token to a stronger one: the addresses
of `/d`, `/f` and `/s` are passed on. What the forms share by which anybody may ask for a mail is in asking.
"""

from collections.abc import Callable
from datetime import datetime
from functools import partial

from fastapi import FastAPI, Request
from starlette.responses import Response
from starlette.types import Scope
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from digestd.app import App
from digestd.plan.planning_day import read_planning_day
from digestd.web import (
    assets,
    belongings,
    confirm,
    feedback,
    front,
    health,
    libraries,
    metrics,
    moving,
    muting,
    papers,
    parting,
    preferences,
    preview,
    references,
    requests,
    resend,
    resting,
    saved,
    settings_link,
    subscribe,
    unsubscribe,
    view,
    webhooks,
)
from digestd.web.api import PATH as API
from digestd.web.api import build_api
from digestd.web.api.problems import DETAILS, problem
from digestd.web.asking import Asking
from digestd.web.failures import handlers
from digestd.web.headers import Headers
from digestd.web.intake import LARGE, SLOW, Intake
from digestd.web.pages import Pages
from digestd.web.today import Today
from digestd.web.watch import Watch


def build(app: App, last_tick: Callable[[], datetime | None] | None = None) -> FastAPI:
    """The web application. `last_tick` tells when this process's scheduler last ticked, if it runs one.

    `state.today` is the day of the previews; whoever serves the application has it read betimes.
    """
    pages = Pages.of(app)
    asking = Asking.of(app, pages)
    today = Today(lambda now: read_planning_day(app.db, now, app.encoder))
    web = FastAPI(
        docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False, exception_handlers=handlers(pages)
    )
    web.state.today = today
    for router in (
        front.router(app, pages),
        preview.router(app, pages, today),
        papers.router(app, pages),
        subscribe.router(app, pages, asking),
        resend.router(app, asking),
        confirm.router(app, pages),
        unsubscribe.router(app, pages),
        feedback.router(app, pages),
        saved.router(app, pages),
        preferences.router(app, pages),
        resting.router(app, pages),
        parting.router(app, pages),
        belongings.router(app, pages),
        muting.router(app, pages),
        requests.router(app, pages),
        references.router(app, pages),
        libraries.router(app, pages),
        settings_link.router(app, asking),
        moving.router(app, pages),
        view.router(app),
        health.router(app, last_tick),
        metrics.router(app, last_tick),
        webhooks.router(app),
        assets.router(pages),
    ):
        web.include_router(router)
    web.mount(API, build_api(app))
    more = {references.PATHS: references.BODY_MAX, preferences.PATHS: preferences.BODY_MAX}
    if app.providers:
        more[webhooks.PATHS] = webhooks.BODY_MAX
    web.add_middleware(Intake, refused=partial(_refusal, pages), more=more)
    web.add_middleware(Watch, broken=partial(_refusal, pages, status=500))
    web.add_middleware(Headers, https=app.settings.public_url.startswith("https:"))
    if app.settings.proxies:
        web.add_middleware(ProxyHeadersMiddleware, trusted_hosts=list(app.settings.proxies))
    return web


def _refusal(pages: Pages, scope: Scope, status: int) -> Response:
    """What a guard answers, in the form of whatever was asked: a page, or a problem of the API."""
    name = {LARGE: "large", SLOW: "slow", 500: "broken"}[status]
    if scope["path"].startswith(f"{API}/"):
        return problem(status, DETAILS[name])
    return pages.to(Request(scope)).problem(name, status)
