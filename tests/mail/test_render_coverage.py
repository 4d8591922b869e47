"""The digest says which sources were not whole, in one honest sentence."""

from dataclasses import replace
from datetime import date

import pytest

from digestd.domain.coverage import CoverageState
from digestd.mail.content import DigestContent, Rendered
from digestd.mail.digest import render_digest
from digestd.mail.templates import Templates
from digestd.resources import templates
from tests import golden
from tests.golden.html_safety import assert_safe

TEMPLATES = Templates.of(templates())
PERSONAL = golden.digest("personal")  # 6 papers for Ada, of 412, on a Tuesday
LATE, STALE = CoverageState.LATE, CoverageState.STALE
PARTIAL, BROKEN = CoverageState.PARTIAL, CoverageState.BROKEN


def without(content: DigestContent, **states: CoverageState) -> DigestContent:
    """The digest as planned while these sources were not whole."""
    return replace(content, coverage=states)


def lead(content: DigestContent) -> str:
    """The paragraph below the heading, which text and HTML share."""
    rendered = render_digest(TEMPLATES, content)
    said = " ".join(rendered.text.split("\n\n")[1].split())
    assert said in rendered.html
    return said


@pytest.mark.parametrize(
    ("states", "said"),
    [
        ({"bioRxiv": LATE}, "bioRxiv was late and will follow tomorrow."),
        ({"bioRxiv": STALE}, "bioRxiv has nothing newer yet."),
        ({"bioRxiv": PARTIAL}, "bioRxiv is incomplete."),
        ({"bioRxiv": BROKEN}, "bioRxiv could not be read."),
        ({"bioRxiv": LATE, "medRxiv": LATE}, "bioRxiv and medRxiv were late and will follow tomorrow."),
        ({"A": PARTIAL, "B": PARTIAL, "C": PARTIAL}, "A, B and C are incomplete."),
        (dict.fromkeys("ABCD", STALE), "A, B, C and D have nothing newer yet."),
        (dict.fromkeys("ABCDEF", BROKEN), "A, B, C and 3 more could not be read."),
        (
            {"arXiv": PARTIAL, "bioRxiv": LATE, "Crossref": BROKEN, "DBLP": STALE, "PubMed": BROKEN},
            "bioRxiv was late and will follow tomorrow; arXiv is incomplete; DBLP has nothing newer yet; "
            "Crossref and PubMed could not be read.",
        ),
    ],
)
def test_each_way_of_not_being_whole_has_its_words(states: dict[str, CoverageState], said: str) -> None:
    assert lead(without(PERSONAL, **states)) == f"6 papers for Ada. Ranked from 412 new papers; {said}"


@pytest.mark.parametrize(
    ("day", "when"),
    [
        (date(2026, 11, 26), "tomorrow"),
        (date(2026, 11, 27), "in the next digest"),  # a Friday: of some, the next digest is Monday's
        (date(2026, 11, 28), "tomorrow"),
        (date(2026, 11, 29), "tomorrow"),
    ],
)
def test_tomorrow_is_said_where_a_digest_comes_tomorrow(day: date, when: str) -> None:
    content = replace(PERSONAL, date=day, period=day.isoformat(), covers_from=day.isoformat())
    assert f"bioRxiv was late and will follow {when}." in lead(without(content, bioRxiv=LATE))
    assert f"bioRxiv and medRxiv were late and will follow {when}." in lead(
        without(content, bioRxiv=LATE, medRxiv=LATE)
    )


def test_a_weekly_digest_speaks_of_the_next_one() -> None:
    assert lead(without(golden.digest("weekly"), bioRxiv=LATE)) == (
        "2 papers for Björk. Ranked from 1,911 new papers; bioRxiv was late and will follow in the next digest."
    )


def test_without_a_name_or_a_number_the_sentence_still_stands() -> None:
    assert lead(without(replace(PERSONAL, subscriber_name=""), A=BROKEN)) == (
        "6 papers. Ranked from 412 new papers; A could not be read."
    )
    assert lead(without(replace(PERSONAL, considered=0), A=BROKEN)) == (
        "6 new papers for Ada. Some papers are missing: A could not be read."
    )
    assert lead(without(golden.digest("caught_up"), A=PARTIAL)).endswith(
        "Some papers are missing: A is incomplete. This digest also covers the days since Friday 20 November."
    )


def test_what_is_whole_is_not_spoken_of() -> None:
    whole = without(PERSONAL, A=CoverageState.FRESH, B=CoverageState.QUIET)
    assert render_digest(TEMPLATES, whole) == render_digest(TEMPLATES, PERSONAL)


def test_no_name_of_a_source_does_harm() -> None:
    for name in ("<script>alert(1)</script>", "{{ 7 * 7 }}", "100 %(num)s %s", "\u202egnp\r\nBcc: e@x.org", "x" * 900):
        rendered = render_digest(TEMPLATES, replace(PERSONAL, coverage={name: LATE}))
        assert_safe(rendered)
        assert "49" not in rendered.text.split("\n\n")[1]
        assert "Bcc" not in rendered.subject


def test_templates_from_before_there_were_such_words_still_render() -> None:
    files = {**templates(), "email/digest.lead.txt.j2": "{{ digest.count }} papers of {{ digest.considered }}"}
    assert _paragraph(render_digest(Templates.of(files), without(PERSONAL, bioRxiv=LATE))) == "6 papers of 412"


def _paragraph(rendered: Rendered) -> str:
    return rendered.text.split("\n\n")[1]
