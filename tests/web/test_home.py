"""Test the front page."""

from starlette.testclient import TestClient

from digestd.app import SAMPLE_ADDRESS, App
from digestd.web.home import sample_digest_url
from tests.web.conftest import PAPER, Backend
from tests.web.html import heading, tree, words


def test_home_explains_and_asks_for_address(client: TestClient) -> None:
    page = client.get("/")
    assert heading(page.text) == "Get new papers in your inbox once a day"
    form = tree(page.text).find(".//form[@action='/subscribe'][@method='post']")
    assert form is not None
    assert form.find(".//input[@name='email'][@type='email'][@required]") is not None


def test_home_works_without_papers(client: TestClient) -> None:
    assert "No papers yet." in client.get("/").text


def test_home_shows_papers_of_day(client: TestClient, backend: Backend) -> None:
    backend.import_papers(PAPER, {"title": "A quiet paper", "abstract": "Short.", "id": "sample:2"})
    page = tree(client.get("/").text)
    first, second = page.findall(".//article")
    shown = words(first)
    assert "Sorting keys in 𝒪(n log n)" in shown
    assert "Author 0, Author 1" in shown
    assert "and 4 more" in shown
    assert "▲ 42" in shown
    assert "Machine Learning" in shown
    assert shown.count("We sort.") == 80 + 1, "the abstract is whole, after the gist"
    assert {link.attrib["href"] for link in first.iter("a") if not link.attrib["href"].startswith("/paper/")} == {
        "https://example.org/abs/1",
        "https://example.org/pdf/1",
    }
    assert first.find(".//details") is not None
    assert words(second).startswith("A quiet paper")
    assert second.find(".//details") is None


def test_home_speaks_of_trends_only_with_votes(client: TestClient, backend: Backend) -> None:
    backend.import_papers({"title": "A quiet paper"})
    assert "trending" not in client.get("/").text.lower()
    backend.clock.advance(minutes=2)
    backend.import_papers(PAPER)
    shown = client.get("/").text
    assert heading(shown) == "Get trending papers in your inbox once a day"
    assert "Trending papers from the last few days" in shown
    assert heading(client.post("/preview").text) == heading(shown)


def test_home_shows_last_days_if_few_papers(client: TestClient, backend: Backend) -> None:
    backend.import_papers(*({"title": f"Paper {n}", "id": f"sample:{n}"} for n in range(6)))
    assert "Today’s new papers" in client.get("/").text
    backend.clock.advance(days=2)
    backend.import_papers({"title": "A Sunday paper"})
    page = client.get("/").text
    assert "New papers from the last few days" in page
    assert "A Sunday paper" in page
    assert "Paper 5" in page
    backend.clock.advance(days=9)
    assert "No papers yet." in client.get("/").text


def test_home_links_sample_digest(client: TestClient, app: App, backend: Backend) -> None:
    assert "sample digest" not in client.get("/").text
    backend.clock.advance(minutes=1)
    backend.import_papers(PAPER)
    backend.join(SAMPLE_ADDRESS, hour=0)
    backend.plan()
    link = tree(client.get("/").text).findall(".//nav/a")[-1]
    assert link.attrib["href"] == sample_digest_url(app.db, app.keys, app.urls, app.clock())
    digest = client.get(link.attrib["href"])
    assert digest.status_code == 200
    assert "Sorting keys in" in digest.text


def test_home_loads_nothing_external(client: TestClient, backend: Backend) -> None:
    backend.import_papers(PAPER)
    page = tree(client.get("/").text)
    loaded = [e.attrib.get("src") or e.attrib.get("href") for tag in ("script", "img", "link") for e in page.iter(tag)]
    assert loaded
    assert all(address and client.get(address).status_code == 200 for address in loaded)
    assert all(not (script.text or "") for script in page.iter("script"))
    assert not list(page.iter("style"))
    assert not any("style" in e.attrib for e in page.iter())


def test_home_links_to_settings_by_mail(client: TestClient) -> None:
    """The page that it leads to answers every address alike."""
    form = tree(client.get("/").text).find(".//form[@action='/subscribe']")
    assert form is not None
    assert [link.attrib["href"] for link in form.iter("a")] == ["/settings"]


def test_home_says_that_sample_papers_are_invented(client: TestClient, backend: Backend) -> None:
    backend.import_papers(PAPER)
    assert "Invented sample" not in client.get("/").text
    backend.import_papers({**PAPER, "id": "sample:001", "doi": "10.5555/digestd.001", "title": "An invented one"})
    backend.clock.advance(minutes=2)
    shown = client.get("/").text
    assert shown.count("Invented sample") == 1
    assert "This paper is invented" in shown
