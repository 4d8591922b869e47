"""The house of the pages, for everything that attacks it."""

from tests.web.conftest import app, client, clock, house, pages, templates

__all__ = ["app", "client", "clock", "house", "pages", "templates"]
