"""Test RIS files against rispy."""

import pytest
import rispy
from hypothesis import given
from hypothesis import strategies as st

from digestd.sources.imports.tagged import RIS
from digestd.sources.source import Page
from digestd.text.people import is_suffix

WORD = st.text("abcdefghijklmnopqrstuvwxyz", min_size=2, max_size=9).filter(lambda word: not is_suffix(word))
TITLE = st.lists(WORD, min_size=2, max_size=6).map(" ".join)
REFERENCE = st.fixed_dictionaries(
    {"title": TITLE, "abstract": TITLE, "given": WORD, "family": WORD, "n": st.integers(1, 99999)}
)


def titles(page: Page) -> list[str]:
    return [sighting.words.title for sighting in page.sightings]


@given(st.lists(REFERENCE, min_size=1, max_size=5))
def test_ris_reads_what_rispy_reads(made: list[dict[str, str]]) -> None:
    text = "".join(
        f"TY  - JOUR\nTI  - {one['title']}\nAB  - {one['abstract']}\nAU  - {one['family']}, {one['given']}\n"
        f"DO  - 10.5555/{one['n']}\nPY  - 2026\nER  - \n\n"
        for one in made
    )
    page, expected = RIS.read(text), rispy.loads(text)
    assert not page.rejects
    assert titles(page) == [one["title"] for one in expected]
    assert [sighting.words.abstract for sighting in page.sightings] == [one["abstract"] for one in expected]
    assert [sighting.ids[0] for sighting in page.sightings] == [f"doi:{one['doi']}" for one in expected]
    authors = [" ".join(reversed(one["authors"][0].split(", "))) for one in expected]
    assert [sighting.words.authors for sighting in page.sightings] == [(name,) for name in authors]


@pytest.mark.parametrize(
    ("text", "wanted", "by_rispy"),
    [
        ("TY  - JOUR\nTI  - Lakes freeze\nTY  - JOUR\nTI  - Ponds too\nER  - \n", ["Lakes freeze", "Ponds too"], 1),
        ("TY  - JOUR\nTI  - Lakes freeze\n", ["Lakes freeze"], 0),
        ("TY - JOUR\nTI - Lakes freeze\nER - \n", ["Lakes freeze"], 0),
    ],
    ids=["end tag missing in the middle", "end tag missing at the end", "one space after the tag"],
)
def test_ris_keeps_references_that_rispy_drops(text: str, wanted: list[str], by_rispy: int) -> None:
    assert titles(RIS.read(text)) == wanted
    assert len(rispy.loads(text)) == by_rispy
