"""The content of mails: frozen values, the only input of the templates."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import NamedTuple

from digestd.domain.delivery import ReplyLine
from digestd.domain.digest import DigestFacts, Reason, Section
from digestd.mail.paper_view import PaperView


class FullAbstracts(StrEnum):
    """Place of the full abstracts in a digest: nowhere, in the text part, or on its web page (folded)."""

    NOWHERE = "nowhere"
    TEXT = "text"
    PAGE = "page"


class DigestItem(NamedTuple):
    """One paper of a digest, why it was picked, and how many colleagues liked it."""

    paper: PaperView
    reason: Reason
    section: Section = Section.FOR_YOU
    colleagues: int = 0


@dataclass(frozen=True, slots=True)
class EarlierDigest:
    """An earlier digest that may not have arrived: first day and web page URL."""

    date: date
    view: str


@dataclass(frozen=True, slots=True)
class DigestLinks:
    """The links of a digest: absolute URLs with the subscriber's tokens, empty if there is no such link.

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
        held: Earlier digests that may not have arrived.
        most_read: The paper that everybody reads, if it is none of the items.
        abstracts: Where the full abstracts are.
        conference: The name of the conference, if it is the programme of one.
        picked: How many papers it has in all; a page may show some of them.
    """

    list_name: str
    subscriber_name: str
    period: str
    covers_from: str
    date: date
    items: tuple[DigestItem, ...]
    postal_address: str
    language: str
    links: DigestLinks
    facts: DigestFacts
    held: tuple[EarlierDigest, ...] = ()
    most_read: PaperView | None = None
    abstracts: FullAbstracts = FullAbstracts.NOWHERE
    conference: str = ""
    picked: int = 0


@dataclass(frozen=True, slots=True)
class NoticeContent:
    """A notice that links to one page: the variable `notice` in its templates.

    It contains nothing that the requester typed, so it cannot carry spam.

    Attributes:
        link: The page; empty without a web address.
        kind: Name of its templates, `email/<kind>.*`.
        mail: The address at which an answer confirms, or empty.
        decline: The page for recipients who did not ask, or empty.
        subject: Filled in when it is rendered.
    """

    list_name: str
    link: str
    home: str
    postal_address: str
    language: str
    kind: str = "confirm"
    mail: str = ""
    decline: str = ""
    subject: str = ""


@dataclass(frozen=True, slots=True)
class ReplyContent:
    """The reply to commands sent by mail.

    `answerable`: answers to it are read as commands. `settings`: link to the settings page, "" without web pages.
    """

    list_name: str
    lines: tuple[ReplyLine, ...]
    answerable: bool
    postal_address: str
    language: str
    settings: str = ""


@dataclass(frozen=True, slots=True)
class Rendered:
    """One rendered mail: the subject and both bodies as text."""

    subject: str
    text: str
    html: str
