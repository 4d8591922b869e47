"""Parse the lines of a mail into commands.

Each line is one command. The first line that is none ends them, because a signature may follow. To add a language, add
its words to the tables below; a mail may mix languages. Lines that ask for a setting are recognised as well, so that
the answer can say where it is changed.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from digestd.domain.interest import Kind
from digestd.replies.commands.command_mail import CommandMail

COMMANDS_MAX = 10
VALUE_MAX = 1_001
"""Characters of a value: one more than a topic may have, so that longer ones are refused instead of cut."""
DAYS_MAX = 400
SETTING_WORDS_MAX = 4
"""Words of a line that asks for a setting; a longer one is a sentence."""
LEAVING_WORDS_MAX = 11
"""Words of a line that unsubscribes."""


class Verb(StrEnum):
    """The action of a command by mail."""

    SUBSCRIBE = "subscribe"
    YES = "yes"
    UNSUBSCRIBE = "unsubscribe"
    PAUSE = "pause"
    RESUME = "resume"
    MORE = "more"
    LESS = "less"
    SAVE = "save"
    MUTE = "mute"
    ADD = "add"
    REMOVE = "remove"
    SETTING = "setting"  # not done by mail
    HELP = "help"


VERBS: Mapping[str, Verb] = {
    word: verb
    for verb, words in {
        Verb.SUBSCRIBE: "subscribe join abonnieren anmelden bestellen",
        Verb.YES: "yes ok okay confirm ja bestätigen bestaetigen oui sí si sim tak",
        Verb.UNSUBSCRIBE: """
            unsubscribe leave stop signoff abmelden abbestellen austragen kündigen désabonner désinscrire désabonnement
            désinscription desuscribir desuscribirme descadastrar disiscrivimi disiscrizione afmelden uitschrijven
            wyrejestruj leiratkozás leiratkozom отписаться отпишите відписатися 配信停止 退会 退订 退訂 取消订阅
            구독취소 수신거부
            """,
        Verb.PAUSE: "pause pausing pausieren pausiere urlaub vacation",
        Verb.RESUME: "resume continue weiter fortsetzen",
        Verb.MORE: "more like mehr",
        Verb.LESS: "less weniger",
        Verb.SAVE: "save keep merken speichern",
        Verb.MUTE: "mute hide stumm ausblenden",
        Verb.ADD: "add hinzufügen",
        Verb.REMOVE: "remove delete entfernen löschen",
        Verb.SETTING: """
            undo unmute unhide interests hour time zone timezone cadence rhythm daily weekdays weekly size papers
            language empty when-empty abstracts full-abstracts status settings zurücknehmen rückgängig einblenden
            interessen stunde uhrzeit uhr zeitzone rhythmus täglich werktags wöchentlich anzahl sprache leertage
            einstellungen
            """,
        Verb.HELP: "help hilfe info ?",
    }.items()
    for word in words.split()
}
LEAVING_LINES = frozenset(
    f"{word} {rest}".rstrip()
    for word, rests in {
        "cancel": ("", "subscription", "my subscription", "the subscription", "this subscription"),
        "baja": ("",),
        "dar": ("de baja",),
        "darme": ("de baja",),
        "cancelar": (
            *("", "suscripción", "suscripcion", "la suscripción", "mi suscripción", "mi suscripcion", "subscrição"),
            *("a minha subscrição", "assinatura", "a assinatura", "minha assinatura", "a minha assinatura"),
        ),
        "cancellami": ("", "dalla lista", "dalla newsletter"),
        "opzeggen": ("",),
        "abonnement": ("opzeggen",),
        "afmeld": ("", "mig"),
        "avmeld": ("", "meg"),
        "avregistrera": ("", "mig"),
        "avsluta": ("", "prenumeration", "prenumerationen", "min prenumeration"),
        "peruuta": ("", "tilaus", "tilaukseni"),
        "wypisz": ("", "mnie"),
        "odhlásit": ("", "odběr"),
        "διαγραφή": ("", "μου"),
    }.items()
    for rest in rests
)
"""Lines that unsubscribe only as a whole, because their words have other meanings too."""
SIGNS: Mapping[str, Verb] = {"+": Verb.ADD, "-": Verb.REMOVE, "−": Verb.REMOVE}
"""Signs between the kind of an interest and its words. They are no commands: lists and signatures start with them."""
INTEREST_KINDS: Mapping[str, Kind] = {
    word: kind
    for kind, words in {
        Kind.TOPIC: "topic topics thema themen",
        Kind.AUTHOR: "author authors autor autorin autoren",
        Kind.CATEGORY: "category categories kategorie kategorien",
        Kind.PHRASE: "phrase phrases word words wort wörter worte",
    }.items()
    for word in words.split()
}
DAYS: Mapping[str, int] = {
    word: days
    for days, words in {
        1: "day days tag tage tagen",
        7: "week weeks woche wochen",
        30: "month months monat monate monaten",
    }.items()
    for word in words.split()
}
LIST_WORDS = frozenset({"list", "show", "liste", "zeigen", "anzeigen"})
RESUMING_LINES = frozenset(
    {
        *("stop the pause", "stop my pause", "stop this pause", "end the pause", "end my pause"),
        *("stop pausing", "stop pausing my digest", "stop pausing the digest", "pause beenden", "beende die pause"),
    }
)
"""End a pause by these whole lines only, although they begin like an unsubscribe request or a pause."""
ONE_WORDS = frozenset({"a", "an", "one", "ein", "eine", "einen"})
FILLER_WORDS = frozenset(
    {"for", "until", "till", "to", "bis", "zum", "für", "um", "at", "auf", "and", "und", "paper", "papers", "nr", "no"}
)
COURTESIES = frozenset(
    {"please", "pls", "kindly", "bitte", "danke", "thanks", "thank", "you", "me", "mich", "se", "now", "jetzt"}
)
LEAVING_COURTESIES = COURTESIES | frozenset(
    {"por", "favor", "gracias", "obrigado", "obrigada", "grazie", "tack", "tak", "takk", "kiitos", "proszę", "prosím"}
)
GREETINGS = frozenset({"hi", "hello", "hey", "dear", "hallo", "guten", "liebe", "lieber", "moin", "good"})
GERMAN_WORDS = frozenset({"abonnieren", "anmelden", "bestellen", "bitte"})
REPLY_PREFIXES = frozenset({"re", "aw", "antw", "fw", "fwd", "wg", "sv", "tr", "rif"})
_QUOTED = "\"'“”„«»‚‘’ "


@dataclass(frozen=True, slots=True)
class Command:
    """A command.

    Attributes:
        verb: The action.
        value: The argument; None if the verb is clear but the argument is not.
            more, less, save: the number of a paper. pause: "", an ISO date, or days such as `7d`.
            add, remove, mute: the words of the interest. subscribe: a topic or "".
        kind: Kind of interest for add, remove and mute.
    """

    verb: Verb
    value: str | None = ""
    kind: Kind | None = None


def parse_commands(mail: CommandMail) -> tuple[Command, ...]:
    """Return the commands of the subject, unless it is a reply, and of the lines."""
    prefix, colon, _ = mail.subject.partition(":")
    is_reply = colon and prefix.casefold().rstrip("[]0123456789 ") in REPLY_PREFIXES
    found = [] if is_reply else parse_line(mail.subject)
    lines = list(mail.lines)
    while lines and set(_words(lines[0])[:1]) & GREETINGS:
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
    if head in INTEREST_KINDS:
        return _parse_interest(INTEREST_KINDS[head], rest)
    said = " ".join(word for word in _words(" ".join(words)) if word not in LEAVING_COURTESIES)
    if said in RESUMING_LINES:
        return [Command(Verb.RESUME)]
    if said in LEAVING_LINES:
        return [Command(Verb.UNSUBSCRIBE)]
    verb = VERBS.get(head)
    return _PARSERS[verb](verb, rest) if verb else []


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


def _parse_interest(kind: Kind, rest: str) -> list[Command]:
    """Parse what follows the kind: `topic lakes`, `topic + lakes`, `topics remove lakes`."""
    head, _, tail = rest.partition(" ")
    word = head.casefold().strip(":")
    if not word or word in LIST_WORDS:
        return [Command(Verb.SETTING)]
    verb = SIGNS.get(word) or VERBS.get(word)
    if verb in {Verb.ADD, Verb.REMOVE}:
        return _interest_commands(verb, kind, tail)
    return _interest_commands(Verb.ADD, kind, rest)


def _interest_commands(verb: Verb, kind: Kind, text: str) -> list[Command]:
    return [Command(verb, value, kind) for value in _values(text)] or [Command(verb, None, kind)]


def _values(text: str) -> list[str]:
    return [value[:VALUE_MAX] for piece in text.split(";") if (value := piece.strip(_QUOTED).rstrip(".!,"))]


def _with_kind(verb: Verb, rest: str) -> list[Command]:
    """Parse `topic lakes`, which follows add, remove or mute. What is muted is a phrase unless it says otherwise."""
    head, _, tail = rest.partition(" ")
    kind = INTEREST_KINDS.get(head.casefold().strip(":"))
    if kind is not None:
        return _interest_commands(verb, kind, tail)
    if verb is Verb.REMOVE:
        return [Command(Verb.UNSUBSCRIBE)] if not rest or _words(rest)[0] in {"me", "mich"} else []
    if verb is Verb.MUTE and not rest.isdecimal():
        return _interest_commands(verb, Kind.PHRASE, rest)
    return [Command(verb, None)]


def _leaving(verb: Verb, rest: str) -> list[Command]:
    """Accept any short line that starts with a word for unsubscribing, unless it names an interest."""
    words = _words(rest)
    return [] if len(words) >= LEAVING_WORDS_MAX or any(word in INTEREST_KINDS for word in words) else [Command(verb)]


def _topics(verb: Verb, rest: str) -> list[Command]:
    return [Command(verb, value) for value in _values(rest)] or [Command(verb)]


def _alone(verb: Verb, rest: str) -> list[Command]:
    """Parse a command without arguments. With more words the line is a sentence."""
    return [Command(verb)] if all(word in COURTESIES for word in _words(rest)) else []


def _setting(verb: Verb, rest: str) -> list[Command]:
    return [Command(verb)] if len(rest.split()) < SETTING_WORDS_MAX else []


def _paper_numbers(verb: Verb, rest: str) -> list[Command]:
    spaced = rest.casefold().translate(str.maketrans("#,;&+.", "      "))
    numbers = [word for word in spaced.split() if word not in FILLER_WORDS]
    if not numbers or not all(word.isdecimal() and len(word) < 4 for word in numbers):
        return [Command(verb, None)]
    return [Command(verb, str(int(number))) for number in numbers]


def _pause(verb: Verb, rest: str) -> list[Command]:
    words = [word for word in rest.casefold().rstrip(".!").split() if word not in FILLER_WORDS]
    if not words:
        return [Command(verb)]
    if len(words) == 1 and (day := _parse_date(words[0])):
        return [Command(verb, day.isoformat())]
    count = "1" if words[0] in ONE_WORDS else words[0]
    unit = DAYS.get(words[1]) if len(words) == 2 else 1 if len(words) == 1 else None
    days = int(count) * unit if unit and count.isdecimal() and len(count) < 4 else 0
    return [Command(verb, f"{days}d" if 0 < days <= DAYS_MAX else None)]


def _parse_date(text: str) -> date | None:
    for form in ("%Y-%m-%d", "%d.%m.%Y"):
        try:
            return datetime.strptime(text, form).date()  # noqa: DTZ007  # a day has no time zone
        except ValueError:
            continue
    return None


_PARSERS: Mapping[Verb, Callable[[Verb, str], list[Command]]] = {
    Verb.SUBSCRIBE: _topics,
    Verb.YES: _alone,
    Verb.UNSUBSCRIBE: _leaving,
    Verb.PAUSE: _pause,
    Verb.RESUME: _alone,
    Verb.MORE: _paper_numbers,
    Verb.LESS: _paper_numbers,
    Verb.SAVE: _paper_numbers,
    Verb.MUTE: _with_kind,
    Verb.ADD: _with_kind,
    Verb.REMOVE: _with_kind,
    Verb.SETTING: _setting,
    Verb.HELP: _alone,
}
