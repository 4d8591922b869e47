"""Test the papers of the day as public files and feeds."""

import feedparser
import pytest
from starlette.testclient import TestClient

from digestd.mail.outlets import OUTLETS, Outlet
from tests.web.conftest import PAPER, Backend
from tests.web.html import tree

NAMES = [f"/papers.{outlet.ending}" for outlet in OUTLETS.values()]


@pytest.mark.parametrize("outlet", OUTLETS.values(), ids=OUTLETS)
def test_papers_of_the_day_are_public(client: TestClient, backend: Backend, outlet: Outlet) -> None:
    backend.join("ada@example.org", topics=["canary topic"], name="Ada Canary")
    backend.import_papers(PAPER)
    answer = client.get(f"/papers.{outlet.ending}")
    assert answer.headers["content-type"] == outlet.media_type
    assert "Sorting keys" in answer.text
    assert "canary" not in answer.text.lower()


def test_public_feed_is_ranked_by_votes(client: TestClient, backend: Backend) -> None:
    backend.import_papers(
        *({**PAPER, "id": f"sample:{n}", "title": f"Paper {n}", "signals": {"upvotes": n}} for n in range(30))
    )
    found = [item["title"] for item in client.get("/papers.json").json()["items"]]
    assert found == [f"Paper {n}" for n in range(29, 9, -1)]
    read = feedparser.parse(client.get("/papers.atom").content)
    assert not read.bozo
    assert [entry.title for entry in read.entries] == found


def test_public_feed_is_cached_and_renewed(client: TestClient, backend: Backend) -> None:
    assert client.get("/papers.json").json()["items"] == []
    backend.import_papers(PAPER)
    first = client.get("/papers.json")
    assert first.json()["items"] == []
    assert first.headers["cache-control"] == "public, max-age=60"
    assert client.get("/papers.json", headers={"If-None-Match": first.headers["etag"]}).status_code == 304
    backend.clock.advance(minutes=2)
    assert len(client.get("/papers.json").json()["items"]) == 1


def test_page_links_the_feeds(client: TestClient, backend: Backend) -> None:
    backend.import_papers(PAPER)
    page = tree(client.get("/papers").text)
    assert [a.attrib["href"] for a in page.findall(".//p/a") if a.attrib["href"] in NAMES] == NAMES
    feeds = [link.attrib["href"] for link in page.iter("link") if link.attrib["rel"] == "alternate"]
    assert feeds == ["/papers.atom", "/papers.json"]
