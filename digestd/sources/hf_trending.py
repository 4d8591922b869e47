"""What Hugging Face's readers talk about now, old papers too: `hf-trending`.

https://huggingface.co/docs/hub/api, `/api/daily_papers?sort=trending`; the records are those of
`hf-daily`. Mostly it brings newer votes to papers that are known.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Self

from digestd.domain.paper import Sighting
from digestd.errors import BadRecord
from digestd.sources.hf_daily import HfDaily, daily_records, read_paper
from digestd.sources.source import Page, RateLimit, Reject, Request, check_rejects
from digestd.sources.spec_arguments import require_no_argument

_URL = "https://huggingface.co/api/daily_papers?sort=trending&limit=100"


@dataclass(frozen=True, slots=True)
class HfTrending:
    """The hundred papers that trend now."""

    @classmethod
    def from_spec(cls, argument: str) -> Self:
        """There is only one."""
        require_no_argument("hf-trending", argument)
        return cls()

    @property
    def name(self) -> str:
        """`hf-trending`."""
        return "hf-trending"

    @property
    def rate_limit(self) -> RateLimit:
        """Shared with the daily papers."""
        return HfDaily().rate_limit

    def requests(self, since: datetime, cursor: str | None) -> Request | None:
        """One request: the list is of this moment, whatever `since` says."""
        del since
        return Request(_URL, fresh=True) if cursor is None else None

    def parse(self, body: bytes, cursor: str | None = None) -> Page:
        """Read the list."""
        del cursor
        sightings: list[Sighting] = []
        rejects: list[Reject] = []
        for number, record in enumerate(daily_records(body), start=1):
            try:
                sightings.append(read_paper(record))
            except BadRecord as error:
                rejects.append(Reject(f"record {number}", error.field, error.message))
        return check_rejects(Page(tuple(sightings), None, tuple(rejects)))
