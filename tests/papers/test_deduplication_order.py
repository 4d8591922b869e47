"""Test that neither order nor pages of sightings affect deduplication."""

from datetime import datetime
from itertools import chain
from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from digestd.domain.paper import Sighting
from digestd.papers.deduplication import split_paper
from digestd.store import papers
from digestd.store.database import Database
from digestd.store.papers import merges
from tests.papers.alike import BY_OTHERS, PEOPLE, TITLE, A, B, D, works
from tests.papers.makers import forget, paper, rows, seen, take


def mixed(random: Random) -> list[Sighting]:
    """Generate sightings of some works by several sources, some much alike."""
    subjects = ["lakes", "rivers", "estuaries", "glacier forelands", "peat bogs"]
    found = []
    for n, subject in enumerate(random.sample(subjects, 4)):
        title = f"Nutrient transport through {subject} in the boreal autumn"
        found += [
            seen(f"arxiv:2611.{n:05}", title=title, authors=PEOPLE, version=1),
            seen(f"doi:10.5555/{n}", title=title.upper(), authors=BY_OTHERS),
            seen(f"openreview:{n}", title=f"{title}: part II", authors=PEOPLE),
            seen(f"dblp:conf/x/{n}", *random.sample([f"pmid:{n}"], random.randint(0, 1)), title=title, authors=PEOPLE),
        ]
    return found


POOL = [
    seen(A, title=TITLE, authors=PEOPLE, version=1),
    seen(A, title="How cold lakes mix below thin ice", authors=PEOPLE, version=2, abstract="Plumes sink by night."),
    seen(D, title=f"{TITLE}.", authors=BY_OTHERS),
    seen("dblp:conf/x/1", title=TITLE, authors=PEOPLE),
    seen("dblp:conf/x/2", title=f"{TITLE}, Part II", authors=PEOPLE),
    seen("pmid:5", D, title=TITLE, authors=["Lindqvist M"]),
    seen(
        "feed:x",
        title="How cold lakes mix below thin ice",
        authors=["M. Lindqvist et al."],
        abstract="Plumes sink by night.",
    ),
    seen("feed:y", title=f"Comment on “{TITLE}”", authors=PEOPLE),
    seen("openreview:z", title="Winter mixing", authors=["Anonymous"]),
    seen(B, title=f"{TITLE} of the south", authors=PEOPLE),
    seen("doi:10.9999/south", title=f"{TITLE} of the south", authors=BY_OTHERS),
]


@settings(max_examples=12, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(order=st.permutations(POOL), again=st.lists(st.sampled_from(POOL), max_size=3), size=st.integers(1, 14))
def test_merge_duplicates_ignores_order_repetition_and_pages(
    db: Database, now: datetime, order: list[Sighting], again: list[Sighting], size: int
) -> None:
    forget(db)
    for start in range(0, len(order) + len(again), size):
        take(db, "arxiv:x", *[*order, *again][start : start + size], now=now)
    assert works(db) == {
        frozenset({A, D, "dblp:conf/x/1", "pmid:5", "feed:x"}),
        frozenset({"dblp:conf/x/2"}), frozenset({"feed:y"}), frozenset({"openreview:z"}),
        frozenset({B, "doi:10.9999/south"}),
    }  # fmt: skip
    assert paper(db, D).words.title == "How cold lakes mix below thin ice"


def test_split_paper_undoes_every_merge(db: Database, now: datetime) -> None:
    page = mixed(Random(3))
    take(db, "s", *page, now=now)
    with db.read() as session:
        numbers = sorted(papers.aliases(session, {name for one in page for name in one.ids}).values())
        live = {one.number for key in numbers for one in merges.of_paper(session, key) if one.undone is None}
    for _ in live:
        with db.read() as session:
            holder = next(iter(papers.merged_into(session, range(1, 40)).values()))
            name = papers.names(session, holder)[0]
        split_paper(db, name, now)
    assert works(db) == {frozenset(one.ids) for one in page}
    kept = {row.paper for row in chain(rows(db, "sighting"), rows(db, "revision"))}
    assert len(kept) == len(page)
