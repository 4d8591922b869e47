"""Answer with a list of papers as a file or as a feed."""

import hashlib
from datetime import datetime
from email.utils import format_datetime, parsedate_to_datetime

from fastapi import Request
from starlette.responses import Response

from digestd.mail.outlets import Outlet, PaperList


def as_file(outlet: Outlet, papers: PaperList, name: str) -> Response:
    """Return the papers as a file that browsers save under this name."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(outlet.render(papers), media_type=outlet.media_type, headers=headers)


def as_feed(request: Request, outlet: Outlet, papers: PaperList, cached: str = "private, no-cache") -> Response:
    """Return the papers as a feed, or 304 if the client has the current version (RFC 9110 section 13).

    `cached`: the value of Cache-Control.
    """
    body, updated = outlet.render(papers), papers.updated
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {
        "ETag": tag,
        "Last-Modified": format_datetime(updated.replace(microsecond=0), usegmt=True),
        "Cache-Control": cached,
    }
    if _is_known(request, tag, updated):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type=outlet.media_type, headers=headers)


def _is_known(request: Request, tag: str, updated: datetime) -> bool:
    if given := request.headers.get("if-none-match"):
        return given.strip() == "*" or tag in (one.strip().removeprefix("W/") for one in given.split(","))
    since = request.headers.get("if-modified-since")
    try:
        return since is not None and parsedate_to_datetime(since) >= updated.replace(microsecond=0)
    except (ValueError, TypeError):
        return False
