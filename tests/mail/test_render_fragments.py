"""Test fragments.

Parts are shared between mails, and each mail has only its own values.
"""

import random
import re
import string
from dataclasses import replace
from itertools import product
from quopri import decodestring

import pytest

from digestd.domain.digest import Reason, ReasonKind, Section
from digestd.domain.interest import TOPIC_SHOWN_MAX
from digestd.errors import BadInput, BadSetting
from digestd.mail import digest as parts
from digestd.mail import rendering
from digestd.mail.categories import category_label
from digestd.mail.content import DigestContent, DigestItem, DigestLinks, EarlierDigest
from digestd.mail.digest import AssembledDigest, assemble_digest
from digestd.mail.digest_layout import Heading, HeadingKind
from digestd.mail.fragments import Fragment, slot
from digestd.mail.rendering import clean_line
from digestd.mail.templates import REASON_TEMPLATE, SHORT_REASON_TEMPLATE, Templates
from digestd.resources import templates
from tests import golden

FILES = templates()
TEMPLATES = Templates.of(FILES)
PERSONAL = golden.digest("personal")
LETTERS = f"{string.ascii_letters}{string.digits}-_"
FRONT = golden.LINKS.home
MARKS = [slot(name) for name in ("token", "view", "mute", "reason", "papers", "held0", "name", "0")]
HOSTILE = ["plain", "é", "=20", ".", "From x", "\u2028", "a" * 90, "x \t", "<b>&", "\n", "漢字", *MARKS]


def links(rng: random.Random, papers: int) -> tuple[DigestLinks, frozenset[str]]:
    """Return the links of one reader, and every token in them."""
    own = ["".join(rng.choices(LETTERS, k=40)) for _ in range(3 + papers)]
    made = DigestLinks(
        view=f"{FRONT}d/{own[0]}",
        unsubscribe=f"{FRONT}u/{own[1]}",
        home=FRONT,
        feedback=f"{FRONT}f/",
        tokens=tuple(own[3:]),
        mute=f"{FRONT}p/{own[2]}/mute",
        settings=f"{FRONT}p/{own[2]}",
        replies=True,
    )
    return made, frozenset(own)


def varied(seed: int, count: int = 20) -> list[tuple[DigestContent, frozenset[str]]]:
    """Return digests of few papers with hostile words.

    This way, they share nearly all parts, and each one's tokens.
    """
    rng = random.Random(seed)
    items = [item for case in golden.DIGESTS for item in golden.digest(case).items]
    items += [
        DigestItem(
            golden.paper(words, words, (words,), (words,), url=f"https://example.org/{words}"), Reason(ReasonKind.NEW)
        )
        for words in HOSTILE
    ]
    made = []
    for n in range(count):
        chosen = sorted(rng.choices(items, k=rng.randint(1, 30)), key=lambda item: list(Section).index(item.section))
        reader, own = links(rng, len(chosen))
        words = rng.choice(HOSTILE)
        content = replace(
            PERSONAL,
            subscriber_name=f"{words} reader{n}",
            links=reader,
            items=tuple(
                DigestItem(
                    item.paper, Reason(rng.choice(list(ReasonKind)), rng.choice(HOSTILE), (words,)), item.section
                )
                for item in chosen
            ),
            held=(EarlierDigest(PERSONAL.date, f"{FRONT}d/held{n}"),) if n % 3 == 0 else (),
        )
        made.append((content, own))
    return made


def decoded(digest: AssembledDigest) -> tuple[str, str]:
    """Return text and HTML as a mail reader decodes them."""
    text, html = (b"".join(body.encoded) for body in (digest.text, digest.html))
    return decodestring(text).decode().replace("\r\n", "\n"), decodestring(html).decode().replace("\r\n", "\n")


def test_mail_contains_no_token_of_another_subscriber() -> None:
    made = varied(1)
    everything = frozenset().union(*(own for _, own in made))
    digests = [assemble_digest(TEMPLATES, content) for content, _ in made]
    for n, ((content, own), digest) in enumerate(zip(made, digests, strict=True)):
        for body in (str(digest.text), str(digest.html), *decoded(digest)):
            assert {token for token in everything if token in body} <= own
            assert "\ue000" not in body
            assert not any(
                f"reader{other}" in body.replace(f"reader{n}", "") for other in range(len(made)) if other > 9
            )
            assert [f"d/held{other}" in body for other in range(len(made)) if str(other) not in str(n)].count(True) == 0
        html = str(digest.html)
        for token in content.links.tokens:
            assert html.count(f'/f/{token}/more"') == 1


def test_mail_does_not_depend_on_earlier_mails() -> None:
    made = [content for content, _ in varied(2)]
    in_order = [assemble_digest(TEMPLATES, content).rendered for content in made]
    fresh = Templates.of({**FILES, "email/unused.txt.j2": "not rendered"})
    backwards = [assemble_digest(fresh, content).rendered for content in reversed(made)]
    assert in_order == backwards[::-1]


def test_encoded_body_decodes_to_the_rendered_text() -> None:
    for content, _ in varied(3):
        digest = assemble_digest(TEMPLATES, content)
        text, html = decoded(digest)
        assert (text.rstrip("\n"), html.rstrip("\n")) == (str(digest.text).rstrip("\n"), str(digest.html).rstrip("\n"))
        for body in (digest.text, digest.html):
            lines = b"".join(body.encoded).split(b"\r\n")
            assert all(len(line) <= 76 and not line.startswith((b".", b"From ")) for line in lines)
            assert lines[-1] == b""


def test_mails_share_paper_fragments() -> None:
    one, other = (
        replace(PERSONAL, links=links(random.Random(seed), 9)[0], items=PERSONAL.items[:3]) for seed in (1, 2)
    )
    mine = assemble_digest(TEMPLATES, one)
    known = parts._paper.cache_info().misses
    theirs = assemble_digest(TEMPLATES, replace(other, subscriber_name="Else"))
    assert parts._paper.cache_info().misses == known
    for ours, others in ((mine.html, theirs.html), (mine.text, theirs.text)):
        assert str(ours) != str(others)


@pytest.mark.parametrize("language", TEMPLATES.languages)
def test_slots_give_the_bytes_of_rendering_the_words(language: str) -> None:
    environment = TEMPLATES.environment(language)
    names = ["frogs", "a" * 90, "漢字" * 20, "<b>&%s\u00a0”", "the habits of frogs in the lakes of " * 3, ""]
    for name, kind in product(names, ReasonKind):
        for words in ((name or "3",), ("a quote of more than five words", name or "x")):
            reason = Reason(kind, name, words)
            for render, file in (
                (rendering.render_sentence, REASON_TEMPLATE),
                (rendering.render_short_sentence, SHORT_REASON_TEMPLATE),
            ):
                shown = rendering._clean_reason(reason)
                assert render(environment, reason) == rendering._render_block(environment, file, kind, reason=shown)
    for name, heading in product(filter(None, names), HeadingKind):
        made = parts._named_section(environment, Heading(heading, name))
        label = category_label(name) if heading is HeadingKind.CATEGORY else name
        label = clean_line(label, TOPIC_SHOWN_MAX if heading is HeadingKind.TOPIC else 120)
        expected = parts._part(environment, "email/digest.section", section=Heading(heading, label), settings="")
        assert made == tuple(part.encode({}) for part in expected)


def test_template_that_changes_the_words_is_rendered_with_them() -> None:
    block = "{% block title %}{{ reason.value | upper }}{% endblock %}"
    words = {"email/reason.txt.j2": re.sub(r"{% block title %}.*?{% endblock %}", block, FILES["email/reason.txt.j2"])}
    section = {"email/digest.section.txt.j2": "{{ section.value | upper }}\n"}
    environment = Templates.of({**FILES, **words, **section}).environment("en")
    assert rendering.render_sentence(environment, Reason(ReasonKind.TITLE, "frogs")) == "FROGS"
    assert parts._named_section(environment, Heading(HeadingKind.TOPIC, "frogs")).text == b"FROGS\r\n"


def test_value_is_never_searched_for_slots() -> None:
    fragment = Fragment(f"a {slot('one')} b {slot('two')}\n", "a template")
    assert fragment.fill({"one": slot("two"), "two": "secret"}) == f"a {slot('two')} b secret\n"


def test_links_are_escaped_and_tokens_are_plain() -> None:
    odd = replace(PERSONAL.links, view='https://x.example/?a&b=c"d')
    html = str(assemble_digest(TEMPLATES, replace(PERSONAL, links=odd)).html)
    assert 'href="https://x.example/?a&amp;b=c&#34;d"' in html
    for token in ('"x', "é", "a b", "\ue000"):
        with pytest.raises(BadInput):
            assemble_digest(TEMPLATES, replace(PERSONAL, links=replace(PERSONAL.links, tokens=(token,))))


@pytest.mark.parametrize(
    ("name", "source", "message"),
    [
        ("email/digest.html.j2", "<p>{{ frame.lead }}</p>", "print frame.papers once"),
        ("email/digest.txt.j2", "{{ frame.papers }}{{ frame.papers }}", "print frame.papers once"),
        ("email/digest.paper.html.j2", "{{ pick.feedback[:31] }}", "without filters"),
        ("email/digest.paper.txt.j2", "{{ pick.reason | replace('reason', '!') }}", "without filters"),
        ("email/digest.paper.txt.j2", "{{ paper.nothing }}", "nothing"),
    ],
)
def test_fragment_rejects_a_changed_slot(name: str, source: str, message: str) -> None:
    with pytest.raises(BadSetting, match=message):
        assemble_digest(Templates.of({**FILES, name: source}), PERSONAL)


def test_templates_reject_the_slot_mark() -> None:
    with pytest.raises(BadSetting, match=r"email/digest\.txt\.j2 contains the character U\+E000"):
        Templates.of({**FILES, "email/digest.txt.j2": slot("view")})


@pytest.mark.parametrize(
    ("name", "source", "expected"),
    [
        ("email/digest.paper.html.j2", "<p>{{ pick.reason }}: {{ paper.title }} {{ pick.feedback }}/more</p>\n", "<p"),
        ("email/digest.paper.txt.j2", "* {{ paper.title }} ({{ pick.reason }}) ", "* "),
        ("email/digest.section.txt.j2", "SECTION {{ section.kind }}\n", "SECTION for_you\n"),
        (
            "email/digest.txt.j2",
            "Dear {{ frame.lead }}\n{{ frame.contents }}{{ frame.papers }}Bye {{ frame.view }}",
            "Bye https",
        ),
    ],
)
def test_custom_template_replaces_one_part(name: str, source: str, expected: str) -> None:
    digest = assemble_digest(Templates.of({**FILES, name: source}), PERSONAL)
    assert expected in str(digest.html if ".html" in name else digest.text)
    text, html = decoded(digest)
    assert (text.rstrip("\n"), html.rstrip("\n")) == (str(digest.text).rstrip("\n"), str(digest.html).rstrip("\n"))


def test_section_has_a_heading_in_every_language() -> None:
    items = tuple(PERSONAL.items[0]._replace(section=section) for section in Section)
    for language in TEMPLATES.languages:
        content = replace(golden.in_language(PERSONAL, language), items=items)
        html = str(assemble_digest(TEMPLATES, content).html)
        headings = re.findall(r'<h2 class="label"[^>]*>([^<]*)</h2>', html)
        assert len(set(headings) - {""}) == len(Section)
