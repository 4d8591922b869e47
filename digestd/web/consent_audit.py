"""Where an act came from and by which words, as the record of consent keeps it."""

from fastapi import Request

from digestd.app import App
from digestd.domain.subscriber import Act, Cause
from digestd.links import Keys
from digestd.web.limiter import network_of
from digestd.web.pages import Pages


def consent_act(app: App, request: Request, cause: Cause, wording: str = "") -> Act:
    """Return an act of whoever asks, with the words that stood beside the button."""
    return Act(cause, network_key(app.keys, request), wording)


def network_key(keys: Keys, request: Request) -> bytes:
    """Return the client's network as a keyed hash, which tells two acts apart and names nobody.

    The client is the peer, or what trusted proxies say it is: see `build`.
    """
    return keys.first.mac("network", network_of(request).encode())


def consent_text(pages: Pages, name: str, language: str = "") -> str:
    """The words that are shown beside a button which changes consent: what is shown is what is kept."""
    return pages.text(f"consent/{name}", language).strip()
