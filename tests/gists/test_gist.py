"""Making the gist of a paper."""

from pathlib import Path

import pytest

from digestd.domain.gist import BRIEF_MAX, GIST_MAX, Gist, GistKind
from digestd.gists import model
from digestd.gists.extraction import judge
from digestd.gists.gist import make_gist, shorten_sentence
from digestd.gists.sentences import split_sentences

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
        assert "We propose LeafCount" in text
        assert RESULT in text
        assert "hope" not in text
        assert "https:" not in text
        assert len(text) <= limit


def test_gist_keeps_contribution_that_names_where_it_is_available() -> None:
    for where in (", which is available at https://example.org/leafcount", " (LC, https://example.org/leafcount)"):
        new = NEW.replace(" that counts", f"{where} and counts")
        assert "We propose LeafCount" in made("Counting Trees", ABSTRACT.replace(NEW, new)).text


def test_gist_finds_contribution_of_other_kinds_of_text() -> None:
    for kind in ("letter", "chapter", "position paper"):
        new = NEW.replace("In this paper, we propose", f"This {kind} proposes")
        assert f"This {kind} proposes LeafCount" in made("Trees seen by radar", ABSTRACT.replace(NEW, new)).text


def test_gist_prefers_finding_to_praise() -> None:
    finding = "We find that LeafCount misses 4% of the trees, and the best model before it 19%."
    praise = "Extensive experiments on three forests demonstrate the effectiveness and the potential of our approach."
    text = made(TITLE, f"{BACKGROUND} {NEW} {DETAIL} {finding} {praise}").text
    assert finding in text
    assert praise not in text


def test_gist_shortens_sentences_for_a_result() -> None:
    new = (
        "Through long and careful sweeps over soil, water, and light, we introduce LeafCount, a model that "
        "counts trees from radar images, which combines a small network that reads tiles with a table of species."
    )
    result = "LeafCount outperforms the best model before it by 12%, showing how much can be gained from radar images."
    gist = made(TITLE, f"{BACKGROUND} {new} {DETAIL} {result} {HOPE}")
    assert "LeafCount, a model that counts trees from radar images" in gist.brief
    assert "outperforms the best model before it by 12%" in gist.brief
    assert "…" not in gist.brief
    assert len(gist.brief) <= BRIEF_MAX


def test_brief_gist_names_contribution_that_is_too_long() -> None:
    new = f"In this paper, we propose LeafCount, a model of {'oaks and elms and ' * 20}birches that counts trees."
    brief = made(TITLE, f"{BACKGROUND} {new} {DETAIL} {RESULT}").brief
    assert brief.startswith("We propose LeafCount, a model of oaks")
    assert "…" in brief
    assert len(brief) <= BRIEF_MAX


def test_gist_prefers_finding_to_closing_promise() -> None:
    finding = "We find that LeafCount misses fewer trees than the best model before it in all of the ten forests."
    promise = "The results suggest a practical step towards the automatic counting of trees in all forests."
    text = made(TITLE, f"{BACKGROUND} {NEW} {DETAIL} {finding} {promise}").text
    assert finding in text
    assert promise not in text


def test_gist_drops_markup() -> None:
    gist = made("Oaks", "We plant <I>Quercus</I> in<br>parks.</div> They <span class='x'>grow</span> if 1 < 2 > 0.")
    assert gist.text == "We plant Quercus in parks. They grow if 1 < 2 > 0."


def test_gist_prefers_result_to_set_up() -> None:
    set_up = (
        "We evaluate LeafCount on three forests in Finland with 1,200 images that were taken in the last two years."
    )
    text = made(TITLE, f"{BACKGROUND} {NEW} {DETAIL} {set_up} {RESULT}").text
    assert RESULT in text
    assert set_up not in text


def test_gist_takes_no_background_as_contribution() -> None:
    lost = "Trees are lost faster than they are counted, and nobody counts trees well through clouds."
    abstract = f"{lost} {BACKGROUND} We ask how far radar helps, and train a small network on it. {DETAIL} {HOPE}"
    assert "We ask how far radar helps" in made("Counting Trees Through Clouds", abstract).text


def test_gist_introduces_what_it_names() -> None:
    rest = "The forests are described in a long table that lists their soil, their water, their age and owners. "
    abstract = (
        f"{rest * 3}We train a network on radar images of forests. We use two simulators, RootSim and BarkSim. "
        f"{rest * 2}We find that RootSim is faster than BarkSim by 12%. We find that radar helps in 9 of 10 forests."
    )
    text = made("Forests seen by radar", abstract).text
    assert "faster than BarkSim" not in text or "two simulators" in text


def test_gist_explains_acronyms() -> None:
    filler = "Forests differ in many ways, such as their soil, their water, their age, their owners and their air. "
    abstract = (
        "People often walk for weeks with paper and pencil for leaf area measurement (LAM), and they rarely agree on "
        f"the numbers that they bring home. {filler * 4}In this work, we propose a radar for LAM in the tropics, which "
        "needs neither paper nor a pencil and is carried by a small plane at night. Experiments in nine countries show "
        "that it is faster than people by 12%, needs no light, and agrees with all of them in dry and in wet summers."
    )
    assert "a radar for leaf area measurement (LAM) in the tropics" in made("A plane for forests", abstract).text


def test_gist_explains_an_acronym_of_the_title() -> None:
    filler = "Forests differ in many ways, such as their soil, their water, their age, their owners and their air. "
    abstract = (
        f"Leaf area measurement (LAM) is slow. {filler * 5}We propose a radar for LAM in the tropics. LAM by radar is "
        "faster than people by 12%, needs no light, and agrees with all of them."
    )
    text = made("A radar for LAM", abstract).text
    assert text.startswith("We propose a radar for leaf area measurement (LAM) in the tropics. LAM by radar is faster")


def test_gist_never_drops_the_figure_of_a_result() -> None:
    new = NEW.replace("through clouds", "through clouds, in dry and in wet summers, in parks, forests, and swamps")
    result = (
        "We evaluate LeafCount on ten forests of five countries with images of two satellites of the last years, "
        "demonstrating that reading radar images yields large gains, reaching an accuracy of up to 46.19% in swamps."
    )
    gist = made(TITLE, f"{BACKGROUND} {new} {DETAIL} {result}")
    for text in (gist.text, gist.brief):
        assert "46.19%" in text
        assert "LeafCount" in text


def test_gist_takes_along_the_antecedent_of_a_contribution() -> None:
    rest = "The soil of the parks is listed by the owners of the parks, and so are water and air and light and birds. "
    abstract = (
        f"{rest * 5}Clouds hide the oaks of the tropics from radar in wet summers. We present a plane that copes with "
        "this problem at night. Flights in ten parks show that 12% more leaves are counted."
    )
    text = made("A plane", abstract).text
    assert "in wet summers. We present a plane" in text
    assert "12%" in text


def test_gist_begins_without_background_that_nothing_needs() -> None:
    told = "Regrowth refers to the delayed return of leaves to trees that were burnt in a fire of the forest."
    new = "In this work, we demonstrate that regrowth can be induced by rain, in dry or in wet parks."
    result = "We further show that the age of a tree is not a reliable sign of regrowth in nine of the ten parks."
    rest = "The soil of the parks is listed by the owners of the parks, and so are water and air and light and birds. "
    text = made("Regrowth Beyond Fires", f"{told} {new} {rest * 3}{result}").text
    assert text.startswith("We demonstrate that regrowth")


def test_gist_prefers_the_result_of_the_work_to_that_of_others() -> None:
    others = "Our experiments reveal that current methods may fail by losing sight of all oaks in wet summers."
    ours = "LeafCount demonstrates robust performance in wet summers and shows improved counts in swamps."
    rest = "The soil of the parks is listed by the owners of the parks, and so are water and air and light and birds. "
    text = made(TITLE, f"{BACKGROUND} {NEW} {rest * 2}{others} {ours}").brief
    assert ours in text
    assert others not in text


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
    clause = " or an oak in parks and forests of many countries that is planted by the people who live there"
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


def test_model_is_small_and_tells_traits() -> None:
    assert Path(model.__file__).with_name(model.MODEL).stat().st_size < 100_000
    new, result, hope = model.load_model().judge(TITLE, [NEW, RESULT, HOPE], [NEW, RESULT, HOPE])
    assert new[model.NEW] > 0.5
    assert result[model.OUT] > 0.5
    assert hope[model.UNWANTED] > 0.5


def test_long_forms_of_plural_acronyms_keep_the_limit() -> None:
    text = "Leaf area measurements (LAMs) are slow. We propose an oak for LAMs in the parks of tropical cities."
    judged = judge("A plane", split_sentences(text))
    shown = {len(judged.fitted([1], limit)[1][0]) - limit for limit in range(60, 120)}
    assert max(shown) == 0
