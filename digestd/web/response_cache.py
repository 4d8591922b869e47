"""Pages that are the same for everybody, kept for as long as a browser may keep them too."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from datetime import datetime, timedelta
from threading import Lock

from starlette.responses import HTMLResponse, Response

MOST = 100
"""Pages kept; of more, the longest unasked for is made anew."""


class ResponseCache:
    """Each page is made at most once in `span`, whoever asks.

    `shared`: False for pages that are finished for each visitor, which no cache between us and them may keep.
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
        """The page of this name as it is kept, or made now. What is raised while it is made is not kept.

        `finish` makes of what is kept what is answered this once.
        """
        with self._lock:
            made, body = self._kept.get(name, (None, b""))
        if made is None or not timedelta() <= now - made < self._span:
            body = bytes(make().body)
            self._keep(name, now, body)
        return HTMLResponse(finish(body), headers=self._headers)

    def _keep(self, name: Hashable, now: datetime, body: bytes) -> None:
        with self._lock:
            self._kept[name] = (now, body)
            self._kept.move_to_end(name)
            while len(self._kept) > MOST:
                self._kept.popitem(last=False)
