"""The stars of linked repositories: `github-stars`.

https://docs.github.com/en/rest/repos/repos#get-a-repository, one repository a request. Without a
token GitHub allows 60 requests an hour and address. So a run asks about at most 50 repositories,
those of the newest papers first, and leaves the rest of the hour for repositories that have moved
(each costs a second request); what GitHub says of its limit is heeded by the fetcher. To wait a minute
between requests would keep every run busy for an hour instead.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self

from digestd.domain.paper import Paper, PaperId, Sighting, Words
from digestd.errors import SourceFailed
from digestd.sources.json_records import JsonObject, load_object, parse_count
from digestd.sources.source import Page, RateLimit, Reject, Request, quote_service
from digestd.sources.spec_arguments import require_no_argument

REPOSITORIES_MAX = 50

_HEADERS = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
_REPOSITORY = re.compile(
    r"https?://(?:www\.)?github\.com/(?P<owner>[a-z\d](?:[a-z\d-]{0,38}))/(?P<name>[\w.-]{1,100}?)(?:\.git)?(?:[/?#].*)?",
    re.IGNORECASE | re.ASCII,
)
_NO_OWNERS = frozenset({"orgs", "topics", "features", "sponsors", "marketplace", "search", "settings", "about"})


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository, and the papers (names and titles) that link to it."""

    path: str
    papers: tuple[tuple[PaperId, str], ...]


@dataclass(frozen=True, slots=True)
class GithubStars:
    """How many stars the repositories of papers have."""

    repositories: tuple[Repository, ...] = ()

    @classmethod
    def from_spec(cls, argument: str) -> Self:
        """There is only one."""
        require_no_argument("github-stars", argument)
        return cls()

    @property
    def name(self) -> str:
        """`github-stars`."""
        return "github-stars"

    @property
    def rate_limit(self) -> RateLimit:
        """One at a time, as GitHub asks for in its best practices."""
        return RateLimit("api.github.com", 1.0, exclusive=True)

    def for_papers(self, papers: Sequence[Paper]) -> Self:
        """The same, asking about the repositories that these papers link to, the newest papers first."""
        found: dict[str, list[tuple[PaperId, str]]] = {}
        for paper in sorted(papers, key=lambda paper: (paper.first_seen, paper.key), reverse=True):
            if path := repository(paper.links.get("code", "")):
                found.setdefault(path, []).append((paper.id, paper.words.title))
        asked = [Repository(path, tuple(linking)) for path, linking in found.items()]
        return replace(self, repositories=tuple(asked[:REPOSITORIES_MAX]))

    def requests(self, since: datetime, cursor: str | None) -> Request | None:
        """The next repository; None without papers that link to one."""
        del since
        place = int(cursor or "0")
        if place >= len(self.repositories):
            return None
        url = f"https://api.github.com/repos/{self.repositories[place].path}"
        return Request(url, _HEADERS, fresh=True, may_be_gone=True)

    def parse(self, body: bytes, cursor: str | None = None) -> Page:
        """Read one repository; one that is gone, or private now, is a reject and the next follows."""
        place = int(cursor or "0")
        found = load_object(body)
        if place >= len(self.repositories):
            raise SourceFailed("an answer about a repository came, but none was asked about")
        asked = self.repositories[place]
        after = str(place + 1) if place + 1 < len(self.repositories) else None
        stars = parse_count(found.get("stargazers_count"))
        if stars is None:
            return Page(next=after, rejects=(Reject(asked.path, "stargazers_count", _why(found)),))
        sightings = [
            Sighting((name,), Words(title), announced="signals", signals={"stars": float(stars)})
            for name, title in asked.papers
        ]
        return Page(tuple(sightings), after)


def repository(address: str) -> str:
    """`owner/name` in lower case of an address at GitHub; empty where it is none of a repository."""
    match = _REPOSITORY.fullmatch(address)
    if match is None or match["owner"].lower() in _NO_OWNERS or not match["name"].strip("."):
        return ""
    return f"{match['owner']}/{match['name']}".lower()


def _why(found: JsonObject) -> str:
    """Raises SourceFailed where GitHub's words are not of this repository but of us."""
    said = found.get("message")
    if not isinstance(said, str):
        raise SourceFailed("the answer is no repository; its form has changed")
    if "rate limit" in said.lower():
        raise SourceFailed(quote_service("GitHub", said))
    return f"{quote_service('GitHub', said)}; the paper's link leads nowhere"
