"""What may be shown: frozen values, the only input of the templates."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

from digestd.domain.coverage import CoverageState
from digestd.domain.digest import Reason, Section
from digestd.domain.paper import Paper
from digestd.domain.reply import ReplyLine


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """One paper in plain words (no TeX), the same whoever reads of it: made once, then known by what it is.

    `links`: among code, pdf, discussion. `signals`: among upvotes, comments, stars, citations.
    """

    title: str
    abstract: str = ""
    authors: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    url: str | None = None
    links: Mapping[str, str] = field(default_factory=dict)
    signals: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, paper: Paper) -> "Entry":
        """The entry of a stored paper."""
        return cls(
            title=paper.plain_title,
            abstract=paper.plain_abstract,
            authors=paper.words.authors,
            categories=paper.words.categories,
            url=paper.url,
            links=paper.links,
            signals=paper.signals,
        )


class Item(NamedTuple):
    """One pick: a paper, and why it was picked."""

    entry: Entry
    reason: Reason
    section: Section = Section.FOR_YOU


@dataclass(frozen=True, slots=True)
class Before:
    """An earlier digest that may not have arrived: its first day, and where it can be read."""

    date: date
    view: str


@dataclass(frozen=True, slots=True)
class DigestLinks:
    """The absolute URLs of a digest's own links, with the tokens of its reader; empty where there is none.

    `feedback`: the page about one of its papers, without that paper's token; `tokens`: those of the papers, in the
    order of the items. `mute`: where something about a paper is muted, by period and place from 1. `replies`: an
    answer to the digest is read as commands. Without a web address `unsubscribe` opens a mail, `mail` is where
    commands are sent, and the others are empty. `manage`: the page that mails a fresh link to a subscriber; it is the
    only link besides `home` that a digest in the browser may have, as its address is passed on.
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
    """One digest. `considered`: how many papers it was chosen from (0: do not say).

    `covers_from` differs from `period` when missed periods are caught up; `date` is the local
    day on which it falls due. `coverage`: the sources that were not whole when it was planned, by
    their names for people. `held`: earlier digests that may not have arrived.
    """

    list_name: str
    subscriber_name: str
    period: str
    covers_from: str
    date: date
    considered: int
    items: tuple[Item, ...]
    postal_address: str
    language: str
    links: DigestLinks
    coverage: Mapping[str, CoverageState] = field(default_factory=dict)
    held: tuple[Before, ...] = ()


@dataclass(frozen=True, slots=True)
class NoticeContent:
    """A notice that leads to one page: nothing in it comes from whoever typed the address.

    `kind` names its templates, `email/<kind>.*`. `link` is empty without a web address; `mail`: where an answer to
    it confirms, empty where none does. `decline`: the page for those who did not ask, empty where there is none.
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
    """The answer to commands by mail. `answerable`: an answer to it is read as commands."""

    list_name: str
    lines: tuple[ReplyLine, ...]
    answerable: bool
    postal_address: str
    language: str


@dataclass(frozen=True, slots=True)
class Rendered:
    """One mail in words: a subject line and the two bodies."""

    subject: str
    text: str
    html: str
