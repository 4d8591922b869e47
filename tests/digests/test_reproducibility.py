"""Test that plans do not depend on order, and that planned digests do not change."""

from datetime import datetime, timedelta
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import select

from digestd.digests.explanation import preview
from digestd.store import core
from tests.digests.one_engine import database_url  # noqa: F401  # a fixture
from tests.digests.topic_papers import (
    DAY,
    HALF,
    Record,
    archive,
    digests,
    mail,
    paper,
    planned,
    reader,
    shelf,
    subscriber,
)
from tests.support import sample_data
from tests.support.install import Install, install


def test_digest_bytes_do_not_depend_on_the_time(bare: Install) -> None:
    bare.papers(shelf("strong", 4))
    bare.people([reader(name="Ada")])
    planned(bare)
    [digest] = digests(bare)
    first = mail(bare, digest.key)
    assert mail(bare, digest.key) == first
    bare.clock.go(timedelta(minutes=5))
    bare.papers(shelf("strong", 4, signals={"upvotes": 4_000, "stars": 90}))
    assert mail(bare, digest.key) == first
    bare.papers([paper("strong00", title="Quite another title", abstract="And other words.", authors=["Z. New"])])
    assert mail(bare, digest.key) == first
    bare.clock.go(9 * DAY)
    planned(bare)
    assert mail(bare, digest.key) == first


def test_plan_freezes_the_current_revision(bare: Install) -> None:
    bare.papers(shelf("strong", 1))
    bare.papers([paper("strong00", title="The second glimmering title")])
    bare.people([reader()])
    planned(bare)
    bare.papers([paper("strong00", title="The third glimmering title")])
    [digest] = digests(bare)
    assert b"The second glimmering title" in mail(bare, digest.key)
    assert b"The third glimmering title" not in mail(bare, digest.key)


def test_plan_is_not_changed_by_new_interests(bare: Install) -> None:
    bare.papers(shelf("strong", 3))
    bare.people([reader()])
    planned(bare)
    before = digests(bare)
    bare.people([reader(topics=["something else"], mute={"phrases": ["tidepool"]}, size=1)])
    assert bare.plan().due == 0
    assert digests(bare) == before


def test_preview_equals_the_plan_and_stores_nothing(bare: Install) -> None:
    bare.papers([*shelf("strong", 6), *shelf("weak", 6, HALF), *sample_data.papers(20)])
    bare.people([reader(size=7)])
    seen = [preview(bare.db, subscriber(bare), bare.clock.now) for _ in range(2)]
    assert digests(bare) == []
    planned(bare)
    [digest] = digests(bare)
    assert [one.picks for one in seen] == [digest.picks] * 2
    with bare.db.read() as session:
        considered = session.connection().execute(select(core.delivery.c.considered)).scalar_one()
    assert {one.facts.considered for one in seen} == {considered} == {32}


@pytest.mark.parametrize("seed", [1, 2])
def test_plan_does_not_depend_on_import_order(tmp_path: Path, sqlite_url: str, now: datetime, seed: int) -> None:
    papers = [*shelf("strong", 8, authors=["Ida Oak"]), *shelf("weak", 8, HALF), *sample_data.papers(60)]
    people: list[Record] = [reader(size=12), *sample_data.people(15, size=8), {"email": "plain@example.net"}]
    people += [{"email": "likes@example.net", "likes": ["shelf:strong03", "invented:000007"], "authors": ["Ida Oak"]}]
    straight = _digests_of(tmp_path / "straight", sqlite_url, now, (papers, people))
    shuffled = Random(seed).sample(papers, len(papers)), Random(seed).sample(people, len(people))
    other = f"sqlite:///{tmp_path / 'other' / 'digestd.db'}"
    again = _digests_of(tmp_path / "other", other, now, shuffled)
    assert sum(map(len, straight.values())) > 40
    for address, picks in straight.items():
        assert [said for said, _ in again[address]] == [said for said, _ in picks]
        # scores are sums of floats, which another order may round otherwise
        assert [score for _, score in again[address]] == pytest.approx([score for _, score in picks], abs=1e-3)


def _digests_of(
    folder: Path, url: str, now: datetime, given: tuple[list[Record], list[Record]]
) -> dict[str, list[tuple[tuple[str, str, str], float]]]:
    """Return name, section, reason and score of each subscriber's picks."""
    made = install(folder, url, now)
    archive(made)
    made.papers(given[0])
    made.people(given[1])
    made.plan()
    found = {
        str(person["email"]): [
            ((name, pick.section.value, str(pick.reason)), pick.score)
            for digest in digests(made, str(person["email"]))
            for name, pick in zip(digest.names, digest.picks, strict=True)
        ]
        for person in given[1]
    }
    made.db.close()
    return found


def test_plan_does_not_depend_on_how_files_are_split(
    tmp_path: Path, sqlite_url: str, bare: Install, now: datetime
) -> None:
    records = [*shelf("strong", 4), *shelf("weak", 4, HALF)]
    for record in records:
        bare.papers([record])
    bare.papers(records)  # and all of it again
    bare.people([reader()])
    once = install(tmp_path / "once", f"sqlite:///{tmp_path / 'once.db'}", now)
    archive(once)
    once.papers(records)
    once.people([reader()])
    assert planned(bare) == planned(once)
    once.db.close()
