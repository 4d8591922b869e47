"""Cache public pages, for as long as browsers may cache them."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from datetime import datetime, timedelta
from http import HTTPStatus
from threading import Lock

from starlette.responses import HTMLResponse, Response

MOST = 100
"""Maximum number of cached pages. The least recently written is dropped."""


class ResponseCache:
    """Render each page at most once per `span`.

    Args:
        span: Lifetime of a page.
        shared: False for pages that are completed per visitor, which proxies must not cache.
    """

    def __init__(self, span: timedelta, *, shared: bool = True) -> None:
        kept_by = "public" if shared else "private"
        self._headers = {
            "Cache-Control": f"{kept_by}, max-age={int(span.total_seconds())}",
            "X-Robots-Tag": "all",
            "Vary": "Accept-Language",
        }
        self._span = span
        self._kept: OrderedDict[Hashable, tuple[datetime, bytes]] = OrderedDict()
        self._lock = Lock()

    def page(
        self, name: Hashable, now: datetime, make: Callable[[], Response], finish: Callable[[bytes], bytes] = bytes
    ) -> Response:
        """Return a page from the cache, or render and cache it. Exceptions and redirects are not cached.

        Args:
            name: Key of the page.
            make: Renders the page.
            finish: Completes the cached bytes for this visitor.
        """
        with self._lock:
            made, body = self._kept.get(name, (None, b""))
        if made is None or not timedelta() <= now - made < self._span:
            answer = make()
            if answer.status_code != HTTPStatus.OK:
                return answer
            body = bytes(answer.body)
            self._keep(name, now, body)
        return HTMLResponse(finish(body), headers=self._headers)

    def _keep(self, name: Hashable, now: datetime, body: bytes) -> None:
        with self._lock:
            self._kept[name] = (now, body)
            self._kept.move_to_end(name)
            while len(self._kept) > MOST:
                self._kept.popitem(last=False)
