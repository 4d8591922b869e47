"""References: papers that one subscriber brought along, from a file, a library or by pasting them.

A reference is private. It shapes its owner's profile and nothing else: it never creates, names or changes a public
paper. Once a source reports one of its identifiers, the public paper counts in its place.
"""

from dataclasses import dataclass, replace

from digestd.domain.paper import PaperId, Sighting, Words, canonical

MOST = 5_000
"""References of one subscriber."""
ABSTRACT_MAX = 5_000
AUTHORS_MAX = 100


@dataclass(frozen=True, slots=True)
class Reference:
    """One reference. `name`: the value of the interest in it; `ids`: every identifier that its owner gave."""

    name: PaperId
    ids: tuple[PaperId, ...]
    words: Words

    @property
    def text(self) -> str:
        """The text that ranking reads, in the form of a public paper's."""
        return f"{self.words.title}. {self.words.abstract}"

    @property
    def is_worth_keeping(self) -> bool:
        """True if it says more than the interest itself."""
        return bool(self.words.title) or self.ids != (self.name,)


def reference_of(sighting: Sighting) -> Reference:
    """Return an entry of somebody's file or library as a reference, within bounds.

    Links, categories and signals are left out: ranking does not read them from a liked paper.
    """
    words = replace(
        sighting.words,
        abstract=sighting.words.abstract[:ABSTRACT_MAX],
        authors=sighting.words.authors[:AUTHORS_MAX],
        categories=(),
    )
    return Reference(canonical(sighting.ids), sighting.ids, words)
