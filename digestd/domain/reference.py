"""References: papers that one subscriber imported or pasted, and lookups of those that no source has reported yet.

A reference is private: it shapes its owner's profile, and never creates, names or changes a public paper. When a
source reports one of its identifiers, the public paper replaces it.
"""

from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from itertools import accumulate

from digestd.domain.backoff import Backoff
from digestd.domain.paper import PaperId, Sighting, Words, canonical

REFERENCES_MAX = 5_000
"""The maximum number of references per subscriber."""
ABSTRACT_MAX, IDS_MAX = 5_000, 20
AUTHORS_MAX, NAMES_MAX = 100, 4_000
"""The maximum number of authors, and of characters in all their names."""
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


@dataclass(frozen=True, slots=True)
class Reference:
    """One reference.

    `name`: the value of the interest in it; `ids`: every identifier that its owner gave.
    """

    name: PaperId
    ids: tuple[PaperId, ...]
    words: Words

    @property
    def text(self) -> str:
        """Return the text for ranking, in the form of a public paper's."""
        return f"{self.words.title}. {self.words.abstract}"

    @property
    def is_worth_keeping(self) -> bool:
        """Return True if it says more than the interest itself."""
        return bool(self.words.title) or self.ids != (self.name,)


def reference_of(sighting: Sighting) -> Reference:
    """Return an entry of somebody's file or library as a reference, within bounds.

    Links, categories and signals are left out: ranking does not read them from a liked paper.
    """
    first = sighting.words.authors[:AUTHORS_MAX]
    words = replace(
        sighting.words,
        abstract=sighting.words.abstract[:ABSTRACT_MAX],
        authors=tuple(first[: sum(length <= NAMES_MAX for length in accumulate(map(len, first)))]),
        categories=(),
    )
    ids = sighting.ids[:IDS_MAX]
    return Reference(canonical(ids), ids, words)


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
