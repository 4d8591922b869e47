"""Render: whatever the words, the mail does no harm and is never too large."""

import re
from dataclasses import replace

import pytest

from digestd.domain.coverage import CoverageState
from digestd.domain.digest import DigestFacts, Reason, ReasonKind, Section
from digestd.domain.gist import Gist, GistKind
from digestd.domain.paper import PaperFacts
from digestd.mail.content import DigestContent, DigestItem
from digestd.mail.digest import HTML_MAX, assemble_digest, render_digest
from digestd.mail.rendering import render_notice
from digestd.mail.templates import Templates
from digestd.resources import templates
from digestd.text.sanitise import safe_url
from tests import golden
from tests.golden.html_safety import assert_safe, elements

FILES = templates()
TEMPLATES = Templates.of(FILES)
PERSONAL = golden.digest("personal")
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</title></style><svg onload=alert(1)>",
    "<!--[if mso]><b>-->",
    "javascript:alert(1)",
    "{{7*7}}",
    "{{ ''.__class__.__mro__ }}{% for x in range(9) %}x{% endfor %}{# #}",
    "%(num)s %s %% %(title)",
    "a\r\nBcc: evil@example.org\r\n\r\n.\r\n",
    "=?utf-8?q?=0D=0ABcc=3A_evil=40x.org?=",
    "a\x00\x07\x1b[31m\x7f\x85b",
    "a\u2028b\u2029c",
    "\u202egnp.exe\u2066\u200e\ufeff",
    "\ue0000\ue001",
    "\ue000token\ue000 \ue000view\ue000",
    "\ud800",
    "word " * 2_000,
    "x" * 10_000,
    "日本語" * 3_334,
    "",
]


def _spoilt(words: str) -> DigestContent:
    """Return a digest with this text in every field that a paper, a subscriber or a source fills, and every reason."""
    paper = golden.paper(
        title=words,
        abstract=words,
        authors=(words, words),
        categories=(words, words),
        facts=PaperFacts(words, (words,), (words,)),
        url=words,
        links={"code": words, "discussion": words, "pdf": f"https://example.org/{words}"},
        signals={"stars": float("nan"), "upvotes": float("inf")},
        gist=Gist(words, words, GistKind.SOURCE),
    )
    return replace(
        PERSONAL,
        list_name=words,
        subscriber_name=words,
        postal_address=words,
        language=words,
        items=tuple(DigestItem(paper, Reason(why, words, (words, words))) for why in ReasonKind),
        facts=DigestFacts(coverage={words: CoverageState.LATE}),
    )


@pytest.mark.parametrize("words", HOSTILE, ids=[f"{words[:16]!a}" for words in HOSTILE])
def test_render_escapes_untrusted_text_in_any_field(words: str) -> None:
    for content in (_spoilt(words), replace(_spoilt(words), items=())):
        digest = assemble_digest(TEMPLATES, content)
        assert_safe(digest.rendered)
        assert "49" not in digest.subject
        assert digest.html.size <= HTML_MAX


def test_mail_of_28_papers_has_80_kb() -> None:
    text, brief = ("word " * 96).strip(), ("word " * 60).strip()
    gist = Gist(text, brief, GistKind.EXTRACTED)
    told = [item._replace(paper=replace(item.paper, summary=gist, gist=text)) for item in PERSONAL.items * 5]
    digest = assemble_digest(TEMPLATES, replace(PERSONAL, items=tuple(told[:28])))
    assert digest.html.size + digest.text.size < 80_000
    assert str(digest.text).count("word") == str(digest.html).count("word")


def test_render_does_not_evaluate_template_syntax() -> None:
    item = DigestItem(golden.paper("{{7*7}} {% raw %} %(num)s"), Reason(ReasonKind.NEW))
    rendered = render_digest(TEMPLATES, replace(PERSONAL, items=(item,)))
    assert "{{7*7}} {% raw %} %(num)s" in rendered.subject
    assert "{{7*7}} {% raw %} %(num)s" in rendered.text
    assert "{{7*7}} {% raw %} %(num)s" in rendered.html


def test_mail_loads_no_remote_content() -> None:
    for rendered in (render_digest(TEMPLATES, PERSONAL), render_notice(TEMPLATES, golden.NOTICE)):
        assert not re.search(
            r"<(?:img|link|script|iframe|video|audio|object|embed|form|base)\b|\bsrc=|url\(", rendered.html
        )


def _largest(words: str, count: int) -> tuple[DigestItem, ...]:
    url = "https://example.org/" + "a" * 470
    reason = Reason(ReasonKind.TOPIC, words * 100, (words * 50,) * 9)
    entry = golden.paper(
        title=words * 200,
        abstract=words * 2_000,
        authors=(words * 100,) * 40,
        categories=(words * 40,) * 9,
        url=url,
        links={"pdf": url, "code": url, "discussion": url},
        signals={"stars": 9e11, "upvotes": 9e11},
    )
    return tuple(DigestItem(entry, reason, section) for section in Section for _ in range(count // 2))[:count]


@pytest.mark.parametrize(
    ("words", "count"), [("plain words, ", 10), ("漢字", 50), ("🎓", 2), ("🎓", 50), ("&<\"'=", 50), ("é. ", 50)]
)
def test_largest_digest_stays_below_the_clip_limit(words: str, count: int) -> None:
    digest = assemble_digest(TEMPLATES, replace(PERSONAL, items=_largest(words, count)))
    assert len(b"".join(digest.html.encoded)) == digest.html.size <= HTML_MAX
    assert str(digest.html).count(PERSONAL.links.unsubscribe) == 2


def test_omitted_papers_are_counted_and_in_the_text() -> None:
    rendered = render_digest(TEMPLATES, replace(PERSONAL, items=_largest("🎓", 50)))
    assert "45 more papers in your browser" in rendered.html
    assert rendered.text.count("Paper: https://example.org/") == 50
    roomy = render_digest(TEMPLATES, replace(PERSONAL, items=_largest("🎓", 50)), html_max=10_000_000)
    assert "more papers in your browser" not in roomy.html


def test_fifty_papers_fit_with_their_abstracts() -> None:
    content = replace(PERSONAL, items=(PERSONAL.items * 9)[:50])
    digest = assemble_digest(TEMPLATES, content)
    rendered = digest.rendered
    assert sum(element.attrib.get("class", "").startswith("title") for element in elements(rendered.html)) == 50
    assert sum(element.tag == "p" and not element.attrib for element in elements(rendered.html)) == 50
    assert digest.html.size <= HTML_MAX


@pytest.mark.parametrize(
    "url",
    [
        *("javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x", "file:///etc/passwd", "//x.org", ""),
        *("https://", "https:///x", "http:x.org", "mailto:a@b.org", "https://a@b.org/", "https://[::1"),
        *(" https://a.org", "https://a.org/ b", "https://a.org/\r\nx", 'https://a.org/"x', "https://a.org/<b>"),
        *("https://a.org/\u202e", "https://a.org/" + "x" * 600),
    ],
)
def test_safe_url_accepts_only_web_links(url: str) -> None:
    assert safe_url(url) == ""


@pytest.mark.parametrize(
    "url", ["https://example.org", "http://example.org:8080/a?b=c&d=%20#e", "HTTPS://Example.org/é"]
)
def test_safe_url_keeps_web_links_unchanged(url: str) -> None:
    assert safe_url(url) == url
