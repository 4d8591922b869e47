"""Report what an ingest run did, source by source."""

from dataclasses import asdict, dataclass, field

from digestd.domain.coverage import COMPLETE, Coverage, CoverageState
from digestd.papers.merge import Decision
from digestd.sources.source import Page, Reject

REJECTS_SHOWN = 20


@dataclass(slots=True)
class SourceReport:
    """The outcome of one source.

    `state`: fresh (something new or changed), quiet (nothing), late, stale or partial (as its newest
    day is), partial (it failed half-way) or broken (no usable answer). `requests`: how often it was asked.
    `note`: what an operator should know besides. `days`: the days that this run judged.
    """

    source: str
    state: str = CoverageState.QUIET
    fetched: int = 0
    new: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0
    error: str | None = None
    rejects: list[Reject] = field(default_factory=list)
    requests: int = 0
    note: str | None = None
    days: dict[str, str] = field(default_factory=dict)

    @property
    def counts(self) -> dict[str, object]:
        left_out = {"rejects", "days"}
        return {name: value for name, value in asdict(self).items() if name not in left_out and value is not None}

    def count(self, page: Page, decision: Decision) -> None:
        """Add one page."""
        self.fetched += len(page.sightings) + len(page.rejects)
        self.new += decision.new
        self.updated += decision.updated
        self.unchanged += decision.unchanged
        self.rejected += len(page.rejects)
        self.rejects += page.rejects[: REJECTS_SHOWN - len(self.rejects)]
        if self.new or self.updated:
            self.state = CoverageState.FRESH

    def add_note(self, note: str) -> None:
        self.note = f"{self.note}; {note}" if self.note else note

    def conclude(self, newest: Coverage | None, found: list[Coverage]) -> None:
        """Set the state of the source after the run; `newest`: its newest day."""
        self.days = {row.day.isoformat(): str(row.state) for row in found}
        if self.error:
            self.state = CoverageState.PARTIAL if self.fetched > self.rejected else CoverageState.BROKEN
        elif newest and newest.state not in COMPLETE:
            self.state = newest.state


@dataclass(frozen=True, slots=True)
class IngestReport:
    """The outcome of every source."""

    sources: tuple[SourceReport, ...]

    @property
    def broken(self) -> bool:
        """Return True if any source failed, at the start or half-way."""
        return any(report.error for report in self.sources)

    def as_dict(self) -> dict[str, object]:
        return {"sources": [asdict(report) for report in self.sources]}
