"""Test that reasons name the strongest signal and quote literally."""

import numpy as np
import pytest

from digestd.domain.digest import Reason, ReasonKind
from digestd.domain.interest import Interest, Kind
from digestd.domain.paper import Paper, PaperId
from digestd.ranking.arrays import Cells
from digestd.ranking.candidates import build_candidates
from digestd.ranking.compiler import ProfileInput
from digestd.ranking.profile import compile_profiles
from digestd.ranking.reasons import explain_words, reason, reasons
from digestd.ranking.seeds import Seed
from digestd.ranking.signals import topics as topic_signal
from digestd.ranking.signals.topics import explain_subject, subject_evidence
from digestd.ranking.subjects import ABOUT
from tests.ranking.library import NOON, candidates, likes, many, model, papers, profile, retitled


def reason_of(j: int, *interests: Interest, of: list[Paper] | None = None) -> Reason:
    day = candidates(of)
    return reason(day, profile(day, *interests), j)


def test_reason_names_author_as_followed_and_as_written() -> None:
    assert reason_of(8, *likes((Kind.AUTHOR, "J. Smith"), (Kind.TOPIC, "surface codes"))) == Reason(
        ReasonKind.AUTHOR, "J. Smith", ("Jane Q. Smith",)
    )


def test_reason_names_every_followed_author() -> None:
    followed = likes((Kind.AUTHOR, "J. Smith"), (Kind.AUTHOR, "Ingrid Ødegård"))
    assert reason_of(0, *followed) == Reason(ReasonKind.AUTHOR, "J. Smith", ("J. Smith", "Ingrid Ødegård"))


def test_reason_quotes_phrase() -> None:
    assert reason_of(4, *likes((Kind.PHRASE, "WAGGLE-DANCE"))) == Reason(
        ReasonKind.PHRASE, "WAGGLE-DANCE", ("Honeybee foragers adapt the waggle dance when nectar is scarce",)
    )


@pytest.mark.parametrize(
    ("text", "phrase", "words"),
    [
        ("A naïve Bayes filter", "naive bayes", "naïve Bayes"),
        ("All of it in C++.", "c++", "C++"),
        ("We start an art school", "art", "art"),
        ("Few\u2013shot parsing", "few-shot", "Few\u2013shot"),
        ("用于语音识别的模型", "语音识别", "语音识别"),
    ],
)
def test_reason_finds_phrase_in_any_spelling(text: str, phrase: str, words: str) -> None:
    assert reason_of(0, *likes((Kind.PHRASE, phrase)), of=[retitled(text)]).words == (words,)


OLD = "Sea salt is old. We keep goats."


@pytest.mark.parametrize(
    ("abstract", "kind", "words"),
    [
        (OLD, ReasonKind.PASSING, "Sea salt is old"),
        ("We keep goats. Goats outperform sea salt.", ReasonKind.PASSING, "Goats outperform sea salt"),
        (f"{OLD} We use sea salt.", ReasonKind.PHRASE, "We use sea salt"),
    ],
)
def test_reason_says_that_phrase_is_in_passing(abstract: str, kind: ReasonKind, words: str) -> None:
    assert reason_of(0, *likes((Kind.PHRASE, "sea salt")), of=[retitled("Goats", abstract)]) == Reason(
        kind, "sea salt", (words,)
    )


def test_reason_prefers_topic_to_phrase_in_passing() -> None:
    wanted = likes((Kind.PHRASE, "sea salt"), (Kind.TOPIC, "goats"))
    assert reason_of(0, *wanted, of=[retitled("Goats", OLD)]).kind is ReasonKind.TITLE


def test_reason_says_that_topic_is_background(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topic_signal, "ABOUT", 1.1)
    told = "Waggle dances of honeybees are old. We keep goats."
    day = candidates([*papers(), retitled("Waggle pots", told)])
    said = reason(day, profile(day, *likes((Kind.TOPIC, "waggle dances"))), 16)
    assert said == Reason(ReasonKind.BACKGROUND, "waggle dances", ("Waggle dances",)), "what is old is not quoted"


def test_reason_ignores_phrase_inside_word() -> None:
    assert reason_of(0, *likes((Kind.PHRASE, "art")), of=[retitled("We start a cart")]).kind is not ReasonKind.PHRASE


def test_reason_quotes_topic_words() -> None:
    assert reason_of(8, *likes((Kind.TOPIC, "quantum error correcting"))) == Reason(
        ReasonKind.TOPIC,
        "quantum error correcting",
        ("Quantum error correction with surface codes when qubit noise drifts",),
    )


def test_reason_names_liked_paper() -> None:
    assert reason_of(4, *likes((Kind.PAPER, "made:6"))) == Reason(
        ReasonKind.LIKED, "Pesticide memory loss in bumblebees"
    )


def test_reason_names_words_of_joint_likes() -> None:
    field = [
        retitled("Honeybee brood in cold hives", "Beekeepers insulate hives."),
        retitled("Nectar flow and colony weight", "Scales below colonies."),
        retitled("Swarming and the queen", "A queen leaves with half the workers."),
    ]
    filler = " ".join(f"{word}{n}" for n in range(40) for word in ("tundra", "basalt", "ledger", "comet"))
    mixed = retitled("Hives, colonies and queens", f"Nectar, brood and swarming. {filler}")
    seeds = {PaperId(f"own:{n}"): Seed(paper.plain_title, paper.text) for n, paper in enumerate(field)}
    day = build_candidates([mixed, *papers()], model([*papers(), *field, mixed]), NOON)
    who = compile_profiles([ProfileInput(likes(*((Kind.PAPER, name) for name in seeds)), seeds)], day.model, day)
    said = explain_words(day, who, Cells(np.array([0, 0]), np.array([0, 9])))
    assert said.strength[0] > 0
    assert said.strength[1] == 0
    words = said.words(0)[1]
    assert 1 <= len(words) <= 3
    assert set(words) <= {"Hives", "colonies", "queens", "Nectar", "brood", "swarming"}


def test_reason_prefers_others_to_category() -> None:
    assert reason_of(12, *likes((Kind.CATEGORY, "hist"))) == Reason(ReasonKind.CATEGORY, "hist")


def test_reason_states_votes_of_trend() -> None:
    assert reason_of(15) == Reason(ReasonKind.TREND, "15")


def test_reason_without_votes_is_new() -> None:
    assert reason_of(0) == Reason(ReasonKind.NEW)


QUOTING = {
    *(ReasonKind.AUTHOR, ReasonKind.WORDS),
    *(ReasonKind.PHRASE, ReasonKind.PASSING),
    *(ReasonKind.TOPIC, ReasonKind.BACKGROUND),
}


def test_reasons_quote_only_words_of_paper() -> None:
    day = candidates()
    for who in many(day):
        for j, paper in enumerate(day.papers):
            said = reason(day, who, j)
            text = " ".join([paper.text, *paper.words.authors])
            assert all(word in text for word in said.words)
            if said.kind is not ReasonKind.NEAR_TOPIC:  # it quotes if the paper has words of the topic
                assert not said.words or said.kind in QUOTING


def test_reasons_are_independent_of_batch() -> None:
    day = candidates()
    everybody = many(day)
    rows, columns = np.indices((len(everybody), len(day)))
    order = np.random.default_rng(1).permutation(rows.size)
    at = Cells(rows.ravel()[order], columns.ravel()[order])
    alone = [reason(day, everybody[i], j) for i, j in zip(at.rows.tolist(), at.columns.tolist(), strict=True)]
    assert list(reasons(day, everybody, at)) == alone
    assert reasons(day, everybody, Cells(at.rows[:0], at.columns[:0])).which.tolist() == []


def test_reason_ignores_common_word_of_topic() -> None:
    unheard = "zymurgy xylophone ice"
    assert reason_of(1, *likes((Kind.TOPIC, "ice"))).words[0].endswith("flowing ice")
    assert reason_of(1, *likes((Kind.TOPIC, unheard))) == Reason(ReasonKind.NEAREST, unheard)


def test_scattered_topic_words_are_no_match() -> None:
    told = "Ledgers on the surface of a tally list codes of Baltic towns."
    others = " ".join(paper.plain_abstract for paper in (*papers()[:8], *papers()[12:]))
    day = candidates([*papers(), retitled("Harbour tolls and coin hoards", f"{told} {others}")])
    who = profile(day, *likes((Kind.TOPIC, "surface codes")))
    chances = subject_evidence(day, who.among)[0]
    assert chances[8] > ABOUT > chances[16]


def test_unknown_topic_words_match() -> None:
    day = build_candidates([retitled("Zorblax quimbles"), *papers()], model(papers()), NOON)
    assert reason(day, profile(day, *likes((Kind.TOPIC, "zorblax quimbles"))), 0).kind is ReasonKind.TITLE


def test_reason_prefers_topic_of_same_meaning() -> None:
    mixed = retitled("Honeybee foragers at the surface", "The waggle dance of honeybee foragers; nectar codes.")
    day = candidates([*papers(), mixed])
    who = profile(day, *likes((Kind.TOPIC, "surface codes"), (Kind.TOPIC, "honeybee foragers")))
    assert reason(day, who, 16).value == "honeybee foragers"


@pytest.mark.parametrize(
    ("topic", "title", "kind"),
    [
        ("linear attention", "Sparse attention for lakes", ReasonKind.NEAREST),  # another subject
        ("linear attention", "Linear attention for lakes", ReasonKind.TITLE),
        ("强化学习", "Reinforcement learning for lakes", ReasonKind.TITLE),
        ("NLP", "Natural language processing for lakes", ReasonKind.TITLE),
    ],
)
def test_reason_matches_only_the_words_of_topic(topic: str, title: str, kind: ReasonKind) -> None:
    found = reason_of(0, *likes((Kind.TOPIC, topic)), of=[retitled(title, "We weigh lakes.")])
    assert (found.kind, found.value) == (kind, topic)


def test_reason_names_the_part_of_topic_that_matched() -> None:
    typed = "machine translation; protein folding"
    found = reason_of(0, *likes((Kind.TOPIC, typed)), of=[retitled("Protein folding at sea", "We fold proteins.")])
    assert (found.kind, found.value, found.subject) == (ReasonKind.TITLE, typed, "protein folding")


def test_reason_of_one_word_among_several_claims_nothing() -> None:
    day = candidates([retitled("Byzantine faults in ledgers", "We weigh Byzantine faults.")])
    reader = profile(day, *likes((Kind.TOPIC, "Byzantine pottery"))).among
    evidence = explain_subject(day, reader, Cells(np.array([0]), np.array([0])))
    assert evidence is not None
    assert evidence.reason(0) == (ReasonKind.NEAREST, "Byzantine pottery", ())
