"""Test the form of the glossary, and what follows from its narrower names."""

import re
from collections import Counter
from importlib.resources import files

import pytest

from digestd.ranking.concepts import Names, narrower_names
from digestd.ranking.lexicon import lemmas
from digestd.ranking.text import phrase_form
from digestd.ranking.translation import translated

LINES = [
    [[name.strip() for name in field.split(";") if name.strip()] for field in line.split("|")]
    for line in files("digestd.ranking").joinpath("glossary.txt").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]


def test_glossary_has_five_fields_and_a_name_per_line() -> None:
    assert [line for line in LINES if len(line) != 5 or not line[0]] == []


def test_glossary_has_each_name_once() -> None:
    counted = Counter(phrase_form(name) for names, short, _, foreign, _ in LINES for name in (*names, *short, *foreign))
    assert [name for name, often in counted.items() if often > 1] == []


def test_glossary_has_categories_of_arxiv() -> None:
    assert [name for line in LINES for name in line[2] if not re.fullmatch(r"[a-z-]+(\.[A-Za-z-]+)?", name)] == []


def test_narrower_names_are_unmistakable() -> None:
    """A common word as a narrower name would find papers about anything."""
    for names, _, _, _, narrower in LINES:
        for name in narrower:
            is_proper = name.lower() != name or any(map(str.isdigit, name))
            assert len(lemmas(name)) > 1 or is_proper or len(name) > 4, (names[0], name)
            assert len(name) > 2 or name in ("5G", "6G"), (names[0], name)
            assert name not in names, names[0]


@pytest.mark.parametrize(
    ("subject", "form", "acronym"),
    [
        ("information extraction", ("relat", "extract"), "NER"),
        ("reinforcement learning from human feedback", ("direct", "preferenc", "optimiz"), "DPO"),
        ("natural language processing", ("machin", "translat"), "NER"),
    ],
)
def test_subject_has_narrower_names(subject: str, form: tuple[str, ...], acronym: str) -> None:
    narrower = narrower_names(subject)
    assert form in narrower.forms
    assert acronym in narrower.acronyms


def test_english_names_are_seldom_taken_for_foreign() -> None:
    """Even if no paper uses their words."""
    names = {name for line in LINES for name in line[4]}
    wrong = [name for name in names if (found := translated(name, lambda _: False)) and lemmas(found) != lemmas(name)]
    assert len(wrong) < len(names) / 300, wrong


def test_unknown_subject_has_no_narrower_names() -> None:
    assert narrower_names("beekeeping for beginners") == Names()
