"""Test which names may be the same person."""

import pytest

from digestd.ranking.author_kernel import may_be_same_person, parse_person_name


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
        ("Jane Smith", "Jane Smithson"),
        ("Smith", "Jane Smith"),
        ("", "Jane Smith"),
        ("...", "..."),
    ],
)
def test_different_people(one: str, other: str) -> None:
    assert not alike(one, other)
