"""Pages from templates, with what every one of them shows, in the language of whoever reads them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self
from urllib.parse import urlsplit

from babel import Locale
from fastapi import Request
from fastapi.responses import HTMLResponse

from digestd.app import App
from digestd.render import Templates, render_page
from digestd.web.language import preferred, spoken

ENGLISH = "en"
SHOW = ["GET", "HEAD"]
"""The methods of every page that only shows."""


@dataclass(frozen=True, slots=True)
class Site:
    """`root`: the path of the front page, below which every own link lies. `edition` changes with the templates.

    `languages`: those a reader may change to, by tag and their own name; `carried`: what own links end in, so that
    a language that was asked for stays.
    """

    list_name: str
    postal_address: str
    root: str
    edition: str
    languages: tuple[tuple[str, str], ...] = ()
    carried: str = ""


@dataclass(frozen=True, slots=True)
class Pages:
    """Renders `web/<name>.html.j2`, in English unless it is made for somebody.

    `languages`: those there are, by tag and their own name.
    """

    templates: Templates
    site: Site
    languages: tuple[tuple[str, str], ...]
    language: str = ENGLISH

    @classmethod
    def of(cls, app: App) -> Self:
        """The pages of this installation."""
        settings = app.settings
        root = f"{urlsplit(settings.public_url).path.rstrip('/')}/"
        site = Site(settings.list_name, settings.postal_address, root, app.templates.hash[:12])
        return cls(app.templates, site, tuple((tag, _name(app.templates, tag)) for tag in app.templates.languages))

    def to(self, request: Request) -> "Pages":
        """The same for who asks: in the language of `?lang=`, else in the one that the browser prefers.

        Only a page that can be asked for again offers the other languages.
        """
        known = self.templates.languages
        wish = spoken(request.query_params.get("lang", "")[:20], known)
        language = wish or preferred(request.headers.get("accept-language", ""), known) or ENGLISH
        others = tuple((tag, name) for tag, name in self.languages if tag != language)
        site = replace(
            self.site,
            languages=others if request.method in SHOW else (),
            carried=f"?lang={wish}" if wish else "",
        )
        return replace(self, site=site, language=language)

    def page(self, name: str, status: int = 200, language: str = "", **values: object) -> HTMLResponse:
        """One page as an answer. `language`: that of the subscriber whose page it is, changed in their settings."""
        site = replace(self.site, languages=()) if language else self.site
        html = render_page(self.templates, f"web/{name}.html.j2", language or self.language, site=site, **values)
        return HTMLResponse(html, status)

    def text(self, name: str, language: str = "") -> str:
        """Plain words, `web/<name>.txt.j2`, to be shown or kept."""
        return render_page(self.templates, f"web/{name}.txt.j2", language or self.language)

    def problem(self, problem: str, status: int, headers: Mapping[str, str] | None = None) -> HTMLResponse:
        """A page that says in plain words why there is no answer; never how it came about."""
        answer = self.page("error", status, problem=problem)
        answer.headers.update(headers or {})
        return answer


def locale_of(language: str) -> Locale:
    """How a language writes dates and names."""
    return Locale.parse(language, sep="-")


def _name(templates: Templates, language: str) -> str:
    """Return what a language calls itself, by its catalogue or else by Unicode's."""
    name = render_page(templates, "web/language.txt.j2", language).strip()
    if name == "English" and locale_of(language).language != ENGLISH:
        return (locale_of(language).get_display_name() or language).capitalize()
    return name
