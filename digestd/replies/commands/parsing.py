"""Lines into commands. A line is one command; the first line that is none ends them, as a signature may follow."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

from digestd.domain.interest import Kind
from digestd.domain.subscriber import Cadence
from digestd.replies.commands.command_mail import Letter
from digestd.replies.commands.vocabulary import (
    ALL_INTERESTS,
    CADENCES,
    DAYS,
    FILLING,
    GERMAN,
    GREETINGS,
    LANGUAGES,
    LISTING,
    NOUNS,
    ONES,
    POLITE,
    SPANS,
    VERBS,
    Verb,
)

COMMANDS_MAX = 10
VALUE_MAX = 300
DAYS_MAX = 400
_ANSWERS = re.compile(r"(re|aw|antw|fwd?|wg|sv|tr|rif)\s*(\[\d+\]\s*)?:", re.IGNORECASE)
_NUMBERS = re.compile(r"[#\d\s,;&+]*")
_ISO_DAY = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})")
_GERMAN_DAY = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})")
_HOUR = re.compile(r"(\d{1,2})(?::00|\.00)?(?:\s*(?:uhr|h|o'clock))?")
_QUOTED = "\"'“”„«»‚‘’ "


@dataclass(frozen=True, slots=True)
class Command:
    """One thing asked for. `value` is None where the verb is clear and the rest is not.

    more, less, save, undo: the number of a paper. pause: empty, an ISO date, or days like `7d`.
    add, remove, mute, unmute: `kind` and words. list: `kind`, or none for all.
    cadence: `daily`, or `weekly fri`. subscribe: a topic, or nothing. The others: their one word.
    """

    verb: Verb
    value: str | None = ""
    kind: Kind | None = None


def parse_letter(letter: Letter) -> tuple[Command, ...]:
    """The commands of a letter: of its subject, unless it answers a mail, then of its lines."""
    found: list[Command] = []
    if not _ANSWERS.match(letter.subject):
        found += parse_line(letter.subject)
    lines = list(letter.lines)
    while lines and _words(lines[0])[:1] and _words(lines[0])[0] in GREETINGS:
        lines.pop(0)
    for line in lines:
        commands = parse_line(line)
        if not commands:
            break
        found += [command for command in commands if command not in found]
    return tuple(found[:COMMANDS_MAX])


def is_german(letter: Letter) -> bool:
    """Whether somebody not known yet asks in German."""
    return any(word in GERMAN for line in (letter.subject, *letter.lines[:3]) for word in _words(line))


def parse_line(line: str) -> list[Command]:
    """The commands of one line, of which more than one name several papers or topics; none where it is no command."""
    words = _stripped(line)
    if not words:
        return []
    head, rest = words[0].casefold().rstrip(":,.!"), " ".join(words[1:])
    if head in NOUNS or head in ALL_INTERESTS:
        return _of_noun(NOUNS.get(head), rest)
    if head in CADENCES:
        return _cadence(" ".join(words))
    verb = VERBS.get(head)
    return _READERS[verb](rest) if verb else []


def _words(line: str) -> list[str]:
    return [word.casefold().strip(":,.!") for word in line.split()]


def _stripped(line: str) -> list[str]:
    """Without what politeness adds before and after, and a full stop."""
    words = line[:500].split()
    while words and words[0].casefold().strip(",.!") in POLITE:
        words.pop(0)
    while len(words) > 1 and words[-1].casefold().strip(",.!") in POLITE:
        words.pop()
    return words


def _values(text: str) -> list[str]:
    return [value[:VALUE_MAX] for piece in text.split(";") if (value := piece.strip(_QUOTED).rstrip(".!,"))]


def _of_noun(kind: Kind | None, rest: str) -> list[Command]:
    head, _, tail = rest.partition(" ")
    word = head.casefold().strip(":")
    if not word or word in LISTING:
        return [Command(Verb.LIST, "", kind)]
    if kind is None:
        return []
    if word in {"-", "−"} or VERBS.get(word) is Verb.REMOVE:
        return _each(Verb.REMOVE, kind, tail)
    if word == "+" or VERBS.get(word) is Verb.ADD:
        return _each(Verb.ADD, kind, tail)
    return _each(Verb.ADD, kind, rest)


def _each(verb: Verb, kind: Kind, text: str) -> list[Command]:
    return [Command(verb, value, kind) for value in _values(text)] or [Command(verb, None, kind)]


def _leaving(rest: str) -> list[Command]:
    """Somebody who wants to leave need not write it well, unless it is something else that is to go."""
    words = _words(rest)
    return [] if len(words) > 10 or any(word in NOUNS for word in words) else [Command(Verb.UNSUBSCRIBE)]


def _removing(rest: str) -> list[Command]:
    head, _, tail = rest.partition(" ")
    kind = NOUNS.get(head.casefold().strip(":"))
    if kind is not None:
        return _each(Verb.REMOVE, kind, tail)
    return [Command(Verb.UNSUBSCRIBE)] if not rest or _words(rest)[0] in {"me", "mich"} else []


def _adding(rest: str) -> list[Command]:
    head, _, tail = rest.partition(" ")
    kind = NOUNS.get(head.casefold().strip(":"))
    return _each(Verb.ADD, kind, tail) if kind else [Command(Verb.ADD, None)]


def _subscribing(rest: str) -> list[Command]:
    return [Command(Verb.SUBSCRIBE, value) for value in _values(rest)] or [Command(Verb.SUBSCRIBE)]


def _bare(verb: Verb) -> Callable[[str], list[Command]]:
    """A command that takes nothing: with more words after it, the line is a sentence."""

    def read(rest: str) -> list[Command]:
        return [Command(verb)] if all(word in POLITE for word in _words(rest)) else []

    return read


def _papers(verb: Verb) -> Callable[[str], list[Command]]:
    def read(rest: str) -> list[Command]:
        plain = re.sub(r"\b(and|und|papers?|nr|no)\b\.?", " ", rest, flags=re.IGNORECASE).strip(". ")
        numbers = re.findall(r"\d{1,3}", plain) if _NUMBERS.fullmatch(plain) else []
        return [Command(verb, str(int(number))) for number in numbers] or [Command(verb, None)]

    return read


def _muting(verb: Verb) -> Callable[[str], list[Command]]:
    def read(rest: str) -> list[Command]:
        head, _, tail = rest.partition(" ")
        kind = NOUNS.get(head.casefold().strip(":"))
        if kind is None:
            return [Command(verb, None)] if rest.isdecimal() else _each(verb, Kind.PHRASE, rest)
        return _each(verb, kind, tail)

    return read


def _pause(rest: str) -> list[Command]:
    words = [word for word in rest.casefold().rstrip(".!").split() if word not in FILLING]
    if not words:
        return [Command(Verb.PAUSE)]
    if len(words) == 1 and (day := _day(words[0])):
        return [Command(Verb.PAUSE, day.isoformat())]
    count = "1" if words[0] in ONES else words[0]
    span = SPANS.get(words[1]) if len(words) == 2 else 1 if len(words) == 1 else None
    days = int(count) * span if span and re.fullmatch(r"[0-9]{1,3}", count) else 0
    return [Command(Verb.PAUSE, f"{days}d" if 0 < days <= DAYS_MAX else None)]


def _day(text: str) -> date | None:
    iso, german = _ISO_DAY.fullmatch(text), _GERMAN_DAY.fullmatch(text)
    parts = iso.groups() if iso else german.groups()[::-1] if german else None
    try:
        return date(*map(int, parts)) if parts else None
    except ValueError:
        return None


def _cadence(rest: str) -> list[Command]:
    words = [word for word in _words(rest) if word not in {"on", "am"}]
    cadence = CADENCES.get(words[0]) if words else None
    day = DAYS.get(words[1].rstrip("s")) if len(words) == 2 else None
    if cadence is None or len(words) > 2 or (len(words) == 2 and (day is None or cadence is not Cadence.WEEKLY)):
        return [Command(Verb.CADENCE, None)]
    return [Command(Verb.CADENCE, f"{cadence} {day}" if day else cadence.value)]


def _hour(rest: str) -> list[Command]:
    found = _HOUR.fullmatch(" ".join(word for word in rest.casefold().split() if word not in FILLING))
    return [Command(Verb.HOUR, str(int(found[1])) if found and int(found[1]) < 24 else None)]


def _word(verb: Verb) -> Callable[[str], list[Command]]:
    def read(rest: str) -> list[Command]:
        word = rest.strip(_QUOTED).rstrip(".!,").replace(" ", "_")
        return [Command(verb, word[:64] or None)]

    return read


def _language(rest: str) -> list[Command]:
    word = rest.strip(_QUOTED).rstrip(".!,")
    return [Command(Verb.LANGUAGE, LANGUAGES.get(word.casefold(), word)[:20] or None)]


_READERS: Mapping[Verb, Callable[[str], list[Command]]] = {
    Verb.SUBSCRIBE: _subscribing,
    Verb.YES: _bare(Verb.YES),
    Verb.UNSUBSCRIBE: _leaving,
    Verb.PAUSE: _pause,
    Verb.RESUME: _bare(Verb.RESUME),
    Verb.MORE: _papers(Verb.MORE),
    Verb.LESS: _papers(Verb.LESS),
    Verb.SAVE: _papers(Verb.SAVE),
    Verb.UNDO: _papers(Verb.UNDO),
    Verb.MUTE: _muting(Verb.MUTE),
    Verb.UNMUTE: _muting(Verb.UNMUTE),
    Verb.ADD: _adding,
    Verb.REMOVE: _removing,
    Verb.HOUR: _hour,
    Verb.ZONE: _word(Verb.ZONE),
    Verb.CADENCE: _cadence,
    Verb.SIZE: _word(Verb.SIZE),
    Verb.LANGUAGE: _language,
    Verb.STATUS: _bare(Verb.STATUS),
    Verb.HELP: _bare(Verb.HELP),
}
