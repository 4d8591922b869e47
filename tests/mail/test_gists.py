"""Gists and full abstracts in mails, web views and feeds."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from digestd.domain.gist import Gist, GistKind
from digestd.mail.content import DigestContent, DigestItem, FullAbstracts
from digestd.mail.digest import render_digest
from digestd.mail.outlets.feeds import atom, json_feed
from digestd.mail.outlets.outlet import ListedPaper, PaperList
from digestd.mail.paper_view import DETAIL_LEVELS, PaperView
from digestd.mail.rendering import render_gist
from digestd.mail.templates import Templates
from digestd.resources import templates
from tests import golden

TEMPLATES = Templates.of(templates())
PERSONAL = golden.digest("personal")
ABSTRACT = "Trees are hard to count. We count <all> of them. They are many. " * 20
LABEL = "Machine-written summary"
AT = datetime(2026, 11, 24, 7, tzinfo=UTC)


def paper(kind: GistKind = GistKind.EXTRACTED) -> PaperView:
    gist = Gist("We count all trees. They are more than three.", "We count all trees.", kind)
    return golden.paper("Trees", ABSTRACT, url="https://example.org/trees", gist=gist)


def content(kind: GistKind, abstracts: FullAbstracts = FullAbstracts.NOWHERE) -> DigestContent:
    first = PERSONAL.items[0]
    return replace(PERSONAL, items=(DigestItem(paper(kind), first.reason, first.section),), abstracts=abstracts)


def test_mail_has_the_gist_in_place_of_the_abstract() -> None:
    shown = render_digest(TEMPLATES, content(GistKind.EXTRACTED))
    for part in (shown.html, shown.text):
        assert "We count all trees. They are more than three." in part
        assert "hard to count" not in part
        assert LABEL not in part


@pytest.mark.parametrize("kind", [GistKind.SOURCE, GistKind.GENERATED])
def test_mail_labels_what_a_machine_wrote(kind: GistKind) -> None:
    shown = render_digest(TEMPLATES, content(kind))
    assert LABEL in shown.html
    assert LABEL in shown.text


def test_text_part_has_the_full_abstract_on_request() -> None:
    shown = render_digest(TEMPLATES, content(GistKind.EXTRACTED, FullAbstracts.TEXT))
    assert " ".join(shown.text.split()).count("We count <all> of them.") == 20
    assert "hard to count" not in shown.html


def test_web_view_folds_the_full_abstract() -> None:
    shown = render_digest(TEMPLATES, content(GistKind.EXTRACTED, FullAbstracts.PAGE)).html
    folded = shown.partition("<details")[2].partition("</details>")[0]
    assert "Full abstract" in folded
    assert folded.count("We count &lt;all&gt; of them.") == 20
    assert "<script" not in shown


def test_gist_follows_the_level_of_detail() -> None:
    shown = [paper(GistKind.SOURCE).cut(level) for level in DETAIL_LEVELS]
    assert shown[0].gist.endswith("more than three.")
    assert shown[1].gist == "We count all trees."
    assert all(len(view.gist) <= level.abstract for view, level in zip(shown, DETAIL_LEVELS, strict=True))
    assert [view.is_machine_written for view in shown] == [bool(view.gist) for view in shown]


def test_paper_without_gist_shows_its_abstract() -> None:
    view = golden.paper("Trees", ABSTRACT).cut(DETAIL_LEVELS[0])
    assert view.gist == view.abstract != ""
    assert not view.is_machine_written


def test_feeds_have_gist_and_abstract() -> None:
    told = render_gist(TEMPLATES, paper(GistKind.SOURCE).summary, "en")
    assert told == f"We count all trees. They are more than three. ({LABEL})"
    home = "https://papers.example.org/"
    feed = PaperList("f", "Papers", home, f"{home}f", "en", AT, (ListedPaper(paper(), AT, "Why not", told),))
    assert f'<summary>{told}</summary><content type="text">Why not' in atom(feed).decode()
    (item,) = json.loads(json_feed(feed))["items"]
    assert item["summary"] == told
    assert "hard to count" in item["content_text"]
