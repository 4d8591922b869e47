"""Sentences that can be read without the ones before them."""

import pytest

from digestd.gists.standing import stand


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
        ("It is well known that oaks grow slowly.", "It is well known that oaks grow slowly."),
        ("We address these important gaps and introduce an oak.", "We introduce an oak."),
        ("We tackle this problem by proposing an oak.", "We propose an oak."),
        ("We plant an oak that solves this issue with its roots.", "We plant an oak with its roots."),
        ("We plant a new oak designed to fill this gap using roots.", "We plant a new oak using roots."),
        ("We make a first attempt in this direction by planting oaks.", "We make a first attempt by planting oaks."),
        ("Using this insight from the parks, we plant oaks.", "We plant oaks."),
        ("To bridge both worlds we plant oaks.", "We plant oaks."),
        ("We plant oaks (https://example.org/oaks).", "We plant oaks."),
        (
            "Oaks in parks grow twice as fast as oaks in forests of the same age, in nine countries, demonstrating the "
            "great potential of parks.",
            "Oaks in parks grow twice as fast as oaks in forests of the same age, in nine countries.",
        ),
        ("In short, f is the height of the oak.", "In short, f is the height of the oak."),
        ("We plant oaks to address this aforementioned issue.", "We plant oaks."),
        ("To bridge the gap, we plant oaks.", "We plant oaks."),
        ("For example, oaks grow in parks.", "Oaks grow in parks."),
        ("To the end, we plant oaks.", "We plant oaks."),
        ("Empowered by these, our oaks grow.", "Our oaks grow."),
        ("To fill such a gap, in this study, we plant oaks.", "We plant oaks."),
        ("Pruned with care, OAK also uses water.", "Pruned with care, OAK uses water."),
        ("The growth of oaks is in turn limited by water.", "The growth of oaks is limited by water."),
        ("To further improve growth, we water oaks.", "To improve growth, we water oaks."),
        ("Oaks grow in parks but also in forests.", "Oaks grow in parks but also in forests."),
        ("The oaks are also known as trees.", "The oaks are also known as trees."),
        ("We plant both oaks and elms in parks.", "We plant both oaks and elms in parks."),
        ("We plant oaks and show that these oaks grow.", "We plant oaks and show that these oaks grow."),
    ],
)
def test_stand_drops_connectives(sentence: str, shown: str) -> None:
    found = stand(sentence)
    assert (found.text, found.needs_before, found.is_broken) == (shown, False, False)


@pytest.mark.parametrize(
    "sentence",
    [
        "These responsibilities fall to the owner of the park.",
        "It grows twice as fast as an oak.",
        "They grow in parks and forests.",
        "Such trees grow in parks and forests.",
        "We aim to address this question.",
        "To address this, earlier work has planted elms.",
        "Even its leaves grow twice as fast.",
        "We plant the oaks from the first stage again.",
        "The paper transfers that methodology to elms.",
        "The latter grow twice as fast.",
        "We show that it grows twice as fast.",
        "We tackle this problem by planting more oaks.",
        "We propose a network to model these continuous changes well.",
        "We plant an oak that solves this issue by growing.",
        "Instead, oaks grow in parks.",
        "In comparison, oaks grow in parks.",
        "We plant oaks, which instead grow in parks.",
        "In forests of the north, they grow slowly.",
        "Despite this, in parks we count a hundred oaks.",
        "Both kinds grow in parks.",
        "Improving their growth is hard.",
        "It has been limited to small parks.",
        "We find a similar effect in parks.",
        "In one, conducted with 110 visitors, oaks were pruned.",
        "In another, we plant oaks.",
        "We plant more oaks from both perspectives.",
        "We give more water to those that are small.",
        "A third kind of oak seems to grow in parks.",
        "Another problem concerns the growth of oaks.",
        "On ten forests of the north, it achieves 12% more growth.",
        "Unlike other methods, this method needs no soil.",
    ],
)
def test_stand_tells_what_needs_the_sentence_before(sentence: str) -> None:
    found = stand(sentence)
    assert found.needs_before or found.pointed


@pytest.mark.parametrize(
    "sentence",
    [
        "Our method has three parts:",
        "(ii) the second part is a leaf.",
        "2) Leaves are cut off.",
        "It has goals: * To grow fast.",
        "We plant oaks (and elms.",
        "We b) plant elms in the park.",
        "%we plant oaks in a park.",
    ],
)
def test_stand_tells_what_is_broken(sentence: str) -> None:
    assert stand(sentence).is_broken


@pytest.mark.parametrize(
    "sentence",
    ["The method is faster than others.", "Our simple but fast solution is good.", "We show that our proposal works."],
)
def test_stand_tells_what_lacks_its_subject(sentence: str) -> None:
    assert stand(sentence).is_loose


@pytest.mark.parametrize(
    "sentence", ["Furthermore, oaks grow in parks.", "We also plant oaks.", "For example, oaks grow in parks."]
)
def test_stand_tells_what_adds_to_sentence_before(sentence: str) -> None:
    assert stand(sentence).is_added


@pytest.mark.parametrize(
    "sentence",
    [
        "Our results show that oaks grow.",
        "It is important to plant oaks.",
        "Oaks rather than elms, which instead need parks, grow.",
    ],
)
def test_stand_lets_sentences_alone(sentence: str) -> None:
    found = stand(sentence)
    assert (found.needs_before, found.pointed, found.is_loose) == (False, "", False)
