"""What mails share is rendered and encoded once, and nobody can tell from the bytes."""

import random
from collections.abc import Mapping
from dataclasses import replace

import pytest

from digestd.domain.digest import Reason, Section, Why
from digestd.domain.mail import Body
from digestd.message import compose_digest, quoted_printable
from digestd.render import DigestContent, Item, Rendered, Templates, render_digest
from digestd.shipped import templates
from tests import golden

FILES = templates()
TEMPLATES = Templates.of(FILES)
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
    "marks in a template": {
        "email/digest.txt.j2": MARK + "{% for s, ps in digest.sections %}{% for paper in ps %}"
        '\n{% include "email/paper.txt.j2" %}{% endfor %}{% endfor %}',
    },
}


def plain(files: Mapping[str, str]) -> Templates:
    """The same templates without fragments: a template that prints a block again rules them out."""
    return Templates.of({**files, "email/never.txt.j2": "{% if false %}{{ self.none() }}{% endif %}"})


def bytes_of(rendered: Rendered) -> bytes:
    return compose_digest(golden.digest_headers(rendered), rendered.text, rendered.html)


def assert_the_same(files: Mapping[str, str], contents: list[DigestContent]) -> None:
    made, whole = Templates.of(files), plain(files)
    for content in contents * 2:  # first made, then found
        one, other = render_digest(made, content), render_digest(whole, content)
        assert (one.subject, str(one.text), str(one.html)) == (other.subject, str(other.text), str(other.html))
        assert isinstance(other.html, Body)
        assert len(other.html.pieces) == 1
        assert bytes_of(one) == bytes_of(Rendered(other.subject, str(other.text), str(other.html)))


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


def test_each_paper_of_a_digest_is_a_piece_that_other_mails_share() -> None:
    content = golden.digest("personal")
    one = render_digest(TEMPLATES, content)
    other = render_digest(TEMPLATES, replace(content, subscriber_name="Someone Else", items=content.items[::-1]))
    for ours, theirs, parts in ((one.html, other.html, 1), (one.text, other.text, 2)):
        assert isinstance(ours, Body)
        assert isinstance(theirs, Body)
        assert len(ours.pieces) == 2 * parts * len(content.items) + 1
        assert {id(piece) for piece in ours.pieces[1::2]} == {id(piece) for piece in theirs.pieces[1::2]}


def test_pieces_that_break_a_line_are_one() -> None:
    assert Body.of(["a\n", "b\n", "c"]).pieces == ("a\n", "b\n", "c")
    assert Body.of(["a", "b\n", "c"]).pieces == ("ab\nc",)
    assert Body.of(["", "", ""]).pieces == ("", "", "")


def test_encoding_knows_nothing_of_other_lines() -> None:
    rng = random.Random(3)
    for _ in range(2_000):
        text = ["".join(rng.choices("ab .=é\t\r\x0b\u2028漢From ", k=rng.randint(0, 100))) + "\n" for _ in range(3)]
        assert b"".join(map(quoted_printable, text)) == quoted_printable("".join(text))
