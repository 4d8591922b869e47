"""The bytes of a mail: a pure function of what planning froze and of who sends.

Papers come by revision, templates by hash, both cached up to a bound. A batch is composed in one go: one mail here
and one there, between writes and commits, takes a processor a third longer.
"""

import contextlib
import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from threading import RLock
from typing import NamedTuple

from digestd.deliver.sender import Sender
from digestd.domain.delivery import Claim, MailKind
from digestd.domain.digest import Pick
from digestd.domain.reply import Reply
from digestd.errors import Damaged
from digestd.links import Purpose, envelope_tag, issued, token
from digestd.message import DigestHeaders, Headers, compose_digest, compose_notice
from digestd.render import (
    Before,
    DigestContent,
    DigestLinks,
    Entry,
    Item,
    NoticeContent,
    Rendered,
    ReplyContent,
    Templates,
    print_digest,
    render_digest,
    render_notice,
    render_reply,
)
from digestd.schedule import period_date
from digestd.store import papers, replies, template_sets
from digestd.store.database import Database
from digestd.store.instants import from_us
from digestd.store.ledger import Held, offered

CACHED_PAPERS = 5_000
WHOLE = 10_000_000
"""Bytes of HTML that no digest reaches: in the browser nothing is clipped."""


class Composed(NamedTuple):
    """A mail as bytes, and their sha256."""

    message: bytes
    sha256: bytes


class Composer:
    """Composes claims; `prepare` reads from the database what a batch needs, `compose` touches none."""

    def __init__(self, db: Database, sender: Sender) -> None:
        self._db = db
        self._sender = sender
        self._entries: dict[int, Entry] = {}
        self._templates: dict[str, Templates] = {}
        self._held: dict[int, tuple[Held, ...]] = {}
        self._replies: dict[int, Reply] = {}
        self._ahead: dict[tuple[int, int], Composed] = {}
        self._reading = RLock()

    def prepare(self, claims: Sequence[Claim]) -> None:
        """Read revisions and templates that are not cached yet, and what these claims alone say: replies, and which
        earlier digests are offered. Of claims before these that is forgotten, and `take` reads it again."""
        with self._reading:
            self._held, self._replies = {}, {}
            self._read(claims)

    def _read(self, claims: Sequence[Claim]) -> None:
        wanted = {pick.revision for claim in claims for pick in claim.picks}
        hashes = {claim.template_hash for claim in claims}
        with self._reading, self._db.read() as session:
            if len(self._entries) + len(wanted) > CACHED_PAPERS:
                self._entries = {key: entry for key, entry in self._entries.items() if key in wanted}
            missing = sorted(wanted - self._entries.keys())
            said = replies.of(session, [claim.key for claim in claims if claim.kind is MailKind.REPLY])
            held = offered(session, [claim.key for claim in claims])
            self._replies.update({claim.key: said.get(claim.key, Reply(())) for claim in claims})
            self._held.update({claim.key: held.get(claim.key, ()) for claim in claims})
            if missing:
                found = papers.revisions(session, missing)
                self._entries.update({key: Entry.of(paper) for key, paper in found.items()})
            for template_hash in hashes - self._templates.keys():
                self._templates[template_hash] = Templates.of(template_sets.files(session, template_hash))

    def compose_ahead(self, claims: Sequence[Claim]) -> None:
        """Compose what was prepared, for `take`; what cannot be composed is found out there.

        What of an earlier batch was not taken yet is composed again when it is: so much and no more is held.
        """
        ahead = {}
        for claim in claims:
            with contextlib.suppress(Exception):
                ahead[claim.key, claim.attempt] = self._composed(claim)
        self._ahead = ahead

    def take(self, claim: Claim) -> Composed:
        """The mail, now if it was not composed ahead. Anything raised here is this mail's problem alone.

        Where it waited for so long that others took the place of what it says, that is read again.
        """
        if (composed := self._ahead.pop((claim.key, claim.attempt), None)) is not None:
            return composed
        try:
            return self._composed(claim)
        except KeyError:
            with self._reading:
                self._read([claim])
                return self._composed(claim)

    def _composed(self, claim: Claim) -> Composed:
        message = self.compose(claim)
        return Composed(message, hashlib.sha256(message).digest())

    def compose(self, claim: Claim) -> bytes:
        """The mail as bytes with CRLF line ends. Anything raised here is this mail's problem alone."""
        message = self._message(claim)
        signer = self._sender.signer
        return message if signer is None else signer.sign(message, from_us(claim.dated_us))

    def _message(self, claim: Claim) -> bytes:
        templates = self._templates[claim.template_hash]
        if claim.kind is not MailKind.DIGEST:
            rendered = self.render(claim)
            return compose_notice(self._headers(claim, rendered.subject), rendered.text, rendered.html)
        content = self._content(claim)
        printed = print_digest(templates, content)
        headers = self._digest_headers(claim, printed.subject, content.links)
        return compose_digest(headers, printed.text, printed.html)

    def render(self, claim: Claim) -> Rendered:
        """The mail as subject, text and HTML."""
        templates = self._templates[claim.template_hash]
        if claim.kind is MailKind.REPLY:
            return render_reply(templates, self._reply(claim))
        if claim.kind is not MailKind.DIGEST:
            return render_notice(templates, self._notice(claim))
        return print_digest(templates, self._content(claim)).rendered

    def page(self, claim: Claim) -> str:
        """The digest as HTML for a browser: no paper left out, and no link to where it is read already."""
        content = self._content(claim)
        here = replace(content, links=replace(content.links, view=""))
        return render_digest(self._templates[claim.template_hash], here, WHOLE).html

    def _content(self, claim: Claim) -> DigestContent:
        if not claim.picks:
            raise Damaged("its picks cannot be read, so the database is damaged: put the last backup back")
        if claim.coverage is None:
            raise Damaged("its coverage cannot be read, so the database is damaged: put the last backup back")
        links = self._links(claim)
        return DigestContent(
            list_name=self._sender.list_name,
            subscriber_name=claim.name,
            period=claim.period,
            covers_from=claim.covers_from,
            date=period_date(claim.period),
            considered=claim.considered,
            items=tuple(self._items(claim.picks)),
            postal_address=self._sender.postal_address,
            language=claim.language,
            links=links,
            coverage=claim.coverage,
            held=tuple(self._before(held) for held in self._held[claim.key] if self._sender.urls.are_public),
        )

    def _before(self, held: Held) -> Before:
        view = self._sender.urls.view(token(self._sender.keys, Purpose.VIEW, held.delivery))
        return Before(period_date(held.period), view)

    def _items(self, picks: Iterable[Pick]) -> Iterable[Item]:
        for pick in picks:
            yield Item(self._entries[pick.revision], pick.reason, pick.section)

    def _notice(self, claim: Claim) -> NoticeContent:
        return NoticeContent(
            list_name=self._sender.list_name,
            link=_LINKS[claim.kind](self._sender, claim) if self._sender.urls.are_public else "",
            home=self._sender.urls.home,
            postal_address=self._sender.postal_address,
            language=claim.language,
            kind=claim.kind.value,
            mail=self._sender.command(Purpose.CONFIRM, claim.subscriber, claim.consent_version),
        )

    def _reply(self, claim: Claim) -> ReplyContent:
        return ReplyContent(
            list_name=self._sender.list_name,
            told=self._replies[claim.key].told,
            answerable=bool(self._sender.commands),
            postal_address=self._sender.postal_address,
            language=claim.language,
        )

    def _links(self, claim: Claim) -> DigestLinks:
        keys, urls = self._sender.keys, self._sender.urls
        if not urls.are_public:
            return _mail_links(self._sender, claim)
        view, feedback = (token(keys, purpose, claim.key) for purpose in (Purpose.VIEW, Purpose.FEEDBACK))
        unsubscribe = token(keys, Purpose.UNSUBSCRIBE, claim.subscriber)
        settings = _settings_token(self._sender, claim)
        return DigestLinks(
            view=urls.view(view),
            unsubscribe=urls.unsubscribe(unsubscribe),
            home=urls.home,
            feedback=urls.feedback(feedback),
            settings=urls.preferences(settings),
            tokens=(view, unsubscribe, feedback, settings),
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
            answers=self._replies[claim.key].answers,
        )

    def _reply_to(self, claim: Claim) -> str:
        """An answer to a notice is a command, wherever commands are read at all; one to a digest if it is wanted."""
        mail = ""
        if claim.kind is MailKind.CONFIRM:
            mail = self._sender.command(Purpose.CONFIRM, claim.subscriber, claim.consent_version)
        elif claim.kind is MailKind.REPLY or self._sender.replies:
            mail = self._sender.command(Purpose.COMMAND, claim.key)
        return mail or self._sender.reply_to

    def _digest_headers(self, claim: Claim, subject: str, links: DigestLinks) -> DigestHeaders:
        return DigestHeaders(
            from_=self._sender.from_,
            to=claim.address,
            reply_to=self._reply_to(claim),
            subject=subject,
            date=from_us(claim.dated_us),
            message_id=claim.message_id,
            list_name=self._sender.list_name,
            list_id=f"digest.{self._sender.host}",
            unsubscribe_url=links.unsubscribe if self._sender.urls.are_public else "",
            view_url=links.view,
            home_url=links.home,
            owner=self._sender.reply_to,
            unsubscribe_mailbox=self._sender.command(Purpose.UNSUBSCRIBE, claim.subscriber),
        )


def _mail_links(sender: Sender, claim: Claim) -> DigestLinks:
    """The links of a digest in an install without a web address: each opens a mail."""
    leave = sender.command(Purpose.UNSUBSCRIBE, claim.subscriber)
    mail = sender.command(Purpose.COMMAND, claim.key)
    tags = tuple(envelope_tag(address) for address in (leave, mail))
    return DigestLinks("", f"mailto:{leave}", "", tokens=tags, mail=mail, replies=sender.replies)


def _confirmation(sender: Sender, claim: Claim) -> str:
    return sender.urls.confirm(token(sender.keys, Purpose.CONFIRM, claim.subscriber, claim.consent_version))


def _settings(sender: Sender, claim: Claim) -> str:
    return sender.urls.preferences(_settings_token(sender, claim))


def _settings_token(sender: Sender, claim: Claim) -> str:
    """Valid from the moment of the Date header on."""
    return token(sender.keys, Purpose.PREFERENCES, claim.subscriber, issued(from_us(claim.dated_us)))


def _move(purpose: Purpose) -> Callable[[Sender, Claim], str]:
    """The link that goes to one of two addresses; a notice of a move is named by the second it was asked for at."""
    return lambda sender, claim: sender.urls.move(token(sender.keys, purpose, claim.subscriber, int(claim.period)))


_LINKS: dict[MailKind, Callable[[Sender, Claim], str]] = {
    MailKind.CONFIRM: _confirmation,
    MailKind.SETTINGS: _settings,
    MailKind.MOVE_FROM: _move(Purpose.MOVE_FROM),
    MailKind.MOVE_TO: _move(Purpose.MOVE_TO),
}
