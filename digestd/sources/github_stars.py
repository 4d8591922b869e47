"""Stars of linked repositories: `github-stars`.

GET https://api.github.com/repos/OWNER/NAME, one repository per request, documented at
https://docs.github.com/en/rest/repos/repos#get-a-repository. Without a token GitHub allows 60 requests per
hour and address. So a run asks about at most 50 repositories, those of the newest papers first, and leaves
the rest for repositories that have moved (a second request each); the fetcher obeys GitHub's limit headers.
A minute between requests would keep every run busy for an hour instead.
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
    """Star counts of the repositories of papers."""

    repositories: tuple[Repository, ...] = ()

    name = "github-stars"
    rate_limit = RateLimit("api.github.com", 1.0, exclusive=True)
    """One request at a time, as GitHub's best practices ask for."""

    def for_papers(self, papers: Sequence[Paper]) -> Self:
        """Return a source for the repositories that these papers link to. The newest papers are first."""
        found: dict[str, list[tuple[PaperId, str]]] = {}
        for paper in sorted(papers, key=lambda paper: (paper.first_seen, paper.key), reverse=True):
            if path := repository(paper.links.get("code", "")):
                found.setdefault(path, []).append((paper.id, paper.words.title))
        repositories = [Repository(path, tuple(linking)) for path, linking in found.items()]
        return replace(self, repositories=tuple(repositories[:REPOSITORIES_MAX]))

    def requests(self, since: datetime, cursor: str | None) -> Request | None:
        """Return the request for the next repository; None if no paper links to one."""
        del since
        place = int(cursor or "0")
        if place >= len(self.repositories):
            return None
        url = f"https://api.github.com/repos/{self.repositories[place].path}"
        return Request(url, _HEADERS, fresh=True, may_be_gone=True)

    def parse(self, body: bytes, cursor: str | None = None) -> Page:
        """Parse one repository; a missing or private one is a reject and the next follows."""
        place = int(cursor or "0")
        found = load_object(body)
        if place >= len(self.repositories):
            raise SourceFailed("an answer about a repository came, but none was asked about")
        repository = self.repositories[place]
        after = str(place + 1) if place + 1 < len(self.repositories) else None
        stars = parse_count(found.get("stargazers_count"))
        if stars is None:
            return Page(next=after, rejects=(Reject(repository.path, "stargazers_count", _why(found)),))
        sightings = [
            Sighting((name,), Words(title), announced="signals", signals={"stars": float(stars)})
            for name, title in repository.papers
        ]
        return Page(tuple(sightings), after)


def repository(address: str) -> str:
    """Return `owner/name` in lower case of a GitHub address. Empty if it is not a repository's."""
    match = _REPOSITORY.fullmatch(address)
    if match is None or match["owner"].lower() in _NO_OWNERS or not match["name"].strip("."):
        return ""
    return f"{match['owner']}/{match['name']}".lower()


def _why(found: JsonObject) -> str:
    """Return GitHub's error message. Raises SourceFailed if it is about us, not about the repository."""
    message = found.get("message")
    if not isinstance(message, str):
        raise SourceFailed("the answer is not a repository; its format has changed")
    if "rate limit" in message.lower():
        raise SourceFailed(quote_service("GitHub", message))
    return f"{quote_service('GitHub', message)}; the paper's link leads nowhere"
