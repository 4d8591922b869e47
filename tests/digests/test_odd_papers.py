"""Test that odd papers, a damaged one, and a shard that fails cost nobody else a digest."""

import math

import pytest
from sqlalchemy import insert, text

from digestd.papers.paper_import import import_papers
from digestd.store import core
from tests.digests.topic_papers import NONE, TOPIC, digests, paper, reader, shelf
from tests.support import sample_data
from tests.support.install import Install

ODD: dict[str, dict[str, object]] = {
    "long text": {"title": f"{TOPIC} " * 5_000, "abstract": f"{TOPIC}. " * 50_000},
    "one word": {"title": "x" * 100_000, "abstract": "y" * 1_000_000},
    "brackets": {"title": "[" * 50_000, "abstract": "{$" * 50_000},
    "characters": {"title": f"{TOPIC} \U000e0001\ue001\u202e\x1b[31m\ufdd0", "abstract": "\u0301" * 10_000},
    "authors": {"authors": [f"A. Author{number}" for number in range(20_000)]},
    "far future": {"published": "9999-12-31T23:59:59Z"},
    "far past": {"published": "0001-01-01T00:00:00Z"},
    "signals": {"signals": {"upvotes": 1e308, "comments": -1e308, "stars": 5e-324}},
    "categories": {"categories": [f"cs.{number}" for number in range(5_000)]},
}


def test_odd_papers_cost_nobody_a_digest(bare: Install) -> None:
    bare.people([reader(), reader(email="other@example.net", size=50)])
    bare.papers(shelf("good", 3))
    odd = ({**paper(f"odd{number}"), **said} for number, said in enumerate(ODD.values()))
    import_papers(bare.db, sample_data.lines(odd), bare.clock.now)
    assert bare.plan().planned == 2
    assert {"good00", "good01", "good02"} <= set(digests(bare, "other@example.net")[0].names)
    assert bare.unsafe == {}


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_signal_that_is_no_number_costs_nobody_a_digest(bare: Install, value: float) -> None:
    if math.isnan(value) and bare.url.startswith("sqlite"):
        pytest.skip("SQLite stores no NaN")
    bare.people([reader()])
    bare.papers(shelf("good", 3))
    with bare.db.write() as session:
        key = session.connection().execute(text("SELECT min(id) FROM paper WHERE paper_id LIKE 'shelf:%'")).scalar_one()
        at_us = int(bare.clock.now.timestamp() * 1e6)
        row = {"paper": key, "name": "upvotes", "at_us": at_us, "value": value}
        session.connection().execute(insert(core.signal), [row])
    assert bare.plan().planned == 1
    assert len(digests(bare)[0].names) == 3


def test_damaged_papers_cost_nobody_a_digest(bare: Install) -> None:
    bare.people([reader()])
    bare.papers(shelf("good", 8))
    with bare.db.write() as session:
        newest = session.connection().execute(text("SELECT max(id) FROM revision")).scalar_one()
        for back, column in enumerate(("authors", "categories", "links", "facts", "translations")):
            session.connection().execute(text(f"UPDATE revision SET {column} = 'null' WHERE id = {newest - back}"))
    assert bare.plan().planned == 1
    assert len(digests(bare)[0].names) >= 3


def test_damaged_paper_is_not_taken_for_news_again_and_again(bare: Install) -> None:
    bare.people([reader()])
    bare.plan()
    bare.papers(shelf("late", 1, NONE))
    with bare.db.write() as session:
        session.connection().execute(
            text("UPDATE revision SET facts = 'null' WHERE id = (SELECT max(id) FROM revision)")
        )
    assert bare.plan().empty == 1
    assert bare.plan().due == 0
