"""Record where a consent act came from, and the text that was shown."""

from fastapi import Request

from digestd.app import App
from digestd.domain.subscriber import Cause, ConsentAction
from digestd.security.links import Keys
from digestd.web.limiter import network_of
from digestd.web.pages import Pages


def consent_act(app: App, request: Request, cause: Cause, wording: str = "") -> ConsentAction:
    """Return the consent act of a request. `wording`: the text beside the button."""
    return ConsentAction(cause, network_key(app.keys, request), wording)


def network_key(keys: Keys, request: Request) -> bytes:
    """Return a keyed hash of the client's network, which does not identify anybody.

    The client is the peer, or the address that trusted proxies report: see `build`.
    """
    return keys.original.mac("network", network_of(request).encode())


def consent_text(pages: Pages, name: str, language: str = "") -> str:
    """Return the text beside a button that changes consent.

    The same text is shown and stored.
    """
    return pages.text(f"consent/{name}", language).strip()
