"""Record the answers of a run into a folder.

Or answer from such a folder instead of the network.

A folder holds `index.jsonl`, one line an answer in the order they came, and each body in a file of
its own, as the parser gets it: unpacked, in its own charset. No credential gets there: they are
added below what is recorded, and what looks like one in an address is left out.
"""

import hashlib
import json
import re
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit, urlunsplit

from digestd.errors import BadInput, SourceFailed, SourceUnavailable
from digestd.fetching.fetch import Answer, Fetcher, Validators
from digestd.sources.source import RateLimit, Request

INDEX = "index.jsonl"
_SECRET = re.compile(r"(?i)(?:(?<=&)|(?<=\A\?))((?=[^=&]*?(?:key|token|secret|passw|sig|auth))[^=&]*)=[^&]*")


class AnswerFetcher(Protocol):
    """Answers requests, from the network or from a recording."""

    async def fetch(self, request: Request, rate_limit: RateLimit, validators: Validators | None = None) -> Answer:
        """Return the answer. Raises SourceFailed, in one line, without a usable one."""


class Recorder:
    """Passes requests on and stores the answers.

    Requests are unconditional, so recordings are complete.
    """

    def __init__(self, fetcher: Fetcher, folder: Path) -> None:
        self._fetcher = fetcher
        self._folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BadInput(f"cannot record in {folder}: {error.strerror}; name another folder") from error
        self._count = len(_lines(folder / INDEX)) if (folder / INDEX).exists() else 0

    async def fetch(self, request: Request, rate_limit: RateLimit, validators: Validators | None = None) -> Answer:
        """Fetch and record the answer or the failure."""
        del validators
        try:
            answer = await self._fetcher.fetch(request, rate_limit, None)
        except SourceFailed as error:
            self._keep(request, {"error": str(error), "retry": error.retry})
            raise
        valid = answer.validators
        kept = {"etag": valid.etag, "last_modified": valid.last_modified, "headers": dict(answer.headers)}
        self._keep(
            request, {"status": answer.status, **{name: value for name, value in kept.items() if value}}, answer.body
        )
        return answer

    def _keep(self, request: Request, found: Mapping[str, object], body: bytes | None = None) -> None:
        self._count += 1
        line: dict[str, object] = {
            "at": self._fetcher.clock().isoformat(timespec="milliseconds"),
            **_key(request),
            **found,
        }
        if body is not None:
            host = re.sub(r"[^a-z0-9.-]", "_", (urlsplit(request.url).hostname or "file").lower())[:60]
            line |= {"file": f"{self._count:04}-{host}", "bytes": len(body), "sha256": hashlib.sha256(body).hexdigest()}
            (self._folder / str(line["file"])).write_bytes(body)
        with (self._folder / INDEX).open("a", encoding="utf-8") as index:
            index.write(json.dumps(line, ensure_ascii=False) + "\n")


class Replayer:
    """Answers from a recording, in the recorded order; opens no connection.

    Raises BadInput when the folder holds no recording.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._left: dict[tuple[str, str | None], deque[dict[str, Any]]] = {}
        for line in _lines(folder / INDEX):
            self._left.setdefault((line["url"], line.get("body_sha256")), deque()).append(line)

    async def fetch(self, request: Request, rate_limit: RateLimit, validators: Validators | None = None) -> Answer:
        """Return the next recorded answer to this request; repeat the last one."""
        del rate_limit, validators
        key = _key(request)
        lines = self._left.get((str(key["url"]), key.get("body_sha256")))
        if not lines:
            raise SourceFailed(f"{key['method']} {key['url']} is not in the recording {self._folder}")
        line = lines.popleft() if len(lines) > 1 else lines[0]
        if "error" in line:
            raise (SourceUnavailable if line.get("retry") else SourceFailed)(line["error"])
        body = self._body(str(line["file"])) if "file" in line else None
        validators = Validators(line.get("etag"), line.get("last_modified"))
        return Answer(body, validators, line.get("status", 200), line.get("headers", {}))

    def _body(self, name: str) -> bytes:
        """Read a file of this folder, whatever path the index names."""
        try:
            return (self._folder / Path(name).name).read_bytes()
        except OSError as error:
            raise SourceFailed(f"the recording {self._folder} lacks {Path(name).name}: {error.strerror}") from error


def _key(request: Request) -> dict[str, str]:
    """Return the key of a request; a POSTed body counts by its hash."""
    if request.body is None:
        return {"method": "GET", "url": without_secrets(request.url)}
    digest = hashlib.sha256(request.body).hexdigest()
    return {"method": "POST", "url": without_secrets(request.url), "body_sha256": digest}


def without_secrets(url: str) -> str:
    """Return the address without secrets.

    User, password and values of parameters such as `api_key` are removed.
    """
    parts = urlsplit(url)
    query = _SECRET.sub(r"\1=-", f"?{parts.query}")[1:]
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query=query, fragment=""))


def _lines(index: Path) -> list[dict[str, Any]]:
    try:
        text = index.read_text(encoding="utf-8")
        lines = [json.loads(line) for line in text.splitlines() if line.strip()]
        if not all(isinstance(line, dict) and isinstance(line.get("url"), str) for line in lines):
            raise ValueError("a line of it names no address")
        return lines
    except OSError as error:
        raise BadInput(f"{index.parent} holds no recording that can be read: {INDEX}: {error.strerror}") from error
    except ValueError as error:
        raise BadInput(f"{index.parent} holds no recording that can be read: {INDEX}: {error}") from error
