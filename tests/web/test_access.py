"""Test accessibility.

Contrast, screen reader, keyboard, phone, dark mode, no script.

Every HTML page of the fixture `pages` is checked; pages that only a POST shows are in ANSWERS. The rules are WCAG 2.2
AA as axe-core checks them, which `tests/run` fetches by `tests/web/npm`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, HttpCredentials, Page, Request
from starlette.testclient import TestClient

from digestd.app import App
from digestd.security.tokens import Scope
from tests.web.conftest import Backend, stamp_for
from tests.web.test_api import token
from tests.web.test_browser import CHROMIUM, chromium, served

__all__ = ["chromium"]

AXE = Path(__file__).parent / "npm" / "node_modules" / "axe-core" / "axe.min.js"
MAIL_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
RULES = [*MAIL_RULES, "best-practice"]
LOOKS = ["color-contrast", "target-size", "scrollable-region-focusable", "link-in-text-block"]
"""The rules that colours and widths bear on."""
BYTES_MAX = 60_000
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 360, "height": 740}
ANSWERS: list[tuple[str, dict[str, str]]] = [
    ("/subscribe", {"email": "carol@example.org"}),
    ("/subscribe", {"email": "nobody", "papers": "nonsense", "timezone": "Mars/Olympus", "size": "0"}),
    ("/preview", {"topics": "sorting keys", "papers": "1706.03762"}),
    ("/preview", {"topics": "nothing at all", "authors": "Ada Lovelace"}),
    ("/resend", {"email": "nobody"}),
]
"""Where a form is sent, and what is in it."""

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed, so no page is looked at")


@dataclass(frozen=True)
class ServedPages:
    """The base URL, the addresses of pages, the forms to send, and how an operator logs in."""

    address: str
    shown: list[str]
    answers: list[tuple[str, dict[str, str]]]
    login: HttpCredentials


@pytest.fixture
def site(app: App, pages: list[str], client: TestClient, backend: Backend) -> Iterator[ServedPages]:
    """Serve the pages and return their addresses."""
    for_people = [path for path in pages if path not in {"/readyz", "/metrics"}]  # which answer this machine
    shown = [path for path in for_people if client.get(path).headers.get("content-type", "").startswith("text/html")]
    assert len(shown) > 8
    stamp = stamp_for(app, "127.0.0.1", app.clock() - timedelta(minutes=1))
    answers = [*ANSWERS, ("/subscribe", {"email": "carol@example.org", "stamp": stamp})]
    login = HttpCredentials(username="operator", password=token(backend, Scope.ADMIN)["Authorization"].split()[1])
    with served(app) as address:
        yield ServedPages(address, shown, answers, login)


def _views(browser: Browser, site: ServedPages, **options: Any) -> Iterator[tuple[str, Page]]:
    """Yield each page and the answer of each form, in one tab: a new one takes a second."""
    context = browser.new_context(http_credentials=site.login, **options)
    page = context.new_page()
    for path in site.shown:
        page.goto(site.address + path)
        yield path, page
    for path, form in site.answers:
        page.goto(site.address)
        with page.expect_navigation():
            page.evaluate(_SEND, [path, form])
        yield f"POST {path} {form}", page
    context.close()


def _is_mail(path: str) -> bool:
    """Return True for a digest as mailed. It has no landmarks and the browser's focus style."""
    return path.startswith("/d/")


_SEND = """([path, typed]) => {
  const form = Object.assign(document.createElement("form"), { method: "post", action: path });
  for (const [name, value] of Object.entries(typed)) {
    form.append(Object.assign(document.createElement("input"), { name, value }));
  }
  document.body.append(form);
  form.submit();
}"""


@pytest.mark.skipif(not AXE.exists(), reason="axe-core is not there: `npm ci --prefix tests/web/npm` fetches it")
@pytest.mark.parametrize("language", ["en", "de"])
def test_pages_pass_accessibility_rules(chromium: Browser, site: ServedPages, language: str) -> None:
    found: list[str] = []
    for path, page in _views(chromium, site, reduced_motion="reduce", locale=language):
        spoken = "en" if path == "/admin" else language  # operators read what the command line says
        assert page.evaluate("document.documentElement.lang") == spoken, path
        page.evaluate(AXE.read_text(encoding="utf-8"))
        page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
        rules = MAIL_RULES if _is_mail(path) else RULES
        for scheme, size, checked in _LOOKED_AT[language]:
            checked = checked or rules
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # one of two words
            page.set_viewport_size(size)  # type: ignore[arg-type]  # width and height
            seen = page.evaluate("(rules) => axe.run({ runOnly: rules })", checked)
            assert seen["passes"], path
            found += [
                f"{path} {scheme} {size['width']}: {fault['id']} {[node['html'] for node in fault['nodes']][:3]}"
                for fault in seen["violations"]
            ]
            assert page.evaluate("document.documentElement.scrollWidth") <= size["width"], path
            assert page.evaluate(_BEYOND) == [], f"{path} {size['width']}"
    assert found == []


_LOOKED_AT: dict[str, list[tuple[str, dict[str, int], list[str]]]] = {
    "en": [("light", DESKTOP, []), ("dark", PHONE, LOOKS)],
    "de": [("light", PHONE, LOOKS)],
}
"""In which light, how wide, by which rules; without any, by all. German words are longer, and nothing else differs."""
_BEYOND = """() => [...document.querySelectorAll("input, select, textarea, button")].filter((part) => {
  const [panel, mine] = [part.closest(".panel, .sheet, .note"), part.getBoundingClientRect()];
  const edge = panel ? panel.getBoundingClientRect().right : document.documentElement.clientWidth;
  return part.checkVisibility() && mine.width && mine.right > edge - 8;
}).map((part) => part.outerHTML.slice(0, 100))"""
"""What reaches to the edge of what it stands on, or beyond."""


def test_pages_are_small_without_layout_shift(chromium: Browser, site: ServedPages) -> None:
    context = chromium.new_context(viewport=PHONE, http_credentials=site.login)  # type: ignore[arg-type]  # width and height
    page = context.new_page()
    page.route("**", lambda route: route.continue_())  # a page with a route has no cache
    requests: list[Request] = []
    page.on("requestfinished", lambda request: requests.append(request))
    for path in site.shown:
        requests.clear()
        page.goto(site.address + path)
        assert page.evaluate(_SHIFTED) == 0, path
        weight = sum(sizes["responseBodySize"] + sizes["responseHeadersSize"] for sizes in map(Request.sizes, requests))
        assert 500 < weight <= BYTES_MAX, f"{path}: {weight} bytes"
    context.close()


_SHIFTED = """() => new Promise((tell) => {
  let sum = 0;
  const watch = new PerformanceObserver((list) => list.getEntries().forEach((entry) => { sum += entry.value; }));
  watch.observe({ type: "layout-shift", buffered: true });
  setTimeout(() => tell(sum), 100);
})"""


def test_pages_work_without_script(chromium: Browser, site: ServedPages, client: TestClient) -> None:
    plain = {path: page.evaluate(_WORDS) for path, page in _views(chromium, site, java_script_enabled=False)}
    scripted = replace(site, shown=[path for path in site.shown if client.get(path).text.count("<script")])
    assert "/" in scripted.shown
    for path, page in _views(chromium, scripted):
        for script in page.locator("script").all():
            assert script.get_attribute("defer") is not None, "a script must not hold up the first paint"
        assert page.evaluate(_WORDS) == plain[path]


_WORDS = """() => {
  document.querySelectorAll("select").forEach((list) => list.remove());  // the script knows more time zones
  return document.body.innerText;
}"""


def test_keyboard_reaches_everything_with_visible_focus(chromium: Browser, site: ServedPages) -> None:
    for path, page in _views(chromium, site, viewport=PHONE):
        page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
        wanted = page.evaluate(_REACHABLE)
        page.evaluate("document.activeElement.blur(); document.body.focus()")
        reached: list[str] = []
        for _ in range(len(wanted) + len(PARTS) * sum(" until" in place for place in wanted)):
            page.keyboard.press("Tab")
            here = page.evaluate(_HERE)
            assert here["outlined"] or _is_mail(path), f"{path}: {here['place']} does not show that it is focused"
            if here["place"] not in reached[-1:]:
                reached.append(here["place"])
        assert reached == wanted, path


PARTS = ("month", "year", "the calendar's button")
"""What Tab visits within a field for a day, after its first part."""
_REACHABLE = """() => {
  const all = document.querySelectorAll("a[href], button, input, select, textarea, summary");
  const groups = new Set();
  const once = (part) => part.type !== "radio" || (part.checked && !groups.has(part.name) && groups.add(part.name));
  window.reachable = [...all].filter((part) => part.tabIndex >= 0 && part.checkVisibility() && once(part));
  return window.reachable.map((part, n) => `${n} ${part.tagName} ${part.name || part.textContent.trim().slice(0, 30)}`);
}"""
_HERE = """() => {
  const part = document.activeElement;
  const n = window.reachable.indexOf(part);
  const style = getComputedStyle(part);
  return {
    place: `${n} ${part.tagName} ${part.name || part.textContent.trim().slice(0, 30)}`,
    outlined: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
  };
}"""


def test_keyboard_alone_can_subscribe(chromium: Browser, app: App, backend: Backend) -> None:
    with served(app) as address:
        page = chromium.new_page()
        page.goto(address)
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "main", "the skip link leads to the content"
        for _ in range(10):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.id") == "email":
                break
        page.keyboard.type("ada@example.org")
        backend.clock.advance(seconds=5)
        page.keyboard.press("Enter")
        page.wait_for_url("**/subscribe")
        assert page.get_by_role("heading", level=1).inner_text() == "Check your inbox"
        page.close()
    assert backend.subscriber("ada@example.org").interests == ()
