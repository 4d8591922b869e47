"""Institutions and venues are followed and muted like categories: small ones always, large ones beside topics."""

import pytest

from digestd.domain.digest import Reason, ReasonKind
from digestd.domain.interest import Interest, Kind
from digestd.subscribers.profile_summary import mute_interest
from tests.digests.one_engine import database_url  # noqa: F401  # a fixture
from tests.digests.topic_papers import NONE, digests, paper, planned, reader, shelf, subscriber
from tests.support.install import Install

POND = {"affiliations": ["Lake Office", "Pond Institute https://ror.org/012345678"]}
LAKES = {"venue": "Journal of Invented Lakes"}


@pytest.fixture
def day(bare: Install) -> Install:
    """Return an install with a paper on the topic, two of a small institution, one of a venue, and many of another."""
    own = [paper("exact"), paper("lakes", NONE, **LAKES), *shelf("pond", 2, NONE, **POND)]
    bare.papers([*own, *shelf("sea", 9, NONE, affiliations=["Institute of All Seas"])])
    return bare


def reasons(install: Install) -> dict[str, Reason]:
    names = planned(install)
    return dict(zip(names, (pick.reason for pick in digests(install)[-1].picks), strict=True))


def test_followed_places_bring_their_papers(day: Install) -> None:
    follows = {"institutions": ["pond institute", "Institute of All Seas"], "venues": ["Journal of Invented Lakes"]}
    day.people([reader(**follows, min_score="high")])
    found = reasons(day)
    assert found["pond00"] == Reason(ReasonKind.INSTITUTION, "pond institute", ("Pond Institute",))
    assert found["lakes"] == Reason(ReasonKind.VENUE, *("Journal of Invented Lakes", ("Journal of Invented Lakes",)))
    assert {"exact", "lakes", "pond00", "pond01"} <= set(found)
    assert len(found) == 10


def test_only_followed_places_exclude_all_others(day: Install) -> None:
    day.people([reader(institutions=["https://ror.org/012345678"], only_categories=True)])
    assert set(planned(day)) == {"pond00", "pond01"}


def test_muted_institution_hides_its_papers(day: Install) -> None:
    day.people([reader(venues=["Journal of Invented Lakes"], institutions=["Pond Institute"])])
    pond = Interest(Kind.INSTITUTION, "Pond Institute")
    mute_interest(day.db, subscriber(day), pond, day.clock.now)
    assert set(planned(day)) == {"exact", "lakes"}


def test_one_odd_place_changes_no_other_digest(day: Install) -> None:
    odd = ["\u202e" * 3 + "x", "(" * 300, "A" * 300, "the of", "%s {{ 7 }}"]
    day.people([{"email": "odd@example.net", "institutions": odd, "venues": odd}])
    day.people([reader(institutions=["Pond Institute"])])
    assert {"pond00", "pond01"} <= set(planned(day))
    assert day.unsafe == {}
