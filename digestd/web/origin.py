"""Detect forms sent by other sites, by Fetch Metadata and Origin (RFC 6454)."""

from urllib.parse import urlsplit

from fastapi import Request

_OURS = frozenset({"same-origin", "none"})


def is_foreign(request: Request, public_url: str) -> bool:
    """Return True if the browser says that a page of another site sent the request.

    Missing headers and `Origin: null` prove nothing: browsers send the latter for our own forms, because our pages
    forbid referrers. The form timestamp decides then.
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
