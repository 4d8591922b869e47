"""Serve the style sheet (part of the templates), the script and the icon, as a picture for social previews too."""

from importlib.resources import files

from fastapi import APIRouter
from starlette.responses import PlainTextResponse, Response

from digestd.errors import NotFound
from digestd.web.pages import SHOW, Pages

_DAY = {"Cache-Control": "public, max-age=86400"}
_SECRET = ("confirm", "u", "p", "move", "d", "f", "s")


def router(pages: Pages) -> APIRouter:
    """Return the routes of this module."""
    routes = APIRouter()
    shipped = files("digestd.web") / "static"
    theme = pages.templates.theme
    icon = theme.recolour((shipped / "icon.svg").read_text(encoding="utf-8"))
    assets = {
        "style.css": (theme.recolour(pages.templates.files["web/style.css"]).encode(), "text/css; charset=utf-8"),
        "admin.css": (pages.templates.files["web/admin.css"].encode(), "text/css; charset=utf-8"),
        "home.js": ((shipped / "home.js").read_bytes(), "text/javascript; charset=utf-8"),
        "icon.svg": (icon.encode(), "image/svg+xml"),
        "icon.png": ((shipped / "icon.png").read_bytes(), "image/png"),
    }
    if theme.logo:
        assets["logo.png"] = (theme.logo, "image/png")

    @routes.api_route("/static/{name}", methods=SHOW)
    async def asset(name: str) -> Response:
        if name not in assets:
            raise NotFound("no such asset")
        content, kind = assets[name]
        return Response(content, media_type=kind, headers=_DAY)

    @routes.api_route("/robots.txt", methods=SHOW)
    async def robots() -> Response:
        closed = "".join(f"Disallow: {pages.site.root}{name}/\n" for name in _SECRET)
        return PlainTextResponse(f"User-agent: *\n{closed}", headers=_DAY)

    return routes
