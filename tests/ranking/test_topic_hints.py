"""Test the hints about topics: how they are understood, and the nearest ones that bring papers."""

from digestd.domain.interest import TopicHint
from digestd.ranking.candidates import CandidateSet, build_candidates
from digestd.ranking.topic_hints import TopicHints
from tests.ranking.library import NOON, candidates, model, papers, retitled

QUANTUM = [
    retitled(f"Quantum computing, part {n}", "Quantum computing needs many qubits. Quantum error correction helps.")
    for n in range(6)
]


def _day() -> CandidateSet:
    known = [*papers()[:8], *QUANTUM]
    return build_candidates(known, model(known), NOON)


def _hint(topic: str) -> TopicHint:
    day = _day()
    return TopicHints(day.subjects).of([topic])[0]


def test_known_topic_is_counted() -> None:
    assert _hint("quantum computing") == TopicHint("quantum computing", "", False, 6, (), False)
    assert not _hint("quantum computing").is_notable


def test_misspelt_topic_is_corrected() -> None:
    hint = _hint("quantm computing")
    assert (hint.understood, hint.is_corrected, hint.papers) == ("quantum computing", True, 6)


def test_foreign_topic_is_translated() -> None:
    for topic in ("Quantencomputer", "量子计算"):
        hint = _hint(topic)
        assert (hint.understood, hint.is_corrected, hint.papers) == ("quantum computing", False, 6)
        assert (hint.is_translated, hint.is_foreign) == (True, False)


def test_topic_without_papers_has_nearest() -> None:
    hint = _hint("calculo quantico")
    assert (hint.papers, hint.nearest) == (0, ("quantum computing",))


def test_topic_in_unknown_language_is_unknown() -> None:
    for topic in ("töpferei der osmanen", "کوانتوم", "xqzzt"):
        assert _hint(topic).is_unknown
    assert not _hint("quantum gravity of neutrinos").is_unknown


def test_topic_in_another_language_is_recognised() -> None:
    for topic in ("töpferei der osmanen", "کوانتوم", "история керамики", "céramique et quantum", "Modelle für Wolken"):
        assert _hint(topic).is_foreign, topic


def test_english_topic_is_not_taken_for_foreign() -> None:
    for topic in (
        "β-lactam resistance",
        "Schrödinger bridge",
        "xqzzt",
        "de novo protein design",
        "naïve Bayes",
        "NeRF",
    ):
        assert not _hint(topic).is_foreign, topic


def test_day_without_papers_gives_no_hints() -> None:
    day = candidates([])
    assert TopicHints(day.subjects).of(["quantum computing"]) == []
