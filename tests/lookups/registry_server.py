"""A server on this machine that answers as the registries document. All papers are invented."""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from digestd.sources.registries import REGISTRIES, Registry
from digestd.sources.source import RateLimit
from tests.papers.http_server import Answerer, HttpServer, ReceivedRequest, head

FREE = RateLimit("registry", 0)
LAKES, RIVERS, PONDS, DATA, FORUM = (
    *("arxiv:2611.00001", "arxiv:2611.00002", "doi:10.5555/ponds", "doi:10.5555/zenodo.7", "openreview:Inv3nted_x"),
)
TITLES = {LAKES: "Lakes freeze", RIVERS: "Rivers flow", PONDS: "Ponds", DATA: "Lake data", FORUM: "Ponds at the venue"}
ABSTRACT = "We watch cold water, and it freezes from the top."


@dataclass
class Registries:
    """All registries at one address. `has`: what they know; `down`: the status of all answers, if not 200."""

    site: HttpServer
    has: set[str] = field(default_factory=lambda: set(TITLES))
    down: int = 0

    def __post_init__(self) -> None:
        for path, answer in (
            ("/api/query", self._arxiv),
            ("/notes", self._openreview),
            *((f"/api/papers/{name.partition(':')[2]}", self._hugging_face) for name in (LAKES, RIVERS)),
        ):
            self.site.paths[path] = self._answerer(answer)
        self.site.paths = _Prefixes(
            self.site.paths,
            {
                "/works/": self._answerer(self._crossref),
                "/dois/": self._answerer(self._datacite),
                "/api/papers/": self._answerer(self._hugging_face),
            },
        )

    @property
    def registries(self) -> dict[str, tuple[Registry, ...]]:
        base = self.site.url("")
        return {
            scheme: tuple({one.label: replace(one, base=base, rate_limit=FREE) for one in registries}.values())
            for scheme, registries in REGISTRIES.items()
        }

    @property
    def asked(self) -> list[str]:
        return [request.path for request in self.site.requests]

    def _answerer(self, answer: Callable[[str], tuple[int, bytes]]) -> Answerer:
        async def say(request: ReceivedRequest, writer: asyncio.StreamWriter) -> None:
            status, body = (self.down, b"") if self.down else answer(request.path)
            writer.write(head(status, Content_Length=len(body)) + body)

        return say

    def _arxiv(self, path: str) -> tuple[int, bytes]:
        ids = parse_qs(urlsplit(path).query)["id_list"][0].split(",")
        if any(name[2:4] > "12" for name in ids):
            return 400, _feed("<entry><id>http://arxiv.org/api/errors#incorrect_id_format</id></entry>")
        return 200, _feed("".join(_entry(name) for name in ids if f"arxiv:{name}" in self.has))

    def _hugging_face(self, path: str) -> tuple[int, bytes]:
        name = path.rpartition("/")[2]
        if f"arxiv:{name}" not in self.has:
            return 404, b'{"error": "Paper not found"}'
        return 200, _json(
            id=name,
            title=TITLES[f"arxiv:{name}"],
            summary=ABSTRACT,
            authors=[{"name": "Ann Example", "hidden": False}],
            publishedAt="2026-11-20T17:34:15.000Z",
            upvotes=4,
        )

    def _crossref(self, path: str) -> tuple[int, bytes]:
        doi = unquote(path.removeprefix("/works/"))
        if f"doi:{doi}" not in self.has or doi == DATA.removeprefix("doi:"):
            return 404, b"Resource not found."
        work = {
            "DOI": doi.upper(),
            "type": "journal-article",
            "title": [TITLES[f"doi:{doi}"]],
            "abstract": f"<jats:p>{ABSTRACT}</jats:p>",
            "author": [{"given": "Ann", "family": "Example"}],
            "issued": {"date-parts": [[2026, 11, 22]]},
            "created": {"date-parts": [[2026, 11, 23]]},
        }
        return 200, json.dumps({"status": "ok", "message-type": "work", "message": work}).encode()

    def _datacite(self, path: str) -> tuple[int, bytes]:
        doi = unquote(path.removeprefix("/dois/"))
        if f"doi:{doi}" not in self.has:
            return 404, b'{"errors": [{"status": "404", "title": "The resource you are looking for does not exist."}]}'
        attributes = {
            "doi": doi,
            "titles": [{"title": TITLES[f"doi:{doi}"]}],
            "creators": [
                {"name": "Example, Ann", "nameType": "Personal", "givenName": "Ann", "familyName": "Example"},
                {"name": "The Frozen Lakes Consortium", "nameType": "Organizational"},
            ],
            "descriptions": [
                {"description": "A table.", "descriptionType": "Methods"},
                {"description": ABSTRACT, "descriptionType": "Abstract"},
            ],
            "publicationYear": 2026,
        }
        return 200, json.dumps({"data": {"id": doi, "type": "dois", "attributes": attributes}}).encode()

    def _openreview(self, path: str) -> tuple[int, bytes]:
        forum = parse_qs(urlsplit(path).query)["id"][0]
        if f"openreview:{forum}" not in self.has:
            return 403, b'{"name": "ForbiddenError", "message": "You do not have permission to read this note"}'
        content = {"title": {"value": TITLES[f"openreview:{forum}"]}, "abstract": {"value": ABSTRACT}}
        return 200, _json(notes=[{"id": forum, "forum": forum, "cdate": 1795100000000, "content": content}], count=1)


class _Prefixes(dict[str, Answerer]):
    """Answers by path, else by the start of the path."""

    def __init__(self, paths: Mapping[str, Answerer], prefixes: Mapping[str, Answerer]) -> None:
        super().__init__(paths)
        self._prefixes = prefixes

    def get(self, path: str, default: Any = None) -> Any:
        found = super().get(path, default)
        return found or next((answer for start, answer in self._prefixes.items() if path.startswith(start)), None)


def _json(**values: object) -> bytes:
    return json.dumps(values).encode()


def _feed(entries: str) -> bytes:
    return f'<feed xmlns="http://www.w3.org/2005/Atom" xmlns:arxiv="http://arxiv.org/schemas/atom">{entries}</feed>'.encode()


def _entry(name: str) -> str:
    return (
        f"<entry><id>http://arxiv.org/abs/{name}v1</id><title>{TITLES[f'arxiv:{name}']}</title>"
        f"<published>2026-11-22T09:30:00Z</published><summary>{ABSTRACT}</summary>"
        '<author><name>Ann Example</name></author><arxiv:primary_category term="cs.LG"/></entry>'
    )
