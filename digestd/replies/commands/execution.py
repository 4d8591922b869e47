"""Execute commands by mail: check the sender's proof, run them, plan the reply.

A command is executed if the mail proves that its subscriber sent it, in one of two ways:

1. The mail was sent to an address with our token, which only our mails to this subscriber contain. The token is valid
   as long as the settings link of the same mail, so renewing the links revokes it.
2. A mail server that the operator trusts (`DIGESTD_TRUSTED_AUTHSERV_ID`) reports a DMARC pass for the domain of `From`,
   `From` is the subscriber's address, and `To` or `Cc` contains the command address. The last condition matters because
   a signed mail to somebody else stays valid when a stranger forwards it to us.

A Message-ID of ours only tells which digest such a mail refers to. It proves nothing, because it travels with every
forwarded mail.

A mail without proof may ask for a subscription, which needs a confirmation like one from the web form. If the address
is subscribed, the commands are stored and the subscriber is asked to confirm them, at most once a day, in a mail that
quotes nothing of the commands. Automatic mails are never answered (RFC 3834), but their request to unsubscribe counts,
because only our own link can produce it.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog
from sqlmodel import Session

from digestd.domain.bounce import InboundOutcome
from digestd.domain.delivery import CommandReply, MailKind, ReplyLine
from digestd.domain.interest import Kind, TopicHint
from digestd.domain.mail_budget import Budget, Pool
from digestd.domain.subscriber import Cause, Status, Subscriber
from digestd.errors import BadRecord
from digestd.replies.commands.command_mail import CommandMail
from digestd.replies.commands.handlers import CommandContext, execute, tell_why
from digestd.replies.commands.parsing import Command, CommandWords, Verb, parse_commands, written_language
from digestd.replies.inbound_mail import ReceivedMail
from digestd.replies.subjects import is_automatic
from digestd.security.addresses import address_key, read_command_address
from digestd.security.keys import Keys
from digestd.security.tokens import BadToken, Purpose, read_token
from digestd.store import bounces, rate_limits, subscribers, suppressions
from digestd.store.database import Database
from digestd.store.ledger import command_answers, queries
from digestd.store.ledger.create import Notice
from digestd.subscribers.lookup import load_locked
from digestd.subscribers.notices import NoticeContext, plan_notice
from digestd.subscribers.settings_link import is_expired
from digestd.subscribers.signup import (
    CONFIRM_WITHIN,
    LinkExpired,
    confirm_in_session,
    decline_in_session,
    request_signup_in_session,
    resend_expired,
    send_owner_confirmation,
)
from digestd.subscribers.status_changes import unsubscribe_in_session
from digestd.subscribers.subscriber_record import parse

REPLIES_PER_DAY = 10
"""Replies to one subscriber within 24 hours. Commands over the limit are executed without a reply."""
QUESTION_LIFETIME = timedelta(days=2)
"""Time to confirm commands that came without proof."""
_OPEN = frozenset({Status.ACTIVE, Status.PAUSED})
_IN_PROSE = frozenset({Verb.UNSUBSCRIBE, Verb.LEAVING, Verb.WHY})
Asks = tuple[tuple[str, str | None, str | None], ...]
_LEAVE: Asks = ((Verb.UNSUBSCRIBE.value, "", None),)
"""Command that a yes stands for, in answer to the question whether somebody wants to leave."""
_ANSWERS = frozenset({Verb.YES, Verb.SUBSCRIBE, Verb.UNSUBSCRIBE})
"""Commands that answer a confirmation mail."""
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Proof:
    """The proven sender of a mail.

    Attributes:
        purpose: Purpose of the token, or the one that the mail server's proof is equal to.
        version: Version of the subscriber that a confirmation is for.
        delivery: The mail of ours that this one answers, if known.
    """

    subscriber: int
    purpose: Purpose
    version: int = 0
    delivery: int | None = None


@dataclass(frozen=True, slots=True)
class CommandProcessor:
    """The processor of mails to the command address.

    Attributes:
        post: Sender of notices.
        own_addresses: Lower-case addresses of this installation, which are never answered.
        words: Returns the words of commands in all languages.
        trusted_server: Lower-case authserv-id of the mail server whose DMARC results are trusted; "" for none.
        hints: Returns hints about topics at a time.
    """

    post: NoticeContext
    address: str
    own_addresses: frozenset[str]
    words: Callable[[], CommandWords]
    trusted_server: str = ""
    hints: Callable[[Sequence[str], datetime], Sequence[TopicHint]] | None = None

    def prepare(self, db: Database, received: ReceivedMail, now: datetime) -> ReceivedMail:
        """Return the mail with hints about the topics that it adds.

        They take seconds and must not hold up other transactions. Nobody but a proven sender may cause that work.
        """
        if self.hints is None or not any(self._is_ours(address) for address in received.sent_to):
            return received
        commands = parse_commands(received.mail, self.words())
        topics = [command.value for command in commands if _adds_topic(command) and command.value]
        if not topics:
            return received
        with db.read() as session:
            proof = self._find_proof(session, received, now)
        return received if proof is None else replace(received, hints=tuple(self.hints(topics, now)))

    def __call__(self, session: Session, received: ReceivedMail, now: datetime) -> InboundOutcome | None:
        """Execute and answer one mail.

        Returns:
            The outcome, or None if the mail is no command.
        """
        if not any(self._is_ours(address) for address in received.sent_to):
            return None
        proof, mail = self._find_proof(session, received, now), received.mail
        turn = _Turn(self.post, session, received, now, self.words)
        if proof is not None and proof.purpose is Purpose.UNSUBSCRIBE:
            return turn.unsubscribe(proof)
        if mail.automatic or mail.sender.lower() in self.own_addresses:
            return InboundOutcome.AUTOMATIC
        commands = parse_commands(mail, self.words())
        if is_automatic(mail.subject) and all(command.verb in _IN_PROSE for command in commands):
            return InboundOutcome.AUTOMATIC
        if proof is None:
            return turn.handle_unproven(commands)
        return turn.confirm(proof, commands) if proof.purpose is Purpose.CONFIRM else turn.run(proof, commands)

    def _is_ours(self, address: str) -> bool:
        local, _, host = address.lower().rpartition("@")
        own_local, _, own_host = self.address.lower().rpartition("@")
        return host == own_host and local.partition("+")[0] == own_local

    def _find_proof(self, session: Session, received: ReceivedMail, now: datetime) -> _Proof | None:
        tagged = (_proof_by_recipient(session, self.post.keys, to, now) for to in received.sent_to if self._is_ours(to))
        found = next(filter(None, tagged), None)
        return found or (self._proof_by_sender(session, received) if self._is_authenticated(received.mail) else None)

    def _is_authenticated(self, mail: CommandMail) -> bool:
        """Return True if the trusted server proves the sender, who wrote to us."""
        result = mail.authentication
        domain = mail.sender.lower().rpartition("@")[2] if mail.sender.isascii() else ""
        if not (self.trusted_server and domain) or (result.server, result.domain) != (self.trusted_server, domain):
            return False
        return any(self._is_ours(address) for address in mail.recipients)

    def _proof_by_sender(self, session: Session, received: ReceivedMail) -> _Proof | None:
        """Return the proof for the subscriber with the sender's address.

        It includes our mail to that address that this one answers, if any.
        """
        try:
            sender = address_key(self.post.keys, received.mail.sender)
        except BadRecord:
            return None
        for message_id in received.message_ids:
            known = bounces.addressee_of_message(session, message_id)
            if known is None or known.address_key != sender:
                continue
            if proof := _proof_by_delivery(session, known.delivery, sender):
                return proof
        subscriber = subscribers.by_address_key(session, sender)
        if subscriber is None or subscriber.status not in _OPEN:
            return None
        return _Proof(subscriber.key, Purpose.COMMAND)


@dataclass(frozen=True, slots=True)
class _Turn:
    """One mail, executed and answered in the caller's transaction."""

    post: NoticeContext
    session: Session
    received: ReceivedMail
    now: datetime
    words: Callable[[], CommandWords]

    def unsubscribe(self, proof: _Proof) -> InboundOutcome:
        """Unsubscribe; reply unless the mail is automatic or the address suppressed."""
        known = subscribers.by_key(self.session, proof.subscriber, lock=True)
        if known is None or not unsubscribe_in_session(self.session, known.key, (Cause.MAIL, self.now)):
            return InboundOutcome.KNOWN
        if not self.received.mail.automatic and known.status is not Status.SUPPRESSED:
            self._reply(load_locked(self.session, known.key), [ReplyLine("unsubscribed")])
        return InboundOutcome.COMMAND

    def confirm(self, proof: _Proof, commands: Sequence[Command]) -> InboundOutcome:
        """Confirm or decline a subscription in answer to its confirmation mail.

        Declining erases a subscriber who never confirmed, and unsubscribes any other. The first answer counts: some
        programs quote the confirmation mail without marks, and it offers to decline.
        """
        answers = [command.verb for command in commands if command.verb in _ANSWERS]
        asked = (proof.subscriber, proof.version)
        try:
            if answers[:1] == [Verb.UNSUBSCRIBE]:
                erased = decline_in_session(self.session, asked, self.now)
                return InboundOutcome.COMMAND if erased else self.unsubscribe(proof)
            if not answers:
                return InboundOutcome.UNREAD
            confirm_in_session(self.session, self.post.keys, asked, Cause.MAIL, self.now)
        except LinkExpired:
            resend_expired(self.session, self.post, asked, Cause.MAIL, self.now)
        except BadToken:
            return InboundOutcome.FORGED
        return InboundOutcome.COMMAND

    def run(self, proof: _Proof, commands: Sequence[Command]) -> InboundOutcome | None:
        """Execute proven commands once and plan the reply."""
        known = subscribers.by_key(self.session, proof.subscriber, lock=True)
        if known is None or known.status in {Status.ERASED, Status.SUPPRESSED}:
            return InboundOutcome.FOREIGN
        if command_answers.is_known(self.session, known.key, self.received.fingerprint):
            return InboundOutcome.KNOWN
        commands = tuple(self._resolve_confirmations(proof, commands))
        if not commands:
            return InboundOutcome.UNREAD
        if known.status not in _OPEN and any(command.verb is Verb.SUBSCRIBE for command in commands):
            return self._invite(commands, known)
        context = CommandContext(known, proof.delivery, self.now)
        lines = [execute(self.session, context, command) for command in commands]
        asks = _LEAVE if any(one.verb is Verb.LEAVING for one in commands) else ()
        self._reply(context.subscriber, list(_with_hints(commands, lines, self.received.hints)), asks)
        log.info("executed commands by mail", subscriber=known.key, verbs=[command.verb.value for command in commands])
        return InboundOutcome.COMMAND

    def handle_unproven(self, commands: Sequence[Command]) -> InboundOutcome | None:
        """Ask a subscriber to confirm commands, or a new address its subscription."""
        try:
            key = address_key(self.post.keys, self.received.mail.sender)
        except BadRecord:
            return None
        known = subscribers.by_address_key(self.session, key, lock=True)
        if not commands or (known is None and any(command.verb in _IN_PROSE for command in commands)):
            return InboundOutcome.UNREAD if known is not None or commands else None
        if known is not None and known.status in _OPEN:
            self._ask_for_proof(known, commands)
        elif any(command.verb is Verb.SUBSCRIBE for command in commands):
            return self._invite(commands)
        return InboundOutcome.UNPROVEN

    def _resolve_confirmations(self, proof: _Proof, commands: Iterable[Command]) -> Iterator[Command]:
        """Yield the commands; replace each `yes` by the stored commands that it confirms."""
        for command in commands:
            if command.verb is not Verb.YES:
                yield command
            elif proof.delivery is not None:
                question = command_answers.take_asked(self.session, proof.delivery, self.now - QUESTION_LIFETIME)
                asked = (_command(*stored) for stored in question.asks) if question else ()
                yield from (one for one in asked if one.verb is not Verb.YES)

    def _invite(self, commands: Iterable[Command], owner: Subscriber | None = None) -> InboundOutcome | None:
        """Send a confirmation mail for a subscription.

        `owner` is the proven subscriber; without one the mail goes to the address in `From`.
        """
        mail = self.received.mail
        topics = [command.value for command in commands if command.verb is Verb.SUBSCRIBE and command.value]
        values = {"email": mail.sender, "language": written_language(mail, self.words())}
        try:
            record = parse(values | ({"topics": topics} if topics else {}))
        except BadRecord:
            return None
        if owner is not None:
            send_owner_confirmation(self.session, self.post, owner, (record, Cause.MAIL), self.now)
        else:
            request_signup_in_session(self.session, self.post, record, Cause.MAIL, self.now)
        return InboundOutcome.UNPROVEN

    def _ask_for_proof(self, known: Subscriber, commands: Iterable[Command]) -> None:
        """Store the commands and ask the subscriber to confirm them, at most once a day.

        What is not done by mail, a doubtful wish to leave and the question why somebody gets this need no confirmation:
        the mail, which goes to the subscriber, answers. A `yes`
        asks for nothing itself.
        """
        commands = [one for one in commands if one.verb is not Verb.YES]
        if not commands:
            return
        address = subscribers.address_key_of(self.session, known.key)
        if suppressions.reason_for(self.session, address):
            return
        not_before = rate_limits.take_mails(self.session, [Budget(Pool.ASK_BACK, address)], self.now)
        if not_before is None:
            return
        asks = tuple(
            (one.verb.value, one.value, one.kind.value if one.kind else None)
            for one in commands
            if one.verb not in {Verb.SETTING, Verb.LEAVING, Verb.WHY}
        )
        if asks:
            lines = [ReplyLine("prove", tuple(dict.fromkeys(verb for verb, *_ in asks)))]
        else:
            lines = [self._tell(known, one.verb) for one in commands]
            asks = _LEAVE if ReplyLine("leaving") in lines else ()
        self._plan_reply(known, CommandReply(tuple(lines), asks=asks), not_before)

    def _tell(self, known: Subscriber, verb: Verb) -> ReplyLine:
        if verb is Verb.WHY:
            return tell_why(self.session, known)
        return ReplyLine("leaving" if verb is Verb.LEAVING else "not_by_mail")

    def _reply(self, known: Subscriber, lines: Sequence[ReplyLine], asks: Asks = ()) -> None:
        """Plan the reply unless the limit of the day is reached."""
        if command_answers.count_since(self.session, known.key, self.now - timedelta(days=1)) >= REPLIES_PER_DAY:
            log.warning("reply limit reached: command executed without a reply", subscriber=known.key)
            return
        self._plan_reply(known, CommandReply(tuple(lines), self.received.mail.id, asks))

    def _plan_reply(self, known: Subscriber, reply: CommandReply, not_before: datetime | None = None) -> None:
        """Add a delivery to the ledger and store the content that it will have."""
        key, expires = self.received.fingerprint, self.now + CONFIRM_WITHIN
        notice = Notice(known.key, MailKind.REPLY, key, known.version, expires, not_before=not_before)
        delivery = plan_notice(self.session, self.post, notice, self.now)
        if delivery is not None:
            command_answers.keep(self.session, delivery, reply)


def _proof_by_recipient(session: Session, keys: Keys, address: str, now: datetime) -> _Proof | None:
    """Return the proof by the token in an address, or None if it is not valid."""
    try:
        _, token = read_command_address(address)
    except BadToken:
        return None
    for purpose in (Purpose.COMMAND, Purpose.UNSUBSCRIBE, Purpose.CONFIRM):
        try:
            number, version, at = read_token(keys, purpose, token, now)
        except BadToken:
            continue
        if purpose is not Purpose.COMMAND:
            return _Proof(number, purpose, version)
        known = bounces.addressee_of_delivery(session, number)
        subscriber = subscribers.by_address_key(session, known.address_key) if known else None
        if known is None or subscriber is None or is_expired(subscriber, at, now):
            return None
        return _proof_by_delivery(session, number, known.address_key)
    return None


def _proof_by_delivery(session: Session, delivery: int, address: bytes) -> _Proof | None:
    """Return the proof that an answer to one of our mails gives.

    An answer to a confirmation mail proves only the confirmation.

    Return None if the subscriber has another address now, even if somebody else subscribed with the old one.
    """
    entry, subscriber = queries.entry(session, delivery), subscribers.by_address_key(session, address)
    if entry is None or subscriber is None or entry.subscriber != subscriber.key:
        return None
    if entry.kind is MailKind.CONFIRM:
        return _Proof(subscriber.key, Purpose.CONFIRM, int(entry.period))
    return _Proof(subscriber.key, Purpose.COMMAND, 0, delivery)


def _adds_topic(command: Command) -> bool:
    return command.verb is Verb.SUBSCRIBE or (command.verb is Verb.ADD and command.kind is Kind.TOPIC)


def _with_hints(
    commands: Iterable[Command], lines: Iterable[ReplyLine], hints: Iterable[TopicHint]
) -> Iterator[ReplyLine]:
    """Yield the lines of the commands, each followed by what there is to tell about the topic that it added."""
    notable = {hint.topic: hint for hint in hints if hint.is_notable}
    for command, line in zip(commands, lines, strict=True):
        yield line
        hint = notable.get(command.value or "")
        if hint is not None and line.what == "added" and _adds_topic(command):
            yield _hint_line(hint)


def _hint_line(hint: TopicHint) -> ReplyLine:
    if hint.papers:
        return ReplyLine("topic_read", (hint.topic, hint.understood, str(hint.papers)))
    name = hint.understood or hint.topic
    return ReplyLine("topic_unknown" if hint.is_unknown else "topic_empty", (hint.topic, name))


def _command(verb: str, value: str | None, kind: str | None) -> Command:
    """Return a stored command; one that an earlier version did by mail is a setting now."""
    if verb not in Verb.__members__.values():
        return Command(Verb.SETTING)
    return Command(Verb(verb), value, Kind(kind) if kind else None)
