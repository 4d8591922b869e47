"""Sentences that can be read without the ones before them."""

import pytest

from digestd.papers.gists.standing import stand


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
        ("We plant an oak that solves this issue by growing.", "We plant an oak that solves this issue by growing."),
        ("We plant oaks to address this aforementioned issue.", "We plant oaks."),
        ("To bridge the gap, we plant oaks.", "We plant oaks."),
        ("For example, oaks grow in parks.", "Oaks grow in parks."),
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
    ],
)
def test_stand_tells_what_needs_the_sentence_before(sentence: str) -> None:
    assert stand(sentence).needs_before


@pytest.mark.parametrize(
    "sentence",
    [
        "Our method has three parts:",
        "(ii) the second part is a leaf.",
        "2) Leaves are cut off.",
        "It has goals: * To grow fast.",
        "We plant oaks (and elms.",
    ],
)
def test_stand_tells_what_is_broken(sentence: str) -> None:
    assert stand(sentence).is_broken


def test_stand_tells_what_lacks_its_subject() -> None:
    assert stand("The method is faster than others.").is_loose
