"""Where an act came from and by which words, as the record of consent keeps it."""

from fastapi import Request

from digestd.app import App
from digestd.domain.subscriber import Act, Cause
from digestd.web.limiter import network
from digestd.web.pages import Pages


def act(app: App, request: Request, cause: Cause, wording: str = "") -> Act:
    """An act of whoever asks: the network only as a keyed hash, which tells two acts apart and names nobody."""
    host = request.client.host if request.client else ""
    return Act(cause, app.keys.first.mac("network", network(host).encode()), wording)


def wording(pages: Pages, name: str, language: str = "") -> str:
    """The words that are shown beside a button which changes consent: what is shown is what is kept."""
    return pages.text(f"wording/{name}", language).strip()
