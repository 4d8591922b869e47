"""Test the HTML of every kind of mail with html-validate, axe-core and caniemail.com.

`tests/run` fetches them by `tests/web/npm`. What caniemail.com notes about Word, with which Outlook for Windows shows
mails, is tested for each element.
"""

import json
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, sync_playwright

from tests.mail.html_document import HtmlElement, declarations, elements_of
from tests.mail.mail_samples import sample_mails
from tests.support.postfix import tool
from tests.web.test_access import AXE, LOOKS, RULES
from tests.web.test_browser import ARGUMENTS, CHROMIUM

NPM = Path(__file__).parents[1] / "web" / "npm"
PHONE, DESKTOP = {"width": 320, "height": 640}, {"width": 1280, "height": 900}
LOST: Mapping[str, tuple[Sequence[str], str]] = {
    "<bdi> element": (("gmail.*", "outlook.*", "yahoo.*"), "a comma may move to the other end of a name"),
    "<body> element": (("outlook.macos", "yahoo.*"), "becomes a div; the tables set colours themselves"),
    "<style> element": (("gmail.mobile-webmail",), "the style attributes suffice, in light colours"),
    "<wbr> element": (("gmail.ios", "outlook.windows*"), "a long word widens the mail"),
    "@media": (("gmail.mobile-webmail", "outlook.windows*"), "the style attributes suffice, in light colours"),
    "Local anchors": (("gmail.ios", "yahoo.*"), "the list of titles still says what follows"),
    "aria-hidden attribute": (("outlook.windows-mail", "yahoo.*"), "screen readers read the preheader as well"),
    "border-radius": (("outlook.windows*",), "buttons have corners"),
    "color-scheme meta tag": (("*",), "the program chooses the colours itself"),
    "display:none": (("gmail.mobile-webmail",), "the preheader is the first line"),
    "max-height property": (("outlook.windows*",), "display:none hides the preheader alone"),
    "opacity": (("gmail.mobile-webmail", "outlook.windows*"), "display:none hides the preheader alone"),
    "overflow": (("outlook.windows*",), "display:none hides the preheader alone"),
    "overflow-wrap": (("gmail.*", "outlook.*", "yahoo.*"), "a long word widens the mail"),
    "role attribute": (("outlook.windows-mail",), "the program is no longer maintained"),
    "white-space": (("outlook.windows*",), "a line with two links may break"),
    "word-break": (("outlook.windows-mail", "yahoo.*"), "an address shown as text widens the mail"),
}
"""Features that some programs lack: which programs, and what their readers see instead."""
PARTIAL: Mapping[str, str] = {
    "<body> element": "becomes a div with its styles",
    "<style> element": "stands in the head, is below 16 KB, and repeats no style that is needed",
    "<wbr> element": "lost for some accounts only",
    "@media": "widths and dark mode only; lost for some accounts",
    "Local anchors": "the list of titles still says what follows",
    "align attribute": "used on cells only",
    "background": "colours only",
    "border": "1 to 3 pixels, on tables and cells (see test_word_shows_padding_and_borders)",
    "border-radius": "one value",
    "dir attribute": "not on links",
    "display": "block, inline-block and none",
    "display:none": "on the preheader, which holds no table",
    "font-size": "in pixels",
    "font-weight": "400, 600 and 700",
    "lang attribute": "not needed on cells",
    "letter-spacing": "positive, and looks only",
    "line-height": "in pixels, with mso-line-height-rule (see test_word_keeps_line_heights)",
    "mailto: links": "without bcc",
    "margin": "positive, in pixels (see test_word_shows_padding_and_borders)",
    "max-width": "on tables; Apple Mail for iOS is narrower anyhow",
    "overflow": "on the preheader, which is not shown",
    "overflow-wrap": "long words only",
    "padding": "on cells (see test_word_shows_padding_and_borders)",
    "role attribute": "presentation, on tables",
    "text-align": "start, which is also the default",
    "text-decoration": "one value",
    "text-transform": "uppercase",
    "white-space": "nowrap, and looks only",
    "width attribute": "on tables",
    "width property": "on tables",
    "word-break": "on addresses shown as text",
}
"""Features that some programs have in part: why the part that is used works, or may be lost."""
Judged = Mapping[str, Mapping[str, list[dict[str, Any]]]]


@pytest.fixture(scope="module")
def judged() -> Judged:
    """Return what html-validate and caniemail say of each mail."""
    node = tool("node", "nodejs")
    if not (NPM / "node_modules" / "caniemail").exists():
        pytest.skip("html-validate and caniemail are not there: `npm ci --prefix tests/web/npm` fetches them")
    mails = json.dumps({mail.name: mail.html for mail in sample_mails()})
    command = [node, str(NPM / "judge_mails.mjs")]
    done = subprocess.run(command, input=mails, capture_output=True, text=True, check=True)
    said: Judged = json.loads(done.stdout)
    return said


@pytest.mark.slow
def test_html_is_valid(judged: Judged) -> None:
    assert {name: mail["html"] for name, mail in judged.items() if mail["html"]} == {}


@pytest.mark.slow
def test_mail_programs_support_all_features_or_lose_little(judged: Judged) -> None:
    assert {_lacking(issue) for mail in judged.values() for issue in mail["clients"] if not _is_known(issue)} == set()


def _is_known(issue: Mapping[str, Any]) -> bool:
    """Return True if it is known how a program without the feature shows a mail."""
    if issue["support"] == "partial":
        return issue["feature"] in PARTIAL
    clients, _ = LOST.get(issue["feature"], ((), ""))
    return any(fnmatch(issue["client"], pattern) for pattern in clients)


def _lacking(issue: Mapping[str, Any]) -> str:
    return f"{issue['client']} has {issue['support']} support of {issue['feature']}: {' '.join(issue['notes'])}"


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    if CHROMIUM is None or not AXE.exists():
        pytest.skip("chromium or axe-core is not there: `npm ci --prefix tests/web/npm` fetches axe-core")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser.new_page()
        browser.close()


@pytest.mark.slow
@pytest.mark.parametrize(("scheme", "size", "rules"), [("light", PHONE, RULES), ("dark", DESKTOP, LOOKS)])
def test_mails_pass_accessibility_rules(page: Page, scheme: Any, size: Any, rules: list[str]) -> None:
    found = []
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size(size)
    for mail in sample_mails():
        page.set_content(mail.html)
        page.evaluate(AXE.read_text(encoding="utf-8"))
        seen = page.evaluate("(rules) => axe.run({ runOnly: rules })", rules)
        found += [f"{mail.name}: {fault['id']} {fault['nodes'][0]['html']}" for fault in seen["violations"]]
        assert seen["passes"], mail.name
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"], mail.name
    assert found == []


def test_word_shows_padding_and_borders() -> None:
    """Test that spaces and lines are where Word knows them: on cells, or on what has mso-padding-alt in its cell."""
    found = set()
    for mail in sample_mails():
        for element in elements_of(mail.html):
            for name, value in declarations(element.attributes.get("style", "")):
                if not _is_known_to_word(element, name, value):
                    found.add(f"{element.label} {name}: {value}")
    assert found == set()


def _is_known_to_word(element: HtmlElement, name: str, value: str) -> bool:
    is_cell = element.tag in ("td", "th")
    if name.startswith("padding"):
        cells = (one.attributes.get("style", "") for one in element.ancestors if one.tag == "td")
        return is_cell or not re.search(r"[1-9]", value) or "mso-padding-alt" in next(cells, "")
    if name.startswith("margin"):
        return not re.search(r"-\d|auto", value)
    if re.fullmatch(r"border(-(top|right|bottom|left))?", name):
        return is_cell or element.tag == "table"
    if name == "max-width":
        return element.tag == "table"
    return name != "width" or element.tag in ("table", "td", "th")


def test_word_keeps_line_heights() -> None:
    for mail in sample_mails():
        assert "mso-line-height-rule:exactly" in mail.html.replace(" ", ""), mail.name
