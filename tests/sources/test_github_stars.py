"""Test the stars of linked repositories."""

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digestd.domain.paper import Paper, PaperId, Words
from digestd.errors import SourceFailed
from digestd.sources.github_stars import REPOSITORIES_MAX, GithubStars, repository

BODY = (Path(__file__).parent / "samples" / "github-stars.json").read_bytes()
SINCE = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
GONE = b'{"message": "Not Found", "status": "404"}'


def paper(key: int, code: str) -> Paper:
    words = Words(f"Lakes {key}", "They freeze.")
    seen = SINCE + timedelta(hours=key)
    return Paper(key, PaperId(f"arxiv:2611.{key:05}"), 1, words, words.title, "", SINCE, seen, links={"code": code})


def asking(*codes: str) -> GithubStars:
    return GithubStars().for_papers([paper(key, code) for key, code in enumerate(codes, start=1)])


def requested(source: GithubStars) -> list[str]:
    return [repository.path for repository in source.repositories]


def test_github_stars_requests_each_repository_newest_first() -> None:
    source = asking("https://github.com/example/old", "https://example.org/none", "https://github.com/example/new")
    assert requested(source) == ["example/new", "example/old"]
    first, second = source.requests(SINCE, None), source.requests(SINCE, "1")
    assert first is not None
    assert second is not None
    assert (first.url, second.url) == (
        "https://api.github.com/repos/example/new",
        "https://api.github.com/repos/example/old",
    )
    assert first.may_be_gone
    assert first.fresh
    assert source.requests(SINCE, "2") is None


def test_github_stars_without_repositories_asks_nothing() -> None:
    assert asking("https://gitlab.example.org/a/b", "").requests(SINCE, None) is None


def test_github_stars_reach_every_linking_paper() -> None:
    source = asking("https://github.com/Example/Lakes", "https://github.com/example/lakes.git")
    page = source.parse(BODY)
    assert page.next is None
    assert [(s.ids, s.announced, s.signals) for s in page.sightings] == [
        (("arxiv:2611.00002",), "signals", {"stars": 41.0}),
        (("arxiv:2611.00001",), "signals", {"stars": 41.0}),
    ]


def test_github_stars_follows_moved_repository() -> None:
    moved = BODY.replace(b"example/lakes", b"elsewhere/ponds")
    assert asking("https://github.com/example/lakes").parse(moved).sightings[0].signals == {"stars": 41.0}


def test_github_stars_missing_repository_is_reject() -> None:
    page = asking("https://github.com/example/a", "https://github.com/example/b").parse(GONE)
    assert (page.sightings, page.next) == ((), "1")
    assert [(r.where, r.field) for r in page.rejects] == [("example/b", "stargazers_count")]
    assert "Not Found" in page.rejects[0].message


def test_github_stars_stays_below_hourly_limit() -> None:
    source = asking(*(f"https://github.com/example/lake{number}" for number in range(80)))
    assert len(source.repositories) == REPOSITORIES_MAX < 60
    assert requested(source)[0] == "example/lake79"


def test_github_stars_rate_limit_message_fails() -> None:
    with pytest.raises(SourceFailed, match="rate limit"):
        asking("https://github.com/example/a").parse(b'{"message": "API rate limit exceeded for 192.0.2.1"}')
    for body in (b"{}", b"[]", b"{", b'{"message": 3}'):
        with pytest.raises(SourceFailed):
            asking("https://github.com/example/a").parse(body)


@pytest.mark.parametrize(
    ("address", "path"),
    [
        ("https://github.com/Example/Lakes", "example/lakes"),
        ("http://www.github.com/example/lakes.git", "example/lakes"),
        ("https://github.com/example/lakes/tree/main/src?x=1#readme", "example/lakes"),
        ("https://github.com/example/la.kes_2-3", "example/la.kes_2-3"),
        ("https://github.com/example", ""),
        ("https://github.com/topics/lakes", ""),
        ("https://github.com/example/..", ""),
        ("https://github.com/example/%2e%2e", ""),
        ("https://example.github.com/example/lakes", ""),
        ("https://github.com.example.org/example/lakes", ""),
        ("https://github.com@example.org/example/lakes", ""),
        ("https://example.org/github.com/example/lakes", ""),
        ("", ""),
    ],
)
def test_repository_reads_github_addresses_only(address: str, path: str) -> None:
    assert repository(address) == path


@given(st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["stargazers_count", "message", "x"]), inner, max_size=3),
    max_leaves=10,
))  # fmt: skip
def test_github_stars_reads_or_refuses_any_json(found: object) -> None:
    with suppress(SourceFailed):
        asking("https://github.com/example/a").parse(json.dumps(found).encode())
