"""Parse the lines of a mail into commands.

Each line is one command. The first line that is none ends them, because a signature may follow.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

from digestd.domain.interest import Kind
from digestd.domain.subscriber import Cadence
from digestd.replies.commands.command_mail import CommandMail
from digestd.replies.commands.vocabulary import (
    ALL_INTERESTS,
    CADENCES,
    COURTESIES,
    DURATIONS,
    FILLER_WORDS,
    GERMAN_WORDS,
    GREETINGS,
    INTEREST_KINDS,
    LANGUAGES,
    LIST_WORDS,
    ONE_WORDS,
    SWITCH_WORDS,
    VERBS,
    WEEKDAY_NAMES,
    Verb,
)

COMMANDS_MAX = 10
VALUE_MAX = 300
DAYS_MAX = 400
_REPLY_PREFIX = re.compile(r"(re|aw|antw|fwd?|wg|sv|tr|rif)\s*(\[\d+\]\s*)?:", re.IGNORECASE)
_NUMBERS = re.compile(r"[#\d\s,;&+]*")
_ISO_DAY = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})")
_GERMAN_DAY = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})")
_HOUR = re.compile(r"(\d{1,2})(?::00|\.00)?(?:\s*(?:uhr|h|o'clock))?")
_QUOTED = "\"'“”„«»‚‘’ "


@dataclass(frozen=True, slots=True)
class Command:
    """A command.

    Attributes:
        verb: The action.
        value: The argument; None if the verb is clear but the argument is not.
            more, less, save, undo: the number of a paper. pause: "", an ISO date, or days such as `7d`.
            add, remove, mute, unmute: the words of the interest. cadence: `daily` or `weekly fri`.
            empty, abstracts: `on` or `off`. subscribe: a topic or "". hour, zone, size, language: the new value.
        kind: Kind of interest for add, remove, mute, unmute and list; None lists all kinds.
    """

    verb: Verb
    value: str | None = ""
    kind: Kind | None = None


def parse_commands(mail: CommandMail) -> tuple[Command, ...]:
    """Return the commands of the subject, unless it is a reply, and of the lines."""
    found: list[Command] = []
    if not _REPLY_PREFIX.match(mail.subject):
        found += parse_line(mail.subject)
    lines = list(mail.lines)
    while lines and _words(lines[0])[:1] and _words(lines[0])[0] in GREETINGS:
        lines.pop(0)
    for line in lines:
        commands = parse_line(line)
        if not commands:
            break
        found += [command for command in commands if command not in found]
    return tuple(found[:COMMANDS_MAX])


def is_german(mail: CommandMail) -> bool:
    """Return True if an unknown sender writes in German."""
    return any(word in GERMAN_WORDS for line in (mail.subject, *mail.lines[:3]) for word in _words(line))


def parse_line(line: str) -> list[Command]:
    """Return the commands of one line, one for each paper or interest."""
    words = _strip_courtesies(line)
    if not words:
        return []
    head, rest = words[0].casefold().rstrip(":,.!"), " ".join(words[1:])
    if head in INTEREST_KINDS or head in ALL_INTERESTS:
        return _parse_interest(INTEREST_KINDS.get(head), rest)
    if head in CADENCES:
        return _parse_cadence(" ".join(words))
    verb = VERBS.get(head)
    return _PARSERS[verb](rest) if verb else []


def _words(line: str) -> list[str]:
    return [word.casefold().strip(":,.!") for word in line.split()]


def _strip_courtesies(line: str) -> list[str]:
    """Return the words of a line without courtesies such as `please` at both ends."""
    words = line[:500].split()
    while words and words[0].casefold().strip(",.!") in COURTESIES:
        words.pop(0)
    while len(words) > 1 and words[-1].casefold().strip(",.!") in COURTESIES:
        words.pop()
    return words


def _values(text: str) -> list[str]:
    return [value[:VALUE_MAX] for piece in text.split(";") if (value := piece.strip(_QUOTED).rstrip(".!,"))]


def _parse_interest(kind: Kind | None, rest: str) -> list[Command]:
    head, _, tail = rest.partition(" ")
    word = head.casefold().strip(":")
    if not word or word in LIST_WORDS:
        return [Command(Verb.LIST, "", kind)]
    if kind is None:
        return []
    if word in {"-", "−"} or VERBS.get(word) is Verb.REMOVE:
        return _interest_commands(Verb.REMOVE, kind, tail)
    if word == "+" or VERBS.get(word) is Verb.ADD:
        return _interest_commands(Verb.ADD, kind, tail)
    return _interest_commands(Verb.ADD, kind, rest)


def _interest_commands(verb: Verb, kind: Kind, text: str) -> list[Command]:
    return [Command(verb, value, kind) for value in _values(text)] or [Command(verb, None, kind)]


def _parse_unsubscribe(rest: str) -> list[Command]:
    """Accept any short line that starts with a word for unsubscribing.

    Lines that name an interest are not about the subscription.
    """
    words = _words(rest)
    return [] if len(words) > 10 or any(word in INTEREST_KINDS for word in words) else [Command(Verb.UNSUBSCRIBE)]


def _parse_remove(rest: str) -> list[Command]:
    head, _, tail = rest.partition(" ")
    kind = INTEREST_KINDS.get(head.casefold().strip(":"))
    if kind is not None:
        return _interest_commands(Verb.REMOVE, kind, tail)
    return [Command(Verb.UNSUBSCRIBE)] if not rest or _words(rest)[0] in {"me", "mich"} else []


def _parse_add(rest: str) -> list[Command]:
    head, _, tail = rest.partition(" ")
    kind = INTEREST_KINDS.get(head.casefold().strip(":"))
    return _interest_commands(Verb.ADD, kind, tail) if kind else [Command(Verb.ADD, None)]


def _parse_subscribe(rest: str) -> list[Command]:
    return [Command(Verb.SUBSCRIBE, value) for value in _values(rest)] or [Command(Verb.SUBSCRIBE)]


def _no_argument(verb: Verb) -> Callable[[str], list[Command]]:
    """Return a parser for a command without arguments.

    With more words the line is a sentence, not a command.
    """

    def parse(rest: str) -> list[Command]:
        return [Command(verb)] if all(word in COURTESIES for word in _words(rest)) else []

    return parse


def _paper_numbers(verb: Verb) -> Callable[[str], list[Command]]:
    """Return a parser for paper numbers."""

    def parse(rest: str) -> list[Command]:
        plain = re.sub(r"\b(and|und|papers?|nr|no)\b\.?", " ", rest, flags=re.IGNORECASE).strip(". ")
        numbers = re.findall(r"\d{1,3}", plain) if _NUMBERS.fullmatch(plain) else []
        return [Command(verb, str(int(number))) for number in numbers] or [Command(verb, None)]

    return parse


def _interest_values(verb: Verb) -> Callable[[str], list[Command]]:
    """Return a parser for the values of an interest; the default kind is a phrase."""

    def parse(rest: str) -> list[Command]:
        head, _, tail = rest.partition(" ")
        kind = INTEREST_KINDS.get(head.casefold().strip(":"))
        if kind is None:
            return [Command(verb, None)] if rest.isdecimal() else _interest_commands(verb, Kind.PHRASE, rest)
        return _interest_commands(verb, kind, tail)

    return parse


def _parse_pause(rest: str) -> list[Command]:
    words = [word for word in rest.casefold().rstrip(".!").split() if word not in FILLER_WORDS]
    if not words:
        return [Command(Verb.PAUSE)]
    if len(words) == 1 and (day := _parse_date(words[0])):
        return [Command(Verb.PAUSE, day.isoformat())]
    count = "1" if words[0] in ONE_WORDS else words[0]
    span = DURATIONS.get(words[1]) if len(words) == 2 else 1 if len(words) == 1 else None
    days = int(count) * span if span and re.fullmatch(r"[0-9]{1,3}", count) else 0
    return [Command(Verb.PAUSE, f"{days}d" if 0 < days <= DAYS_MAX else None)]


def _parse_date(text: str) -> date | None:
    iso, german = _ISO_DAY.fullmatch(text), _GERMAN_DAY.fullmatch(text)
    parts = iso.groups() if iso else german.groups()[::-1] if german else None
    try:
        return date(*map(int, parts)) if parts else None
    except ValueError:
        return None


def _parse_cadence(rest: str) -> list[Command]:
    words = [word for word in _words(rest) if word not in {"on", "am"}]
    cadence = CADENCES.get(words[0]) if words else None
    day = WEEKDAY_NAMES.get(words[1].rstrip("s")) if len(words) == 2 else None
    if cadence is None or len(words) > 2 or (len(words) == 2 and (day is None or cadence is not Cadence.WEEKLY)):
        return [Command(Verb.CADENCE, None)]
    return [Command(Verb.CADENCE, f"{cadence} {day}" if day else cadence.value)]


def _parse_hour(rest: str) -> list[Command]:
    found = _HOUR.fullmatch(" ".join(word for word in rest.casefold().split() if word not in FILLER_WORDS))
    return [Command(Verb.HOUR, str(int(found[1])) if found and int(found[1]) < 24 else None)]


def _single_value(verb: Verb) -> Callable[[str], list[Command]]:
    """Return a parser for one value."""

    def parse(rest: str) -> list[Command]:
        word = rest.strip(_QUOTED).rstrip(".!,").replace(" ", "_")
        return [Command(verb, word[:64] or None)]

    return parse


def _switch(verb: Verb) -> Callable[[str], list[Command]]:
    """Return a parser for a setting that is on or off. More words than one are a sentence."""

    def parse(rest: str) -> list[Command]:
        words = [word for word in _words(rest) if word not in COURTESIES]
        is_on = SWITCH_WORDS.get(words[0]) if words else None
        return [] if len(words) > 1 else [Command(verb, None if is_on is None else "on" if is_on else "off")]

    return parse


def _parse_language(rest: str) -> list[Command]:
    word = rest.strip(_QUOTED).rstrip(".!,")
    return [Command(Verb.LANGUAGE, LANGUAGES.get(word.casefold(), word)[:20] or None)]


_PARSERS: Mapping[Verb, Callable[[str], list[Command]]] = {
    Verb.SUBSCRIBE: _parse_subscribe,
    Verb.YES: _no_argument(Verb.YES),
    Verb.UNSUBSCRIBE: _parse_unsubscribe,
    Verb.PAUSE: _parse_pause,
    Verb.RESUME: _no_argument(Verb.RESUME),
    Verb.MORE: _paper_numbers(Verb.MORE),
    Verb.LESS: _paper_numbers(Verb.LESS),
    Verb.SAVE: _paper_numbers(Verb.SAVE),
    Verb.UNDO: _paper_numbers(Verb.UNDO),
    Verb.MUTE: _interest_values(Verb.MUTE),
    Verb.UNMUTE: _interest_values(Verb.UNMUTE),
    Verb.ADD: _parse_add,
    Verb.REMOVE: _parse_remove,
    Verb.HOUR: _parse_hour,
    Verb.ZONE: _single_value(Verb.ZONE),
    Verb.CADENCE: _parse_cadence,
    Verb.SIZE: _single_value(Verb.SIZE),
    Verb.LANGUAGE: _parse_language,
    Verb.EMPTY: _switch(Verb.EMPTY),
    Verb.ABSTRACTS: _switch(Verb.ABSTRACTS),
    Verb.STATUS: _no_argument(Verb.STATUS),
    Verb.HELP: _no_argument(Verb.HELP),
}
