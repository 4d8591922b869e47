"""Import papers from JSON lines in blocks.

Each block is committed separately, or all at once with `strict`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlmodel import Session

from digestd.domain.paper import Sighting
from digestd.errors import BadRecord, RejectedLines
from digestd.papers.merge import ARCHIVE, Decision, ReadableTexts
from digestd.papers.page_store import store_page, store_page_in_session
from digestd.sources.jsonl import read_line
from digestd.store.database import Database

BLOCK = 500
SOURCE = "import"


@dataclass(slots=True)
class PaperImportReport:
    """Number of lines added, updated, unchanged or refused."""

    added: int = 0
    updated: int = 0
    unchanged: int = 0
    refused: RejectedLines = field(default_factory=RejectedLines)

    def count(self, decision: Decision) -> None:
        self.added += decision.new
        self.updated += decision.updated
        self.unchanged += decision.unchanged


def import_papers(
    db: Database, lines: Iterable[bytes], now: datetime, archive: bool = False, strict: bool = False
) -> PaperImportReport:
    """Import papers.

    Good lines are stored, bad ones reported with line, field and remedy.

    `strict`: all or nothing. `archive`: the papers train the text model and are never news.
    """
    report = PaperImportReport()
    blocks = _blocks(lines, report, archive)
    if not strict:
        for block in blocks:
            decision = store_page(db, SOURCE, list(block.values()), now)
            report.count(decision)
            for sighting, kind in decision.refused:
                number = next(number for number, one in block.items() if one is sighting)
                report.refused.add(number, BadRecord("line", f"cannot be stored ({kind})"))
        return report
    try:
        with db.write() as session:
            _all_or_nothing(session, blocks, report, now)
    except _NothingTakenError:
        return PaperImportReport(refused=report.refused)
    return report


class _NothingTakenError(Exception):
    """Rolls the transaction back."""


def _all_or_nothing(
    session: Session, blocks: Iterator[dict[int, Sighting]], report: PaperImportReport, now: datetime
) -> None:
    for block in blocks:
        if not report.refused:
            report.count(store_page_in_session(session, SOURCE, list(block.values()), now, ReadableTexts()))
    if report.refused:
        raise _NothingTakenError


def _blocks(lines: Iterable[bytes], report: PaperImportReport, archive: bool) -> Iterator[dict[int, Sighting]]:
    """Yield blocks of papers by their line number."""
    block: dict[int, Sighting] = {}
    for number, line in enumerate(lines, start=1):
        try:
            sighting = read_line(line)
        except BadRecord as error:
            report.refused.add(number, error)
            continue
        except Exception as error:  # of a kind that nobody foresaw
            report.refused.add(number, BadRecord("line", f"cannot be read ({type(error).__name__})"))
            continue
        if sighting is not None:
            block[number] = replace(sighting, announced=ARCHIVE) if archive else sighting
        if len(block) == BLOCK:
            yield block
            block = {}
    if block:
        yield block
