"""Sentences that can be read without the ones before them, and names that others introduce."""

from zlib import crc32

import pytest

from digestd.gists.acronyms import expand, long_forms, names
from digestd.gists.model import NEEDS, features, load_model
from digestd.gists.standing import is_broken, shorter_forms, stand

_PLACES = ("the seen", "the alone", "these here start", "these title start", "these nowhere later")


def needs_before(sentence: str) -> bool:
    """Return True if a sentence in the middle of an abstract needs the one before it."""
    first = "We plant two oaks in a park."
    judged = load_model().judge("A garden", [first, sentence], [first, stand(sentence)])
    return bool(judged[1, NEEDS] > 0.5)


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
        ("We tackle this old problem by proposing an oak.", "We propose an oak."),
        ("This paper addresses these gaps by developing an oak.", "This paper develops an oak."),
        ("We plant an oak designed to fill this gap.", "We plant an oak."),
        ("We plant the first oak to overcome this challenge.", "We plant the first oak to overcome this challenge."),
        ("Then this paper describes an oak.", "This paper describes an oak."),
        ("This paper also serves as a guide to oaks.", "This paper also serves as a guide to oaks."),
        ("Instead, we plant oaks.", "We plant oaks."),
        ("We plant an oak that tries to close these gaps.", "We plant an oak."),
        ("We aim to address this question in a park.", "We aim to address this question in a park."),
        ("Using this insight from the parks, we plant oaks.", "We plant oaks."),
        ("To plant faster than 1.3 oaks in such parks, we dig.", "We dig."),
        ("To fill this gap,we plant oaks.", "We plant oaks."),
        ("Despite this lack of data, oaks are counted.", "Oaks are counted."),
        ("We propose a saw that tackles this issue by cutting oaks.", "We propose a saw that works by cutting oaks."),
        ("We present a saw to solve these issues, and oaks.", "We present a saw, and oaks."),
        ("We close this gap with OakSim, a park.", "We present OakSim, a park."),
        ("Oaks that grow are old, i.e., they have lived.", "Oaks that grow are old, i.e., they have lived."),
        ("To bridge both worlds we plant oaks.", "We plant oaks."),
        ("We plant oaks (https://example.org/oaks).", "We plant oaks."),
        (
            "We present OakSim, a park, which is freely available at https://example.org/oaks.",
            "We present OakSim, a park.",
        ),
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
        "Even its leaves grow twice as fast.",
        "The latter grow twice as fast.",
        "We propose a network to model these continuous changes well.",
        "Instead, oaks grow in parks.",
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
        "2) Leaves are cut off.",
        "We plant oaks (and elms.",
        "We b) plant elms in the park.",
    ],
)
def test_is_broken_finds_parts_of_sentences(sentence: str) -> None:
    assert is_broken(sentence)
    assert not is_broken("We (i) plant oaks (Quercus 1.1) and (ii) water them.")


def test_is_broken_reads_formulas_in_parentheses() -> None:
    assert not is_broken("We prove that an oak has 1 + ln(n + m - 1) leaves.")


def test_features_tell_where_a_noun_was_met() -> None:
    texts = ["We plant oaks.", "The oaks grow.", "These parks and these saws help the birds."]
    found = features("A park", texts, texts)
    places = {crc32(f"x {name}".encode()): name for name in _PLACES}
    pointing = [[places[one] for one in sentence if one in places] for sentence in found]
    assert pointing == [[], ["the seen"], ["these title start", "these nowhere later"]]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("guided policy search (GPS) is", {"GPS": "guided policy search"}),
        ("by test-time adaptation (TTA) alone", {"TTA": "test-time adaptation"}),
        ("single nucleotide polymorphisms (SNPs) of", {"SNP": "single nucleotide polymorphism"}),
        ("the area under the curve (AUC)", {"AUC": "area under the curve"}),
        ("speech self-supervised learning (SSL)", {"SSL": "self-supervised learning"}),
        ("Leaf area measurement (LAM) is slow", {"LAM": "leaf area measurement"}),
        ("Bayesian Oak Counting (BOC) is old", {"BOC": "Bayesian Oak Counting"}),
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
    assert expand("A policy search (GPS) of a GPS.", "GPS", "policy search") == "A policy search (GPS) of a GPS."
    assert expand("GPS sees oaks.", "GPS", "policy search") == "Policy search (GPS) sees oaks."


def test_names_leave_words_and_known_ones() -> None:
    assert names("OakSim-2 and GPSs count Oaks by AI, in 12 parks and H3 grids.") == {"OakSim-2", "GPS", "H3"}


def test_standing_is_linear_in_hostile_text() -> None:
    for text in ("the " * 4_000, "A-" * 4_000, "this two " * 2_000, "(AB) " * 2_000, "to " * 4_000, "a) " * 4_000):
        assert features("x", [text, text], [stand(text), text])
        assert len(shorter_forms(text)) < 100
        assert not is_broken(text) or long_forms([text]) is not None


@pytest.mark.parametrize(
    ("sentence", "form"),
    [
        (
            "We propose LeafCount, a model that counts oaks (even small and crooked ones) in parks of large cities.",
            "We propose LeafCount, a model that counts oaks in parks of large cities.",
        ),
        (
            "LeafCount outperforms the best model by 12% on all forests, which shows how much radar helps.",
            "LeafCount outperforms the best model by 12% on all forests.",
        ),
        (
            "Through long sweeps over soil, water, and light, we study how oaks grow in parks of large cities.",
            "We study how oaks grow in parks of large cities.",
        ),
        (
            "Combining radar with old maps of the forest yields the best results, confirming that both are needed.",
            "Combining radar with old maps of the forest yields the best results.",
        ),
        (
            "Experiments across nine forests show that LeafCount outperforms the best older model by 12%.",
            "LeafCount outperforms the best older model by 12%.",
        ),
        (
            "We test LeafCount in nine parks, showing that radar images of the forests miss 12% of all oaks.",
            "Radar images of the forests miss 12% of all oaks.",
        ),
        (
            "We propose LeafCount, a model that counts old trees, with two key parts: (1) a radar of oaks; (2) a saw.",
            "We propose LeafCount, a model that counts old trees.",
        ),
        (
            "We count the old trees in large parks as a network flow: oaks are sources, and all of the others sinks.",
            "We count the old trees in large parks as a network flow.",
        ),
    ],
)
def test_shorter_forms_drop_what_can_go(sentence: str, form: str) -> None:
    assert form in shorter_forms(sentence)


@pytest.mark.parametrize(
    "sentence",
    [
        "We show that oaks in the parks of large cities grow twice as fast while keeping all of their old leaves.",
        "We train a small network on a large and careful set of images collected by flying over nine old forests.",
        "Our counts show that careful combinations of old maps, including those of parks, yield strong results.",
        "We tune small models of trees on open-ended, particularly long-form, planning tasks, guided by radar alone.",
        "We propose a plane to empower those who count the oaks by leveraging a synergy of radars, saws, and ladders.",
        "Instead of counting new forests and pruning at every oak again, our method, which is small, counts all.",
        "Not only do our counts from old maps carry over, but our plans for forests, using radar, improve as well.",
        "Any such count of oaks in large forests has the following properties: (i) it is fast, and (ii) it is right.",
        "We plant many oaks and grow them in very large parks for old, long, planning tasks of cities near the seas.",
        "We plant oaks in very old parks that are the first to simultaneously achieve: (i) size, and (ii) speed.",
        "We plant the first oak of the very old parks that grows twice as fast by drinking rain from the clouds.",
        "We show that trees in very old parks and gardens of cities, which nobody ever waters, grow twice as fast.",
        "We show that oaks in parks need water and that elms in the forests, using only the rain, need none.",
        "When all the oaks in very old parks of cities are pruned, using a saw that is slow, they grow.",
        "Our experiments on ten forests yield two main findings: (i) oaks grow fast, elms do not; (ii) birds sing.",
        "The large oaks in the very old parks and gardens of many cities, including elms, which grow.",
        "We count oaks with EFA (Executable Forest Abstraction) in parks of large cities of the north.",
        "We split the count of all trees in large parks into two kinds of numbers: those of oaks and those of elms.",
        "We evaluate LeafCount on nine forests and two lakes, demonstrating that it, and radar, miss 12% of oaks.",
        "Oaks grow.",
    ],
)
def test_shorter_forms_keep_sentences_whole(sentence: str) -> None:
    assert shorter_forms(sentence) == ()


def test_shorter_forms_keep_what_a_pronoun_stands_for() -> None:
    sentence = "Using a small network for radar images, we show that it counts oaks in parks of large cities."
    assert shorter_forms(sentence) == ()
