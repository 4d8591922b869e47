"""Hints for a subscriber who enters a topic."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TopicHint:
    """A note about a topic.

    Attributes:
        topic: As typed.
        understood: Its corrected spelling, long form or translation; empty if it is understood as typed.
        is_corrected: Whether `understood` corrects the spelling.
        papers: Number of papers of the last days that are about it.
        nearest: If there are none, the nearest topics that have some, best first.
        is_unknown: Whether no paper uses any of its words, as in a language that the glossary does not know.
        is_translated: Whether `understood` is the English name of a topic in another language.
        is_foreign: Whether the topic seems to be in another language and is not understood.
    """

    topic: str
    understood: str
    is_corrected: bool
    papers: int
    nearest: tuple[str, ...]
    is_unknown: bool
    is_translated: bool = False
    is_foreign: bool = False

    @property
    def is_notable(self) -> bool:
        """Return True if the topic was not simply understood and found."""
        return bool(self.understood) or not self.papers
