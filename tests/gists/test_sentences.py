"""Splitting abstracts into sentences."""

import pytest

from digestd.gists.sentences import split_sentences


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("We use e.g. trees, i.e. oaks. They grow.", ["We use e.g. trees, i.e. oaks.", "They grow."]),
        ("As Ash et al. (2018) say, it falls. We agree.", ["As Ash et al. (2018) say, it falls.", "We agree."]),
        ("J. R. Ash and B.-K. Elm met. See Fig. 3 there.", ["J. R. Ash and B.-K. Elm met.", "See Fig. 3 there."]),
        ("Draws are i.i.d. with mean 0.5. We sum.", ["Draws are i.i.d. with mean 0.5.", "We sum."]),
        ("Draws are i.i.d. We sum.", ["Draws are i.i.d.", "We sum."]),
        ("It has (i) a root. and (ii) a leaf. It grows.", ["It has (i) a root. and (ii) a leaf.", "It grows."]),
        ("Leaves fall.We count.", ["Leaves fall.", "We count."]),
        ("See https://example.org/A.Then stop.", ["See https://example.org/A.Then stop."]),
        ("Trees grow. mRNA is made.", ["Trees grow.", "mRNA is made."]),
        ("木は育つ。葉は落ちる。", ["木は育つ。", "葉は落ちる。"]),
        ("Abstract-This paper is on oaks.", ["This paper is on oaks."]),
        ("We plant oaks (or elms).We count.", ["We plant oaks (or elms).", "We count."]),
        ("", []),
    ],
)
def test_split_sentences(text: str, sentences: list[str]) -> None:
    assert [sentence.text for sentence in split_sentences(text)] == sentences


def test_split_sentences_keeps_labels_as_roles() -> None:
    found = split_sentences(
        "BACKGROUND: Trees fall. METHODS: We cut ten. Results: Nine fell (P < .01). CONCLUSIONS: Cutting works. "
        "Funding: Nobody. KEYWORDS: trees; saws. Copyright 2010 Nobody. All rights reserved."
    )
    assert [(sentence.label, sentence.text) for sentence in found] == [
        ("background", "Trees fall."),
        ("method", "We cut ten."),
        ("result", "Nine fell (P < .01)."),
        ("conclusion", "Cutting works."),
    ]


def test_split_sentences_keeps_look_alikes_of_labels() -> None:
    text = "Introductıon: Trees fall. Reſults: Nine fell. OBJECTİVE: To cut. Results: Ten fell."
    assert [sentence.label for sentence in split_sentences(text)] == ["", "", "", "result"]


@pytest.mark.parametrize(
    "text", ["Methods. We cut ten. Results. Nine fell.", "Methods We cut ten. Results The oaks fell."]
)
def test_split_sentences_keeps_bare_labels_as_roles(text: str) -> None:
    assert [sentence.label for sentence in split_sentences(text)] == ["method", "result"]


@pytest.mark.parametrize(
    "boilerplate",
    [
        "© 2010 Nobody Ltd.",
        "This is an open access article.",
        "Copyright 2011 Nobody.",
        "Accepted for publication.",
        "REVIEWERS: This article was reviewed by Nobody.",
        "Section 4 gives a proof.",
        "An appendix supplies definitions.",
        "The rest of the paper is organized as follows.",
        "Index Terms: oaks, elms.",
    ],
)
def test_split_sentences_drops_boilerplate(boilerplate: str) -> None:
    assert [sentence.text for sentence in split_sentences(f"Trees fall. {boilerplate}")] == ["Trees fall."]


def test_split_sentences_is_linear_in_hostile_text() -> None:
    for text in ("(" * 50_000, "a. " * 50_000, "To this " * 20_000, "A.B." * 20_000, "METHODS/" * 10_000):
        assert len(" ".join(sentence.text for sentence in split_sentences(text))) <= 8_000
