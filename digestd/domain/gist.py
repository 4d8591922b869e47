"""Gists: two or three sentences that say what a paper adds and what came out."""

from dataclasses import dataclass
from enum import StrEnum

GIST_MAX = 480
"""Characters of a gist."""
BRIEF_MAX = 320
"""Characters of a gist in a brief digest."""


class GistKind(StrEnum):
    """The origin of a gist.

    SOURCE: the summary that a source gives, written by a machine, with a sentence of the abstract for the result.
    EXTRACTED: sentences of the abstract.
    GENERATED: written by a language model from the abstract.
    TRANSLATED: translated by a language model.
    """

    SOURCE = "source"
    EXTRACTED = "extracted"
    GENERATED = "generated"
    TRANSLATED = "translated"


@dataclass(frozen=True, slots=True)
class Gist:
    """The gist of a paper as plain text, and its short form for brief digests."""

    text: str
    brief: str
    kind: GistKind

    @property
    def is_machine_written(self) -> bool:
        """Return True if no author wrote these sentences."""
        return self.kind is not GistKind.EXTRACTED
