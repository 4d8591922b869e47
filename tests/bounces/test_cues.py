"""Test that each line of the tables of cues is needed and recognises its example."""

import re

import pytest

from digestd.replies.bounces.cues import TABLES, any_of


@pytest.mark.parametrize("name", TABLES)
def test_each_cue_decides_its_example(name: str) -> None:
    for place, cue in enumerate(TABLES[name]):
        found = [bool(re.search(one.words, cue.example, re.IGNORECASE)) for one in TABLES[name]]
        assert found.index(True) == place, cue
        assert any_of(TABLES[name]).search(cue.example), cue
