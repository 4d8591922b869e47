"""Serve what belongs to no page: style sheet, script and icon (a picture for social previews too), and error pages.

The style sheet is part of the templates. Error pages say what to do, without internal details.
"""

from collections.abc import Mapping
from importlib.resources import files
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Scope

from digestd.app import App
from digestd.errors import BadRecord, NotFound, Unavailable
from digestd.security.tokens import BadToken, OutdatedToken
from digestd.subscribers.pick_feedback import LinkGone
from digestd.subscribers.settings_link import PreferencesLinkExpired
from digestd.subscribers.signup import LinkExpired
from digestd.web.api import PATH as API
from digestd.web.api import problems
from digestd.web.dependencies import SitePages, part, visitor_pages
from digestd.web.guards import TooOften
from digestd.web.middleware import unless_done
from digestd.web.pages import SHOW

RETRY_SECONDS = "30"
_DAY = {"Cache-Control": "public, max-age=86400"}
_FONT_RULES = """
:lang({0}) {{ --sans: {1}; line-break: strict; }}
:lang({0}):is(h1, h2, .title) {{ font-family: {1}; }}
html:lang({0}) * {{ letter-spacing: normal; text-transform: none; }}
html:lang({0}) :is(h1, h2, button, .button) {{ word-break: auto-phrase; }}
"""
"""For a language and its fonts: letters neither spaced nor in capitals, and lines that end where a phrase may."""
_SECRET = ("confirm", "u", "p", "move", "d", "f", "s")
_BY_STATUS = {401: "unknown", 404: "unknown", 405: "method"}
router = APIRouter()


def read_assets(app: App) -> Mapping[str, tuple[bytes, str]]:
    """Return the static files with their media types, in the colours of the theme."""
    shipped, templates = files("digestd.web") / "static", app.templates
    theme = templates.theme
    fonts = "".join(map(_FONT_RULES.format, templates.fonts, templates.fonts.values()))
    icon = theme.recolour((shipped / "icon.svg").read_text(encoding="utf-8"))
    assets = {
        "style.css": (theme.recolour(templates.files["web/style.css"] + fonts).encode(), "text/css; charset=utf-8"),
        "admin.css": (templates.files["web/admin.css"].encode(), "text/css; charset=utf-8"),
        "preview.js": ((shipped / "preview.js").read_bytes(), "text/javascript; charset=utf-8"),
        "icon.svg": (icon.encode(), "image/svg+xml"),
        "icon.png": ((shipped / "icon.png").read_bytes(), "image/png"),
    }
    if theme.logo:
        assets["logo.png"] = (theme.logo, "image/png")
    return assets


_Assets = Annotated[Mapping[str, tuple[bytes, str]], Depends(part(read_assets))]


@router.api_route("/static/{name}", methods=SHOW)
async def asset(name: str, assets: _Assets) -> Response:
    if name not in assets:
        raise NotFound("no such asset")
    content, kind = assets[name]
    return Response(content, media_type=kind, headers=_DAY)


@router.api_route("/robots.txt", methods=SHOW)
async def robots(pages: SitePages) -> Response:
    closed = "".join(f"Disallow: {pages.site.root}{name}/\n" for name in _SECRET)
    return PlainTextResponse(f"User-agent: *\n{closed}", headers=_DAY)


def _unknown(request: Request, _problem: BadToken | NotFound) -> Response:
    return visitor_pages(request).problem("unknown", 404)


def _link_expired(request: Request, _problem: PreferencesLinkExpired | OutdatedToken | LinkExpired) -> Response:
    return visitor_pages(request).page("link_expired", 410)


def _malformed(request: Request, _problem: RequestValidationError | BadRecord) -> Response:
    return visitor_pages(request).problem("malformed", 422)


def _refused(request: Request, problem: HTTPException) -> Response:
    if request.url.path.startswith(f"{API}/"):  # what no route of the API takes, such as a path with a line break
        return problems.problem(problem.status_code, str(problem.detail), headers=problem.headers)
    is_large = "exceeded maximum size" in str(problem.detail)  # a field of a form
    words = "large" if is_large else _BY_STATUS.get(problem.status_code, "malformed")
    return visitor_pages(request).problem(words, problem.status_code, problem.headers)


def done_page(scope: Scope) -> Response:
    """Return the page for a request that is done, but whose own page cannot be shown."""
    return visitor_pages(Request(scope)).problem("done", 200)


ERROR_PAGES = unless_done(
    done_page,
    {
        BadToken: _unknown,
        OutdatedToken: _link_expired,
        LinkExpired: _link_expired,
        PreferencesLinkExpired: _link_expired,
        BadRecord: _malformed,
        NotFound: _unknown,
        LinkGone: lambda request, _problem: visitor_pages(request).page("digest_removed", 410),
        Unavailable: lambda request, _problem: visitor_pages(request).problem(
            "busy", 503, {"Retry-After": RETRY_SECONDS}
        ),
        TooOften: lambda request, problem: visitor_pages(request).problem(problem.words, problem.status, problem.later),
        RequestValidationError: _malformed,
        HTTPException: _refused,
    },
)
