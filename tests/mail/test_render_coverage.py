"""Test the sentence by which a digest says which sources were incomplete."""

from dataclasses import replace
from datetime import date

import pytest

from digestd.domain.coverage import CoverageState
from digestd.mail.content import DigestContent
from digestd.mail.digest import render_digest
from digestd.mail.templates import Templates
from digestd.resources import templates
from tests import golden
from tests.golden.html_safety import assert_safe

TEMPLATES = Templates.of(templates())
PERSONAL = golden.digest("personal")  # 6 papers for Ada, of 412, on a Tuesday
LATE, STALE = CoverageState.LATE, CoverageState.STALE
PARTIAL, BROKEN = CoverageState.PARTIAL, CoverageState.BROKEN


def lead(content: DigestContent, **states: CoverageState) -> str:
    """Return the paragraph below the heading, which text and HTML share, of a digest planned with these gaps."""
    rendered = render_digest(TEMPLATES, replace(content, facts=content.facts._replace(coverage=states)))
    said = " ".join(rendered.text.split("\n\n")[1].split())
    assert said in rendered.html
    return said


@pytest.mark.parametrize(
    ("states", "said"),
    [
        ({"bioRxiv": LATE}, "bioRxiv was late and will follow tomorrow."),
        ({"bioRxiv": LATE, "medRxiv": LATE}, "bioRxiv and medRxiv were late and will follow tomorrow."),
        ({"A": PARTIAL, "B": PARTIAL, "C": PARTIAL}, "A, B and C are incomplete."),
        (dict.fromkeys("ABCDEF", BROKEN), "A, B, C and 3 more could not be read."),
        (
            {"arXiv": PARTIAL, "bioRxiv": LATE, "Crossref": BROKEN, "DBLP": STALE, "PubMed": BROKEN},
            "bioRxiv was late and will follow tomorrow; arXiv is incomplete; DBLP has nothing newer yet; "
            "Crossref and PubMed could not be read.",
        ),
    ],
)
def test_lead_says_how_each_source_was_incomplete(states: dict[str, CoverageState], said: str) -> None:
    assert lead(PERSONAL, **states) == f"6 papers for Ada. Ranked from 412 new papers; {said}"


@pytest.mark.parametrize(
    ("day", "when"), [(date(2026, 11, 26), "tomorrow"), (date(2026, 11, 27), "in the next digest")]
)
def test_lead_promises_the_next_digest_on_fridays(day: date, when: str) -> None:
    content = replace(PERSONAL, date=day, period=day.isoformat(), covers_from=day.isoformat())
    assert f"bioRxiv was late and will follow {when}." in lead(content, bioRxiv=LATE)
    assert "will follow in the next digest." in lead(golden.digest("weekly"), bioRxiv=LATE)


def test_lead_names_gaps_without_a_name_or_a_number() -> None:
    assert lead(replace(PERSONAL, subscriber_name=""), A=BROKEN) == (
        "6 papers. Ranked from 412 new papers; A could not be read."
    )
    assert lead(replace(PERSONAL, facts=PERSONAL.facts._replace(considered=0)), A=BROKEN) == (
        "6 new papers for Ada. Some papers are missing: A could not be read."
    )
    assert lead(golden.digest("caught_up"), A=PARTIAL).endswith(
        "Some papers are missing: A is incomplete. This digest also covers the days since Friday 20 November."
    )


def test_lead_does_not_mention_complete_sources() -> None:
    states = {"A": CoverageState.FRESH, "B": CoverageState.QUIET}
    complete = replace(PERSONAL, facts=PERSONAL.facts._replace(coverage=states))
    assert render_digest(TEMPLATES, complete) == render_digest(TEMPLATES, PERSONAL)


def test_name_of_a_source_does_no_harm() -> None:
    for name in ("<script>alert(1)</script>", "{{ 7 * 7 }}", "100 %(num)s %s", "\u202egnp\r\nBcc: e@x.org", "x" * 900):
        rendered = render_digest(TEMPLATES, replace(PERSONAL, facts=PERSONAL.facts._replace(coverage={name: LATE})))
        assert_safe(rendered)
        assert "49" not in rendered.text.split("\n\n")[1]
        assert "Bcc" not in rendered.subject
