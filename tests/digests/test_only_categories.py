"""Test categories as a filter that followed authors bypass."""

from digestd.digests.explanation import explain
from tests.digests.one_engine import database_url  # noqa: F401  # a fixture
from tests.digests.topic_papers import named, paper, planned, reader, subscriber
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
    """Return the papers of a subscriber with two categories and one followed author."""
    a_day(bare)
    bare.people([reader(categories=["cs.CL", "stat"], authors=["Ada Lovelace"], min_score="low", **said)])
    return set(planned(bare))


def test_only_categories_excludes_other_categories(bare: Install) -> None:
    assert wanting(bare, only_categories=True) == {"inside", "below", "followed"}
    found = explain(bare.db, subscriber(bare), named("outside"), bare.clock.now)
    assert found.verdict == "is in none of the subscriber's categories, and they want no others"
    assert found.rank is None


def test_categories_only_weigh_by_default(bare: Install) -> None:
    assert wanting(bare) == {"inside", "below", "outside", "nowhere", "followed"}
