"""Papers that trend at Hugging Face now, old ones included: `hf-trending`.

GET https://huggingface.co/api/daily_papers?sort=trending, documented at
https://huggingface.co/docs/hub/api; records are those of `hf-daily`. It mostly updates the votes of known papers.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Self

from digestd.sources.hugging_face import HfDaily, daily_records, read_paper
from digestd.sources.json_records import read_records
from digestd.sources.source import Page, RateLimit, Request, check_rejects
from digestd.sources.spec_arguments import require_no_argument

_URL = "https://huggingface.co/api/daily_papers?sort=trending&limit=100"


@dataclass(frozen=True, slots=True)
class HfTrending:
    """The hundred papers that trend now."""

    @classmethod
    def from_spec(cls, argument: str) -> Self:
        """Create the source; it takes no argument."""
        require_no_argument("hf-trending", argument)
        return cls()

    @property
    def name(self) -> str:
        """Return `hf-trending`."""
        return "hf-trending"

    @property
    def rate_limit(self) -> RateLimit:
        """Return the limit shared with the daily papers."""
        return HfDaily().rate_limit

    def requests(self, since: datetime, cursor: str | None) -> Request | None:
        """Return the only request: the list is current, whatever `since` is."""
        del since
        return Request(_URL, fresh=True) if cursor is None else None

    def parse(self, body: bytes, cursor: str | None = None) -> Page:
        """Parse the list."""
        del cursor
        sightings, rejects = read_records(daily_records(body), lambda record: [read_paper(record)])
        return check_rejects(Page(tuple(sightings), None, tuple(rejects)))
