"""Test merges and splits.

No work is sent twice, and planned digests do not change.
"""

from dataclasses import replace
from datetime import timedelta

import pytest

from digestd.domain.paper import PaperId, Sighting, Words
from digestd.papers.deduplication import merge_papers, split_paper
from digestd.papers.page_store import store_page
from tests.digests.topic_papers import DAY, NONE, TOPIC, digests, mail, paper, planned, reader, shelf
from tests.support.install import Install

ARXIV, DOI = PaperId("arxiv:2611.00077"), PaperId("doi:10.5555/lanterns")
PREPRINT = Sighting(
    (ARXIV,),
    Words(f"Counting {TOPIC} by night", f"We count {TOPIC}.", ("Maja Lindqvist", "Aroha Ngata")),
    url="https://example.org/preprint",
    version=1,
)
JOURNAL = Sighting(
    (DOI,), Words(f"Counting {TOPIC} by Night", "", ("Lindqvist, M.", "Ngata, A.")), url="https://example.org/journal"
)


@pytest.fixture
def install(bare: Install) -> Install:
    bare.people([reader()])
    return bare


def store_sightings(install: Install, *sightings: Sighting) -> None:
    store_page(install.db, "s", sightings, install.clock.now)


def other_day(install: Install) -> None:
    install.clock.go(DAY + timedelta(minutes=1))


def test_journal_version_of_a_sent_paper_is_not_repeated(install: Install) -> None:
    store_sightings(install, PREPRINT)
    assert planned(install) == (ARXIV,)
    other_day(install)
    store_sightings(install, JOURNAL)
    install.papers(shelf("other", 1))
    assert planned(install) == ("other00",)
    assert install.unsafe == {}


def test_merge_hides_the_older_of_a_sent_pair(install: Install) -> None:
    install.papers([paper("old", NONE)])
    install.papers([paper("young")])
    assert planned(install)[0] == "young"
    other_day(install)
    merge_papers(install.db, PaperId("shelf:old"), PaperId("shelf:young"), install.clock.now)
    install.papers([paper("old", title="Glimmering vostok tidepool lanterns anew"), *shelf("other", 1)])
    assert planned(install) == ("other00",)
    assert install.unsafe == {}


def test_split_of_a_sent_paper_repeats_neither(install: Install) -> None:
    store_sightings(install, PREPRINT, JOURNAL)
    assert planned(install) == (ARXIV,)
    other_day(install)
    split_paper(install.db, ARXIV, install.clock.now)
    store_sightings(
        install, replace(PREPRINT, version=2), replace(JOURNAL, words=replace(JOURNAL.words, abstract=TOPIC))
    )
    install.papers(shelf("other", 1))
    assert planned(install) == ("other00",)
    other_day(install)
    install.papers(shelf("more", 1))
    assert planned(install) == ("more00",)
    assert install.unsafe == {}


def test_split_of_an_unsent_paper_offers_both(install: Install) -> None:
    store_sightings(install, PREPRINT, JOURNAL)
    split_paper(install.db, ARXIV, install.clock.now)
    assert set(planned(install)) == {ARXIV, DOI}
    assert install.unsafe == {}


def test_digest_bytes_survive_merge_and_split(install: Install) -> None:
    store_sightings(install, PREPRINT)
    install.papers([paper("young")])
    assert set(planned(install)) == {ARXIV, "young"}
    [digest] = digests(install)
    before = mail(install, digest.key)
    merge_papers(install.db, ARXIV, PaperId("shelf:young"), install.clock.now)
    store_sightings(install, replace(JOURNAL, ids=(DOI, ARXIV)))
    assert mail(install, digest.key) == before
    assert install.unsafe == {}
    split_paper(install.db, ARXIV, install.clock.now)
    assert mail(install, digest.key) == before
    assert install.unsafe == {}


def test_withdrawn_paper_is_not_picked(install: Install) -> None:
    store_sightings(install, PREPRINT)
    assert planned(install) == (ARXIV,)
    [digest] = digests(install)
    before = mail(install, digest.key)
    install.papers(shelf("other", 1))
    store_sightings(install, replace(PREPRINT, version=2, withdrawn=True))
    assert mail(install, digest.key) == before
    install.people([{**reader(), "email": "late@example.net"}])
    install.plan()
    assert digests(install, "late@example.net")[-1].names == ("other00",)
    store_sightings(install, replace(PREPRINT, version=3))
    install.people([{**reader(), "email": "later@example.net"}])
    install.plan()
    assert set(digests(install, "later@example.net")[-1].names) == {ARXIV, "other00"}
