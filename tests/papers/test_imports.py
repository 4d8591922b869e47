"""Test `paper import`."""

import gzip
import json
from datetime import datetime, timedelta

from sqlalchemy import event

from digestd.errors import LISTED_MAX, RejectedLine
from digestd.papers.paper_import import import_papers
from digestd.store import papers
from digestd.store.database import Database
from tests.papers.makers import everything, forget, paper
from tests.support.outside import outside

GOOD = b'{"id": "2611.00001", "title": "Lakes", "signals": {"upvotes": 3}}'
OTHER = b'{"id": "2611.00002", "title": "Rivers"}'
BAD = b'{"titel": "Seas"}'


def test_import_papers_stores_good_and_numbers_bad_lines(db: Database, now: datetime) -> None:
    report = import_papers(db, [GOOD, BAD, b"", OTHER, b"{"], now)
    assert (report.added, report.updated, report.unchanged) == (2, 0, 0)
    titel, cut = report.refused
    assert titel == RejectedLine(2, "titel", "unknown key; did you mean 'title'?")
    assert (cut.line, cut.field) == (5, "line")


def test_import_papers_lists_first_bad_lines_counts_rest(db: Database, now: datetime) -> None:
    report = import_papers(db, [*[BAD] * (LISTED_MAX + 7), GOOD], now)
    *told, last = report.refused
    assert (report.added, len(report.refused), len(told)) == (1, LISTED_MAX + 7, LISTED_MAX)
    assert last == RejectedLine(LISTED_MAX, "", "7 more bad lines follow")


def test_import_papers_strict_is_all_or_nothing(db: Database, now: datetime) -> None:
    report = import_papers(db, [GOOD, *[OTHER] * 600, BAD], now, strict=True)
    assert (report.added, [r.line for r in report.refused]) == (0, [602])
    with db.read() as session:
        assert papers.count(session) == 0
    assert import_papers(db, [GOOD, OTHER], now, strict=True).added == 2


def test_import_papers_updates_same_id(db: Database, now: datetime) -> None:
    import_papers(db, [GOOD, OTHER], now)
    report = import_papers(db, [GOOD.replace(b"Lakes", b"Lakes!"), OTHER], now + timedelta(hours=1))
    assert (report.added, report.updated, report.unchanged) == (0, 1, 1)
    assert paper(db, "arxiv:2611.00001").words.title == "Lakes!"


def test_import_papers_later_line_wins(db: Database, now: datetime) -> None:
    import_papers(db, [GOOD, GOOD.replace(b"Lakes", b"Lakes!")], now)
    assert paper(db, "arxiv:2611.00001").words.title == "Lakes!"


def test_import_papers_are_news_unless_archived(db: Database, now: datetime) -> None:
    import_papers(db, [GOOD], now)
    import_papers(db, [OTHER], now, archive=True)
    with db.read() as session:
        assert [p.id for p in papers.candidates(session, now - timedelta(days=1), now)] == ["arxiv:2611.00001"]
        assert len(list(papers.texts(session, 10))) == 2


def test_import_papers_result_is_independent_of_blocks(db: Database, now: datetime) -> None:
    lines = [json.dumps({"id": f"2611.{n % 700:05}", "title": f"T {n % 700}"}).encode() for n in range(1_600)]
    report = import_papers(db, lines, now)
    assert (report.added, report.updated, report.unchanged) == (700, 0, 900)
    papers_of_three = everything(db)["paper"]
    forget(db)
    import_papers(db, lines, now, strict=True)
    assert everything(db)["paper"] == papers_of_three


def test_import_papers_of_a_month_takes_few_statements(db: Database, now: datetime) -> None:
    with gzip.open(outside("hf_daily_papers", "papers.jsonl.gz")) as file:
        month = [record for record in map(json.loads, file) if record["day"].startswith("2026-07")]
    keys = ("id", "title", "abstract", "authors", "categories", "published")
    lines = [
        json.dumps(
            {key: record[key] for key in keys}
            | {"signals": {name: record[name] for name in ("upvotes", "comments", "stars") if record[name] is not None}}
        ).encode()
        for record in month
    ]
    statements: list[str] = []
    event.listen(db.engine, "before_cursor_execute", lambda _c, _k, statement, *_: statements.append(statement))
    report = import_papers(db, lines, now)
    asked = len(statements)
    assert (report.added, len(report.refused)) == (len({record["id"] for record in month}), 0)
    assert asked < len(lines) / 10, "papers are looked up and written in blocks"
    assert import_papers(db, lines, now + timedelta(hours=1)).added == 0
