"""Test what topics are understood to mean."""

import pytest

from digestd.ranking.concepts import Concept, Names, narrower_names, understand
from digestd.ranking.model import TextModel, fit

TEXTS = [
    *(f"Diffusion models of pollen {n}. Diffusion models spread pollen in windy fields." for n in range(6)),
    *(f"World maps {n}. The world is full of bees, and a bee dance network (BDN) maps it." for n in range(6)),
    *(f"Honey {n}. Bees store honey in the comb." for n in range(40)),
]


def meant(typed: str, archive: TextModel) -> Concept:
    """Return the only concept that a topic names."""
    (concept,) = understand(typed, archive)
    return concept


@pytest.fixture(scope="module")
def archive() -> TextModel:
    return fit(TEXTS)


@pytest.mark.parametrize(
    ("typed", "text"),
    [
        ("difusion modles", "diffusion model"),
        ("BDN", "bee dance network BDN"),
        ("bee dance networks", "bee dance networks BDN"),
        ("强化学习", "reinforcement learning RL"),
        ("medieval manuscripts", "medieval manuscripts"),
    ],
)
def test_topic_is_spelt_out(archive: TextModel, typed: str, text: str) -> None:
    assert meant(typed, archive).text == text


def test_other_script_is_matched_as_typed_too(archive: TextModel) -> None:
    concept = meant("强化学习", archive)
    assert concept.words.endswith("强化学习")
    assert ("reinforcement", "learn") in concept.forms
    assert len(concept.forms) > 1


def test_joined_topics_share_their_head(archive: TextModel) -> None:
    forms = meant("bee & wasp navigation", archive).forms
    assert {("bee", "navigat"), ("wasp", "navigat")} < {*forms}


def test_head_noun_may_be_missing_only_after_a_telling_word(archive: TextModel) -> None:
    assert ("diffusion",) in meant("diffusion models", archive).cores
    assert ("world",) not in meant("world models", archive).cores


def test_field_has_its_categories(archive: TextModel) -> None:
    assert meant("NLP", archive).categories == ("cs.CL",)


def test_unknown_words_stay_as_typed(archive: TextModel) -> None:
    concept = meant("zymurgy", archive)
    assert (concept.text, concept.forms, concept.corrected) == ("zymurgy", (("zymurgy",),), "zymurgy")


@pytest.mark.parametrize(
    ("typed", "form"),
    [
        ("search and rescue", ("search", "rescu")),
        ("off-policy learning", ("off", "policy", "learn")),
        ("off-policy", ("off", "policy")),
        ("GPT-4", ("gpt", "4")),
        ("HONEY", ("honey",)),
        ("T cells", ("t", "cell")),
        ("T-cell", ("t", "cell")),
        ("NLP and computer vision", ("natural", "languag", "process")),
    ],
)
def test_topic_has_form(archive: TextModel, typed: str, form: tuple[str, ...]) -> None:
    assert form in meant(typed, archive).forms


@pytest.mark.parametrize("typed", ["", "the of", "C++", "(", "\u202e", "🙂", "a" * 10_000, "x " * 3_000])
def test_odd_topics_are_understood_as_little(archive: TextModel, typed: str) -> None:
    assert all(len(form) > 0 for form in meant(typed, archive).forms)


def test_plural_acronyms_are_known(archive: TextModel) -> None:
    assert meant("LLMs", archive).text == meant("LLM", archive).text
    assert meant("BDNs", archive).forms == meant("BDN", archive).forms


def test_rare_words_are_not_corrected(archive: TextModel) -> None:
    assert meant("pollex", archive).corrected == "pollex"


def test_subject_of_the_glossary_has_narrower_names(archive: TextModel) -> None:
    (subject,) = meant("RLHF", archive).subjects
    narrower = narrower_names(subject)
    assert ("direct", "preferenc", "optimiz") in narrower.forms
    assert {"DPO", "GRPO"} <= {*narrower.acronyms}
    assert narrower_names("beekeeping") == Names()
