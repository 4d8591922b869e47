"""What sentences take for granted."""

import pytest

from digestd.gists.references import appositions, expand, find_needs, long_forms
from digestd.gists.standing import stand


def needed(title: str, *sentences: str) -> dict[str, list[int]]:
    """Return the places that introduce what the last sentence takes for granted, by its words."""
    standings = [stand(sentence) for sentence in sentences]
    needs = find_needs(title, standings, [0.0] * len(standings))
    return {need.name: sorted(need.before) for need in needs if need.place == len(sentences) - 1 and need.name}


@pytest.mark.parametrize(
    ("sentence", "phrase"),
    [
        ("We prune the oaks with a saw.", "the oaks with a saw"),
        ("We prune the two oaks with a saw.", "the two oaks with a saw"),
        ("Each oak is pruned with a saw.", "Each oak is pruned with a"),
    ],
)
def test_definite_phrase_needs_sentence_that_has_it(sentence: str, phrase: str) -> None:
    assert needed("A garden", "We plant two oaks.", "Birds sing.", sentence) == {phrase: [0]}


@pytest.mark.parametrize(
    ("title", "sentence"),
    [
        ("Oaks", "We prune the oaks with a saw."),
        ("A garden", "We prune the brain of a bird."),
        ("A garden", "The oldest oaks grow slowly."),
        ("A garden", "The oaks that we plant grow slowly."),
        ("A garden", "We plant more oaks and prune the oaks with a saw."),
    ],
)
def test_what_is_known_needs_nothing(title: str, sentence: str) -> None:
    assert needed(title, "We plant two oaks.", "Birds sing.", sentence) == {}


def test_name_needs_sentence_that_has_it() -> None:
    found = needed("A garden", "We plant RootSim.", "Birds sing.", "RootSim grows.")
    assert found == {"RootSim": [0]}
    assert needed("RootSim: a garden", "We plant RootSim.", "Birds sing.", "RootSim grows.") == {}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("guided policy search (GPS) is", {"GPS": "guided policy search"}),
        ("by test-time adaptation (TTA) alone", {"TTA": "test-time adaptation"}),
        ("single nucleotide polymorphisms (SNPs) of", {"SNP": "single nucleotide polymorphism"}),
        ("the area under the curve (AUC)", {"AUC": "area under the curve"}),
        ("messenger RNA (mRNA)", {"mRNA": "messenger RNA"}),
        ("divided into metric estimation (MMDE)", {}),
        ("oaks and elms (see below)", {}),
    ],
)
def test_long_forms(text: str, found: dict[str, str]) -> None:
    assert long_forms([text]) == found


def test_expand_leaves_what_is_explained_or_part_of_name() -> None:
    assert expand("Two GPSs and a GPS.", "GPS", "policy search") == "Two policy searchs (GPSs) and a GPS."
    assert expand("A GPS-like oak.", "GPS", "policy search") == "A GPS-like oak."
    assert expand("Oaks (or a GPS) grow.", "GPS", "policy search") == "Oaks (or a GPS) grow."
    assert expand("The GPS (G) oak.", "GPS", "policy search") == "The GPS (G) oak."


def test_coined_name_is_explained_by_its_apposition() -> None:
    found = appositions(["To prune them, we introduce BARK, a slow saw without teeth that cuts oaks."])
    assert found == {"BARK": "a slow saw without teeth"} or found == {"BARK": "a slow saw"}
    assert expand("Oaks cut with BARK grow.", "BARK", "a slow saw") == "Oaks cut with BARK grow."
    assert expand("Oaks are cut with BARK.", "BARK", "a slow saw") == "Oaks are cut with a slow saw (BARK)."
    assert expand("BARK outperforms an axe.", "BARK", "a slow saw") == "A slow saw (BARK) outperforms an axe."
    assert expand("The BARK is slow.", "BARK", "a slow saw") == "The BARK is slow."


def test_phrases_are_linear_in_hostile_text() -> None:
    for text in ("the " * 4_000, "A-" * 4_000, "the two " * 2_000, "(AB) " * 2_000):
        assert find_needs("x", [stand(text), stand(text)], [0.0, 0.0]) is not None
