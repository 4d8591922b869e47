"""Render: honest words, well set, in text and HTML."""

import re
from dataclasses import replace
from datetime import date
from itertools import pairwise
from typing import Any

import pytest

from digestd.domain.digest import Reason, ReasonKind
from digestd.domain.gist import Gist, GistKind
from digestd.errors import BadSetting
from digestd.mail.content import DigestItem
from digestd.mail.digest import render_digest
from digestd.mail.paper_view import cut_title
from digestd.mail.rendering import render_notice, render_reason
from digestd.mail.templates import Templates
from digestd.resources import templates
from digestd.text.sanitise import clean, first_day, is_visible, shorten, text_columns, wrap
from tests import golden
from tests.golden.html_safety import assert_safe, elements

FILES = templates()
TEMPLATES = Templates.of(FILES)
PERSONAL = golden.digest("personal")
GIST = Gist(
    "Graphs change. We find that drift attention loses 0.3% and saves 40 hours of retraining.",
    "We find that drift attention loses 0.3% and saves 40 hours of retraining.",
    GistKind.EXTRACTED,
)


@pytest.mark.parametrize("case", golden.DIGESTS)
def test_render_digest_matches_the_golden_file(case: str) -> None:
    rendered = render_digest(TEMPLATES, golden.digest(case))
    assert_safe(rendered)
    golden.check(f"{case}.txt", f"Subject: {rendered.subject}\n\n{rendered.text}".encode())


def test_render_confirmation_has_one_link() -> None:
    rendered = render_notice(TEMPLATES, golden.NOTICE)
    assert_safe(rendered)
    golden.check("confirm.txt", f"Subject: {rendered.subject}\n\n{rendered.text}".encode())
    links = {element.attrib["href"] for element in elements(rendered.html) if element.tag == "a"}
    assert links == {golden.NOTICE.link, golden.NOTICE.decline, golden.NOTICE.home}
    assert "If this wasn’t you, ignore this email" in rendered.html


def test_render_long_html_is_30_percent_text() -> None:
    html = render_digest(TEMPLATES, golden.digest("full")).html
    shown = re.sub(r"<!--.*?-->|<[^>]*>", "", html.partition("<body")[2], flags=re.DOTALL)
    assert len(" ".join(shown.split()).encode()) >= 0.3 * len(html.encode())


@pytest.mark.parametrize("case", [case for case in golden.DIGESTS if case != "hostile"])
def test_render_text_has_no_link_that_html_lacks(case: str) -> None:
    rendered = render_digest(TEMPLATES, golden.digest(case))  # rspamd counts the links of the text alone, URI_COUNT_ODD
    links = re.findall(r"(?:https?://|mailto:)\S+", rendered.text)
    shown = {element.attrib.get("href") for element in elements(rendered.html)}
    written = {word for item in golden.digest(case).items for word in item.paper.full_abstract.split()}
    assert set(links) - shown - written == set()


def test_render_begins_with_the_titles_of_the_best() -> None:
    text = render_digest(TEMPLATES, replace(PERSONAL, items=PERSONAL.items * 2)).text
    listed = text.partition("\n1. ")[2].partition("\n\n")[0]
    assert listed.startswith("Sparse Attention for Graphs That Change While You Look at Them\n")
    assert re.findall(r"^\d+", listed, re.MULTILINE) == [str(number) for number in range(2, 11)]
    assert listed.endswith("\nand 2 more")
    few = render_digest(TEMPLATES, replace(PERSONAL, items=PERSONAL.items[:5])).text
    assert "\n1. " not in few


def test_render_best_paper_keeps_its_gist_whole() -> None:
    told = [item._replace(paper=replace(item.paper, summary=GIST, gist=GIST.text)) for item in PERSONAL.items * 9]
    text = render_digest(TEMPLATES, replace(PERSONAL, items=tuple(told))).text
    assert text.count("Graphs change.") == 1
    assert text.index("Graphs change.") < text.index("\n2. ", text.index("-----"))


def test_render_marks_invented_samples() -> None:
    samples = golden.digest("sample")
    rendered = render_digest(TEMPLATES, samples)
    assert rendered.subject.startswith("Sample: ")
    mixed = render_digest(TEMPLATES, replace(PERSONAL, items=(*PERSONAL.items, samples.items[0])))
    assert "Sample:" not in mixed.subject
    said = "Papers marked as invented samples came with the software"
    for body in (mixed.html, mixed.text):
        assert said in " ".join(body.split())
        assert body.count("Invented sample") == 1
        assert body.index("A Walking Robot That Learns") < body.rindex("Invented sample")
    brief = render_digest(TEMPLATES, samples, html_max=1)
    assert brief.html.count("Invented sample") == 2


def test_render_offers_unsubscribe_at_top_and_end() -> None:
    rendered = render_digest(TEMPLATES, PERSONAL)
    for body in (rendered.html, rendered.text):
        assert body.count(PERSONAL.links.unsubscribe) == 2
        assert body.index(PERSONAL.links.unsubscribe) < body.index(PERSONAL.items[0].paper.abstract[:20])
        assert body.rindex(PERSONAL.links.unsubscribe) > body.index(PERSONAL.items[-1].paper.abstract[:20])
        assert PERSONAL.postal_address in body


UNVOTED = [item._replace(reason=Reason(ReasonKind.NEW)) for item in PERSONAL.items[4:]]


def test_render_headings_descend_by_one_level() -> None:
    levels = [int(e.tag[1]) for e in elements(render_digest(TEMPLATES, PERSONAL).html) if re.fullmatch(r"h\d", e.tag)]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


@pytest.mark.parametrize(
    ("changes", "subject"),
    [
        ({"items": UNVOTED}, "Do Language Models Read the Whole Page? + 1 more"),
        ({}, "Sparse Attention for Graphs That Change… + 5 more"),
        ({"items": PERSONAL.items[:1]}, "Sparse Attention for Graphs That Change While You Look"),
        ({"items": PERSONAL.items[4:]}, "Trending: Do Language Models Read the Whole Page? + 1 more"),
        ({"covers_from": "2026-11-21"}, "Sparse Attention for Graphs That Change… + 5 more"),
        ({"period": "2026-W48", "covers_from": "2026-W48"}, "Your week: Sparse Attention for Graphs… + 5 more"),
    ],
)
def test_render_subject_begins_with_the_strongest_title(changes: dict[str, Any], subject: str) -> None:
    assert render_digest(TEMPLATES, replace(PERSONAL, **changes)).subject == subject


@pytest.mark.parametrize("language", TEMPLATES.languages)
def test_render_subject_fits_a_phone(language: str) -> None:
    for case in golden.DIGESTS:
        subject = render_digest(TEMPLATES, golden.in_language(golden.digest(case), language)).subject
        assert text_columns(subject) > 10, case
        assert len(subject) <= 60, case


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        (Reason(ReasonKind.AUTHOR, "Jane Smith"), "By Jane Smith, whom you follow"),
        (
            Reason(ReasonKind.TITLE, "LLM", ("Language Models",)),
            "Matches your topic “LLM”",
        ),
        (
            Reason(ReasonKind.TITLE, "self-play graphs", ("Self Play Graph",)),
            "Matches your topic “self-play graphs”",
        ),
        (Reason(ReasonKind.TOPIC, "graphs", ("We draw graphs",)), "Matches your topic “graphs”: “We draw graphs”"),
        (Reason(ReasonKind.TOPIC, "graphs"), "Matches your topic “graphs”"),
        (Reason(ReasonKind.PHRASE, "open data", ("Open Data",)), "Contains your phrase “open data”"),
        (Reason(ReasonKind.PHRASE, "moss", ("We eat moss",)), "Contains your phrase “moss”: “We eat moss”"),
        (
            Reason(ReasonKind.PASSING, "moss", ("They eat moss",)),
            "Mentions your phrase “moss” in passing: “They eat moss”",
        ),
        (Reason(ReasonKind.PASSING, "moss"), "Mentions your phrase “moss” in passing"),
        (
            Reason(ReasonKind.NEAR_TOPIC, "big proteins", ("Proteins",)),
            "Related to your topic “big proteins”: “Proteins”",
        ),
        (
            Reason(ReasonKind.BACKGROUND, "proteins", ("Old proteins",)),
            "Related to your topic “proteins”: “Old proteins”",
        ),
        (
            Reason(
                ReasonKind.TOPIC, "I am a student of small ponds and care about larvae: newts, frogs, and dragonflies."
            ),
            "Matches your topic “I am a student of small ponds and care about larvae…”",
        ),
        (
            Reason(ReasonKind.JUDGED, "how moss spreads", ("Call 555 1234",)),
            "Matches your topic “how moss spreads”, as a language model judged",
        ),
        (
            Reason(ReasonKind.JUDGED_NEAR, "how moss spreads"),
            "Related to your topic “how moss spreads”, as a language model judged",
        ),
        (Reason(ReasonKind.NEAR_TOPIC, "proteins"), "Related to your topic “proteins”"),
        (Reason(ReasonKind.LIKED, "A Title"), "Similar to a paper you liked: A Title"),
        (Reason(ReasonKind.REFERENCE, "A Title"), "Similar to a paper you added: A Title"),
        (Reason(ReasonKind.REFERENCE, "A Title").shareable, "Similar to a paper you added"),
        (Reason(ReasonKind.WORDS, "", ("hive", "brood")), "Shares words with what you liked: hive, brood"),
        (Reason(ReasonKind.CO_LIKES), "Readers with similar likes liked it"),
        (Reason(ReasonKind.CATEGORY, "cs.LG"), "In Machine Learning (cs.LG), a category you follow"),
        (Reason(ReasonKind.TREND, "1"), "Trending: 1 upvote"),
        (Reason(ReasonKind.TREND, "1234"), "Trending: 1,234 upvotes"),
        (Reason(ReasonKind.TREND, "rising"), "Trending"),
        (Reason(ReasonKind.NEW), "New, with no votes yet"),
        (Reason(ReasonKind.RANDOM), "Picked at random"),
        (Reason(ReasonKind.AUTHOR, "<b>\r\n\u202ex"), "By <b> x, whom you follow"),
    ],
)
def test_render_reason_is_a_sentence(reason: Reason, words: str) -> None:
    assert render_reason(TEMPLATES, reason, "en") == words


@pytest.mark.parametrize("language", TEMPLATES.languages)
def test_render_reason_has_a_sentence_per_kind(language: str) -> None:
    said = [render_reason(TEMPLATES, Reason(why, "value", ("word",)), language) for why in ReasonKind]
    assert all(said)
    assert len(set(said)) == len(ReasonKind) - 1, "near a topic and named with its background read the same"


def test_render_reason_rejects_an_unknown_kind() -> None:
    unknown: Any = "unknown"
    with pytest.raises(BadSetting, match="no block unknown"):
        render_reason(TEMPLATES, Reason(unknown, "value"), "en")
    without = FILES["email/reason.txt.j2"].replace("{% block new %}", "{% block old %}")
    with pytest.raises(BadSetting, match=r"email/reason\.txt\.j2 has no block for new"):
        Templates.of({"email/reason.txt.j2": without}).check()


def test_render_reason_uses_templates_of_the_first_release() -> None:
    """They lack the kinds of reasons that came later, and must not stop an upgraded service."""
    without = FILES["email/reason.txt.j2"]
    for kind in ("nearest", "judged", "judged_near"):
        without = without.replace(f"{{% block {kind} %}}", f"{{% block un{kind} %}}")
    own = Templates.of({"email/reason.txt.j2": without})
    own.check()
    assert render_reason(own, Reason(ReasonKind.NEAREST, "bees"), "en") == "New, with no votes yet"
    judged = Reason(ReasonKind.JUDGED, "bees")
    assert render_reason(own, judged, "en") == "Matches your topic “bees”"


def test_render_links_lead_to_the_paper() -> None:
    links = {"code": "https://example.org/c"}
    item = DigestItem(
        golden.paper("T", url="https://doi.org/10.5555/x", links=links, signals={"stars": 1}), Reason(ReasonKind.NEW)
    )
    text = render_digest(TEMPLATES, replace(PERSONAL, items=(item,))).text
    assert "[1] Paper: https://doi.org/10.5555/x\n" in text
    assert "[2] Code, 1 star: https://example.org/c\n" in text
    assert "PDF" not in text


def test_paper_links_to_what_its_abstract_names() -> None:
    told = "Code: github.com/x/moss.git. Data (huggingface.co/datasets/x/ferns) by ada@gitlab.com/x/y"
    paper = golden.paper("T", told)
    assert paper.link("code") == "https://github.com/x/moss"
    assert paper.link("project") == "https://huggingface.co/datasets/x/ferns"
    given = golden.paper("T", "https://github.com/x/old", links={"code": "https://gitlab.com/x/new.git"})
    assert given.link("code") == "https://gitlab.com/x/new"
    assert not golden.paper("T", "See huggingface.co/papers/2401.00001 or notgithub.com/x/y.").links[1:]


def test_authors_have_letters() -> None:
    assert golden.paper("T", authors=("MiniMax", ":", "Ada")).authors == ("MiniMax", "Ada")


def test_shorten_cuts_at_words() -> None:
    assert shorten("short", 10) == "short"
    assert shorten("One sentence here. Another one follows it.", 24) == "One sentence here."
    assert shorten("several words without any end", 16) == "several words…"
    assert shorten("x" * 50, 10) == "x" * 9 + "…"
    assert shorten("版本" * 50, 10) == "版本" * 4 + "版…"
    assert shorten("anything", 0) == ""
    assert all(len(shorten("word. " * 40, limit)) <= limit for limit in range(200))


def test_wrap_keeps_links_intact() -> None:
    lines = wrap("word " * 50 + "https://example.org/" + "a" * 100, 72, indent=2).split("\n")
    assert all(line.startswith("  ") for line in lines)
    assert all(len(line) <= 72 for line in lines[:-1])
    assert lines[-1].endswith("a" * 100)
    assert all(len(line) == 36 for line in wrap("漢" * 360, 72).split("\n"))


def test_wrap_counts_wide_characters_twice() -> None:
    mixed = "検索は grep と同じくらい速い。結果は「十二分の一」の大きさになる（表3）。" * 5
    lines = wrap(mixed, 40, indent=2).split("\n")
    assert "".join("".join(lines).split()) == "".join(mixed.split())
    assert all(text_columns(line) <= 40 for line in lines)
    assert not any(line.strip()[0] in "。、）」" for line in lines)
    for said in (
        "よい「検索」（速い）、ちょっと“待って”。GPT-4、" * 9,
        "名为“漂移注意力”（O(m log n)）的算子：快！" * 9,
    ):
        for width in range(12, 80):
            rows = wrap(said, width).split("\n")
            assert not [row for row in rows if row[0] in "。、，：！）」”ょっ" or row[-1] in "（「“"], width
            assert max(text_columns(row, "WFA") for row in rows) <= width
    assert wrap("한국어 음성 합성", 20) == "한국어 음성 합성"


def test_first_day_of_a_period() -> None:
    assert first_day("2026-11-24") == date(2026, 11, 24)
    assert first_day("2026-W48") == date(2026, 11, 23)
    assert first_day("2026-W53") == date(2026, 12, 28)


def test_clean_returns_one_visible_line() -> None:
    assert clean(" a\r\n\tb\u2028c\x00d\u202e ") == "a b c d"


def test_clean_keeps_what_words_and_emoji_need() -> None:
    kept = "می\u200cخواهم क्\u200dष 👩\u200d🔬 ❤\ufe0f\u200d🔥 5\u00a0cm"
    assert clean(kept) == kept
    assert clean("immuno\u00adtherapy zero\u200bwidth a\u200db") == "immunotherapy zero width ab"
    assert clean("a\ue000view\ue000\U000f0001\ufdd0\u0378b\u3164") == "a view b"
    assert not any(map(is_visible, ("", clean("\ue001\u200b\u2800"), "\u0301")))


@pytest.mark.parametrize(
    ("title", "short"),
    [
        ("iMoss: Ferns by Phone", "iMoss: Ferns by Phone"),
        (
            "Ferns That Grow on Old Walls and Roofs: A Study of Their Leaves in Seven Wet Towns of the Very Far North",
            "Ferns That Grow on Old Walls and Roofs: A Study of Their Leaves",
        ),
        (
            "Counting All Ferns of Old Phones That Are So Tired They Only Know the Names of Those Who Took Them Home",
            "Counting All Ferns of Old Phones That Are So Tired They Only Know the Names of Those Who Took…",
        ),
        (
            "Do Ferns Sleep Where All the Rain Has Gone Long Ago? We Asked Seven Hundred Old Ferns and Their Mosses",
            "Do Ferns Sleep Where All the Rain Has Gone Long Ago?",
        ),
    ],
)
def test_short_title_ends_where_a_phrase_does(title: str, short: str) -> None:
    assert replace(PERSONAL.items[0].paper, title=title).short_title == short


def test_subject_keeps_the_words_that_matched() -> None:
    [first, *_] = PERSONAL.items
    view = replace(first.paper, title="Enabling Careful Alignment of Many Old Lighthouses at Sea Via Sparse Lenses")
    item = first._replace(paper=view, reason=Reason(ReasonKind.TITLE, "sparse lenses", ("Sparse Lenses",)))
    subject = render_digest(TEMPLATES, replace(PERSONAL, items=(item,))).subject
    assert subject == "Enabling Careful Alignment of Many Old … Sparse Lenses"
    assert len(subject) <= 60
    item = item._replace(reason=Reason(ReasonKind.TITLE, "sparse lens"))
    assert render_digest(TEMPLATES, replace(PERSONAL, items=(item,))).subject == subject, "a topic in another form"


def test_subject_says_no_words_twice() -> None:
    title = "Scaling foundation models for science: graph networks of molecules, proteins and cells"
    for limit in range(48, len(title)):
        assert cut_title(title, limit, "graph networks").count("graph") == 1


def test_reason_names_the_part_of_a_topic() -> None:
    reason = Reason(ReasonKind.TOPIC, "bees; goats; and a long paragraph", ("", "goats"))
    item = PERSONAL.items[0]._replace(reason=reason)
    text = render_digest(TEMPLATES, replace(PERSONAL, items=(item,))).text
    assert "→ Matches your topic “goats”\n" in text


def test_reason_repeats_no_quote_of_the_gist() -> None:
    quote = "we introduce drift attention for old lakes"
    reason = Reason(ReasonKind.TOPIC, "graphs", (quote,))
    for gist, is_quoted in (("Lakes change.", True), (f"Here {quote}.", False)):
        view = replace(PERSONAL.items[0].paper, summary=None, gist=gist, full_abstract=gist, abstract=gist)
        item = PERSONAL.items[0]._replace(paper=view, reason=reason)
        text = " ".join(render_digest(TEMPLATES, replace(PERSONAL, items=(item,))).text.split())
        assert (f"“{quote}”" in text) is is_quoted
