"""References: papers that one subscriber imported or pasted.

They come from a file or a library.

A reference is private: it shapes its owner's profile, and never creates, names or changes a public paper. When a
source reports one of its identifiers, the public paper replaces it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from digestd.domain.paper import PaperId, Sighting, Words, canonical

REFERENCES_MAX = 5_000
"""The maximum number of references per subscriber."""
ABSTRACT_MAX, IDS_MAX = 5_000, 20
AUTHORS_MAX, NAMES_MAX = 100, 4_000
"""The maximum number of authors, and of characters in all their names."""


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
    words = replace(
        sighting.words,
        abstract=sighting.words.abstract[:ABSTRACT_MAX],
        authors=_authors(sighting.words.authors),
        categories=(),
    )
    ids = sighting.ids[:IDS_MAX]
    return Reference(canonical(ids), ids, words)


def _authors(names: Sequence[str]) -> tuple[str, ...]:
    """Return the first authors, as many as a reference holds."""
    first = names[:AUTHORS_MAX]
    return tuple(first[: sum(length <= NAMES_MAX for length in accumulate(map(len, first)))])
