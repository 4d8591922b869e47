"""Render pages from templates in the language of the reader."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self
from urllib.parse import urlsplit

from babel import Locale
from babel.lists import format_list
from fastapi import Request
from fastapi.responses import HTMLResponse

from digestd.app import App
from digestd.mail.rendering import render_page
from digestd.mail.templates import Templates
from digestd.web.language import preferred, supported_language

ENGLISH = "en"
SHOW = ["GET", "HEAD"]
"""Methods of pages that change nothing."""


@dataclass(frozen=True, slots=True)
class Site:
    """Values that every page shows.

    Attributes:
        root: Path of the home page, prefix of all links.
        home: URL of the home page, for social previews; empty without a public URL.
        has_papers: There are public pages of papers.
        edition: Version of the static files, changes with the templates.
        languages: Other languages of this page, as pairs of tag and name.
        carried: Query that links end with to keep the chosen language.
    """

    list_name: str
    postal_address: str
    root: str
    edition: str
    home: str = ""
    has_papers: bool = True
    languages: tuple[tuple[str, str], ...] = ()
    carried: str = ""


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
        """Return a subscriber's language if there is a catalogue for it, else that of these pages."""
        return language if language in dict(self.languages) else self.language

    def text(self, name: str, language: str = "") -> str:
        """Return plain text from `web/<name>.txt.j2`."""
        return render_page(self.templates, f"web/{name}.txt.j2", language or self.language)

    def problem(self, problem: str, status: int, headers: Mapping[str, str] | None = None) -> HTMLResponse:
        """Return an error page. `problem`: name of its text in `web/error.html.j2`."""
        answer = self.page("error", status, problem=problem)
        answer.headers.update(headers or {})
        return answer


def locale_of(language: str) -> Locale:
    """Return the Babel locale of a language tag."""
    return Locale.parse(language, sep="-")


def joined(names: Sequence[str], language: str) -> str:
    """Return names as a list in a language: `arXiv and Hugging Face`."""
    return format_list(names, locale=locale_of(language))


def _name(templates: Templates, language: str) -> str:
    """Return what a language calls itself, by its catalogue or else by Unicode's."""
    name = render_page(templates, "web/language.txt.j2", language).strip()
    if name == "English" and locale_of(language).language != ENGLISH:
        return (locale_of(language).get_display_name() or language).capitalize()
    return name
