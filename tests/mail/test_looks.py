"""Test how our mails look: contrast in light and dark mode, alternative texts, TeX made readable, encrypted links."""

import re
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest

from tests import golden
from tests.mail.html_document import ColourScheme, HtmlDocument

MAILS = sorted(path.stem for path in golden.FOLDER.glob("*.eml") if path.stem != "hostile")
CONTRAST_MIN, LARGE_CONTRAST_MIN = 4.5, 3.0
"""Contrast ratio of text, and of large text (WCAG 2.2, success criterion 1.4.3)."""
LARGE, LARGE_BOLD = 24.0, 18.66
"""Pixels from which text is large."""
TEX = re.compile(r"\\[A-Za-z]{2,}|\$[A-Za-z]{1,3}\$|\$[^\s$][^$]{0,80}[\\^_{}][^$]{0,80}\$|[\^_]\{")


def part(name: str, kind: str) -> str:
    """Return the text or HTML part of a golden mail."""
    message = message_from_bytes((golden.FOLDER / f"{name}.eml").read_bytes(), policy=policy.default)
    assert isinstance(message, EmailMessage)
    body = message.get_body((kind,))
    assert body is not None
    return str(body.get_content())


def faint(html: str) -> Iterator[str]:
    """Yield the visible text with too little contrast."""
    document = HtmlDocument(html)
    for element in document.elements:
        if not element.text.strip() or not element.is_shown:
            continue
        for scheme in ColourScheme:
            look = document.look(element, scheme)
            is_large = look.size >= LARGE or (look.is_bold and look.size >= LARGE_BOLD)
            if look.contrast < (LARGE_CONTRAST_MIN if is_large else CONTRAST_MIN):
                yield f"{element.label} {element.text.strip()[:40]} in {scheme} mode: {look.contrast:.1f}"


@pytest.mark.parametrize("name", MAILS)
def test_golden_mails_look_right(name: str) -> None:
    html = part(name, "html")
    document = HtmlDocument(html)
    assert list(faint(html)) == []
    assert [one.label for one in document.elements if one.tag == "img" and "alt" not in one.attributes] == []
    links = [one.attributes.get("href", "") for one in document.elements if one.tag == "a"]
    assert [link for link in links if not link.startswith(("https://", "mailto:", "#"))] == []
    words = [part(name, "plain"), *(one.text for one in document.elements if one.tag != "style")]
    assert [found for text in words for found in TEX.findall(text)] == []


@pytest.mark.parametrize(
    ("inside", "count"),
    [
        ('<p style="color:#999">grey</p>', 2),
        ("<style>.a { color: #ddd }</style><p class='a'>grey</p>", 2),
        ('<p style="color:#999;font-size:9px;display:none">preheader</p>', 0),
        ('<p style="color:#777;font-size:24px">large</p>', 0),
        ("<style>[data-ogsc] .a { color: #999 }</style><p class='a' style='color:#000'>x</p>", 0),
    ],
)
def test_faint_text_is_found(inside: str, count: int) -> None:
    assert len(list(faint(f"<body>{inside}</body>"))) == count


def test_dark_colours_are_read() -> None:
    rules = "body { background: #111 !important } .a { color: #ccc !important }"
    css = f"<style>@media (prefers-color-scheme:dark) {{ {rules} }}</style>"
    document = HtmlDocument(css + "<body><p class='a' style='color:#222'>x</p><p id='b'>y</p></body>")
    first, second = [one for one in document.elements if one.tag == "p"]
    assert document.look(first, ColourScheme.LIGHT).contrast > 10
    assert document.look(first, ColourScheme.DARK).contrast > 10
    assert document.look(second, ColourScheme.DARK).contrast < 2, "black on nearly black"


def test_style_rules_follow_the_cascade() -> None:
    css = "@media all { .t a { color: #fff } .t .b { color: #000 !important } a { font: bold 24px/1 serif } }"
    inside = f"<style>{css}</style><p class='t'><a>x</a><a class='b' style='color:#123456'>y</a></p><a>z</a>"
    document = HtmlDocument(inside)
    looks = [document.look(one, ColourScheme.LIGHT) for one in document.elements if one.tag == "a"]
    assert [look.colour[0] for look in looks] == [255, 0, 0]
    assert {(look.size, look.is_bold) for look in looks} == {(24.0, True)}
