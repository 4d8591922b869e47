"""Test in a real browser.

The live preview, and everything a reader does from a mail.
"""

import pytest
from playwright.sync_api import Browser, Page, Response

from digestd.app import App
from digestd.domain.interest import Verdict
from digestd.domain.subscriber import Cadence, Status, Subscriber
from digestd.security.tokens import Purpose
from digestd.store import feedback
from tests.web.conftest import Backend
from tests.web.test_browser import CHROMIUM, chromium, served, visiting

__all__ = ["chromium"]

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed, so no page is tried in a browser")
ADA = "ada@example.org"
LAKES = {"id": "invented:1", "title": "Ice on alpine lakes", "abstract": "How alpine lakes freeze. " * 5}
FROGS = {"id": "invented:2", "title": "Songs of tree frogs", "abstract": "Why tree frogs sing at night. " * 5}
LETTER_MS = 40


@pytest.fixture
def stocked(backend: Backend) -> Backend:
    """Return an installation with two papers of today."""
    backend.import_papers(LAKES, FROGS)
    return backend


def heading(page: Page) -> str:
    return page.get_by_role("heading", level=1).inner_text()


def verdicts(backend: Backend, ada: Subscriber) -> list[tuple[Verdict, bool]]:
    with backend.app.db.read() as session:
        return [(event.verdict, event.undone is None) for event in feedback.history(session, ada.key)]


def test_preview_updates_after_typing(chromium: Browser, app: App, stocked: Backend) -> None:
    asked: list[Response] = []
    with served(app) as address, visiting(chromium) as (page, complaints):
        page.on("response", lambda answer: asked.append(answer) if answer.url.endswith("/preview/picks") else None)
        page.goto(address)
        topics = page.get_by_label("Topics")
        with page.expect_response("**/preview/picks"):
            topics.focus()  # the day is read while one begins to type
        warmed = len(asked)
        topics.press_sequentially("alpine lakes", delay=LETTER_MS)
        page.locator("#preview .picks").wait_for()
        assert len(asked) - warmed == 1, "twelve letters, one question"
        shown = page.locator("#preview")
        assert "Ice on alpine lakes" in shown.inner_text()
        assert "Matches your topic “alpine lakes”" in shown.inner_text()
        assert "Songs of tree frogs" not in shown.inner_text()
        assert page.locator("#preview-status").get_attribute("role") == "status"
        assert "1" in page.locator("#preview-status").inner_text()
        topics.fill("tree frogs")
        page.get_by_text("Matches your topic “tree frogs”").wait_for()
        topics.fill("")
        page.locator("#preview .picks").wait_for(state="detached")
        assert page.url.rstrip("/") == address, "nothing was sent but what was typed"
        assert complaints == []
    assert stocked.contents()["subscriber"] == []


def test_preview_reports_failure(chromium: Browser, app: App, stocked: Backend) -> None:
    with served(app) as address, visiting(chromium) as (page, _):
        page.goto(address)
        page.route("**/preview/picks", lambda route: route.abort())
        status = page.locator("#preview-status:not(:empty)")
        page.get_by_label("Topics").fill("alpine lakes")
        status.wait_for(state="attached")
        assert "No preview right now" in status.inner_text()
        page.get_by_label("Topics").fill("")
        page.route(
            "**/preview/picks", lambda route: route.fulfill(status=413, body="<!doctype html><h1>Too large</h1>")
        )
        page.get_by_label("Topics").fill("alpine lakes")
        status.wait_for(state="attached")
        assert page.locator("#preview").inner_text() == "", "an error page is none of a preview"


def test_reader_uses_all_links_of_mail(chromium: Browser, app: App, stocked: Backend) -> None:
    ada = stocked.join(ADA, hour=0, topics=["alpine lakes"])
    delivery = stocked.plan()
    with served(app) as address, visiting(chromium) as (page, complaints):
        page.goto(address + stocked.link(Purpose.VIEW, delivery))
        assert page.get_by_role("link", name="More like this").count() == 0, "the page is passed on"
        page.goto(address + stocked.link(Purpose.FEEDBACK, delivery, 1) + "/more")
        assert verdicts(stocked, ada) == [], "to follow a link says nothing"
        page.get_by_role("button", name="More like this").click()
        assert verdicts(stocked, ada) == [(Verdict.MORE, True)]
        page.get_by_role("button", name="Undo", exact=True).click()
        assert verdicts(stocked, ada) == [(Verdict.MORE, False)]
        page.get_by_role("button", name="Save").click()
        page.goto(address + stocked.settings(ADA) + "/saved")
        assert "Ice on alpine lakes" in page.inner_text("main")
        page.get_by_role("button", name="Remove").click()
        assert "Ice on alpine lakes" not in page.inner_text("main")

        page.goto(address + stocked.settings(ADA))
        page.get_by_label("Topics", exact=True).fill("alpine lakes\nsea ice")
        page.get_by_text("2 · When and how much").click()
        assert not page.get_by_label("Topics", exact=True).is_visible(), "one step at a time"
        page.get_by_label("Once a week").check()
        page.get_by_role("button", name="Save").first.click()
        changed = stocked.subscriber(ADA)
        assert (changed.timing.cadence, [i.value for i in changed.interests]) == (
            Cadence.WEEKLY,
            ["alpine lakes", "sea ice"],
        )
        page.goto(address + stocked.link(Purpose.UNSUBSCRIBE, ada.key))
        page.get_by_role("button", name="Unsubscribe").click()
        assert (heading(page), stocked.subscriber(ADA).status) == ("You’re unsubscribed", Status.UNSUBSCRIBED)
        page.get_by_role("button").first.click()
        assert stocked.subscriber(ADA).status is Status.ACTIVE
        assert complaints == []


def test_settings_preview_next_digest_live(chromium: Browser, app: App, stocked: Backend) -> None:
    stocked.join(ADA, topics=["alpine lakes"])
    with served(app) as address, visiting(chromium) as (page, complaints):
        page.goto(address + stocked.settings(ADA))
        topics = page.get_by_label("Topics", exact=True)
        topics.fill("tree frogs")
        page.locator("#preview").get_by_text("Songs of tree frogs").wait_for()
        assert "1 paper in your next digest" in page.inner_text("#preview-status")
        page.reload()
        assert "“alpine lakes”: 1 paper in the last week." in page.inner_text("#hints")
        assert complaints == []
    assert [interest.value for interest in stocked.subscriber(ADA).interests] == ["alpine lakes"]


def test_offered_topic_replaces_typed_one(chromium: Browser, app: App, backend: Backend) -> None:
    backend.import_papers(*({**LAKES, "id": f"invented:{n}", "title": f"Ice on alpine lakes, {n}"} for n in range(6)))
    with served(app) as address, visiting(chromium) as (page, complaints):
        page.goto(address)
        topics = page.get_by_label("Topics")
        topics.fill("tree frogs\nalpnie lakes")
        page.get_by_role("button", name="alpine lakes", exact=True).click()
        assert topics.input_value() == "tree frogs\nalpine lakes"
        page.get_by_text("“alpine lakes”: 6 papers in the last week.").wait_for()
        assert page.url.rstrip("/") == address
        assert complaints == []
