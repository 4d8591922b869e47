"""What each command by mail does to one subscriber, and what they are told; in the caller's write transaction."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlmodel import Session

from digestd.domain.feedback import Verdict
from digestd.domain.interest import Kind, Stance, values
from digestd.domain.paper import Paper
from digestd.domain.reply import ReplyLine
from digestd.domain.subscriber import WEEKDAYS, Cause, Status, Subscriber
from digestd.errors import BadInput, BadRecord
from digestd.replies.commands.parsing import Command
from digestd.replies.commands.words import Verb
from digestd.store import feedback, papers, subscribers
from digestd.store.ledger import queries
from digestd.subscribers.status_changes import check_pause_end, pause_end
from digestd.subscribers.subscriber_record import LISTS, MUTABLE, parse, subscriber_fields

SHOWN = 200
"""Characters of an interest or a title that a reply shows."""


@dataclass(slots=True)
class Doing:
    """A mail's commands being done: the subscriber as they are by now, and the digest they answer, if any."""

    subscriber: Subscriber
    delivery: int | None
    now: datetime


def act(session: Session, doing: Doing, command: Command) -> ReplyLine:
    """Do one command; what to tell of it."""
    if command.value is None:
        return ReplyLine("unclear", (command.verb.value,))
    if doing.subscriber.status not in _OPEN and command.verb not in _ALWAYS:
        return ReplyLine("left")
    return _ACTS[command.verb](session, doing, command)


_OPEN = frozenset({Status.ACTIVE, Status.PAUSED})
_ALWAYS = frozenset({Verb.HELP, Verb.UNSUBSCRIBE})


def _status(session: Session, doing: Doing, status: Status) -> bool:
    """Change it; whether it was another."""
    before = doing.subscriber.version
    doing.subscriber = subscribers.change_status(session, doing.subscriber.key, status, Cause.MAIL, doing.now)
    return doing.subscriber.version > before


def _unsubscribe(session: Session, doing: Doing, _command: Command) -> ReplyLine:
    _status(session, doing, Status.UNSUBSCRIBED)
    return ReplyLine("unsubscribed")


def _pause(session: Session, doing: Doing, command: Command) -> ReplyLine:
    said, until = command.value or "", None
    if said:
        here = doing.now.astimezone(ZoneInfo(doing.subscriber.timing.timezone)).date()
        day = here + timedelta(int(said[:-1])) if said.endswith("d") else date.fromisoformat(said)
        try:
            said, until = day.isoformat(), pause_end(doing.subscriber, day)
            check_pause_end(until, doing.now)
        except BadInput:
            return ReplyLine("unclear", (command.verb.value,))
    _status(session, doing, Status.PAUSED)
    subscribers.set_pause_end(session, doing.subscriber.key, until)
    return ReplyLine("paused", (said,))


def _resume(session: Session, doing: Doing, _command: Command) -> ReplyLine:
    return ReplyLine("resumed" if _status(session, doing, Status.ACTIVE) else "active")


def _subscribe(session: Session, doing: Doing, command: Command) -> ReplyLine:
    if command.value:
        return _add(session, doing, Command(Verb.ADD, command.value, Kind.TOPIC))
    return _resume(session, doing, command)


def _say(session: Session, doing: Doing, command: Command) -> ReplyLine:
    paper = _paper(session, doing, command)
    if paper is None:
        return ReplyLine("no_paper", (command.value or "",))
    feedback.add(session, doing.subscriber.key, paper.key, _VERDICTS[command.verb], doing.now)
    return ReplyLine(command.verb.value, (paper.plain_title[:SHOWN],))


_VERDICTS = {Verb.MORE: Verdict.MORE, Verb.LESS: Verdict.LESS, Verb.SAVE: Verdict.SAVED}


def _undo(session: Session, doing: Doing, command: Command) -> ReplyLine:
    paper = _paper(session, doing, command)
    if paper is None:
        return ReplyLine("no_paper", (command.value or "",))
    taken = feedback.undo(session, doing.subscriber.key, paper.key, doing.now)
    return ReplyLine("undone" if taken else "nothing_to_undo", (paper.plain_title[:SHOWN],))


def _paper(session: Session, doing: Doing, command: Command) -> Paper | None:
    """The paper of a number: of the digest that is answered, else of the newest."""
    place = int(command.value or 0) - 1
    for delivery in (doing.delivery, queries.newest_digest(session, doing.subscriber.key)):
        picks = queries.picks(session, delivery) if delivery is not None else ()
        if picks:
            if not 0 <= place < len(picks):
                return None
            revision = picks[place].revision
            return papers.revisions(session, [revision]).get(revision)
    return None


def _add(session: Session, doing: Doing, command: Command) -> ReplyLine:
    return _change(session, doing, command, Stance.LIKED)


def _mute(session: Session, doing: Doing, command: Command) -> ReplyLine:
    return _change(session, doing, command, Stance.MUTED)


def _change(session: Session, doing: Doing, command: Command, wish: Stance) -> ReplyLine:
    kind, value = command.kind or Kind.TOPIC, command.value or ""
    try:
        _store(session, doing, kind, wish, (*values(doing.subscriber.interests, kind, wish), value))
    except BadRecord as problem:
        return ReplyLine("refused", (problem.field, value[:SHOWN]))
    return ReplyLine("added" if wish is Stance.LIKED else "muted", (kind.value, value[:SHOWN]))


def _remove(session: Session, doing: Doing, command: Command) -> ReplyLine:
    return _drop(session, doing, command, Stance.LIKED)


def _unmute(session: Session, doing: Doing, command: Command) -> ReplyLine:
    return _drop(session, doing, command, Stance.MUTED)


def _drop(session: Session, doing: Doing, command: Command, wish: Stance) -> ReplyLine:
    kind, value = command.kind or Kind.TOPIC, command.value or ""
    standing = values(doing.subscriber.interests, kind, wish)
    kept = tuple(item for item in standing if item.casefold() != value.casefold())
    if len(kept) == len(standing):
        return ReplyLine("not_there", (kind.value, value[:SHOWN]))
    _store(session, doing, kind, wish, kept)
    return ReplyLine("removed" if wish is Stance.LIKED else "unmuted", (kind.value, value[:SHOWN]))


def _store(session: Session, doing: Doing, kind: Kind, wish: Stance, items: Iterable[str]) -> None:
    """One list as it is to be. Raises BadRecord where it may not be so."""
    name = next(name for name, one in MUTABLE.items() if one is kind)
    if wish is Stance.LIKED:
        said: dict[str, object] = {name: list(items)}
    else:
        muted = {other: list(values(doing.subscriber.interests, of, wish)) for other, of in MUTABLE.items()}
        said = {"mute": muted | {name: list(items)}}
    _settle(session, doing, said)


def _settle(session: Session, doing: Doing, said: Mapping[str, object]) -> None:
    """Store what is said. Raises BadRecord."""
    doing.subscriber = parse({"email": doing.subscriber.address, **said}).apply_to(doing.subscriber)
    subscribers.update_many(session, [doing.subscriber], doing.now)


def _setting(session: Session, doing: Doing, command: Command) -> ReplyLine:
    word = command.value or ""
    if command.verb is Verb.CADENCE:
        cadence, _, day = word.partition(" ")
        said: dict[str, object] = {"cadence": cadence, "weekday": day or None}
    elif command.verb in {Verb.HOUR, Verb.SIZE}:
        said = {command.verb.value: int(word) if word.isdecimal() and len(word) < 4 else word}
    else:
        said = {_FIELDS[command.verb]: word}
    try:
        _settle(session, doing, said)
    except BadRecord:
        return ReplyLine("unclear", (command.verb.value,))
    return _settings_line(doing.subscriber)


_FIELDS = {Verb.ZONE: "timezone", Verb.LANGUAGE: "language"}


def _settings_line(subscriber: Subscriber) -> ReplyLine:
    timing = subscriber.timing
    size, day = str(subscriber.size), WEEKDAYS[timing.weekday]
    return ReplyLine("settings", (timing.cadence.value, day, f"{timing.hour:02}:00", timing.timezone, size))


def _list(_session: Session, doing: Doing, command: Command) -> ReplyLine:
    known = doing.subscriber
    if command.kind is None:
        said = subscriber_fields(known)
        found = [item for name in LISTS if name in MUTABLE for item in _strings(said[name])]
    else:
        found = list(values(known.interests, command.kind))
    return ReplyLine("interests", tuple(item[:SHOWN] for item in found[:50]))


def _strings(items: object) -> list[str]:
    return [str(item) for item in items] if isinstance(items, list) else []


def _status_line(_session: Session, doing: Doing, _command: Command) -> ReplyLine:
    return _settings_line(doing.subscriber)


def _help(_session: Session, _doing: Doing, _command: Command) -> ReplyLine:
    return ReplyLine("help")


_ACTS: Mapping[Verb, Callable[[Session, Doing, Command], ReplyLine]] = {
    Verb.SUBSCRIBE: _subscribe,
    Verb.YES: _status_line,
    Verb.UNSUBSCRIBE: _unsubscribe,
    Verb.PAUSE: _pause,
    Verb.RESUME: _resume,
    Verb.MORE: _say,
    Verb.LESS: _say,
    Verb.SAVE: _say,
    Verb.UNDO: _undo,
    Verb.MUTE: _mute,
    Verb.UNMUTE: _unmute,
    Verb.LIST: _list,
    Verb.ADD: _add,
    Verb.REMOVE: _remove,
    Verb.HOUR: _setting,
    Verb.ZONE: _setting,
    Verb.CADENCE: _setting,
    Verb.SIZE: _setting,
    Verb.LANGUAGE: _setting,
    Verb.STATUS: _status_line,
    Verb.HELP: _help,
}
