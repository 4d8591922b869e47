"""Execute commands for one subscriber in the caller's write transaction."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from sqlmodel import Session

from digestd.domain.feedback import Verdict
from digestd.domain.interest import Kind, Stance, values
from digestd.domain.paper import Paper
from digestd.domain.reply import ReplyLine
from digestd.domain.subscriber import Cause, Status, Subscriber
from digestd.errors import BadInput, BadRecord
from digestd.mail.digest_layout import order_shown
from digestd.replies.commands.parsing import Command
from digestd.replies.commands.vocabulary import Verb
from digestd.store import feedback, papers, subscribers
from digestd.store.ledger import queries
from digestd.subscribers.status_changes import check_pause_end, pause_end
from digestd.subscribers.subscriber_record import MUTABLE, parse

SHOWN_CHARS_MAX = 200
"""Characters of an interest or a title that a reply quotes."""


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
        return ReplyLine("unclear", (command.verb.value,))
    if context.subscriber.status not in _OPEN and command.verb not in _ALWAYS_ALLOWED:
        return ReplyLine("left")
    return _HANDLERS[command.verb](session, context, command)


_OPEN = frozenset({Status.ACTIVE, Status.PAUSED})
_ALWAYS_ALLOWED = frozenset({Verb.HELP, Verb.UNSUBSCRIBE})


def _change_status(session: Session, context: CommandContext, status: Status) -> bool:
    """Change the status; return True if it was different before."""
    before = context.subscriber.version
    context.subscriber = subscribers.change_status(session, context.subscriber.key, status, Cause.MAIL, context.now)
    return context.subscriber.version > before


def _unsubscribe(session: Session, context: CommandContext, _command: Command) -> ReplyLine:
    _change_status(session, context, Status.UNSUBSCRIBED)
    return ReplyLine("unsubscribed")


def _pause(session: Session, context: CommandContext, command: Command) -> ReplyLine:
    value, until = command.value or "", None
    if value:
        today = context.now.astimezone(ZoneInfo(context.subscriber.timing.timezone)).date()
        day = today + timedelta(int(value[:-1])) if value.endswith("d") else date.fromisoformat(value)
        try:
            value, until = day.isoformat(), pause_end(context.subscriber, day)
            check_pause_end(until, context.now)
        except BadInput:
            return ReplyLine("unclear", (command.verb.value,))
    _change_status(session, context, Status.PAUSED)
    subscribers.set_pause_end(session, context.subscriber.key, until)
    return ReplyLine("paused", (value,))


def _resume(session: Session, context: CommandContext, _command: Command) -> ReplyLine:
    return ReplyLine("resumed" if _change_status(session, context, Status.ACTIVE) else "active")


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


def _undo_feedback(session: Session, context: CommandContext, command: Command) -> ReplyLine:
    paper = _find_paper(session, context, command)
    if paper is None:
        return ReplyLine("no_paper", (command.value or "",))
    is_undone = feedback.undo(session, context.subscriber.key, paper.key, context.now)
    return ReplyLine("undone" if is_undone else "nothing_to_undo", (paper.plain_title[:SHOWN_CHARS_MAX],))


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
    try:
        _store_interests(session, context, kind, wish, (*values(context.subscriber.interests, kind, wish), value))
    except BadRecord as error:
        return ReplyLine("refused", (error.field, value[:SHOWN_CHARS_MAX]))
    return ReplyLine("added" if wish is Stance.LIKED else "muted", (kind.value, value[:SHOWN_CHARS_MAX]))


def _remove_interest(session: Session, context: CommandContext, command: Command, wish: Stance) -> ReplyLine:
    kind, value = command.kind or Kind.TOPIC, command.value or ""
    current = values(context.subscriber.interests, kind, wish)
    remaining = tuple(item for item in current if item.casefold() != value.casefold())
    if len(remaining) == len(current):
        return ReplyLine("not_there", (kind.value, value[:SHOWN_CHARS_MAX]))
    _store_interests(session, context, kind, wish, remaining)
    return ReplyLine("removed" if wish is Stance.LIKED else "unmuted", (kind.value, value[:SHOWN_CHARS_MAX]))


def _store_interests(session: Session, context: CommandContext, kind: Kind, wish: Stance, items: Iterable[str]) -> None:
    """Replace one list of interests. Raises BadRecord if a value is invalid."""
    name = next(name for name, one in MUTABLE.items() if one is kind)
    if wish is Stance.LIKED:
        fields: dict[str, object] = {name: list(items)}
    else:
        muted = {other: list(values(context.subscriber.interests, of, wish)) for other, of in MUTABLE.items()}
        fields = {"mute": muted | {name: list(items)}}
    _update_subscriber(session, context, fields)


def _update_subscriber(session: Session, context: CommandContext, fields: Mapping[str, object]) -> None:
    """Store changed fields of the subscriber. Raises BadRecord if a value is invalid."""
    context.subscriber = parse({"email": context.subscriber.address, **fields}).apply_to(context.subscriber)
    subscribers.update_many(session, [context.subscriber], context.now)


def _change_setting(session: Session, context: CommandContext, command: Command) -> ReplyLine:
    word = command.value or ""
    if command.verb is Verb.CADENCE:
        cadence, _, day = word.partition(" ")
        fields: dict[str, object] = {"cadence": cadence, "weekday": day or None}
    elif command.verb in {Verb.HOUR, Verb.SIZE}:
        fields = {command.verb.value: int(word) if word.isdecimal() and len(word) < 4 else word}
    else:
        fields = {_FIELDS[command.verb]: word}
    try:
        _update_subscriber(session, context, fields)
    except BadRecord:
        return ReplyLine("unclear", (command.verb.value,))
    return _settings_line(context.subscriber)


_FIELDS = {Verb.ZONE: "timezone", Verb.LANGUAGE: "language"}


def _switch(session: Session, context: CommandContext, command: Command) -> ReplyLine:
    _update_subscriber(session, context, {_SWITCHES[command.verb]: command.value == "on"})
    return ReplyLine(f"{command.verb.value}_{command.value}")


_SWITCHES = {Verb.EMPTY: "when_empty", Verb.ABSTRACTS: "full_abstracts"}


def _settings_line(subscriber: Subscriber) -> ReplyLine:
    now = subscriber.preferences
    switches = ("on" if is_on else "off" for is_on in (now.when_empty, now.full_abstracts))
    time = f"{now.hour:02}:00"
    return ReplyLine("settings", (now.cadence, now.weekday, time, now.timezone, str(now.size), *switches))


def _list(_session: Session, context: CommandContext, command: Command) -> ReplyLine:
    kinds = MUTABLE.values() if command.kind is None else [command.kind]
    found = [item for kind in kinds for item in values(context.subscriber.interests, kind)]
    return ReplyLine("interests", tuple(item[:SHOWN_CHARS_MAX] for item in found[:50]))


def _status_line(_session: Session, context: CommandContext, _command: Command) -> ReplyLine:
    return _settings_line(context.subscriber)


def _help(_session: Session, _context: CommandContext, _command: Command) -> ReplyLine:
    return ReplyLine("help")


_HANDLERS: Mapping[Verb, Callable[[Session, CommandContext, Command], ReplyLine]] = {
    Verb.SUBSCRIBE: _subscribe,
    Verb.YES: _status_line,
    Verb.UNSUBSCRIBE: _unsubscribe,
    Verb.PAUSE: _pause,
    Verb.RESUME: _resume,
    Verb.MORE: _add_feedback,
    Verb.LESS: _add_feedback,
    Verb.SAVE: _add_feedback,
    Verb.UNDO: _undo_feedback,
    Verb.MUTE: partial(_add_interest, wish=Stance.MUTED),
    Verb.UNMUTE: partial(_remove_interest, wish=Stance.MUTED),
    Verb.LIST: _list,
    Verb.ADD: partial(_add_interest, wish=Stance.LIKED),
    Verb.REMOVE: partial(_remove_interest, wish=Stance.LIKED),
    Verb.HOUR: _change_setting,
    Verb.ZONE: _change_setting,
    Verb.CADENCE: _change_setting,
    Verb.SIZE: _change_setting,
    Verb.LANGUAGE: _change_setting,
    Verb.EMPTY: _switch,
    Verb.ABSTRACTS: _switch,
    Verb.STATUS: _status_line,
    Verb.HELP: _help,
}
