"""What mails share is rendered and encoded once, and nobody can tell from the bytes."""

import random
import string
import textwrap
from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise

import pytest

from digestd.domain.digest import Reason, Section, Why
from digestd.domain.mail import Body, Form, Piece, stand_in
from digestd.domain.sanitise import wrap
from digestd.message import compose_digest, quoted_printable
from digestd.render import DigestContent, DigestLinks, Item, Rendered, Templates, print_digest, print_digests
from digestd.shipped import templates
from tests import golden

FILES = templates()
TEMPLATES = Templates.of(FILES)
LETTERS = f"{string.ascii_letters}{string.digits}-_"
HEADERS = golden.digest_headers(Rendered("", "", ""))
MARK = "\ue0000\ue001"
OPERATORS: Mapping[str, Mapping[str, str]] = {
    "the reason inside the paper": {
        "email/digest.html.j2": "{% for s, ps in digest.sections %}{% for paper in ps %}\n"
        '{% include "email/paper.html.j2" %}\n{% endfor %}{% endfor %}',
        "email/paper.html.j2": "<p>{{ paper.reason | upper }}: {{ paper.title }}</p>\n",
    },
    "a paper in the middle of a line": {
        "email/digest.txt.j2": "{% for s, ps in digest.sections %}{% for paper in ps %}* "
        '{% include "email/paper.txt.j2" %} !{% endfor %}{% endfor %}',
        "email/paper.txt.j2": "{{ paper.title }}",
    },
    "what is included is changed afterwards": {
        "email/digest.txt.j2": "{% for s, ps in digest.sections %}{% for paper in ps %}{% filter upper %}"
        '{% include "email/paper.txt.j2" %}{% endfilter %}{% set twice %}{% include "email/paper.txt.j2" %}{% endset %}'
        "{{ twice | length }}{{ twice }}{{ twice }}\n{% endfor %}{% endfor %}",
    },
    "the subscriber inside the paper": {
        "email/paper.txt.j2": "{{ paper.title }} for {{ digest.name }}, number {{ loop.index }}\n",
    },
    "a block printed twice": {
        "email/digest.txt.j2": "{% block papers %}{% for s, ps in digest.sections %}{% for paper in ps %}"
        '{% include "email/paper.txt.j2" %}\n{% endfor %}{% endfor %}{% endblock %}{{ self.papers() | upper }}',
    },
    "includes of other kinds": {
        "email/digest.txt.j2": "{% for s, ps in digest.sections %}{% for paper in ps %}"
        '{% include ["email/none.txt.j2", "email/paper.txt.j2"] %}{% include "email/none.txt.j2" ignore missing %}'
        '{% if paper.more %}{% include "email/paper.txt.j2" %}{% elif paper.url %}{% include "email/abstract.txt.j2" %}'
        '{% else %}{% include "email/abstract.txt.j2" %}{% endif %}\n{% endfor %}{% endfor %}',
    },
    "papers under another name": {
        "email/digest.txt.j2": "{% for p in digest.papers %}{{ p.title }}: {{ p.reason }}\n{% endfor %}",
    },
    "papers of a section as they are": {
        "email/digest.txt.j2": "{% for s, ps in digest.sections %}{{ ps | map(attribute='title') | join('; ') }}\n"
        "{% for paper in ps if paper.url %}{{ paper.title }}\n{% endfor %}{% endfor %}",
    },
    "what a loop came by before": {
        "email/digest.txt.j2": "{% for paper in digest.papers %}{{ loop.previtem.title if not loop.first }}\n"
        "{% endfor %}",
    },
    "a paper and its reader in one line": {
        "email/digest.txt.j2": "{% for paper in digest.papers %}{{ paper.title }} for {{ digest.name }}\n{% endfor %}",
    },
    "links in other forms": {
        "email/digest.txt.j2": "{{ digest.view | upper }} {{ digest.unsubscribe ~ '?x' }} {{ digest['view'] }}\n",
    },
    "links wherever they fall": {
        "email/digest.txt.j2": "".join(
            f"{'x' * n}{{{{ digest.view }}}} {{{{ digest.unsubscribe }}}}{{{{ digest.unsubscribe }}}} end\n"
            for n in range(80)
        ),
    },
    "what depends on the reader": {
        "email/digest.txt.j2": "{% if digest.name %}Dear {{ digest.name }}{% endif %}{{ digest.name or 'you' }},\n"
        "{{ 'a view' if digest.view else 'no view' }}{% if not digest.view %}!{% endif %}\n"
        "{% set who = digest.name %}{{ who }}{% if digest.first == 'x' %}{{ digest.preheader }}{% endif %}\n",
    },
    "macros and loops of its own": {
        "email/digest.txt.j2": "{% macro said(what) %}<{{ what }}|{{ digest.count }}>{% endmacro %}\n"
        "{% for gap in digest.gaps %}{{ said(gap.names | join) }}\n{% endfor %}"
        "{% for paper in digest.papers %}{{ said(loop.index) }}{{ paper.reason }}\n{% endfor %}",
    },
    "another paper under that name": {
        "email/digest.txt.j2": "{% for paper in [{'title': 'one', 'place': 7}] %}{{ paper.title }}\n{% endfor %}",
    },
    "marks in a template": {
        "email/digest.txt.j2": MARK + "{% for s, ps in digest.sections %}{% for paper in ps %}"
        '\n{% include "email/paper.txt.j2" %}{% endfor %}{% endfor %}',
    },
}


def plain(files: Mapping[str, str]) -> Templates:
    """The same templates rendered whole: what looks like the mark of a hole in any of them rules shells out."""
    return Templates.of({**files, "email/never.txt.j2": MARK})


def bytes_of(subject: str, text: Body | str, html: Body | str) -> bytes:
    return compose_digest(replace(HEADERS, subject=subject), text, html)


def assert_the_same(files: Mapping[str, str], contents: list[DigestContent]) -> None:
    made, whole = Templates.of(files), plain(files)
    for content in contents * 2:  # first made, then found
        one, other = print_digest(made, content), print_digest(whole, content)
        assert one.rendered == other.rendered
        assert len(other.html.pieces) == len(other.text.pieces) == 1
        known = other.rendered
        assert bytes_of(one.subject, one.text, one.html) == bytes_of(known.subject, known.text, known.html)


FRONT = golden.LINKS.home
LINKS = DigestLinks(
    view=f"{FRONT}d/{stand_in(0, 40)}",
    unsubscribe=f"{FRONT}u/{stand_in(1, 40)}",
    home=FRONT,
    feedback=f"{FRONT}f/{stand_in(3, 40)}",
    mute=f"{FRONT}p/{stand_in(2, 40)}/mute",
    settings=f"{FRONT}p/{stand_in(2, 40)}",
    of_papers=3,
)


def tokens(rng: random.Random, papers: int = 50) -> tuple[str, ...]:
    """Tokens as a composer makes them."""
    return tuple("".join(rng.choices(LETTERS, k=40)) for _ in range(3 + papers))


def varied(seed: int) -> list[DigestContent]:
    """Digests of the papers of all golden ones, mixed, with reasons, names and words of many kinds."""
    rng = random.Random(seed)
    items = [item for case in golden.DIGESTS for item in golden.digest(case).items]
    words = [
        "plain",
        "é",
        "=20",
        ".",
        "From x",
        "\u2028",
        "a" * 90,
        "x \t",
        "<b>&",
        MARK,
        "\ue0001\ue001",
        "\n",
        "漢字",
    ]
    return [
        replace(
            golden.digest("personal"),
            subscriber_name=rng.choice(["", "Ada", *words]),
            links=LINKS,
            tokens=tokens(rng),
            items=tuple(
                Item(item.entry, Reason(rng.choice(list(Why)), rng.choice(words), (rng.choice(words),)), section)
                for item in rng.choices(items, k=rng.randint(1, 40))
                for section in [rng.choice(list(Section))]
            ),
        )
        for _ in range(20)
    ]


@pytest.mark.parametrize("case", golden.DIGESTS)
def test_a_digest_in_pieces_is_that_rendered_whole(case: str) -> None:
    assert_the_same(FILES, [golden.digest(case)])


def test_any_papers_for_any_reasons_are_those_rendered_whole() -> None:
    assert_the_same(FILES, varied(1))


@pytest.mark.parametrize("kind", OPERATORS)
def test_an_operators_own_templates_give_what_they_say(kind: str) -> None:
    assert_the_same({**FILES, **OPERATORS[kind]}, [*varied(2)[:5], golden.digest("personal")])


def test_each_paper_has_a_link_of_its_own() -> None:
    (content,) = varied(6)[:1]
    for made in (TEMPLATES, plain(FILES)):
        html = print_digest(made, content).rendered.html
        for token in content.tokens[3 : 3 + len(content.items)]:
            assert html.count(f'/f/{token}/more"') == 1
        assert "\ue000" not in html


def test_many_digests_in_one_go_are_those_made_one_by_one() -> None:
    contents = varied(4)
    items = tuple(item for content in contents for item in content.items) * 2
    contents[7] = replace(contents[7], items=items, tokens=tokens(random.Random(7), len(items)))
    alone = [print_digest(Templates.of(FILES), content) for content in contents]
    assert any(one.html.form is not other.html.form for one, other in pairwise(alone))
    assert [one.rendered for one in print_digests(TEMPLATES, contents)] == [one.rendered for one in alone]
    assert len(alone[7].rendered.html) < len(str(contents[7].items)), "not all of it fitted at first"


def test_mails_share_all_pieces_but_those_of_their_readers() -> None:
    content = golden.digest("personal")
    one = print_digest(TEMPLATES, replace(content, links=LINKS, tokens=tokens(random.Random(1))))
    other = print_digest(
        TEMPLATES,
        replace(
            content,
            subscriber_name="Someone Else",
            items=content.items[::-1],
            links=LINKS,
            tokens=tokens(random.Random(2)),
        ),
    )
    for ours, theirs in ((one.html, other.html), (one.text, other.text)):
        assert len(ours.pieces) > 2 * len(content.items)
        assert len({id(piece) for piece in theirs.pieces} - {id(piece) for piece in ours.pieces}) <= 8
    assert str(one.html) != str(other.html)


def test_only_a_token_of_letters_is_spliced_in() -> None:
    content = golden.digest("personal")
    odd = replace(golden.LINKS, view=f"https://x.example/d/{stand_in(0, 7)}", feedback="")
    printed = print_digest(TEMPLATES, replace(content, links=odd, tokens=("a&b=c;d",)))
    assert not printed.html.tokens
    assert "https://x.example/d/a&amp;b=c;d" in str(printed.html)


def test_a_line_that_could_begin_with_the_end_of_a_token_is_encoded_with_it() -> None:
    for token in ("x" * 36 + "From", "y" * 40):
        for before in range(80):
            line = f"{'a' * before}{stand_in(0, len(token))} {stand_in(0, len(token))}{stand_in(0, len(token))} z\n"
            body = Body(Form([Piece(line)]), tokens=[token])
            assert bytes_of("s", body, "") == bytes_of("s", str(body), "")


def test_short_ways_of_wrapping_break_where_the_library_does() -> None:
    rng = random.Random(5)
    for _ in range(3_000):
        text = "".join(rng.choices("ab -é漢—\t\u00a0,.", k=rng.randint(0, 200))).strip()
        for indent in (0, 2):
            rows = textwrap.wrap(text, 30 - indent, break_long_words=False, break_on_hyphens=False) or [""]
            wrapped = [line for row in rows for line in _cut(row, 30 - indent)]
            assert wrap(text, 30, indent) == "\n".join(f"{' ' * indent}{line}".rstrip() for line in wrapped)


def _cut(row: str, width: int) -> list[str]:
    return [row[start : start + width] for start in range(0, len(row), width)] or [""]


def test_encoding_knows_nothing_of_other_lines() -> None:
    rng = random.Random(3)
    for _ in range(2_000):
        text = ["".join(rng.choices("ab .=é\t\r\x0b\u2028漢From ", k=rng.randint(0, 100))) + "\n" for _ in range(3)]
        assert b"".join(map(quoted_printable, text)) == quoted_printable("".join(text))
