"""Parse the lines of a mail into commands.

Each line is one command. The first line that is none ends them, because a signature may follow. The words come from the
message catalogues (`email/words.txt.j2`), those of all languages at once: a mail may mix them. Lines that ask for a
setting are recognised as well, so that the answer can say where it is changed.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from unicodedata import east_asian_width

from digestd.domain.interest import Kind
from digestd.replies.commands.command_mail import CommandMail
from digestd.replies.commands.leaving import Wish, asks_why, is_doubtful, is_polite, read_wish
from digestd.replies.subjects import is_automatic, is_reply
from digestd.text.scripts import fold

COMMANDS_MAX = 10
LINE_MAX = 500
VALUE_MAX = 1_001
"""Characters of a value: one more than a topic may have, so that longer ones are refused instead of cut."""
DAYS_MAX = 400
WIDE_WORD_MAX = 40
"""Characters of a word in a language without blanks."""
SETTING_WORDS_MAX = 4
"""Words of a line that asks for a setting; a longer one is a sentence."""


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
    LEAVING = "leaving"  # perhaps a wish to unsubscribe
    WHY = "why"  # a question why they get this


_NUMBER_WORDS = {
    1: "一", 2: "two zwei deux dos dois duas 二 两 兩", 3: "three drei trois tres 三",
    4: "four vier quatre cuatro quatro 四",
    5: "five fünf cinq cinco 五", 6: "six sechs seis 六", 7: "seven sieben sept siete sete 七",
    8: "eight acht huit ocho oito 八", 9: "nine neun neuf nueve nove 九", 10: "ten zehn dix diez dez",
}  # fmt: skip
NUMBERS: Mapping[str, int] = {fold(word): number for number, words in _NUMBER_WORDS.items() for word in words.split()}
"""Numbers in words; see `words: one` of the catalogues for one."""
_HAN_NUMBER = re.compile("[一二两兩三四五六七八九]?十[一二三四五六七八九]?|[一二两兩三四五六七八九]")
DAYS: Mapping[str, int] = {"day": 1, "week": 7, "month": 30}
SIGNS: Mapping[str, Verb] = {"+": Verb.ADD, "-": Verb.REMOVE, "−": Verb.REMOVE}
"""Signs between the kind of an interest and its words. They are no commands: lists and signatures start with them."""
_QUOTED = "\"'“”„«»‚‘’「」《》 "
_PUNCTUATION = str.maketrans(
    {"，": ", ", "、": ", ", "；": "; ", "：": ": ", "。": ". ", "！": "! ", "？": "? ", "＋": "+", "－": "-"}
)
_SIGN_BLANK = re.compile(r"\s+(?=[:;!](?:\s|$))")
"""The blank before a sign, as French writes it."""
_LISTED = re.compile(r"[,，、]")
_NUMBER_EDGE = re.compile(r"(?<=\d)(?=[^\W\d])(?=[^\x00-\x7f])|(?<=[^\W\d])(?<=[^\x00-\x7f])(?=\d)")
"""Between a digit and a letter of a language without blanks, as in 暂停7天."""
_WIDE_DATE = re.compile(r"(\d{4})年(\d{1,2})月(\d{1,2})日")


@dataclass(frozen=True, slots=True)
class Command:
    """A command.

    Attributes:
        verb: The action.
        value: The argument; None if the verb is clear but the argument is not.
            more, less, save: the number of a paper. pause: "", an ISO date, or days such as `7d`.
            add, remove, mute: the words of the interest. subscribe: a topic or "".
        kind: Kind of interest for add, remove and mute.
        said: The line that it was read from, if known.
    """

    verb: Verb
    value: str | None = ""
    kind: Kind | None = None
    said: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class CommandWords:
    """The words of commands in all languages, folded.

    Attributes:
        verbs: First words of lines.
        heads: The same, and the kinds of interests, which may begin a line, too.
        lines: Whole lines that are commands.
        others: Words of other meanings, such as `filler` and `courtesy`.
        languages: The languages of each word, without those of English.
    """

    verbs: Mapping[str, Verb]
    lines: Mapping[str, Verb]
    kinds: Mapping[str, Kind]
    heads: frozenset[str]
    days: Mapping[str, int]
    others: Mapping[str, frozenset[str]]
    languages: Mapping[str, frozenset[str]]

    @classmethod
    def of(cls, catalogues: Mapping[str, str]) -> "CommandWords":
        """Return the words of these languages; where they disagree about a word, the first one counts.

        `catalogues`: by BCP 47 tag, lines such as `unsubscribe|unsubscribe, leave`; see `email/words.txt.j2`.
        """
        verbs: dict[str, Verb] = {}
        lines: dict[str, Verb] = {}
        others: defaultdict[str, set[str]] = defaultdict(set)
        languages: defaultdict[str, set[str]] = defaultdict(set)
        for tag, meaning, word in _entries(catalogues):
            if meaning in set(Verb):
                (lines if " " in word else verbs).setdefault(word, Verb(meaning))
            else:
                others[meaning].update(word.split())
            languages[word].add(tag)
        kinds = {word: kind for kind in Kind for word in others[kind]}
        heads = frozenset(verbs) | frozenset(kinds)
        days = {word: days for unit, days in DAYS.items() for word in others[unit]}
        named = {name: frozenset(found) for name, found in others.items()}
        foreign = {word: frozenset(tags) for word, tags in languages.items() if "en" not in tags}
        return cls(verbs, lines, kinds, heads, days, named, foreign)

    def mean(self, meaning: str, word: str) -> bool:
        return word in self.others.get(meaning, ())


def _entries(catalogues: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """Yield language, meaning and folded word."""
    rows = [(tag, *row.partition("|")) for tag, text in catalogues.items() for row in text.splitlines() if "|" in row]
    for tag, meaning, _, words in rows:
        yield from ((tag, meaning, fold(" ".join(word.split()))) for word in _LISTED.split(words) if word.strip())


def parse_commands(mail: CommandMail, words: CommandWords) -> tuple[Command, ...]:
    """Return the commands of the lines, and of the subject unless a reply has it, or else a wish to leave in prose.

    After a command, prose may be a quotation of ours, which has links to leave. Beside prose, a command to leave is
    doubtful.
    """
    subject = "" if is_reply(mail.subject) or is_automatic(mail.subject) else mail.subject
    found = parse_line(subject, words)
    lines = [line.translate(_PUNCTUATION) for line in mail.lines]
    while lines and any(words.mean("greeting", word) for word in _words(lines[0])[:1]):
        lines.pop(0)
    while lines and (commands := parse_line(lines[0], words)):
        found += [command for command in commands if command not in found]
        lines.pop(0)
    leave, wish = Command(Verb.UNSUBSCRIBE), read_wish((subject, *mail.lines), mail.sender)
    if not found and wish:
        found.append(leave if wish is Wish.CLEAR else Command(Verb.LEAVING))
    if leave in found and wish is not Wish.CLEAR and not is_polite(lines):
        found[found.index(leave)] = Command(Verb.LEAVING)
    if found in ([], [Command(Verb.LEAVING)]) and asks_why((subject, *mail.lines)):
        found.insert(0, Command(Verb.WHY))
    return tuple(found[:COMMANDS_MAX])


def written_language(mail: CommandMail, words: CommandWords) -> str:
    """Return the language that most words of a mail belong to; English if none is of another language."""
    lines = [line[:LINE_MAX].translate(_PUNCTUATION) for line in (mail.subject, *mail.lines)]
    said = {word for line in lines for word in (_take(line, words.verbs)[0], *_words(line))}
    votes = Counter(tag for word in said for tag in sorted(words.languages.get(word, ())))
    return max(sorted(votes), key=lambda tag: votes[tag], default="en")


def parse_line(line: str, words: CommandWords) -> list[Command]:
    """Return the commands of one line, one for each paper or interest."""
    if read_wish([line]) is Wish.CLEAR:
        return [Command(Verb.UNSUBSCRIBE)]
    found = _parse(_SIGN_BLANK.sub("", line[:LINE_MAX].translate(_PUNCTUATION)).strip(), words)
    return [replace(command, said=line) for command in found]


def _parse(line: str, words: CommandWords) -> list[Command]:
    text = _strip_courtesies(line, words)
    said = _words(text)
    kept = [word for word in said if not words.mean("courtesy", word)]
    if verb := words.lines.get(" ".join(said)) or words.lines.get(" ".join(kept)):
        return [Command(verb)]
    head, rest = _take(text, words.heads)
    if head in words.kinds:
        return _parse_interest(words.kinds[head], rest, words)
    verb = words.verbs.get(head)
    return _PARSERS[verb](verb, rest, words) if verb else []


def _words(text: str) -> list[str]:
    return [fold(word).strip(":,.!;") for word in text.split()]


def _take(text: str, known: Container[str]) -> tuple[str, str]:
    """Return the first word of a text, folded, and the rest.

    A word of a language without blanks ends where the longest known word that it begins with does.
    """
    first, _, rest = text.partition(" ")
    head = fold(first).strip(":,.!;")
    if head not in known and first and east_asian_width(first[0]) == "W":
        for end in range(min(len(first) - 1, WIDE_WORD_MAX), 1, -1):
            if fold(first[:end]) in known:
                return fold(first[:end]), f"{first[end:]} {rest}".strip()
    return head, rest


def _strip_courtesies(line: str, words: CommandWords) -> str:
    """Return a line without courtesies such as `please` at both ends."""
    said = line.split()
    while said and words.mean("courtesy", fold(said[0]).strip(",.!")):
        said.pop(0)
    while len(said) > 1 and words.mean("courtesy", fold(said[-1]).strip(",.!")):
        said.pop()
    return " ".join(said)


def _parse_interest(kind: Kind, rest: str, words: CommandWords) -> list[Command]:
    """Parse what follows the kind: `topic lakes`, `topic + lakes`, `topics remove lakes`."""
    word, tail = _take(rest, words.verbs)
    if not word or words.mean("list", word):
        return [Command(Verb.SETTING)]
    verb = SIGNS.get(word) or words.verbs.get(word)
    if verb in {Verb.ADD, Verb.REMOVE}:
        return _interest_commands(verb, kind, tail)
    return _interest_commands(Verb.ADD, kind, rest)


def _interest_commands(verb: Verb, kind: Kind, text: str) -> list[Command]:
    return [Command(verb, value, kind) for value in _values(text)] or [Command(verb, None, kind)]


def _values(text: str) -> list[str]:
    return [value[:VALUE_MAX] for piece in text.split(";") if (value := piece.strip(_QUOTED).rstrip(".!,"))]


def _with_kind(verb: Verb, rest: str, words: CommandWords) -> list[Command]:
    """Parse `topic lakes`, which follows add, remove or mute. What is muted is a phrase unless it says otherwise."""
    head, tail = _take(rest, words.kinds)
    if head in words.kinds:
        return _interest_commands(verb, words.kinds[head], tail)
    if verb is Verb.REMOVE:
        return [Command(Verb.UNSUBSCRIBE)] if not rest or words.mean("self", head) else []
    if verb is Verb.MUTE and not rest.isdecimal():
        return _interest_commands(verb, Kind.PHRASE, rest)
    return [Command(verb, None)]


def _leaving(verb: Verb, rest: str, words: CommandWords) -> list[Command]:
    """Accept any short line that starts with a word for unsubscribing, unless it denies it or names an interest."""
    return [] if is_doubtful(rest) or any(word in words.kinds for word in _words(rest)) else [Command(verb)]


def _topics(verb: Verb, rest: str, _: CommandWords) -> list[Command]:
    return [Command(verb, value) for value in _values(rest)] or [Command(verb)]


def _alone(verb: Verb, rest: str, words: CommandWords) -> list[Command]:
    """Parse a command without arguments. With more words the line is a sentence."""
    return [Command(verb)] if all(words.mean("courtesy", word) for word in _words(rest)) else []


def _setting(verb: Verb, rest: str, _: CommandWords) -> list[Command]:
    return [Command(verb)] if len(rest.split()) < SETTING_WORDS_MAX else []


def _arguments(rest: str, words: CommandWords) -> list[str]:
    """Return numbers, dates and units without what stands between them."""
    digits = _HAN_NUMBER.sub(_from_han, _WIDE_DATE.sub(r"\1-\2-\3 ", rest))
    spaced = _NUMBER_EDGE.sub(" ", digits)
    return [
        word for word in (fold(one).strip(",.!") for one in spaced.split()) if word and not words.mean("filler", word)
    ]


def _from_han(number: "re.Match[str]") -> str:
    """Return a number below a hundred, such as 十四, in digits."""
    tens, ten, ones = number[0].rpartition("十")
    return str((NUMBERS.get(tens, 1) * 10 if ten else 0) + NUMBERS.get(ones, 0))


def _paper_numbers(verb: Verb, rest: str, words: CommandWords) -> list[Command]:
    numbers = _arguments(rest.translate(str.maketrans("#,;&+.", "      ")), words)
    if not numbers or not all(word.isdecimal() and len(word) < 4 for word in numbers):
        return [Command(verb, None)]
    return [Command(verb, str(int(number))) for number in numbers]


def _pause(verb: Verb, rest: str, words: CommandWords) -> list[Command]:
    said = _arguments(rest, words)
    if not said:
        return [Command(verb)]
    if len(said) == 1 and (day := _parse_date(said[0])):
        return [Command(verb, day.isoformat())]
    count = "1" if words.mean("one", said[0]) else str(NUMBERS.get(said[0], said[0]))
    unit = words.days.get(said[1]) if len(said) == 2 else 1 if len(said) == 1 else None
    days = int(count) * unit if unit and count.isdecimal() and len(count) < 4 else 0
    return [Command(verb, f"{days}d" if 0 < days <= DAYS_MAX else None)]


def _parse_date(text: str) -> date | None:
    """Return the date, or None if day and month could be either."""
    found = {day for form in _DATE_FORMS if (day := _read_date(text, form)) is not None}
    return found.pop() if len(found) == 1 else None


def _read_date(text: str, form: str) -> date | None:
    try:
        return datetime.strptime(text, form).date()  # noqa: DTZ007  # a day has no time zone
    except ValueError:
        return None


_DATE_FORMS = ("%Y-%m-%d", "%Y/%m/%d", "%d.%m.%Y", "%d-%m-%Y", "%d/%m/%Y", "%m/%d/%Y")
_PARSERS: Mapping[Verb, Callable[[Verb, str, CommandWords], list[Command]]] = {
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
    Verb.LEAVING: _alone,
}
