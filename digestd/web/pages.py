"""Pages from templates, with what every one of them shows."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

from fastapi.responses import HTMLResponse

from digestd.app import App
from digestd.render import Templates, render_page

ENGLISH = "en"
SHOW = ["GET", "HEAD"]
"""The methods of every page that only shows."""


@dataclass(frozen=True, slots=True)
class Site:
    """`root`: the path of the front page, below which every own link lies. `edition` changes with the templates."""

    list_name: str
    postal_address: str
    root: str
    edition: str


@dataclass(frozen=True, slots=True)
class Pages:
    """Renders `web/<name>.html.j2`."""

    templates: Templates
    site: Site

    @classmethod
    def of(cls, app: App) -> Self:
        """The pages of this installation."""
        settings = app.settings
        root = f"{urlsplit(settings.public_url).path.rstrip('/')}/"
        return cls(app.templates, Site(settings.list_name, settings.postal_address, root, app.templates.hash[:12]))

    def page(self, name: str, status: int = 200, language: str = ENGLISH, **values: object) -> HTMLResponse:
        """One page as an answer."""
        html = render_page(self.templates, f"web/{name}.html.j2", language, site=self.site, **values)
        return HTMLResponse(html, status)

    def problem(self, problem: str, status: int, headers: Mapping[str, str] | None = None) -> HTMLResponse:
        """A page that says in plain words why there is no answer; never how it came about."""
        answer = self.page("problem", status, problem=problem)
        answer.headers.update(headers or {})
        return answer
