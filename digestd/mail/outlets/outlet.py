"""The interface of outlets, and the papers that they publish."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import NAMESPACE_URL, uuid5

from digestd.domain.digest import Reason
from digestd.domain.paper import Paper
from digestd.mail.paper_view import PaperView
from digestd.mail.rendering import render_gist, render_reason
from digestd.mail.templates import Templates


@dataclass(frozen=True, slots=True)
class ListedPaper:
    """One paper of a list.

    Attributes:
        at: When it was added.
        why, gist: The reason and the gist as text.
        tags, note: A reader's own, in files for this reader alone.
    """

    paper: PaperView
    at: datetime
    why: str = ""
    gist: str = ""
    tags: tuple[str, ...] = ()
    note: str = ""

    @property
    def keywords(self) -> tuple[str, ...]:
        """Return the reader's tags and the categories."""
        return (*self.tags, *self.paper.codes)

    @classmethod
    def of(
        cls, paper: Paper, at: datetime, templates: Templates, language: str, reason: Reason | None = None
    ) -> "ListedPaper":
        """Return a stored paper as part of a list, with the reason as far as it may be shared."""
        view = PaperView.of(paper)
        why = render_reason(templates, reason.shareable, language) if reason else ""
        return cls(view, at, why, render_gist(templates, view.summary, language))


@dataclass(frozen=True, slots=True)
class PaperList:
    """A digest, the saved papers of a subscriber or the papers of the day.

    Attributes:
        name: Unique, and never changes.
        home: URL of the web page, or empty.
        url: URL of the file or feed itself, or empty.
        language: BCP 47 tag of the reasons and of the title.
        since: When the list began.
        items: In the order to show.
    """

    name: str
    title: str
    home: str
    url: str
    language: str
    since: datetime
    items: tuple[ListedPaper, ...]

    @property
    def updated(self) -> datetime:
        return max((item.at for item in self.items), default=self.since)

    @property
    def urn(self) -> str:
        """Return the list's identifier, which does not depend on its URL."""
        return uuid5(NAMESPACE_URL, self.name).urn

    def urn_of(self, item: ListedPaper) -> str:
        return uuid5(NAMESPACE_URL, f"{self.name}#{item.paper.id}").urn


@dataclass(frozen=True, slots=True)
class Outlet:
    """A form in which papers leave the mail.

    Attributes:
        label: Its name on pages, the same in every language.
        ending: The suffix of its files, without the dot.
        render: Returns the bytes of a list.
        is_feed: Whether programs fetch it again and again, instead of people once.
    """

    label: str
    ending: str
    media_type: str
    render: Callable[[PaperList], bytes]
    is_feed: bool = False
