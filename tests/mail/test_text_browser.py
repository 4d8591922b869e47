"""Test how digests read in w3m, the browser by which mutt and others show HTML as text."""

import subprocess
from itertools import pairwise

import pytest

from digestd.domain.digest import Section
from digestd.mail.digest import render_digest
from digestd.mail.paper_view import DETAIL_LEVELS
from digestd.mail.rendering import render_sentence
from digestd.mail.templates import Templates
from digestd.resources import templates
from digestd.text.sanitise import shorten, text_columns
from tests import golden
from tests.support.postfix import tool

TEMPLATES = Templates.of(templates())
COLUMNS = 72


def read(html: str, *options: str) -> str:
    """Return what w3m shows of a page."""
    command = [tool("w3m", "w3m"), "-dump", "-T", "text/html", "-I", "UTF-8", "-O", "UTF-8", "-cols", str(COLUMNS)]
    return subprocess.run([*command, *options], input=html.encode(), capture_output=True, check=True).stdout.decode()


def joined(text: str) -> str:
    """Return a text without its line ends, which are where w3m wants them."""
    return " ".join(text.split())


@pytest.mark.parametrize("case", ["personal", "single", "weekly", "sample"])
def test_reason_title_people_gist_and_links_read_in_order(case: str) -> None:
    content = golden.digest(case)
    rendered = render_digest(TEMPLATES, content)
    text = joined(read(rendered.html))
    environment = TEMPLATES.environment(content.language)
    at = text.index(joined(rendered.text.split("\n\n")[1]))
    for item in content.items:
        if item.section is not Section.FOR_YOU:
            continue  # their heading says the reason
        paper = item.paper.cut(DETAIL_LEVELS[0])
        gist = shorten(paper.gist, 60).rstrip("…")
        reason = item.reason._replace(words=())  # a quote may be in the gist instead
        for part in (render_sentence(environment, reason), paper.title, *paper.authors[:1], gist, "Mute…"):
            at = text.find(joined(part), at)
            assert at >= 0, f"{part!r} is missing, or not where it belongs"


def test_every_link_is_listed_in_order() -> None:
    content = golden.digest("personal")
    shown = read(render_digest(TEMPLATES, content).html, "-o", "display_link_number=1")
    body, _, references = shown.partition("References:")
    links = [joined(line.partition("]")[2]) for line in references.splitlines() if line.strip().startswith("[")]
    wanted = [link.url for item in content.items for link in item.paper.cut(DETAIL_LEVELS[0]).links]
    places = [links.index(link) for link in wanted]
    assert all(before <= after for before, after in pairwise(places))
    assert content.links.unsubscribe in links
    assert f"[{len(links)}]" in body


@pytest.mark.parametrize("case", ["full", "interests", "held", "by_mail", "cjk"])
def test_lines_fit_a_terminal(case: str) -> None:
    lines = read(render_digest(TEMPLATES, golden.digest(case)).html).splitlines()
    assert max(map(text_columns, lines)) <= COLUMNS
