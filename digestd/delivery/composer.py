"""Compose the bytes of a mail from what planning froze, today's templates and the sender.

The same inputs give the same bytes. Papers are read by revision and cached up to a limit. The sender is what the
operator configured: addresses, keys, and where the links of a mail lead.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from threading import RLock
from typing import TYPE_CHECKING, NamedTuple

import structlog
from sqlmodel import Session

from digestd.domain.delivery import DIGESTS, Claim, CommandReply, MailKind
from digestd.domain.digest import Occasion, Section
from digestd.domain.paper import Paper
from digestd.domain.schedule import period_date
from digestd.errors import Damaged, DatabaseUnreachable
from digestd.mail.content import (
    DigestContent,
    DigestItem,
    DigestLinks,
    EarlierDigest,
    FullAbstracts,
    NoticeContent,
    Rendered,
    ReplyContent,
)
from digestd.mail.digest import assemble_digest, render_digest
from digestd.mail.lint import Finding, LintContext, lint
from digestd.mail.mime import DigestHeaders, Headers, NamedAddress, compose_digest, compose_notice
from digestd.mail.paper_view import PaperView
from digestd.mail.rendering import (
    render_earlier_digest,
    render_near_heading,
    render_notice,
    render_reason,
    render_reply,
)
from digestd.mail.templates import Templates
from digestd.security.addresses import make_command_address, make_complaint_id
from digestd.security.keys import Keys
from digestd.security.tokens import Purpose, make_pick_tokens, make_token
from digestd.security.urls import Urls
from digestd.store import groups, papers
from digestd.store.database import Database
from digestd.store.groups import ShownPapers
from digestd.store.ledger import command_answers
from digestd.store.ledger.settlement import OfferedDigest, offered_by
from digestd.store.timestamps import from_us
from digestd.text.sanitise import clean, shorten

if TYPE_CHECKING:
    from digestd.mail.dkim import Signer
    from digestd.mail.outlets import PaperList

log = structlog.get_logger(__name__)
CACHED_PAPERS = 5_000
"""Papers that a composer keeps in memory."""
KEPT_CLAIMS = 2_000
"""Claims of which a composer keeps what it read: a batch is composed while the next one is prepared."""
NO_HTML_LIMIT = 10_000_000
"""Bytes of HTML that no digest reaches: browsers do not clip pages."""


@dataclass(frozen=True)
class Sender:
    """The sender, as configured.

    Attributes:
        keys: Keys of tokens and return paths.
        urls: Builds the links of pages.
        bounce: The mailbox of return paths.
        list_name: The name in List-Id.
        signer: Signs with DKIM, if configured.
        commands: Address for commands by mail, or empty.
        replies: Whether replies to a digest are read as commands.
        complaints: The address for complaints (RFC 9477), or empty.
    """

    keys: Keys
    urls: Urls
    from_: NamedAddress
    reply_to: str
    bounce: str
    list_name: str
    postal_address: str
    signer: "Signer | None" = None
    commands: str = ""
    replies: bool = False
    complaints: str = ""

    @cached_property
    def feedback_name(self) -> str:
        """Return the sender in Feedback-ID: the same for all mails, different for other From addresses."""
        return f"digestd{hashlib.sha256(self.from_.address.lower().encode()).hexdigest()[:8]}"

    @cached_property
    def host(self) -> str:
        """Return the domain of Message-IDs and of List-Id."""
        return self.from_.address.rpartition("@")[2]

    def command(self, purpose: Purpose, number: int, at: datetime, version: int = 0) -> str:
        """Return the address that acts like a link with such a token, or "" if commands are off."""
        local, _, host = self.commands.rpartition("@")
        return (
            make_command_address(local, make_token(self.keys, purpose, number, at, version), host)
            if self.commands
            else ""
        )


class ComposedMail(NamedTuple):
    """The bytes of a mail, or of a digest for a chat room, and their SHA-256."""

    message: bytes
    sha256: bytes


class _OwnFacts(NamedTuple):
    """The contents of a mail besides its claim and its papers."""

    reply: CommandReply
    offered: tuple[OfferedDigest, ...]
    colleagues: Mapping[int, int]
    most_read: PaperView | None


class Composer:
    """Composes claimed mails.

    `prepare` reads what a batch needs, so that `compose` needs no database. `templates` may be replaced at any time.
    Without a database, what mails need must be supplied.
    """

    def __init__(self, db: Database | None, sender: Sender, templates: Templates) -> None:
        self.templates = templates
        self._db = db
        self._sender = sender
        self._papers: dict[tuple[int, int], PaperView] = {}
        self._views: dict[tuple[object, ...], PaperView] = {}
        self._own: dict[int, _OwnFacts] = {}
        self._lock = RLock()

    def prepare(self, claims: Sequence[Claim]) -> None:
        """Read what these claims need: papers, replies, earlier digests.

        What is kept of earlier batches is limited; `compose` reads again what it lacks. If the claims cannot be read
        together, because one is damaged, `compose` reads each by itself.
        """
        with self._lock:
            for key in list(self._own)[:-KEPT_CLAIMS]:
                del self._own[key]
            try:
                self._read(claims)
            except DatabaseUnreachable:
                raise
            except Exception as error:
                log.warning("cannot prepare mails together", mails=len(claims), error=type(error).__name__)

    def supply(
        self,
        claim: Claim,
        shown: Sequence[PaperView] = (),
        reply: CommandReply = CommandReply(()),
        colleagues: int = 0,
    ) -> None:
        """Take what a mail needs from here instead of the database.

        Args:
            shown: The papers, by the revisions of its picks.
            colleagues: How many liked each of them.
        """
        liked = {pick.paper: colleagues for pick in claim.picks}
        read = next(iter(shown), None) if claim.facts.most_read else None
        self._own[claim.key] = _OwnFacts(reply, (), liked, read)
        self._papers.update({(pick.revision, claim.planned_us): shown[pick.revision] for pick in claim.picks})

    def _read(self, claims: Sequence[Claim]) -> None:
        if self._db is None:
            return
        read = {claim.key: (claim.facts.most_read, claim.planned_us) for claim in claims if claim.facts.most_read}
        wanted = {(pick.revision, claim.planned_us) for claim in claims for pick in claim.picks} | {*read.values()}
        with self._lock, self._db.read() as session:
            if len(self._papers) + len(wanted) > CACHED_PAPERS:
                self._papers = {key: paper for key, paper in self._papers.items() if key in wanted}
                self._views = {}
            missing = sorted(wanted - self._papers.keys())
            replies = command_answers.of(session, [claim.key for claim in claims if claim.kind is MailKind.REPLY])
            offered = offered_by(session, [claim.key for claim in claims])
            colleagues = _colleagues(session, claims)
            for planned_us in {planned for _, planned in missing}:
                keys = [revision for revision, planned in missing if planned == planned_us]
                found = papers.revisions(session, keys, from_us(planned_us))
                self._papers.update({(key, planned_us): self._view(paper) for key, paper in found.items()})
            for key in (claim.key for claim in claims):
                own = replies.get(key, CommandReply(())), offered.get(key, ()), colleagues.get(key, {})
                self._own[key] = _OwnFacts(*own, self._papers.get(read.get(key, (0, 0))))

    def _view(self, paper: Paper) -> PaperView:
        """Return one object for all digests that show the same words and figures: their mails share its fragments."""
        shown = (paper.revision, *sorted(paper.signals.items()))
        if shown not in self._views:
            self._views[shown] = PaperView.of(paper)
        return self._views[shown]

    def compose(self, claim: Claim) -> ComposedMail:
        """Return a mail with CRLF line ends. Errors concern this mail alone.

        If other claims have been prepared meanwhile, what this one needs is read again.
        """
        try:
            return self._compose(claim)
        except KeyError:
            with self._lock:
                self._read([claim])
                return self._compose(claim)

    def _compose(self, claim: Claim) -> ComposedMail:
        if claim.kind in DIGESTS:
            return self._sign(claim, self._digest(claim))
        rendered = self.render(claim)
        headers = self._headers(claim, rendered.subject)
        logo = self.templates.theme.logo
        return self._sign(claim, compose_notice(headers, rendered.text, rendered.html, logo))

    def _digest(self, claim: Claim) -> bytes:
        content = self._content(claim)
        digest = assemble_digest(self.templates, content)
        headers = self._digest_headers(claim, digest.subject, content.links)
        return compose_digest(headers, digest.text.encoded, digest.html.encoded, self.templates.theme.logo)

    def _sign(self, claim: Claim, message: bytes) -> ComposedMail:
        if self._sender.signer is not None:
            message = self._sender.signer.sign(message, from_us(claim.dated_us))
        return ComposedMail(message, hashlib.sha256(message).digest())

    def compose_for_room(self, claim: Claim) -> ComposedMail:
        """Return a digest as plain text for a chat room: one line with all of it, and one without the summaries.

        NUL stands for a line end. Others read along, so there is nothing personal: no name, no title of a private
        reference, and no links but those of the web pages of this digest and of earlier ones that may not have
        arrived.
        """
        with self._lock:
            self._read([claim])
            templates, content = self.templates, self._content(claim)
            subject = render_digest(templates, _impersonal(content)).subject
            head = [_for_room(subject, content.links.view)]
            head += [
                _for_room(render_earlier_digest(templates, one.date, claim.language), one.view) for one in content.held
            ]
            papers = [
                (item.paper, render_reason(templates, item.reason.shareable, claim.language)) for item in content.items
            ]
            whole = [_for_room(paper.title, paper.page, _summary(paper), why) for paper, why in papers]
            short = [_for_room(paper.title, paper.page, "", why) for paper, why in papers]
            near = [item.section is Section.NEAR for item in content.items]
            if any(near) and not all(near):  # else the subject says so
                for blocks in (whole, short):
                    blocks.insert(near.index(True), _for_room(render_near_heading(templates, claim.language), ""))
        lines = ("\n\n".join([*head, *blocks]).replace("\n", "\0") for blocks in (whole, short))
        message = "".join(f"{line}\n" for line in lines).encode("utf-8", "replace")
        return ComposedMail(message, hashlib.sha256(message).digest())

    def lint(self, claim: Claim, *, is_invented: bool = False) -> tuple[Finding, ...]:
        """Return what is wrong with a mail, exactly as it would be sent.

        `is_invented`: its content is ours, so that any fault is one of the templates or settings.
        """
        sender = self._sender
        context = LintContext(
            is_digest=claim.kind in DIGESTS,
            is_signed=sender.signer is not None,
            reports_complaints=bool(sender.complaints),
            home=sender.urls.home,
            is_invented=is_invented,
        )
        return lint(self.compose(claim).message, context)

    def render(self, claim: Claim) -> Rendered:
        """Return the mail as subject, text and HTML."""
        if claim.kind is MailKind.REPLY:
            return render_reply(self.templates, self._reply(claim))
        if claim.kind not in DIGESTS:
            return render_notice(self.templates, self._notice(claim))
        return render_digest(self.templates, self._content(claim))

    def render_page(self, claim: Claim, topic: str = "") -> str:
        """Return a digest as a web page with all its papers, or with those that were picked for a topic.

        People share its address, so it contains nothing personal: no name and no link to the subscriber's pages.
        If other claims have been prepared meanwhile, what this one needs is read again.
        """
        try:
            return self._page(claim, topic)
        except KeyError:
            with self._lock:
                self._read([claim])
                return self._page(claim, topic)

    def paper_list(self, claim: Claim, view: str = "") -> "PaperList":
        """Return the papers of a digest as they were when it was planned, with their reasons, for outlets.

        People share files, so it contains nothing personal: no name, no title of a private reference, and no link but
        that of its web page.

        Args:
            view: URL of its web page, or empty.
        """
        from digestd.mail.outlets import ListedPaper, PaperList  # noqa: PLC0415  # no mail needs XML

        assert self._db is not None  # noqa: S101  # only invented mails have none
        with self._db.read() as session:
            found = papers.revisions(session, sorted({pick.revision for pick in claim.picks}))
        at, templates, language = from_us(claim.dated_us), self.templates, claim.language
        items = tuple(
            ListedPaper.of(found[pick.revision], at, templates, language, pick.reason)
            for pick in claim.picks
            if pick.revision in found
        )
        title = f"{self._sender.list_name}, {claim.covers_from if claim.kind is MailKind.COPY else claim.period}"
        return PaperList(claim.message_id, title, view, "", language, at, items)

    def _page(self, claim: Claim, topic: str) -> str:
        urls = self._sender.urls
        links = DigestLinks(view="", unsubscribe="", home=urls.home, manage=urls.manage)
        content = _impersonal(self._content(claim))
        content = replace(
            content,
            links=links,
            abstracts=FullAbstracts.PAGE,
            items=tuple([item._replace(colleagues=0) for item in content.items if topic in {"", item.reason.value}]),
        )
        page = render_digest(self.templates, content, NO_HTML_LIMIT).html
        return page.replace('"cid:logo"', f'"{urls.home}static/logo.png"')

    def _content(self, claim: Claim) -> DigestContent:
        if not claim.picks and Occasion.EMPTY not in claim.facts.occasions:
            raise Damaged("its picks cannot be read, so the database is damaged: restore the last backup")
        if claim.facts.coverage is None:
            raise Damaged("its coverage cannot be read, so the database is damaged: restore the last backup")
        period = claim.covers_from if claim.kind is MailKind.COPY else claim.period  # a copy's key has a number too
        if claim.conference:
            period = f"{from_us(claim.dated_us):%Y-%m-%d}"
        return DigestContent(
            list_name=self._sender.list_name,
            subscriber_name=claim.preferences.name,
            period=period,
            covers_from=period if claim.conference else claim.covers_from,
            date=period_date(period),
            items=self._items(claim),
            postal_address=self._sender.postal_address,
            language=claim.language,
            links=self._digest_links(claim),
            facts=claim.facts,
            held=self._earlier_digests(claim),
            most_read=self._own[claim.key].most_read,
            abstracts=FullAbstracts.TEXT if claim.preferences.full_abstracts else FullAbstracts.NOWHERE,
            conference=claim.conference,
            picked=len(claim.picks) if claim.conference else 0,
        )

    def _items(self, claim: Claim) -> tuple[DigestItem, ...]:
        colleagues, kept = self._own[claim.key].colleagues, self._papers
        planned, language = claim.planned_us, claim.language
        return tuple(
            [
                DigestItem(
                    kept[pick.revision, planned].in_language(language),
                    pick.reason,
                    pick.section,
                    colleagues.get(pick.paper, 0),
                )
                for pick in claim.picks
            ]
        )

    def _earlier_digests(self, claim: Claim) -> tuple[EarlierDigest, ...]:
        """Return the earlier digests that this one offers; none without a web address."""
        if not self._sender.urls.is_reachable:
            return ()
        return tuple(self._earlier_digest(claim, digest) for digest in self._own[claim.key].offered)

    def _earlier_digest(self, claim: Claim, digest: OfferedDigest) -> EarlierDigest:
        view = self._sender.urls.view(
            make_token(self._sender.keys, Purpose.VIEW, digest.delivery, from_us(claim.dated_us))
        )
        return EarlierDigest(period_date(digest.period), view)

    def _notice(self, claim: Claim) -> NoticeContent:
        link = _LINKS[claim.kind](self._sender, claim) if self._sender.urls.is_reachable else ""
        confirms = claim.kind is MailKind.CONFIRM
        return NoticeContent(
            list_name=self._sender.list_name,
            link=link,
            home=self._sender.urls.home,
            postal_address=self._sender.postal_address,
            language=claim.language,
            kind=claim.kind.value,
            mail=self._confirmation_address(claim) if confirms else "",
            decline=f"{link}/decline" if confirms and link else "",
        )

    def _reply(self, claim: Claim) -> ReplyContent:
        settings = make_token(self._sender.keys, Purpose.PREFERENCES, claim.subscriber, from_us(claim.dated_us))
        return ReplyContent(
            list_name=self._sender.list_name,
            lines=self._own[claim.key].reply.lines,
            answerable=bool(self._sender.commands),
            postal_address=self._sender.postal_address,
            language=claim.language,
            settings=self._sender.urls.preferences(settings) if self._sender.urls.is_reachable else "",
        )

    def _digest_links(self, claim: Claim) -> DigestLinks:
        """Return the links of a digest; without a web address they are `mailto:` links.

        All tokens are issued at the time in the Date header, so that composing again gives the same tokens.
        """
        keys, urls, at = self._sender.keys, self._sender.urls, from_us(claim.dated_us)
        if not urls.is_reachable:
            unsubscribe = self._sender.command(Purpose.UNSUBSCRIBE, claim.subscriber, at)
            mail = self._sender.command(Purpose.COMMAND, claim.key, at)
            return DigestLinks("", f"mailto:{unsubscribe}", "", mail=mail, replies=self._sender.replies)
        settings = make_token(keys, Purpose.PREFERENCES, claim.subscriber, at)
        return DigestLinks(
            view=urls.view(make_token(keys, Purpose.VIEW, claim.key, at)) if claim.picks else "",
            unsubscribe=urls.unsubscribe(make_token(keys, Purpose.UNSUBSCRIBE, claim.subscriber, at)),
            home=urls.home,
            feedback=urls.feedback(""),
            tokens=tuple(make_pick_tokens(keys, claim.key, len(claim.picks), at)),
            mute="" if claim.conference else urls.mute(settings),  # it leads to a digest by its period
            settings=urls.preferences(settings),
            replies=self._sender.replies,
        )

    def _headers(self, claim: Claim, subject: str) -> Headers:
        return Headers(
            from_=self._sender.from_,
            to=claim.address,
            reply_to=self._reply_to(claim),
            subject=subject,
            date=from_us(claim.dated_us),
            message_id=claim.message_id,
            answers=self._own[claim.key].reply.answers,
            feedback_id=self._feedback_id(claim),
            complaint_address=self._sender.complaints,
            complaint_id=self._complaint_id(claim),
        )

    def _feedback_id(self, claim: Claim) -> str:
        """Return period or day, language, kind and sender: nothing about one subscriber, as Gmail demands."""
        day = claim.period if claim.kind is MailKind.DIGEST else f"{from_us(claim.dated_us):%Y-%m-%d}"
        return f"{day}:{claim.language}:{claim.kind}:{self._sender.feedback_name}"

    def _complaint_id(self, claim: Claim) -> str:
        return make_complaint_id(self._sender.keys, claim.key) if self._sender.complaints else ""

    def _reply_to(self, claim: Claim) -> str:
        """Return the Reply-To address: for commands if they are read, else the operator's.

        Answers to notices are always commands; answers to digests only if the setting says so.
        """
        mail = ""
        if claim.kind is MailKind.CONFIRM:
            mail = self._confirmation_address(claim)
        elif claim.kind is MailKind.REPLY or self._sender.replies:
            mail = self._sender.command(Purpose.COMMAND, claim.key, from_us(claim.dated_us))
        return mail or self._sender.reply_to

    def _confirmation_address(self, claim: Claim) -> str:
        """Return the address at which an answer confirms a subscription, or "" if commands are off."""
        at = from_us(claim.dated_us)
        return self._sender.command(Purpose.CONFIRM, claim.subscriber, at, int(claim.period))

    def _digest_headers(self, claim: Claim, subject: str, links: DigestLinks) -> DigestHeaders:
        is_public = self._sender.urls.is_reachable
        return DigestHeaders(
            from_=self._sender.from_,
            to=claim.address,
            reply_to=self._reply_to(claim),
            subject=subject,
            date=from_us(claim.dated_us),
            message_id=claim.message_id,
            list_name=self._sender.list_name,
            list_id=f"digest.{self._sender.host}",
            unsubscribe_url=links.unsubscribe if is_public else "",
            view_url=links.view,
            home_url=links.home,
            owner=self._sender.reply_to,
            unsubscribe_mailbox=self._sender.command(Purpose.UNSUBSCRIBE, claim.subscriber, from_us(claim.dated_us)),
            feedback_id=self._feedback_id(claim),
            complaint_address=self._sender.complaints,
            complaint_id=self._complaint_id(claim),
        )


def _impersonal(content: DigestContent) -> DigestContent:
    """Return the content for others, without the reader's name, earlier digests, and what is special for them."""
    facts = content.facts._replace(occasions=frozenset(), news=())
    return replace(content, subscriber_name="", held=(), facts=facts)


_HARMLESS = str.maketrans({sign: f"{sign}\u200b" for sign in "@<]"})
"""A zero-width space behind a sign keeps chats from notifying everybody, and from showing a link under other words."""


def _for_room(title: str, url: str, *texts: str) -> str:
    """Return one part of a digest for a chat room: a line each for the title, the URL and the texts."""
    first, *rest = (shorten(clean(text), 300).translate(_HARMLESS) for text in (title, *texts))
    return "\n".join(line for line in (first, url, *rest) if line)


def _summary(paper: PaperView) -> str:
    """Return the gist in the authors' sentences, else the beginning of the abstract."""
    return paper.summary.brief if paper.summary and not paper.is_machine_written else paper.abstract


def _colleagues(session: Session, claims: Sequence[Claim]) -> dict[int, dict[int, int]]:
    """Return how many of the reader's group liked the papers of each digest, as of the time in its Date header."""
    shown = [
        ShownPapers(claim.key, claim.subscriber, [pick.paper for pick in claim.picks], from_us(claim.dated_us))
        for claim in claims
        if claim.kind in DIGESTS
    ]
    return groups.colleagues(session, shown)


def _confirmation(sender: Sender, claim: Claim) -> str:
    return sender.urls.confirm(_token(sender, claim, Purpose.CONFIRM, int(claim.period)))


def _settings(sender: Sender, claim: Claim) -> str:
    return sender.urls.preferences(_token(sender, claim, Purpose.PREFERENCES))


def _erasure(sender: Sender, claim: Claim) -> str:
    return sender.urls.erase(_token(sender, claim, Purpose.ERASE, claim.consent_version))


def _renewal(sender: Sender, claim: Claim) -> str:
    return sender.urls.renew(_token(sender, claim, Purpose.RENEW, claim.consent_version))


def _address_change(purpose: Purpose) -> Callable[[Sender, Claim], str]:
    """Return a function for the link to confirm an address change.

    There is one for the old and one for the new address.

    The period of such a notice is the second of the request.
    """
    return lambda sender, claim: sender.urls.move(_token(sender, claim, purpose, int(claim.period)))


def _token(sender: Sender, claim: Claim, purpose: Purpose, version: int = 0) -> str:
    """Return a token for a notice, issued at the time in its Date header."""
    return make_token(sender.keys, purpose, claim.subscriber, from_us(claim.dated_us), version)


_LINKS: dict[MailKind, Callable[[Sender, Claim], str]] = {
    MailKind.CONFIRM: _confirmation,
    MailKind.SETTINGS: _settings,
    MailKind.ERASE: _erasure,
    MailKind.RENEW: _renewal,
    MailKind.ADDRESS_CHANGE_OLD: _address_change(Purpose.ADDRESS_CHANGE_OLD),
    MailKind.ADDRESS_CHANGE_NEW: _address_change(Purpose.ADDRESS_CHANGE_NEW),
}
