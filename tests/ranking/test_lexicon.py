"""Test acronyms and the correction of misspelt words."""

import pytest

from digestd.ranking.lexicon import AcronymCounter, Lexicon, acronym, build_lexicon, definitions


def test_acronyms_are_singular_as_written() -> None:
    words = ("RAG", "NeRFs", "GaN", "Graph", "cs", "LLM推理")
    assert [acronym(word) for word in words] == ["RAG", "NeRF", "GaN", "", "", ""]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("We use bee dance networks (BDNs) here.", ("BDN", "bee dance network")),
        ("Retrieval-augmented honey (RAH) is sweet.", ("RAH", "Retrieval-augmented honey")),
        ("See the tables (ABC) below.", None),
        ("In 3D Honey Splatting (3DHS) we", ("3DHS", "3D Honey Splatting")),
    ],
)
def test_definitions_pair_acronym_and_long_form(text: str, found: tuple[str, str] | None) -> None:
    pairs = [(short, long_form.lower()) for short, long_form in definitions(text)]
    assert pairs == ([] if found is None else [(found[0], found[1].lower())])


def test_acronyms_are_learnt_from_texts_that_agree() -> None:
    counter = AcronymCounter()
    counter.read(
        ["bee dance network (BDN)", "a bee dance network (BDN)", "blue dye number (BDN)", "once only here (OOH)"]
    )
    assert counter.long_forms() == {"BDN": "bee dance network"}


@pytest.fixture
def lexicon() -> Lexicon:
    words = {"diffusion": 9, "Diffusion": 3, "models": 9, "medical": 7, "reinforcement": 6, "rare": 2}
    return build_lexicon(words, {"RH": "raw honey"}, 20)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("difusion", "diffusion"), ("modles", "models"), ("reinforcemnt", "reinforcement"), ("medieval", "medieval"),
        ("diffusion", "diffusion"), ("rar", "rar"), ("DIFUSN", "DIFUSN"), ("rarre", "rarre"),
    ],
)  # fmt: skip
def test_misspelt_words_are_corrected(lexicon: Lexicon, typed: str, meant: str) -> None:
    assert lexicon.corrected(typed) == meant


def test_long_form_is_found_whatever_the_case(lexicon: Lexicon) -> None:
    assert (lexicon.long_form("rh"), lexicon.long_form("RH"), lexicon.long_form("xy")) == ("raw honey", "raw honey", "")
