"""Making the gist of a paper."""

from pathlib import Path

import pytest

from digestd.domain.gist import BRIEF_MAX, GIST_MAX, Gist, GistKind
from digestd.papers.gists import roles
from digestd.papers.gists.gist import make_gist, shorten_sentence
from digestd.papers.gists.sentences import ROLES

BACKGROUND = (
    "Forests store a large share of the carbon that people release every year. Counting trees by hand is slow and "
    "expensive, so most countries do it only once in ten years. However, existing methods that count trees from air "
    "need images without clouds, which are rare in the tropics."
)
NEW = "In this paper, we propose LeafCount, a model that counts trees from radar images through clouds."
DETAIL = "These images are split into tiles of ten metres. They are then read by a small network."
RESULT = (
    "Experiments on three forests show that LeafCount outperforms the best model by 12% and needs a tenth of the time."
)
HOPE = "We hope that our work helps those who protect forests. Code is available at https://example.org/leafcount."
ABSTRACT = f"{BACKGROUND} {NEW} {DETAIL} {RESULT} {HOPE}"
TITLE = "LeafCount: Counting Trees Through Clouds"


def made(title: str, abstract: str, summary: str = "") -> Gist:
    found = make_gist(title, abstract, summary)
    assert found is not None
    return found


def test_gist_names_contribution_and_result() -> None:
    gist = made(TITLE, ABSTRACT)
    assert gist.kind is GistKind.EXTRACTED
    for text, limit in ((gist.text, GIST_MAX), (gist.brief, BRIEF_MAX)):
        assert text.startswith("We propose LeafCount")
        assert RESULT in text
        assert "hope" not in text
        assert "https:" not in text
        assert len(text) <= limit


def test_gist_of_a_short_abstract_is_all_of_it() -> None:
    assert made("Oaks", "Oaks grow. This takes time.").text == "Oaks grow. This takes time."


def test_gist_uses_the_labels_of_an_abstract() -> None:
    gist = made(
        "Aspirin in the evening",
        "BACKGROUND: Stroke is common, and it is not known whether the hour of taking aspirin matters for those "
        "who have had one before and are likely to have another. METHODS: We gave aspirin to 1,204 patients in the "
        "morning or in the evening and followed them for two years. RESULTS: A second stroke occurred in 41 of 602 "
        "patients in the evening group and in 63 of 602 in the other (hazard ratio, 0.64; 95% CI, 0.43 to 0.95). "
        "CONCLUSIONS: Aspirin in the evening prevented more second strokes than aspirin in the morning. Copyright 2011 "
        "Nobody.",
    )
    assert gist.brief.endswith("prevented more second strokes than aspirin in the morning.")
    assert "CONCLUSIONS" not in gist.text
    assert "Copyright" not in gist.text


def test_gist_of_another_language_is_its_first_sentences() -> None:
    first = "Wir fragen, wie Wälder wachsen, z. B. in Bayern, und welche Rolle der Regen dabei spielt."
    rest = " Dafür haben wir zehn Jahre lang an hundert Orten die Höhe der Bäume gemessen." * 8
    gist = made("Wälder", first + rest)
    assert gist.text.startswith(first)
    assert gist.text.endswith("gemessen.")
    assert len(gist.text) <= GIST_MAX


def test_gist_of_nothing_is_none() -> None:
    assert make_gist("Oaks", "") is None
    assert make_gist("Oaks", "All rights reserved.") is None


def test_gist_takes_along_what_a_sentence_needs() -> None:
    abstract = (
        "We study how oaks grow in parks of large cities. "
        + "Parks differ in many ways, such as their soil and water. " * 9
        + "We plant one thousand oaks in parks of ten cities. These grow twice as fast as oaks in forests."
    )
    text = made("Oaks", abstract).text
    assert "These grow" not in text or "one thousand oaks in parks of ten cities. These grow" in text


def test_gist_cuts_only_a_sentence_that_is_too_long() -> None:
    clause = ", which grows in parks and forests of many countries and is planted by the people who live there"
    gist = made("Oaks", f"We propose a new oak{clause * 8}.")
    assert gist.text.endswith("…")
    assert len(gist.text) <= GIST_MAX
    assert shorten_sentence("It has parts: (i) a root, (ii) a leaf, and more.", 30) == "It has parts…"


def test_source_summary_is_completed_by_the_result() -> None:
    summary = "LeafCount counts trees from radar images taken through clouds."
    gist = made(TITLE, ABSTRACT, summary)
    assert gist.kind is GistKind.SOURCE
    assert gist.is_machine_written
    assert gist.text == f"{summary} {RESULT}"


def test_source_summary_with_a_result_stays_alone() -> None:
    summary = "A model that counts trees through clouds outperforms the best one by 12%."
    assert made(TITLE, ABSTRACT, summary).text == summary
    assert made(TITLE, "", summary).text == summary


def test_source_summary_that_is_too_long_is_cut_between_sentences() -> None:
    gist = made(TITLE, "", "LeafCount counts trees in forests through clouds at night. " * 12)
    assert gist.brief.endswith("at night.")
    assert len(gist.brief) <= BRIEF_MAX


@pytest.mark.parametrize(
    "text", ["(" * 9_000, "We show that " * 900, "this " * 2_000, "A. " * 4_000, "x" * 20_000, "‮. ."]
)
def test_gist_of_hostile_text_keeps_its_limit(text: str) -> None:
    gist = make_gist("Oaks: x", text, "")
    assert gist is None or (len(gist.text) <= GIST_MAX and len(gist.brief) <= BRIEF_MAX)


def test_model_is_small_and_tells_roles() -> None:
    model = roles.load_model()
    assert Path(roles.__file__).with_name(roles.MODEL).stat().st_size < 100_000
    told = model.roles([*BACKGROUND.split(". "), NEW, RESULT])
    assert told[0] == "background"
    assert told[-1] == "result"
    assert model.probabilities([NEW, RESULT]).shape == (2, len(ROLES))
