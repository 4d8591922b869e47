"""Test the pages with the papers of a day."""

from datetime import date

import pytest
from starlette.testclient import TestClient

from digestd.domain.coverage import Coverage, CoverageState
from digestd.store.papers import sources
from tests.web.conftest import PAPER, Backend
from tests.web.html import heading, tree, words


def _named(n: int, day: str) -> dict[str, object]:
    return {"id": f"sample:{day}-{n}", "title": f"Paper {n} of {day}", "signals": {"upvotes": n}}


@pytest.fixture
def three_days(backend: Backend) -> None:
    backend.import_papers(*(_named(n, "23") for n in range(25)))
    backend.clock.advance(days=3)
    backend.import_papers(_named(1, "26"))
    backend.clock.advance(days=1)
    backend.import_papers(PAPER)


@pytest.mark.usefixtures("three_days")
def test_day_shows_papers_and_links_neighbours(client: TestClient) -> None:
    today = client.get("/papers")
    assert heading(today.text) == "Today’s trending papers"
    assert "Sorting keys" in today.text
    middle = client.get(_link(today.text, "prev"))
    assert heading(middle.text).startswith("Trending on Friday")
    assert "Paper 1 of 26" in middle.text
    assert "Sorting keys" in client.get(_link(middle.text, "next")).text
    first = client.get(_link(middle.text, "prev"))
    titles = [words(e) for e in tree(first.text).findall(".//article/h2")]
    assert titles == [f"Paper {n} of 23" for n in range(24, 4, -1)]
    assert tree(first.text).find(".//a[@rel='prev']") is None


def _link(html: str, rel: str) -> str:
    found = tree(html).find(f".//a[@rel='{rel}']")
    assert found is not None
    return found.attrib["href"]


@pytest.mark.usefixtures("three_days")
def test_past_day_is_cached_longer(client: TestClient) -> None:
    today, past = client.get("/papers"), client.get("/papers/2026-11-27")
    assert today.headers["cache-control"] == "public, max-age=60"
    assert past.headers["cache-control"] == "public, max-age=3600"
    assert past.headers["x-robots-tag"] == "all"


@pytest.mark.usefixtures("three_days")
@pytest.mark.parametrize(
    "day",
    ["2026-11-23", "2027-01-01", "9999-12-31", "20261124", "2026-W48"],
)
def test_day_outside_archive_is_not_found(client: TestClient, day: str) -> None:
    answer = client.get(f"/papers/{day}")
    assert answer.status_code == 404
    assert heading(answer.text) == "Page not found"


@pytest.mark.usefixtures("three_days")
def test_empty_day_says_why(client: TestClient, backend: Backend) -> None:
    shown = client.get("/papers/2026-11-26").text
    assert heading(shown) == "No new papers on Thursday 26 November"
    assert "Our sources" not in shown, "nothing is known about them"
    assert "The previous ones came on Tuesday 24 November." in shown
    assert _link(shown, "next") == "/papers/2026-11-27"
    for day, state, why in (
        (date(2026, 11, 25), CoverageState.BROKEN, "Not all of our sources could be read that day."),
        (date(2026, 11, 26), CoverageState.QUIET, "Our sources had nothing new that day."),
    ):
        backend.clock.advance(hours=2)
        with backend.app.db.write() as session:
            sources.store_coverage(session, [Coverage("arxiv", day, state)], backend.clock())
        assert why in client.get(f"/papers/{day}").text


@pytest.mark.usefixtures("three_days")
def test_links_keep_language(client: TestClient) -> None:
    page = client.get("/papers?lang=de").text
    assert "Heute im Gespräch" in page
    assert _link(page, "prev").endswith("?lang=de")


def test_page_size_is_bounded(client: TestClient, backend: Backend) -> None:
    backend.import_papers(
        *({**PAPER, "id": f"sample:{n}", "title": f"Paper {n}", "abstract": "長い要旨。" * 300} for n in range(30))
    )
    for address in ("/", "/papers"):
        assert len(client.get(address).content) < 45_000


def test_summary_without_abstract_promises_none(client: TestClient, backend: Backend) -> None:
    backend.import_papers({**PAPER, "abstract": "", "summary": "All trees were counted."})
    (link,) = {e.attrib["href"] for e in tree(client.get("/papers").text).iter("a") if words(e) == "Share"}
    for address in ("/papers", link):
        (card,) = tree(client.get(address).text).findall(".//article")
        assert "All trees were counted." in words(card)
        assert "bstract" not in words(card), address


def test_card_has_the_gist_and_folds_the_abstract(client: TestClient, backend: Backend) -> None:
    abstract = "Trees are hard to count. " * 30
    backend.import_papers({**PAPER, "abstract": abstract, "summary": "All trees were counted by a small machine."})
    page = client.get("/papers").text
    (card,) = tree(page).findall(".//article")
    gist, folded = card.find("p[@class='gist']"), card.find("details/p")
    assert gist is not None
    assert folded is not None
    assert "counted by a small machine. (Machine-written summary)" in words(gist)
    assert "Trees are hard to count." in words(folded)
