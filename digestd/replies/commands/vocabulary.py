"""Words of the commands in all languages.

To add a language, add its words to these tables. A mail may mix languages.
"""

from collections.abc import Mapping
from enum import StrEnum

from digestd.domain.interest import Kind
from digestd.domain.subscriber import WEEKDAYS, Cadence


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
    UNDO = "undo"
    MUTE = "mute"
    UNMUTE = "unmute"
    LIST = "list"
    ADD = "add"
    REMOVE = "remove"
    HOUR = "hour"
    ZONE = "zone"
    CADENCE = "cadence"
    SIZE = "size"
    LANGUAGE = "language"
    EMPTY = "empty"
    ABSTRACTS = "abstracts"
    STATUS = "status"
    HELP = "help"


VERBS: Mapping[str, Verb] = {
    word: verb
    for verb, words in {
        Verb.SUBSCRIBE: "subscribe join abonnieren anmelden bestellen",
        Verb.YES: "yes ok okay confirm ja bestätigen bestaetigen",
        Verb.UNSUBSCRIBE: "unsubscribe leave stop signoff abmelden abbestellen austragen kündigen",
        Verb.PAUSE: "pause pausieren pausiere urlaub vacation",
        Verb.RESUME: "resume continue weiter fortsetzen",
        Verb.MORE: "more like mehr",
        Verb.LESS: "less weniger",
        Verb.SAVE: "save keep merken speichern",
        Verb.UNDO: "undo zurücknehmen rückgängig",
        Verb.MUTE: "mute hide stumm ausblenden",
        Verb.UNMUTE: "unmute unhide einblenden",
        Verb.ADD: "add hinzufügen",
        Verb.REMOVE: "remove delete entfernen löschen",
        Verb.HOUR: "hour time stunde uhrzeit uhr",
        Verb.ZONE: "zone timezone zeitzone",
        Verb.CADENCE: "cadence rhythm rhythmus",
        Verb.SIZE: "size papers anzahl",
        Verb.LANGUAGE: "language sprache",
        Verb.EMPTY: "empty when-empty leertage",
        Verb.ABSTRACTS: "abstracts full-abstracts",
        Verb.STATUS: "status settings einstellungen",
        Verb.HELP: "help hilfe info ?",
    }.items()
    for word in words.split()
}
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
ALL_INTERESTS = frozenset({"interests", "interessen"})
LIST_WORDS = frozenset({"list", "show", "liste", "zeigen", "anzeigen"})
CADENCES: Mapping[str, Cadence] = {
    "daily": Cadence.DAILY,
    "täglich": Cadence.DAILY,
    "weekdays": Cadence.WEEKDAYS,
    "werktags": Cadence.WEEKDAYS,
    "weekly": Cadence.WEEKLY,
    "wöchentlich": Cadence.WEEKLY,
}
WEEKDAY_NAMES: Mapping[str, str] = {
    word: day
    for day, words in zip(
        WEEKDAYS,
        (
            "monday montag mo",
            "tuesday dienstag di",
            "wednesday mittwoch mi",
            "thursday donnerstag do",
            "friday freitag fr",
            "saturday samstag sonnabend sa",
            "sunday sonntag so",
        ),
        strict=True,
    )
    for word in (day, *words.split())
}
LANGUAGES: Mapping[str, str] = {
    "english": "en",
    "englisch": "en",
    "german": "de",
    "deutsch": "de",
    "du": "de",
    "sie": "de-formal",
}
SWITCH_WORDS: Mapping[str, bool] = {
    **dict.fromkeys(("on", "yes", "an", "ein", "ja"), True),
    **dict.fromkeys(("off", "no", "aus", "nein"), False),
}
DURATIONS: Mapping[str, int] = {
    "day": 1, "days": 1, "tag": 1, "tage": 1, "tagen": 1,
    "week": 7, "weeks": 7, "woche": 7, "wochen": 7,
    "month": 30, "months": 30, "monat": 30, "monate": 30, "monaten": 30,
}  # fmt: skip
ONE_WORDS = frozenset({"a", "an", "one", "ein", "eine", "einen"})
FILLER_WORDS = frozenset({"for", "until", "till", "to", "bis", "zum", "für", "um", "at", "auf"})
COURTESIES = frozenset(
    {"please", "pls", "kindly", "bitte", "danke", "thanks", "thank", "you", "me", "mich", "now", "jetzt"}
)
GREETINGS = frozenset({"hi", "hello", "hey", "dear", "hallo", "guten", "liebe", "lieber", "moin", "good"})
GERMAN_WORDS = frozenset({"abonnieren", "anmelden", "bestellen", "bitte"})
