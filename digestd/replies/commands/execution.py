"""Mails to the command address: who may say what, and the answer.

A command is obeyed where the mail proves that its subscriber means it:

    1  it was sent to an address with a token of ours, which only mails to them carry; it counts as long as the link to
       the settings that came with it, so renewing the links voids it, too
    2  a mail server that the operator trusts (`DIGESTD_TRUSTED_AUTHSERV_ID`) says that it passed DMARC for the domain
       of its `From`, which is the subscriber's very address, and it names the command address in `To` or `Cc`: a signed
       mail to somebody else must not count when a stranger sends it on to us

A Message-ID of ours says which digest such a mail speaks of, and proves nothing: it travels with every forwarded mail.
Anything else is from nobody. It may ask for a subscription, which is confirmed by reply like one that
was typed into the page; for a known address the commands are kept and asked back, once a day at
most, in a mail that repeats nothing of what was written. What a machine wrote is never
answered (RFC 3834); that it leaves is believed, as only a link of ours can say so.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlmodel import Session

from digestd.domain.bounce import InboundOutcome
from digestd.domain.delivery import MailKind
from digestd.domain.interest import Kind
from digestd.domain.mail_budget import Budget, Pool
from digestd.domain.reply import CommandReply, ReplyLine
from digestd.domain.subscriber import Cause, Status, Subscriber
from digestd.errors import BadRecord
from digestd.replies.commands.handlers import Doing, act
from digestd.replies.commands.letter import Incoming, Letter
from digestd.replies.commands.parsing import Command, is_german, parse_letter
from digestd.replies.commands.words import Verb
from digestd.security.links import BadToken, Keys, Purpose, address_key, read, read_command_address
from digestd.store import bounces, mail_budgets, replies, subscribers, suppressions
from digestd.store.ledger import queries
from digestd.subscribers.notices import Notice, NoticeContext, plan_notice
from digestd.subscribers.preferences import is_expired
from digestd.subscribers.signup import (
    CONFIRM_WITHIN,
    LinkExpired,
    confirm_in_session,
    decline_in_session,
    request_signup_in_session,
    resend_expired,
    send_owner_confirmation,
)
from digestd.subscribers.subscriber_record import parse

ANSWERS_A_DAY = 10
"""So many replies one address gets within 24 hours; commands are obeyed all the same."""
ANSWER_WITHIN = timedelta(days=2)
_OPEN = frozenset({Status.ACTIVE, Status.PAUSED})
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Proof:
    """The subscriber a mail speaks for, the purpose of the token it amounts to, and the mail of ours it answers."""

    subscriber: int
    purpose: Purpose
    version: int = 0
    delivery: int | None = None


@dataclass(frozen=True, slots=True)
class Clerk:
    """Obeys mails to `address`. `own`: addresses of this install, which are never answered.

    `trusted`: the authserv-id of the mail server whose word on DMARC counts, lower-case; empty for none.
    """

    post: NoticeContext
    address: str
    own: frozenset[str]
    trusted: str = ""

    def __call__(self, session: Session, incoming: Incoming, now: datetime) -> InboundOutcome | None:
        """Obey and answer one mail, in the caller's write transaction; None where it is no command."""
        if not any(self._is_ours(address) for address in incoming.to):
            return None
        proof = self._proof(session, incoming, now)
        letter = incoming.letter
        if proof is not None and proof.purpose is Purpose.UNSUBSCRIBE:
            return self._leave(session, incoming, proof, now)
        if letter.automatic or letter.sender.lower() in self.own:
            return InboundOutcome.AUTOMATIC
        commands = parse_letter(letter)
        if proof is None:
            return self._unproven(session, incoming, commands, now)
        if proof.purpose is Purpose.CONFIRM:
            return self._confirm(session, incoming, (proof, commands), now)
        return self._obey(session, incoming, (proof, commands), now)

    def _is_ours(self, address: str) -> bool:
        local, _, host = address.lower().rpartition("@")
        ours, _, home = self.address.lower().rpartition("@")
        return host == home and local.partition("+")[0] == ours

    def _proof(self, session: Session, incoming: Incoming, now: datetime) -> _Proof | None:
        tagged = (_by_address(session, self.post.keys, to, now) for to in incoming.to if self._is_ours(to))
        found = next(filter(None, tagged), None)
        return found or (self._by_sender(session, incoming) if self._is_authenticated(incoming.letter) else None)

    def _is_authenticated(self, letter: Letter) -> bool:
        """True if the trusted server vouches for the domain of the sender, who wrote to the command address."""
        said = letter.authentication
        domain = letter.sender.lower().rpartition("@")[2] if letter.sender.isascii() else ""
        vouched = bool(self.trusted and domain) and (said.server, said.domain) == (self.trusted, domain)
        return vouched and any(self._is_ours(address) for address in letter.recipients)

    def _by_sender(self, session: Session, incoming: Incoming) -> _Proof | None:
        """Return the subscriber whose address the sender's is, and the mail to that address that this one answers."""
        try:
            sender = address_key(self.post.keys, incoming.letter.sender)
        except BadRecord:
            return None
        for one in incoming.ids:
            known = bounces.addressee_of_message(session, one)
            if known is None or known.address_key != sender:
                continue
            if named := _named(session, known.delivery, sender):
                return named
        subscriber = subscribers.by_address_key(session, sender)
        if subscriber is None or subscriber.status not in _OPEN:
            return None
        return _Proof(subscriber.key, Purpose.COMMAND)

    def _leave(self, session: Session, incoming: Incoming, proof: _Proof, now: datetime) -> InboundOutcome:
        known = subscribers.by_key(session, proof.subscriber, lock=True)
        if known is None or known.status in {Status.ERASED, Status.UNSUBSCRIBED}:
            return InboundOutcome.KNOWN
        doing = Doing(known, None, now)
        told = act(session, doing, Command(Verb.UNSUBSCRIBE))
        if not incoming.letter.automatic and known.status is not Status.SUPPRESSED:
            self._answer(session, doing.subscriber, incoming, [told], now)
        return InboundOutcome.COMMAND

    def _confirm(
        self, session: Session, incoming: Incoming, said: tuple[_Proof, tuple[Command, ...]], now: datetime
    ) -> InboundOutcome:
        proof, commands = said
        verbs = {command.verb for command in commands}
        if Verb.UNSUBSCRIBE in verbs:
            return self._decline(session, incoming, proof, now)
        if not verbs & {Verb.YES, Verb.SUBSCRIBE}:
            return InboundOutcome.UNREAD
        try:
            confirm_in_session(session, (proof.subscriber, proof.version), Cause.MAIL, now)
        except LinkExpired:
            resend_expired(session, self.post, (proof.subscriber, proof.version), Cause.MAIL, now)
        except BadToken:
            return InboundOutcome.FORGED
        return InboundOutcome.COMMAND

    def _decline(self, session: Session, incoming: Incoming, proof: _Proof, now: datetime) -> InboundOutcome:
        """Erase whoever never confirmed, as their mail says; anybody else leaves."""
        try:
            erased = decline_in_session(session, (proof.subscriber, proof.version), now)
        except BadToken:
            return InboundOutcome.FORGED
        return InboundOutcome.COMMAND if erased else self._leave(session, incoming, proof, now)

    def _obey(
        self, session: Session, incoming: Incoming, said: tuple[_Proof, tuple[Command, ...]], now: datetime
    ) -> InboundOutcome | None:
        proof, commands = said
        known = subscribers.by_key(session, proof.subscriber, lock=True)
        if known is None or known.status in {Status.ERASED, Status.SUPPRESSED}:
            return InboundOutcome.FOREIGN
        if replies.is_known(session, known.key, incoming.fingerprint):
            return InboundOutcome.KNOWN
        commands = tuple(self._asked(session, proof, commands, now))
        if not commands:
            return InboundOutcome.UNREAD
        if known.status not in _OPEN and any(command.verb is Verb.SUBSCRIBE for command in commands):
            return self._ask(session, incoming, commands, now, known)
        doing = Doing(known, proof.delivery, now)
        told = [act(session, doing, command) for command in commands]
        self._answer(session, doing.subscriber, incoming, told, now)
        log.info("commands by mail", subscriber=known.key, verbs=[command.verb.value for command in commands])
        return InboundOutcome.COMMAND

    def _asked(
        self, session: Session, proof: _Proof, commands: tuple[Command, ...], now: datetime
    ) -> Iterable[Command]:
        """The commands; a yes stands for those that it confirms."""
        for command in commands:
            if command.verb is not Verb.YES:
                yield command
            elif proof.delivery is not None:
                asked = replies.take_asked(session, proof.delivery, now - ANSWER_WITHIN)
                yield from (_command(*one) for one in asked.asks) if asked else ()

    def _unproven(
        self, session: Session, incoming: Incoming, commands: tuple[Command, ...], now: datetime
    ) -> InboundOutcome | None:
        if not commands:
            return None
        try:
            key = address_key(self.post.keys, incoming.letter.sender)
        except BadRecord:
            return None
        known = subscribers.by_address_key(session, key, lock=True)
        if known is not None and known.status in _OPEN:
            self._ask_back(session, incoming, (known, commands), now)
        elif any(command.verb is Verb.SUBSCRIBE for command in commands):
            return self._ask(session, incoming, commands, now)
        return InboundOutcome.UNPROVEN

    def _ask(
        self,
        session: Session,
        incoming: Incoming,
        commands: tuple[Command, ...],
        now: datetime,
        owner: Subscriber | None = None,
    ) -> InboundOutcome | None:
        """Ask whoever it says it is from to confirm a subscription, or the subscriber who proved to be the sender."""
        topics = [command.value for command in commands if command.verb is Verb.SUBSCRIBE and command.value]
        said = {"email": incoming.letter.sender, "language": "de" if is_german(incoming.letter) else "en"}
        try:
            record = parse(said | ({"topics": topics} if topics else {}))
        except BadRecord:
            return None
        if owner is not None:
            send_owner_confirmation(session, self.post, owner, (record, Cause.MAIL), now)
        else:
            request_signup_in_session(session, self.post, record, Cause.MAIL, now)
        return InboundOutcome.UNPROVEN

    def _ask_back(
        self, session: Session, incoming: Incoming, said: tuple[Subscriber, tuple[Command, ...]], now: datetime
    ) -> None:
        known, commands = said
        address = subscribers.address_key_of(session, known.key)
        if suppressions.reason_for(session, address):
            return
        leaves = mail_budgets.take(session, [Budget(Pool.ASK_BACK, address)], now)
        if leaves is None:
            return
        verbs = tuple(dict.fromkeys(command.verb.value for command in commands))
        asks = tuple((c.verb.value, c.value, c.kind.value if c.kind else None) for c in commands)
        self._keep(
            session, known, (incoming.fingerprint, CommandReply((ReplyLine("prove", verbs),), asks=asks)), now, leaves
        )

    def _answer(
        self, session: Session, known: Subscriber, incoming: Incoming, lines: list[ReplyLine], now: datetime
    ) -> None:
        if replies.count_since(session, known.key, now - timedelta(days=1)) >= ANSWERS_A_DAY:
            log.warning("no more replies to this subscriber today", subscriber=known.key)
            return
        self._keep(session, known, (incoming.fingerprint, CommandReply(tuple(lines), incoming.letter.id)), now)

    def _keep(
        self,
        session: Session,
        known: Subscriber,
        said: tuple[str, CommandReply],
        now: datetime,
        leaves: datetime | None = None,
    ) -> None:
        key, reply = said
        mail = Notice(known.key, MailKind.REPLY, key, known.version, now + CONFIRM_WITHIN, not_before=leaves)
        delivery = plan_notice(session, self.post, mail, now)
        if delivery is not None:
            replies.keep(session, delivery, reply)


def _by_address(session: Session, keys: Keys, address: str, now: datetime) -> _Proof | None:
    try:
        _, token = read_command_address(address)
    except BadToken:
        return None
    for purpose in (Purpose.COMMAND, Purpose.UNSUBSCRIBE, Purpose.CONFIRM):
        try:
            number, version, at = read(keys, purpose, token, now)
        except BadToken:
            continue
        if purpose is not Purpose.COMMAND:
            return _Proof(number, purpose, version)
        known = bounces.addressee_of_delivery(session, number)
        subscriber = subscribers.by_address_key(session, known.address_key) if known else None
        if known is None or subscriber is None or is_expired(subscriber, at, now):
            return None
        return _named(session, number, known.address_key)
    return None


def _named(session: Session, delivery: int, address: bytes) -> _Proof | None:
    """Return who may speak in answer to one of our mails; in answer to a confirmation, for that alone.

    None if its subscriber has another address by now, even if somebody new subscribed with the one it went to.
    """
    entry, subscriber = queries.entry(session, delivery), subscribers.by_address_key(session, address)
    if entry is None or subscriber is None or entry.subscriber != subscriber.key:
        return None
    if entry.kind is MailKind.CONFIRM:
        return _Proof(subscriber.key, Purpose.CONFIRM, int(entry.period))
    return _Proof(subscriber.key, Purpose.COMMAND, 0, delivery)


def _command(verb: str, value: str | None, kind: str | None) -> Command:
    return Command(Verb(verb), value, Kind(kind) if kind else None)
