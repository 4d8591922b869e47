"""Test names of people with TeX's accents."""

import pytest

from digestd.ranking.author_kernel import parse_person_name
from digestd.text.people import plain_name


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        (r"Paul Erd\H{o}s", "Paul Erdős"),
        (r"M\"uller, J{\"o}rg", "Müller, Jörg"),
        (r"Mar\'{\i}a N\'u\~nez", "María Núñez"),
        (r"{\L}ukasz \L{}o\'s", "Łukasz Łoś"),
        (r"S\o ren \AA berg", "Søren Åberg"),
        (r"\v{S}imon \c{C}elik \v Cech", "Šimon Çelik Čech"),
        (r"J.~R. {van der} Berg", "J. R. van der Berg"),
        (r"O\'Brien, A. \& Co", "O'Brien, A. & Co"),
        ("Ana García 王", "Ana García 王"),
        ("\\", "\\"),
        (r"\unknown{x", r"\unknownx"),
    ],
)
def test_plain_name_has_no_tex(written: str, plain: str) -> None:
    assert plain_name(written) == plain


def test_followed_author_in_tex_is_the_same_person() -> None:
    assert parse_person_name(r"Erd\H{o}s, Paul") == parse_person_name("Paul Erdős")
    assert parse_person_name(r"M\"uller, K.") == parse_person_name("K. Müller")
