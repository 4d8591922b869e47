"""Sentences that can be read without the ones before them, and names that others introduce."""

import pytest

from digestd.gists.acronyms import expand, long_forms, names
from digestd.gists.roles import NEEDS, load_model
from digestd.gists.standing import antecedents, is_broken, leanings, stand


def needs_before(sentence: str) -> bool:
    """Return True if a sentence in the middle of an abstract needs the one before it."""
    texts = ["We plant two oaks in a park.", stand(sentence)]
    _, traits = load_model().judge(texts, leanings("A garden", texts))
    return bool(traits[1, NEEDS] > 0.5)


@pytest.mark.parametrize(
    ("sentence", "shown"),
    [
        ("However, trees fall slowly.", "Trees fall slowly."),
        ("In this paper, we study how trees fall.", "We study how trees fall."),
        ("To address these gaps, we plant oaks.", "We plant oaks."),
        ("Motivated by this observation, we plant oaks.", "We plant oaks."),
        ("We therefore also plant oaks.", "We plant oaks."),
        ("Taken together, these results show that oaks grow.", "The results show that oaks grow."),
        ("But mRNA is made by oaks.", "mRNA is made by oaks."),
        ("This paper describes an oak in a park.", "This paper describes an oak in a park."),
        ("We address these important gaps and introduce an oak.", "We introduce an oak."),
        ("We tackle this problem by proposing an oak.", "We propose an oak."),
        ("This paper addresses that gap by aligning oaks.", "This paper aligns oaks."),
        ("We address this gap with OakSim, a park.", "We present OakSim, a park."),
        ("We plant an oak that solves this issue with its roots.", "We plant an oak with its roots."),
        ("We plant a new oak designed to fill this gap using roots.", "We plant a new oak using roots."),
        ("We aim to address this question in a park.", "We aim to address this question in a park."),
        ("Using this insight from the parks, we plant oaks.", "We plant oaks."),
        ("To bridge both worlds we plant oaks.", "We plant oaks."),
        ("We plant oaks (https://example.org/oaks).", "We plant oaks."),
        (
            "We present OakSim, a park, which is freely available at https://example.org/oaks.",
            "We present OakSim, a park.",
        ),
        ("This survey fills this gap by comparing oaks.", "This survey compares oaks."),
        ("This paper closes this gap by providing oaks.", "This paper provides oaks."),
        ("We close this gap by discussing oaks.", "We discuss oaks."),
        ("In short, f is the height of the oak.", "In short, f is the height of the oak."),
        ("To fill such a gap, in this study, we plant oaks.", "We plant oaks."),
        ("Oaks grow in parks but also in forests.", "Oaks grow in parks but also in forests."),
    ],
)
def test_stand_drops_what_ties_a_sentence_to_others(sentence: str, shown: str) -> None:
    assert stand(sentence) == shown


@pytest.mark.parametrize(
    "sentence",
    [
        "These responsibilities fall to the owner of the park.",
        "It grows twice as fast as an oak.",
        "Such trees grow in parks and forests.",
        "We aim to address this question.",
        "To address this, earlier work has planted elms.",
        "Even its leaves grow twice as fast.",
        "The latter grow twice as fast.",
        "We propose a network to model these continuous changes well.",
        "Instead, oaks grow in parks.",
        "Despite this, in parks we count a hundred oaks.",
    ],
)
def test_model_tells_what_needs_the_sentence_before(sentence: str) -> None:
    assert needs_before(sentence)


@pytest.mark.parametrize(
    "sentence",
    [
        "Our results show that oaks grow.",
        "We propose OakSim, a simulator of oaks that needs no soil.",
        "We plant both oaks and elms in parks.",
        "Oaks rather than elms, which need parks, grow.",
    ],
)
def test_model_tells_what_stands_alone(sentence: str) -> None:
    assert not needs_before(sentence)


@pytest.mark.parametrize(
    "sentence",
    [
        "Our method has three parts:",
        "(ii) the second part is a leaf.",
        "2) Leaves are cut off.",
        "We plant oaks (and elms.",
        "We b) plant elms in the park.",
        "%we plant oaks in a park.",
    ],
)
def test_is_broken_finds_parts_of_sentences(sentence: str) -> None:
    assert is_broken(sentence)
    assert not is_broken("We (i) plant oaks (Quercus 1.1) and (ii) water them.")


def test_is_broken_reads_formulas_in_parentheses() -> None:
    assert not is_broken("We prove that an oak has 1 + ln(n + m - 1) leaves.")


def test_antecedents_are_the_last_sentences_with_the_noun() -> None:
    texts = ["Oaks grow.", "We plant two elms.", "We water trees.", "We show that these elms grow.", "This elm grows."]
    assert antecedents(texts) == [frozenset(), {0}, {1}, {1, 2}, {3}]


def test_leanings_tell_where_a_noun_was_met() -> None:
    found = leanings("A park", ["We plant oaks.", "The oaks grow.", "These parks and these saws help the birds."])
    assert found == [[], ["x the seen"], ["x these title start", "x these nowhere later"]]
    assert leanings("A park", ["This letter describes an oak."]) == [[]]


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
    assert expand("Two MoEs.", "MoE", "Mixture-of-Experts") == "Two Mixture-of-Experts (MoEs)."
    assert expand("A GPS-like oak.", "GPS", "policy search") == "A GPS-like oak."
    assert expand("Oaks (or a GPS) grow.", "GPS", "policy search") == "Oaks (or a GPS) grow."
    assert expand("The GPS (G) oak.", "GPS", "policy search") == "The GPS (G) oak."


def test_names_leave_words_and_known_ones() -> None:
    assert names("OakSim-2 and GPSs count Oaks by AI, in 12 parks and H3 grids.") == {"OakSim-2", "GPS", "H3"}


def test_standing_is_linear_in_hostile_text() -> None:
    for text in ("the " * 4_000, "A-" * 4_000, "this two " * 2_000, "(AB) " * 2_000, "to " * 4_000, "a) " * 4_000):
        assert leanings("x", [stand(text), text])
        assert not is_broken(text) or long_forms([text]) is not None
