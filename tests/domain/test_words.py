"""Test the words of papers."""

import pytest

from digestd.domain.paper import Words

CODES = ("62", "62H30, 62-08", "68T07 (Primary) 68T10", "68Txx", "Primary 62F15", "MSC 2020: 60J10", "I.2.7; H.3")
NAMES = ("cs.NI", "hep-th", "neuroscience", "3D vision", "16S rRNA sequencing", "21 cm cosmology", "A.I. safety")


@pytest.mark.parametrize("code", CODES)
def test_words_leave_out_subject_codes(code: str) -> None:
    assert Words("Ice", categories=("cs.NI", code)).categories == ("cs.NI",)


def test_words_keep_names_of_categories() -> None:
    assert Words("Ice", categories=NAMES).categories == NAMES
