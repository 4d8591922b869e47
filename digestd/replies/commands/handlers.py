"""Execute commands for one subscriber in the caller's write transaction."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from sqlmodel import Session

from digestd.domain.delivery import ReplyLine
from digestd.domain.interest import Interest, Kind, Stance, Verdict, values
from digestd.domain.paper import Paper
from digestd.domain.subscriber import Cause, Status, Subscriber
from digestd.errors import BadInput, BadRecord
from digestd.mail.digest_layout import order_shown
from digestd.replies.commands.parsing import Command, Verb
from digestd.store import consent, feedback, papers, subscribers
from digestd.store.ledger import queries
from digestd.subscribers.lookup import load_locked
from digestd.subscribers.status_changes import pause_end, pause_in_session, unsubscribe_in_session
from digestd.subscribers.subscriber_record import MUTABLE, parse
from digestd.text.refusals import split_refusals

SHOWN_CHARS_MAX, QUOTED_CHARS_MAX = 200, 80
"""Characters that a reply quotes: of an interest or a title, and of a line that is not understood."""


@dataclass(slots=True)
class CommandContext:
    """The state while the commands of one mail are executed.

    Attributes:
        subscriber: The subscriber after the commands so far.
        delivery: The digest that the mail answers, if known.
    """

    subscriber: Subscriber
    delivery: int | None
    now: datetime


def execute(session: Session, context: CommandContext, command: Command) -> ReplyLine:
    """Execute one command and return the line of the reply."""
    if command.value is None:
        return _unclear(command)
    if context.subscriber.status not in _OPEN and command.verb not in _ALWAYS_ALLOWED:
        return ReplyLine("left")
    return _HANDLERS[command.verb](session, context, command)


def _unclear(command: Command) -> ReplyLine:
    """Quote what is not understood, unless a stranger could lead the reader somewhere by it."""
    said = command.said[:QUOTED_CHARS_MAX]
    return ReplyLine("unclear", (command.verb.value, "" if re.search(r"[@/]|\w\.\w{2}", said) else said))


_OPEN = frozenset({Status.ACTIVE, Status.PAUSED})
_ALWAYS_ALLOWED = frozenset({Verb.HELP, Verb.SETTING, Verb.UNSUBSCRIBE})


def _unsubscribe(session: Session, context: CommandContext, _command: Command) -> ReplyLine:
    unsubscribe_in_session(session, context.subscriber.key, (Cause.MAIL, context.now))
    context.subscriber = load_locked(session, context.subscriber.key)
    return ReplyLine("unsubscribed")


def _pause(session: Session, context: CommandContext, command: Command) -> ReplyLine:
    value, until = command.value or "", None
    try:
        if value:
            today = context.now.astimezone(ZoneInfo(context.subscriber.timing.timezone)).date()
            day = today + timedelta(int(value[:-1])) if value.endswith("d") else date.fromisoformat(value)
            value, until = day.isoformat(), pause_end(context.subscriber, day)
        pause_in_session(session, context.subscriber.key, (Cause.MAIL, context.now), until)
    except BadInput:
        return _unclear(command)
    context.subscriber = load_locked(session, context.subscriber.key)
    return ReplyLine("paused", (value,))


def _resume(session: Session, context: CommandContext, _command: Command) -> ReplyLine:
    before, key = context.subscriber.version, context.subscriber.key
    context.subscriber = subscribers.change_status(session, key, Status.ACTIVE, Cause.MAIL, context.now)
    return ReplyLine("resumed" if context.subscriber.version > before else "active")


def tell_why(session: Session, subscriber: Subscriber) -> ReplyLine:
    """Return the line that says when and how somebody who is subscribed came to be."""
    event = consent.basis(session, subscriber.key)
    day = event.at.astimezone(ZoneInfo(subscriber.timing.timezone)).date()
    return ReplyLine("why", (day.isoformat(), event.cause.value))


def _subscribe(session: Session, context: CommandContext, command: Command) -> ReplyLine:
    if command.value:
        return _add_interest(session, context, Command(Verb.ADD, command.value, Kind.TOPIC), Stance.LIKED)
    return _resume(session, context, command)


def _add_feedback(session: Session, context: CommandContext, command: Command) -> ReplyLine:
    paper = _find_paper(session, context, command)
    if paper is None:
        return ReplyLine("no_paper", (command.value or "",))
    feedback.add(session, context.subscriber.key, paper.key, _VERDICTS[command.verb], context.now)
    return ReplyLine(command.verb.value, (paper.plain_title[:SHOWN_CHARS_MAX],))


_VERDICTS = {Verb.MORE: Verdict.MORE, Verb.LESS: Verdict.LESS, Verb.SAVE: Verdict.SAVED}


def _find_paper(session: Session, context: CommandContext, command: Command) -> Paper | None:
    """Return the paper with this number, as shown, in the answered digest or in the newest one."""
    index = int(command.value or 0) - 1
    for delivery in (context.delivery, queries.newest_digest(session, context.subscriber.key)):
        picks = queries.picks(session, delivery) if delivery is not None else ()
        if picks:
            if not 0 <= index < len(picks):
                return None
            revision = picks[order_shown(picks)[index]].revision
            return papers.revisions(session, [revision]).get(revision)
    return None


def _add_interest(session: Session, context: CommandContext, command: Command, wish: Stance) -> ReplyLine:
    kind, value = command.kind or Kind.TOPIC, command.value or ""
    wanted, refused = split_refusals(value) if (kind, wish) == (Kind.TOPIC, Stance.LIKED) else (value, ())
    try:
        _store_interests(session, context, kind, wish, (*values(context.subscriber.interests, kind, wish), value))
    except BadRecord as error:
        return ReplyLine("refused", (error.field, value[:SHOWN_CHARS_MAX]))
    muted = [one for one in refused if Interest(kind, one, Stance.MUTED) in context.subscriber.interests]
    if wish is Stance.MUTED or (muted and not wanted):
        return ReplyLine("muted", (kind.value, *(muted or [value[:SHOWN_CHARS_MAX]])))
    return ReplyLine("added", (kind.value, (wanted if muted else value)[:SHOWN_CHARS_MAX], *muted))


def _remove_interest(session: Session, context: CommandContext, command: Command) -> ReplyLine:
    kind, value = command.kind or Kind.TOPIC, command.value or ""
    current = values(context.subscriber.interests, kind)
    remaining = tuple(item for item in current if item.casefold() != value.casefold())
    if len(remaining) == len(current):
        return ReplyLine("not_there", (kind.value, value[:SHOWN_CHARS_MAX]))
    _store_interests(session, context, kind, Stance.LIKED, remaining)
    return ReplyLine("removed", (kind.value, value[:SHOWN_CHARS_MAX]))


def _store_interests(session: Session, context: CommandContext, kind: Kind, wish: Stance, items: Iterable[str]) -> None:
    """Replace one list of interests. Raises BadRecord if a value is invalid."""
    name = next(name for name, one in MUTABLE.items() if one is kind)
    if wish is Stance.LIKED:
        fields: dict[str, object] = {name: list(items)}
    else:
        muted = {other: list(values(context.subscriber.interests, of, wish)) for other, of in MUTABLE.items()}
        fields = {"mute": muted | {name: list(items)}}
    context.subscriber = parse({"email": context.subscriber.address, **fields}).apply_to(context.subscriber)
    subscribers.update_many(session, [context.subscriber], context.now)


_HANDLERS: Mapping[Verb, Callable[[Session, CommandContext, Command], ReplyLine]] = {
    Verb.SUBSCRIBE: _subscribe,
    Verb.UNSUBSCRIBE: _unsubscribe,
    Verb.PAUSE: _pause,
    Verb.RESUME: _resume,
    Verb.MORE: _add_feedback,
    Verb.LESS: _add_feedback,
    Verb.SAVE: _add_feedback,
    Verb.MUTE: partial(_add_interest, wish=Stance.MUTED),
    Verb.ADD: partial(_add_interest, wish=Stance.LIKED),
    Verb.REMOVE: _remove_interest,
    Verb.SETTING: lambda *_: ReplyLine("not_by_mail"),
    Verb.HELP: lambda *_: ReplyLine("help"),
    Verb.LEAVING: lambda *_: ReplyLine("leaving"),
    Verb.WHY: lambda session, context, _: tell_why(session, context.subscriber),
}
