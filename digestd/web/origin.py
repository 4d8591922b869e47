"""Recognise forms that another site sent, by what the browser says (Fetch Metadata; RFC 6454)."""

from urllib.parse import urlsplit

from fastapi import Request

_OURS = frozenset({"same-origin", "none"})


def is_foreign(request: Request, public_url: str) -> bool:
    """True if the browser says that a page of another site sent this.

    A browser that says nothing proves nothing, nor does `Origin: null`, which browsers send for our own forms too, as
    our pages ask for no referrer: then the form's stamp decides.
    """
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin", "null")
    if site is not None and site not in _OURS:
        return True
    if origin == "null":
        return False
    ours = urlsplit(public_url)
    own = {f"{ours.scheme}://{ours.netloc}"}
    own |= {f"{scheme}://{request.headers.get('host', '')}" for scheme in ("http", "https")}
    return origin.lower() not in {one.lower() for one in own}
