"""Categories as a filter: nothing from outside them, but by authors who are followed."""

from digestd.digests.explanation import explain
from tests.digests.shelf import named, paper, planned, reader, subscriber
from tests.support.install import Install


def a_day(bare: Install) -> None:
    bare.papers(
        [
            paper("inside", categories=["cs.CL"]),
            paper("below", categories=["stat.ML"]),
            paper("outside", categories=["cs.CV"]),
            paper("nowhere"),
            paper("followed", categories=["cs.CV"], authors=["Ada Lovelace"]),
        ]
    )


def wanting(bare: Install, **said: object) -> set[str]:
    """The names of the papers that a reader of two categories and one author gets."""
    a_day(bare)
    bare.people([reader(categories=["cs.CL", "stat"], authors=["Ada Lovelace"], bar="low", explore=False, **said)])
    return set(planned(bare))


def test_who_wants_no_other_category_gets_none(bare: Install) -> None:
    assert wanting(bare, only_categories=True) == {"inside", "below", "followed"}
    found = explain(bare.db, subscriber(bare), named("outside"), bare.clock.now)
    assert found.verdict == "is filed under none of the categories, and the subscriber wants no other"
    assert found.rank is None


def test_else_categories_only_weigh(bare: Install) -> None:
    assert wanting(bare) == {"inside", "below", "outside", "nowhere", "followed"}
