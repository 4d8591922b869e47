"""Certificates that Amazon signs its posts with: fetched once each, from addresses whose host was checked."""

from threading import Lock

import httpx2

from digestd.bounces.providers import NotGenuine

KEPT = 8
BYTES_MAX = 64 * 1024
SECONDS = 10.0


class Certificates:
    """Fetches and remembers. Call it with an address; it raises NotGenuine where there is no certificate."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}
        self._lock = Lock()

    def __call__(self, url: str) -> bytes:
        """The certificate behind an address, in PEM."""
        with self._lock:
            if url not in self._kept:
                pem = _fetch(url)
                if len(self._kept) >= KEPT:
                    self._kept.clear()
                self._kept[url] = pem
            return self._kept[url]


def _fetch(url: str) -> bytes:
    try:
        answer = httpx2.get(url, timeout=SECONDS, follow_redirects=False)
    except httpx2.HTTPError as error:
        raise NotGenuine(f"the certificate cannot be fetched ({type(error).__name__})") from error
    if answer.status_code != httpx2.codes.OK or len(answer.content) > BYTES_MAX:
        raise NotGenuine("there is no certificate at its address")
    return answer.content
