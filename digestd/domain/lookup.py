"""Lookups: papers that somebody named by an identifier and that no source has reported yet.

They are looked up where the identifier comes from. Until they are found, they do not count.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from digestd.domain.backoff import Backoff
from digestd.domain.paper import PaperId, Sighting

REGISTRY_LABELS = {
    "arxiv": ("arXiv", "Hugging Face"),
    "doi": ("Crossref", "DataCite"),
    "openreview": ("OpenReview",),
}
"""The registries of each scheme of identifiers, as shown to people, in the order asked."""
AT_ONCE = 10
"""Papers of one subscriber that are looked up without delay, in a day."""
SPACING = timedelta(seconds=10)
"""Delay between the lookups of their further papers, so that a long list does not keep others waiting."""
RETRY_FAILED = Backoff.doubling(timedelta(minutes=5), timedelta(days=1))
"""Delay after the registries did not answer."""
RETRY_UNKNOWN = (timedelta(days=1), timedelta(days=7), timedelta(days=30))
"""Delays after the registries did not know the paper, which may be very new; then it is not looked up any more."""


class LookupState(StrEnum):
    """The state of a lookup. Found papers have none: they are references then."""

    OPEN = "open"  # not asked yet
    UNKNOWN = "unknown"  # the registries do not know the identifier
    FAILED = "failed"  # a registry did not answer


@dataclass(frozen=True, slots=True)
class LookupResult:
    """The result of asking the registries for a paper.

    Attributes:
        sighting: the paper, or None.
        why: why it could not be looked up, in one line; empty if it was found or is unknown.
        busy: True if the registry must not be asked now, which is no failure of the registry.
    """

    sighting: Sighting | None = None
    why: str = ""
    busy: bool = False

    @property
    def state(self) -> LookupState | None:
        """Return the state of the lookup after this result, or None if the paper was found."""
        if self.sighting is not None:
            return None
        return LookupState.FAILED if self.why else LookupState.UNKNOWN


def registries_of(name: PaperId) -> tuple[str, ...]:
    """Return the names of the registries that know this kind of identifier; none for most schemes."""
    return REGISTRY_LABELS.get(name.partition(":")[0], ())
