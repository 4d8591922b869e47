"""The content of mails: frozen values, the only input of the templates."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from typing import NamedTuple

from digestd.domain.coverage import CoverageState
from digestd.domain.digest import Occasion, Reason, Section
from digestd.domain.gist import Gist
from digestd.domain.group import Colleagues
from digestd.domain.paper import Paper, is_sample
from digestd.domain.reply import ReplyLine


@dataclass(frozen=True, slots=True, eq=False)
class PaperContent:
    """One paper as plain text without TeX, the same for every subscriber.

    Compared by identity (cheap as a cache key).

    Attributes:
        links: URLs by name: code, pdf, discussion, project.
        signals: Counts by name: upvotes, comments, stars, citations.
        published: The day of publication, if a source gives it.
        sources: The names of the sources that report it, such as "arXiv".
        venue: The journal or conference, or empty.
        affiliations: The organisations of the authors, if a source gives them.
        announced: `new`, `cross` or `replace`, as the most trusted source announced it.
        is_sample: Whether the paper is invented.
        gist: What is new and what came out; without it the abstract is cut.
        translated: The same paper with its gist in other languages, by BCP 47 tag.
    """

    title: str
    abstract: str = ""
    authors: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    url: str | None = None
    links: Mapping[str, str] = field(default_factory=dict)
    signals: Mapping[str, float] = field(default_factory=dict)
    published: date | None = None
    sources: tuple[str, ...] = ()
    venue: str = ""
    affiliations: tuple[str, ...] = ()
    announced: str = "new"
    is_sample: bool = False
    gist: Gist | None = None
    translated: "Mapping[str, PaperContent]" = field(default_factory=dict)

    @classmethod
    def of(cls, paper: Paper) -> "PaperContent":
        """Return the content of a stored paper.

        A paper without a date of publication was stored with the time when it was first seen.
        """
        plain = cls(
            title=paper.plain_title,
            abstract=paper.plain_abstract,
            authors=paper.words.authors,
            categories=paper.words.categories,
            url=paper.url,
            links=paper.links,
            signals=paper.signals,
            published=paper.published.date() if paper.published != paper.first_seen else None,
            sources=paper.facts.sources,
            venue=paper.facts.venue,
            affiliations=paper.facts.affiliations,
            announced=paper.facts.announced,
            is_sample=is_sample(paper.id),
            gist=paper.gist,
        )
        return replace(
            plain, translated={language: replace(plain, gist=gist) for language, gist in paper.translations.items()}
        )

    def in_language(self, language: str) -> "PaperContent":
        """Return the content with the gist in a language, its parent (`de` for `de-AT`), or as it is."""
        if not self.translated:
            return self
        return self.translated.get(language) or self.translated.get(language.partition("-")[0], self)


class FullAbstracts(StrEnum):
    """Place of the full abstracts in a digest: nowhere, in the text part, or on its web page (folded)."""

    NOWHERE = "nowhere"
    TEXT = "text"
    PAGE = "page"


class DigestItem(NamedTuple):
    """One paper of a digest, why it was picked, and which colleagues liked it."""

    paper: PaperContent
    reason: Reason
    section: Section = Section.FOR_YOU
    colleagues: Colleagues = Colleagues()


@dataclass(frozen=True, slots=True)
class EarlierDigest:
    """An earlier digest that may not have arrived: first day and web page URL."""

    date: date
    view: str


@dataclass(frozen=True, slots=True)
class DigestLinks:
    """The links of a digest: absolute URLs with the subscriber's tokens.

    Empty if there is no such link.

    Without a web address `unsubscribe` is a `mailto:` link, `mail` is the address for commands, and the others are
    empty.

    Attributes:
        view: The digest as a web page.
        feedback: The feedback page, without the token of a paper.
        tokens: The token of each paper, in the order of the items.
        mute: The page for muting; followed by the period and the paper's number from 1.
        replies: Whether answers to the digest are read as commands.
        manage: The page that mails a fresh link. Besides `home` this is the only link on a digest's web page, because
            people share the address of that page.
    """

    view: str
    unsubscribe: str
    home: str
    feedback: str = ""
    tokens: tuple[str, ...] = ()
    mute: str = ""
    settings: str = ""
    mail: str = ""
    replies: bool = False
    manage: str = ""


@dataclass(frozen=True, slots=True)
class DigestContent:
    """The content of one digest.

    Attributes:
        covers_from: The first period covered; differs from `period` when missed periods are caught up.
        date: The local day on which it is due.
        considered: How many papers it was chosen from; 0 hides the number.
        coverage: Incomplete sources at the time of planning, by label.
        held: Earlier digests that may not have arrived.
        occasions: What is special about this digest.
        unmatched: Without items: the topics for which no paper was found.
        abstracts: Where the full abstracts are.
    """

    list_name: str
    subscriber_name: str
    period: str
    covers_from: str
    date: date
    considered: int
    items: tuple[DigestItem, ...]
    postal_address: str
    language: str
    links: DigestLinks
    coverage: Mapping[str, CoverageState] = field(default_factory=dict)
    held: tuple[EarlierDigest, ...] = ()
    occasions: frozenset[Occasion] = frozenset()
    unmatched: tuple[str, ...] = ()
    abstracts: FullAbstracts = FullAbstracts.NOWHERE


@dataclass(frozen=True, slots=True)
class NoticeContent:
    """A notice that links to one page.

    It contains nothing that the requester typed, so it cannot carry spam.

    Attributes:
        link: The page; empty without a web address.
        kind: Name of its templates, `email/<kind>.*`.
        mail: The address at which an answer confirms, or empty.
        decline: The page for recipients who did not ask, or empty.
    """

    list_name: str
    link: str
    home: str
    postal_address: str
    language: str
    kind: str = "confirm"
    mail: str = ""
    decline: str = ""


@dataclass(frozen=True, slots=True)
class ReplyContent:
    """The reply to commands sent by mail.

    `answerable`: answers to it are read as commands.
    """

    list_name: str
    lines: tuple[ReplyLine, ...]
    answerable: bool
    postal_address: str
    language: str


@dataclass(frozen=True, slots=True)
class Rendered:
    """One rendered mail: the subject and both bodies as text."""

    subject: str
    text: str
    html: str
