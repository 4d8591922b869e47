"""Test the hints about topics: how they are read, and how many papers they bring."""

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
    return TopicHints(day.model, day.subjects).of([topic])[0]


def test_known_topic_is_counted() -> None:
    assert _hint("quantum computing") == TopicHint("quantum computing", "", False, 6, False)
    assert not _hint("quantum computing").is_notable


def test_misspelt_topic_is_corrected() -> None:
    hint = _hint("quantm computing")
    assert (hint.understood, hint.is_corrected, hint.papers) == ("quantum computing", True, 6)


def test_topic_without_known_word_is_unknown() -> None:
    for topic in ("töpferei der osmanen", "کوانتوم", "xqzzt"):
        assert _hint(topic).is_unknown
    assert not _hint("quantum gravity of neutrinos").is_unknown


def test_day_without_papers_gives_no_hints() -> None:
    day = candidates([])
    assert TopicHints(day.model, day.subjects).of(["quantum computing"]) == []
