"""Test what topics are understood to mean."""

import pytest

from digestd.ranking.concepts import Concept, understand
from digestd.ranking.model import TextModel, fit
from digestd.ranking.phrases import MOST_PHRASES

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


QUERIES = {
    "bee & wasp navigation": ["bee navigation", "wasp navigation"],
    "audio, speech and music generation": ["audio generation", "speech generation", "music generation"],
    "fairness and bias in AI": ["algorithmic fairness"],
    "game theory and mechanism design": ["game theory", "mechanism design"],
    "Bayesian inference, MCMC": ["Bayesian inference", "Markov chain Monte Carlo MCMC"],
    "reward models + RLHF": ["reward model", "reinforcement learning from human feedback RLHF"],
    "RLHF/DPO": ["reinforcement learning from human feedback RLHF", "direct preference optimization DPO"],
    "NLP, computer vision, and robotics": ["natural language processing NLP", "computer vision", "robotics"],
    "honey, wax, swarms": ["honey", "wax", "swarms"],
    "spread, windy, winter harvest": ["spread harvest", "windy harvest", "winter harvest"],
    "MRI, CT, pollen": ["magnetic resonance imaging MRI", "computed tomography CT", "pollen"],
    "nlp/cl": ["natural language processing NLP", "cl"],
    "text-to-speech; voice cloning": ["text-to-speech TTS", "voice cloning"],
    "foundation models for CT and MRI": ["foundation models for CT", "foundation models for MRI"],
    "search and rescue": ["search and rescue"],
    "question and answer": ["question answering"],
    "black and white": ["black and white"],
    "honey and comb": ["honey and comb"],
    "trade-off between honey yield and wax quality": ["trade-off between honey yield and wax quality"],
    "input/output": ["input/output"],
    "Q&A": ["Q&A"],
    "accuracy vs. latency": ["accuracy vs. latency"],
    "no free lunch theorem": ["no free lunch theorem"],
    "No-reference image quality": ["No-reference image quality"],
    "pollen maps, but not on other planets": ["pollen maps"],
    "what makes people trust AI?": ["people trust AI"],
    "how do language models reason under uncertainty?": ["language models reason under uncertainty"],
    "Can bees count, or dance by numbers?": ["bees count", "dance by numbers", "Can bees count, or dance by numbers"],
    "I am a PhD student working on making large language models smaller and faster: quantisation, pruning, speculative"
    " decoding, KV caches, efficient serving.": [
        *("making large language models smaller and faster", "model quantization", "neural network pruning"),
        *("speculative decoding", "KV cache", "efficient serving"),
    ],
    "I build tools for radiologists. I care about report generation from chest X-rays, about whether models fail on"
    " other hospitals' data, and about foundation models for CT and MRI. No dermatology, no ophthalmology please.": [
        *("tools for radiologists", "report generation from chest X-rays", "models fail on other hospitals' data"),
        *("foundation models for CT", "foundation models for MRI"),
    ],
    "Ich interessiere mich für Sprachmodelle und Robotik.": ["language model", "robotics"],
    "papers": ["papers"],
}
"""Topics, and the texts of the concepts that they name."""


@pytest.mark.parametrize("typed", QUERIES)
def test_topic_has_queries(archive: TextModel, typed: str) -> None:
    assert [concept.text for concept in understand(typed, archive)] == QUERIES[typed]


def test_long_topic_has_few_queries(archive: TextModel) -> None:
    assert len(understand(", ".join(f"bees {n} of wood {n}" for n in range(60)), archive)) == MOST_PHRASES


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


def test_word_that_readers_type_means_a_subject(archive: TextModel) -> None:
    concept = meant("pruning", archive)
    assert (concept.name, concept.subjects, concept.is_translated) == (
        "neural network pruning",
        ("neural network pruning",),
        False,
    )
    assert {("neural", "network", "prun"), ("prun",)} <= {*concept.forms}
    assert ("prun",) not in meant("neural network pruning", archive).forms


def test_concept_knows_its_subject(archive: TextModel) -> None:
    assert meant("RLHF", archive).subjects == ("reinforcement learning from human feedback",)


TRANSLATIONS = {
    "Sprachmodelle": "language model",
    "Halluzinationen": "hallucination in language models",
    "verstärkendes Lernen": "reinforcement learning",
    "verstärkendes Lernen für Roboter": "reinforcement learning for robot",
    "Roboter": "robot",
    "Bildklassifikation": "image classification",
    "Klassifikation von Bildern": "image classification",
    "génération de vidéo": "video generation",
    "modèles du monde": "world model",
    "génération d'images par diffusion": "image generation by diffusion",
    "robots pour l'agriculture": "robotics for agriculture",
    "aprendizaje por refuerzo para robots": "reinforcement learning for robotics",
    "agentes multimodales": "multimodal agent",
    "KI in der Bildung": "AI in education",
    "compression de modèles de langage": "language model compression",
    "aprendizaje federado": "federated learning",
    "aprendizage federado": "federated learning",
    "lenguas con pocos recursos": "low-resource language",
    "redes neuronales profundas": "deep neural network",
    "traducción automática": "machine translation",
    "detecção de objetos em vídeos": "object detection in video",
    "aprendizado com poucos exemplos": "few-shot learning",
    "多模态大模型": "multimodal large language model",
    "大语言模型推理加速": "LLM inference",
    "強化学習によるロボット制御": "reinforcement learning robot control",
    "量子コンピューター": "quantum computing",
}
"""Topics in other languages, and their English names."""


@pytest.mark.parametrize("typed", TRANSLATIONS)
def test_topic_in_another_language_is_translated(archive: TextModel, typed: str) -> None:
    assert meant(typed, archive).name == TRANSLATIONS[typed]


@pytest.mark.parametrize(
    "typed", ["bird songs", "de novo protein design", "Schrödinger bridge", "honey difusion", "medieval manuscripts"]
)
def test_english_topic_is_not_translated(archive: TextModel, typed: str) -> None:
    concept = meant(typed, archive)
    assert (concept.name, concept.is_translated) == (concept.corrected, False)


@pytest.mark.parametrize("typed", ["quantization of large language models", "LLM quantization"])
def test_subject_is_known_within_a_wide_field(archive: TextModel, typed: str) -> None:
    [concept] = understand(typed, archive)
    assert concept.subjects == ("model quantization",)
