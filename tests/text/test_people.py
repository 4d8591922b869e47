"""Test names of people: without TeX, and which may be the same person's."""

import pytest

from digestd.text.people import may_be_same_person, natural_name, parse_person_name, plain_name


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


@pytest.mark.parametrize(
    ("written", "natural"),
    [
        ("Hossain, Md", "Md Hossain"),
        ("Rossi, Ada, MD", "Ada Rossi MD"),
        ("King, Jr., Martin", "Martin King Jr."),
        ("Ada Rossi", "Ada Rossi"),
        ("et al.", ""),
    ],
)
def test_natural_name_reads_given_name_first(written: str, natural: str) -> None:
    assert natural_name(written) == natural


def test_followed_author_in_tex_is_the_same_person() -> None:
    assert parse_person_name(r"Erd\H{o}s, Paul") == parse_person_name("Paul Erdős")
    assert parse_person_name(r"M\"uller, K.") == parse_person_name("K. Müller")


def alike(one: str, other: str) -> bool:
    first, second = parse_person_name(one), parse_person_name(other)
    return bool(first and second and may_be_same_person(first, second) and may_be_same_person(second, first))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("J. Smith", "Jane Smith"),
        ("Smith, Jane", "jane smith"),
        ("Smith J", "Jane Smith"),
        ("Jane Smith", "Jane Q. Smith"),
        ("J.-P. Serre", "Jean-Pierre Serre"),
        ("Laurens van der Maaten", "van der Maaten, L."),
        ("Gabriel García Márquez", "GARCIA MARQUEZ, Gabriel"),
        ("Ingrid Ødegård", "Ingrid Odegard"),
        ("Martin Luther King Jr.", "Martin Luther King"),
        ("李飞飞", "李飞飞"),
        ("JA Smith", "Jane A. Smith"),
        ("Xiao-Ming Wang", "Xiaoming Wang"),
        ("Mohammed Al-Harbi", "M. Al Harbi"),
    ],
)
def test_same_person(one: str, other: str) -> None:
    assert alike(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("J. Smith", "Karl Smith"),
        ("Jane Smith", "John Smith"),
        ("Jane A. Smith", "Jane B. Smith"),
        ("Amanda P. Brown", "Patrick Brown"),
        ("Jane Smith", "Jane Smithson"),
        ("Smith", "Jane Smith"),
        ("", "Jane Smith"),
        ("...", "..."),
    ],
)
def test_different_people(one: str, other: str) -> None:
    assert not alike(one, other)
