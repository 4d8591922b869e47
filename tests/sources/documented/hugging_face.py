"""Hugging Face's daily papers as documented at https://huggingface.co/docs/hub/api (read in November 2026).

The parameters are those of `list_daily_papers` in huggingface_hub (2.4) and of pull request 2065 of
https://github.com/huggingface/hub-docs; other clients report that `limit` is 1 to 100. Requests are limited, and say so
in their headers, as in https://huggingface.co/docs/hub/rate-limits: 500 anonymous ones in a window of five minutes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from urllib.parse import urlencode

from tests.sources.documented.service import DocumentedService, Query, Record, RefusedError, Reply, single

LIMIT, LIMIT_MAX = 50, 100
WINDOW = timedelta(minutes=5)
PARAMETERS = frozenset({"date", "week", "month", "submitter", "sort", "p", "limit"})


@dataclass
class HuggingFace(DocumentedService):
    """The list of daily papers.

    Attributes:
        trends: how much each paper trends, by its arXiv id; those without a number do not.
        allowed: anonymous requests in a window.
    """

    papers: list[Record] = field(default_factory=list)
    trends: dict[str, float] = field(default_factory=dict)
    allowed: int = 500
    used: int = 0
    window: datetime | None = None

    def __post_init__(self) -> None:
        self.serve("/api/daily_papers", self.daily_papers)

    def daily_papers(self, query: Query) -> Reply:
        """Answer with a page of the list."""
        headers = self._limits()
        try:
            found, following = self._page(query)
        except RefusedError as refused:
            raise RefusedError(Reply(refused.reply.content, refused.reply.status, headers)) from refused
        return Reply(found, headers=headers | following)

    def _page(self, query: Query) -> tuple[Sequence[Record], Record]:
        if unknown := sorted(query.keys() - PARAMETERS):
            raise _bad(f"unrecognized parameter {unknown[0]}")
        limit, page = _number(query, "limit", LIMIT, 1, LIMIT_MAX), _number(query, "p", 0, 0, 10_000)
        found = self._selected(query)
        sort = single(query, "sort", "publishedAt")
        if sort not in {"publishedAt", "trending"}:
            raise _bad("sort must be publishedAt or trending")
        if sort == "trending":
            found = [one for one in found if _id(one) in self.trends]
            found.sort(key=lambda one: -self.trends[_id(one)])
        else:
            found.sort(key=_listed, reverse=True)
        end = (page + 1) * limit
        following = urlencode({name: single(query, name) for name in query if name != "p"} | {"p": page + 1})
        link = f'<https://huggingface.co/api/daily_papers?{following}>; rel="next"'
        return found[page * limit : end], {"Link": link} if end < len(found) else {}

    def _selected(self, query: Query) -> list[Record]:
        if not (text := single(query, "date")):
            return list(self.papers)
        try:
            day = date.fromisoformat(text)
        except ValueError as error:
            raise _bad(f"{text} is no date") from error
        if day > self.clock().date():
            raise _bad(f"date must not be later than {self.clock().date()}")
        return [one for one in self.papers if _listed(one).startswith(day.isoformat())]

    def _limits(self) -> Record:
        """Count a request; return the headers that tell what is left of the window."""
        now = self.clock()
        if self.window is None or now >= self.window + WINDOW:
            self.window, self.used = now, 0
        self.used += 1
        left = max(0, self.allowed - self.used)
        seconds = int((self.window + WINDOW - now).total_seconds()) + 1
        headers: Record = {
            "RateLimit": f'"api";r={left};t={seconds}',
            "RateLimit_Policy": f'"fixed window";"api";q={self.allowed};w={int(WINDOW.total_seconds())}',
        }
        if self.used > self.allowed:
            raise RefusedError(Reply({"error": "We had to rate limit your IP."}, 429, headers))
        return headers


def paper(number: int, listed: str, more: Record | None = None, outer: Record | None = None) -> Record:
    """Return an element of the list; `more` replaces fields of its paper, None leaves one out."""
    name = f"2611.{number:05}"
    own: Record = {
        "id": name,
        "authors": [
            {"_id": f"{number:024x}", "name": f"Ada Lake{number}", "hidden": False},
            {"_id": f"{number + 1:024x}", "name": "Bo Li", "hidden": False, "status": "claimed_verified"},
        ],
        "publishedAt": f"{listed}T09:30:00.000Z",
        "submittedOnDailyAt": f"{listed}T00:00:00.000Z",
        "title": f"Ice on lake {number}",
        "summary": f"We measure the ice\nof lake {number} each winter.",
        "upvotes": number,
        "discussionId": f"{number + 2:024x}",
    }
    found = {name: value for name, value in (own | (more or {})).items() if value is not None}
    return {
        "paper": found,
        "publishedAt": found.get("publishedAt"),
        "title": found.get("title"),
        "summary": found.get("summary"),
        "numComments": 2,
        "submittedBy": {"_id": f"{number + 3:024x}", "fullname": "A Reader", "name": "reader", "type": "user"},
        "isAuthorParticipating": False,
        **(outer or {}),
    }


def _id(one: Record) -> str:
    inner = one["paper"]
    assert isinstance(inner, dict)
    return str(inner["id"])


def _listed(one: Record) -> str:
    inner = one["paper"]
    assert isinstance(inner, dict)
    return str(inner["submittedOnDailyAt"])


def _number(query: Query, name: str, default: int, least: int, most: int) -> int:
    text = single(query, name, str(default))
    if not text.isdigit() or not least <= int(text) <= most:
        raise _bad(f"{name} must be {least} to {most}")
    return int(text)


def _bad(message: str) -> RefusedError:
    return RefusedError(Reply({"error": message}, 400))
