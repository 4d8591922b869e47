"""Test the parsing of commands in all languages."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digestd.domain.interest import Kind
from digestd.jobs.receiver import command_words
from digestd.mail.rendering import render_page
from digestd.mail.templates import Templates
from digestd.replies.commands.command_mail import CommandMail
from digestd.replies.commands.parsing import VALUE_MAX, Command, Verb, parse_commands, parse_line, written_language
from digestd.resources import templates
from digestd.text.scripts import fold
from tests import catalogues

TEMPLATES = Templates.of(templates())
WORDS = command_words(TEMPLATES)
TOPIC, AUTHOR, PHRASE, CATEGORY = Kind.TOPIC, Kind.AUTHOR, Kind.PHRASE, Kind.CATEGORY


@pytest.mark.parametrize(
    ("line", "commands"),
    [
        ("subscribe", [Command(Verb.SUBSCRIBE)]),
        ("Subscribe please", [Command(Verb.SUBSCRIBE)]),
        (
            "abonnieren Quantenfehler; Graphen",
            [Command(Verb.SUBSCRIBE, "Quantenfehler"), Command(Verb.SUBSCRIBE, "Graphen")],
        ),
        ("UNSUBSCRIBE", [Command(Verb.UNSUBSCRIBE)]),
        ("please unsubscribe me.", [Command(Verb.UNSUBSCRIBE)]),
        ("Unsubscribe me from this list, thanks!", [Command(Verb.UNSUBSCRIBE)]),
        ("stop", [Command(Verb.UNSUBSCRIBE)]),
        ("remove me", [Command(Verb.UNSUBSCRIBE)]),
        ("Bitte abmelden", [Command(Verb.UNSUBSCRIBE)]),
        ("pause", [Command(Verb.PAUSE)]),
        ("pause 7", [Command(Verb.PAUSE, "7d")]),
        ("pause for 2 weeks", [Command(Verb.PAUSE, "14d")]),
        ("Pause für eine Woche", [Command(Verb.PAUSE, "7d")]),
        ("pause until 2026-12-24", [Command(Verb.PAUSE, "2026-12-24")]),
        ("pause bis 24.12.2026", [Command(Verb.PAUSE, "2026-12-24")]),
        ("pause until 2026-02-30", [Command(Verb.PAUSE, None)]),
        ("pausa hasta el 24/12/2026", [Command(Verb.PAUSE, "2026-12-24")]),
        ("pause until 12/24/2026", [Command(Verb.PAUSE, "2026-12-24")]),
        ("pause jusqu’au 05/05/2027", [Command(Verb.PAUSE, "2027-05-05")]),
        ("pause until 05/06/2027", [Command(Verb.PAUSE, None)]),
        ("暂停到2026/12/24", [Command(Verb.PAUSE, "2026-12-24")]),
        ("pausa de duas semanas", [Command(Verb.PAUSE, "14d")]),
        ("pause for three weeks", [Command(Verb.PAUSE, "21d")]),
        ("Pause für zwei Wochen", [Command(Verb.PAUSE, "14d")]),
        ("暂停两周", [Command(Verb.PAUSE, "14d")]),
        ("暂停十四天", [Command(Verb.PAUSE, "14d")]),
        ("一時停止 二週間お願いします", [Command(Verb.PAUSE, "14d")]),
        ("pause sometimes", [Command(Verb.PAUSE, None)]),
        ("pause 99999", [Command(Verb.PAUSE, None)]),
        ("weiter", [Command(Verb.RESUME)]),
        ("Please stop the pause now", [Command(Verb.RESUME)]),
        ("stop pausing my digest", [Command(Verb.RESUME)]),
        ("pause beenden", [Command(Verb.RESUME)]),
        ("stop, I am on vacation for good", [Command(Verb.UNSUBSCRIBE)]),
        ("unsubscribe pause", [Command(Verb.UNSUBSCRIBE)]),
        ("abbestellen Urlaub", [Command(Verb.UNSUBSCRIBE)]),
        ("stop the pause button, no more mails", []),
        ("more 3", [Command(Verb.MORE, "3")]),
        ("mehr 1, 2 und 5", [Command(Verb.MORE, "1"), Command(Verb.MORE, "2"), Command(Verb.MORE, "5")]),
        ("less #2", [Command(Verb.LESS, "2")]),
        ("less of this", [Command(Verb.LESS, None)]),
        ("mute quantum annealing", [Command(Verb.MUTE, "quantum annealing", PHRASE)]),
        ('mute author "Jane Doe"', [Command(Verb.MUTE, "Jane Doe", AUTHOR)]),
        ("mute category: cs.CL", [Command(Verb.MUTE, "cs.CL", CATEGORY)]),
        ("stumm thema Krypto", [Command(Verb.MUTE, "Krypto", TOPIC)]),
        ("mute 3", [Command(Verb.MUTE, None)]),
        ("topics add protein folding", [Command(Verb.ADD, "protein folding", TOPIC)]),
        ("add topic protein folding", [Command(Verb.ADD, "protein folding", TOPIC)]),
        ("topic: a b; c", [Command(Verb.ADD, "a b", TOPIC), Command(Verb.ADD, "c", TOPIC)]),
        ("topics - a b", [Command(Verb.REMOVE, "a b", TOPIC)]),
        ("remove author Jane Doe", [Command(Verb.REMOVE, "Jane Doe", AUTHOR)]),
        ("add topic", [Command(Verb.ADD, None, TOPIC)]),
        ("hour 7", [Command(Verb.SETTING)]),
        ("Uhrzeit 18 Uhr", [Command(Verb.SETTING)]),
        ("zone Europe/Berlin", [Command(Verb.SETTING)]),
        ("weekly on fridays", [Command(Verb.SETTING)]),
        ("wöchentlich freitag", [Command(Verb.SETTING)]),
        ("cadence werktags", [Command(Verb.SETTING)]),
        ("size 5", [Command(Verb.SETTING)]),
        ("Sprache Sie", [Command(Verb.SETTING)]),
        ("empty on", [Command(Verb.SETTING)]),
        ("abstracts on please", [Command(Verb.SETTING)]),
        ("undo 3", [Command(Verb.SETTING)]),
        ("unmute author Jane Doe", [Command(Verb.SETTING)]),
        ("topics", [Command(Verb.SETTING)]),
        ("themen zeigen", [Command(Verb.SETTING)]),
        ("interessen", [Command(Verb.SETTING)]),
        ("status", [Command(Verb.SETTING)]),
        ("Se désabonner", [Command(Verb.UNSUBSCRIBE)]),
        ("Darme de baja, por favor", [Command(Verb.UNSUBSCRIBE)]),
        ("Cancel my subscription, please", [Command(Verb.UNSUBSCRIBE)]),
        ("cancel", [Command(Verb.UNSUBSCRIBE)]),
        ("BAJA por favor", [Command(Verb.UNSUBSCRIBE)]),
        ("Odhlásit se", [Command(Verb.UNSUBSCRIBE)]),
        ("peruuta tilaus, kiitos", [Command(Verb.UNSUBSCRIBE)]),
        ("Thanks!", []),
        ("cancel my pause", []),
        ("Baja el número de artículos, por favor", []),
        ("darme mas articulos", []),
        ("Quiero darme de alta", [Command(Verb.SUBSCRIBE)]),
        ("Pausa hasta el 24.12.2026", [Command(Verb.PAUSE, "2026-12-24")]),
        ("quitar la pausa", [Command(Verb.RESUME)]),
        ("más 1, 2 y 5", [Command(Verb.MORE, "1"), Command(Verb.MORE, "2"), Command(Verb.MORE, "5")]),
        ("Ya no quiero recibir más correos", [Command(Verb.UNSUBSCRIBE)]),
        ("Me gusta mucho el boletín", []),
        ("cancelar a pausa", [Command(Verb.RESUME)]),
        ("mais 1, 2 e 5", [Command(Verb.MORE, "1"), Command(Verb.MORE, "2"), Command(Verb.MORE, "5")]),
        ("Por favor, me tire desta lista", [Command(Verb.UNSUBSCRIBE)]),
        ("Não quero mais receber estes e-mails, obrigada", [Command(Verb.UNSUBSCRIBE)]),
        ("Gostaria de cancelar a minha inscrição", [Command(Verb.UNSUBSCRIBE)]),
        ("Pausar por 2 semanas", [Command(Verb.PAUSE, "14d")]),
        ("pausa durante un mes, por favor", [Command(Verb.PAUSE, "30d")]),
        ("pause for one month, please", [Command(Verb.PAUSE, "30d")]),
        ("Pause until 24.12.2026, thanks!", [Command(Verb.PAUSE, "2026-12-24")]),
        ("Pourriez-vous me désabonner ?", [Command(Verb.UNSUBSCRIBE)]),
        ("¿Darme de baja, por favor?", [Command(Verb.UNSUBSCRIBE)]),
        ("Remove me, please?", [Command(Verb.UNSUBSCRIBE)]),
        ("How do I unsubscribe?", []),
        ("yes?", []),
        ("Cancelar a reunião de amanhã", []),
        ("avsluta pausen", []),
        ("peruuta tauko", []),
        ("-", []),
        ("− thanks", []),
        ("+ topic lakes", []),
        ("отписаться", [Command(Verb.UNSUBSCRIBE)]),
        ("配信停止", [Command(Verb.UNSUBSCRIBE)]),
        ("配信停止をお願いします。", [Command(Verb.UNSUBSCRIBE)]),
        ("退会します", [Command(Verb.UNSUBSCRIBE)]),
        ("退会しません", []),
        ("退订", [Command(Verb.UNSUBSCRIBE)]),
        ("退订，谢谢", [Command(Verb.UNSUBSCRIBE)]),
        ("退订这个邮件列表！", [Command(Verb.UNSUBSCRIBE)]),
        ("退订按钮在哪里我找了很久都没有找到请告诉我", []),
        ("取消订阅", [Command(Verb.UNSUBSCRIBE)]),
        ("不退订", []),
        ("Darse de baja", [Command(Verb.UNSUBSCRIBE)]),
        ("Quiero darme de baja, gracias", [Command(Verb.UNSUBSCRIBE)]),
        ("Me désabonner", [Command(Verb.UNSUBSCRIBE)]),
        ("desabonner", [Command(Verb.UNSUBSCRIBE)]),
        ("Je veux me désabonner", [Command(Verb.UNSUBSCRIBE)]),
        ("Annuler mon abonnement", [Command(Verb.UNSUBSCRIBE)]),
        ("Cancelar inscrição", [Command(Verb.UNSUBSCRIBE)]),
        ("Cancelar a minha subscrição, obrigado", [Command(Verb.UNSUBSCRIBE)]),
        ("annuler la pause", [Command(Verb.RESUME)]),
        ("Thème : lacs ; rivières", [Command(Verb.ADD, "lacs", TOPIC), Command(Verb.ADD, "rivières", TOPIC)]),
        ("Oui\u00a0!", [Command(Verb.YES)]),
        ("Merci de me désabonner, svp !", [Command(Verb.UNSUBSCRIBE)]),
        ("cancelar o alarme", []),
        ("thema：深度学习；图网络", [Command(Verb.ADD, "深度学习", TOPIC), Command(Verb.ADD, "图网络", TOPIC)]),
        ("more ３", [Command(Verb.MORE, "3")]),
        ("減らす2と5", [Command(Verb.LESS, "2"), Command(Verb.LESS, "5")]),
        ("一時停止してください", [Command(Verb.PAUSE)]),
        ("一時停止 2週間お願いします", [Command(Verb.PAUSE, "14d")]),
        ("再開をお願いします。", [Command(Verb.RESUME)]),
        ("トピック追加 量子誤り訂正", [Command(Verb.ADD, "量子誤り訂正", TOPIC)]),
        ("登録を解除してください", [Command(Verb.UNSUBSCRIBE)]),
        ("退会を取り消したいです", [Command(Verb.RESUME)]),
        ("pause 2026年12月24日", [Command(Verb.PAUSE, "2026-12-24")]),
        ("topic + lakes", [Command(Verb.ADD, "lakes", TOPIC)]),
        ("topic − lakes", [Command(Verb.REMOVE, "lakes", TOPIC)]),
        ("time flies when I read your digest", []),
        ("Abstracts are too long for me", []),
        ("?", [Command(Verb.HELP)]),
        ("Hilfe!", [Command(Verb.HELP)]),
        ("Ja, bitte", [Command(Verb.YES)]),
        ("ok", [Command(Verb.YES)]),
        ("yes I like your digest", []),
        ("Thanks for the digest, I enjoy it", []),
        ("resume writing is hard", []),
        ("help me understand paper 3 of yesterday", []),
        ("unsubscribe topic protein folding", []),
        ("", []),
    ],
)
def test_parse_line_returns_commands(line: str, commands: list[Command]) -> None:
    assert parse_line(line, WORDS) == commands


def of(subject: str, *lines: str) -> list[Verb]:
    return [
        command.verb
        for command in parse_commands(CommandMail("ada@example.net", subject, lines, automatic=False), WORDS)
    ]


def test_parse_commands_of_subject_and_lines() -> None:
    assert of("unsubscribe") == [Verb.UNSUBSCRIBE]
    assert of("Re: unsubscribe") == []
    assert of("AW: [digest] pause", "help") == [Verb.HELP]
    assert of("hello", "Hello digestd,", "more 1", "less 2", "Thank you", "fewer, please") == [Verb.MORE, Verb.LESS]
    assert of("", "お世話になっております。山田です。", "配信停止") == [Verb.UNSUBSCRIBE]
    assert of("", "I wonder", "more 1") == []
    assert of("", "I have moved on.", "Unsubscribe me, please") == [Verb.UNSUBSCRIBE]
    assert of("Automatic reply: unsubscribe", "I am away.") == []
    assert of("", "more 3", "- thanks") == [Verb.MORE]
    assert of("", "more 3", "I sign off") == [Verb.MORE]
    assert of("-", "save 2") == [Verb.SAVE]
    assert of("pause 7", "pause 7") == [Verb.PAUSE]
    assert len(of("", *[f"more {n}" for n in range(1, 40)])) == 10


@pytest.mark.parametrize(
    ("line", "language"),
    [
        ("abonnieren", "de"),
        ("subscribe bitte", "de"),
        ("subscribe", "en"),
        ("subscribe, merci", "fr"),
        ("subscribe, grazie", "en"),
        ("Por favor, quero assinar", "pt"),
        ("Por favor, quiero suscribirme", "es"),
        ("Subscribe me to the paper digest, please", "en"),
        ("subscribe information retrieval; bitte", "de"),
        ("请订阅", "zh"),
        ("購読をお願いします", "ja"),
        ("", "en"),
    ],
)
def test_written_language(line: str, language: str) -> None:
    assert written_language(CommandMail("a@example.net", line, (), automatic=False), WORDS) == language


@pytest.mark.parametrize("language", TEMPLATES.languages)
def test_parse_line_understands_commands_of_help(language: str) -> None:
    text = TEMPLATES.environment(language).get_template("email/commands.txt.j2").render()
    for row in text.splitlines():
        written, verb, _ = row.split("|")
        for line in re.split("[,，、] ?", written):
            found = parse_line(line, WORDS)
            assert found, line
            assert all(command.value is not None for command in found), line
        assert verb in {v.value for v in Verb}


@pytest.mark.parametrize("language", catalogues.LANGUAGES)
def test_parse_line_understands_commands_in_messages(language: str) -> None:
    """Mails and pages name commands in quotation marks, and readers write them back."""
    catalogue = catalogues.kept(language, catalogues.wanted(templates()))
    for message in (one for one in catalogue if one.string and not one.pluralizable):
        said, translation = str(message.id), str(message.string)
        named, translated = _quoted("“%(words)s”", said), _quoted(catalogues.marks(catalogue), translation)
        assert _verbs(translated) == _verbs(named), f"{message.string}: add what it names to the words of commands"


def _quoted(marks: str, text: str) -> list[str]:
    before, after = (re.escape(mark) for mark in marks.split("%(words)s"))
    return re.findall(f"{before}([^%]*?){after}", text)


def _verbs(lines: list[str]) -> list[Verb]:
    return [command.verb for line in lines for command in parse_line(line, WORDS) if command.value is not None]


@pytest.mark.parametrize("language", TEMPLATES.languages)
def test_replies_name_commands_by_words_that_are_read(language: str) -> None:
    catalogue = catalogues.kept(language.replace("-", "_"), catalogues.wanted(templates()))
    for verb in set(Verb) - {Verb.YES, Verb.SETTING, Verb.LEAVING, Verb.WHY}:
        message = catalogue.get(verb.value)
        assert message is not None
        spoken = str(message.string or message.id)
        read = {WORDS.verbs.get(fold(spoken)), *(command.verb for command in parse_line(spoken, WORDS))}
        assert verb in read, f"{message.id} is called {spoken}"


def test_words_are_known_beside_an_operators_older_catalogue() -> None:
    own = Templates.of({**templates(), "locale/de.po": "", "locale/nl.po": _DUTCH})
    words = command_words(own)
    assert parse_line("abmelden", words) == parse_line("uitschakelen", words) == [Command(Verb.UNSUBSCRIBE)]


_DUTCH = """
msgctxt "words: unsubscribe"
msgid "unsubscribe, leave, stop, signoff"
msgstr "uitschakelen"
"""


def test_words_mean_the_same_in_all_languages() -> None:
    """A word that means two things is followed as the first language says; agree on another word."""
    found: dict[str, dict[str, str]] = {}
    for language in TEMPLATES.languages:
        for row in render_page(TEMPLATES, "email/words.txt.j2", language).splitlines():
            meaning, bar, words = row.partition("|")
            for word in words.split(",") if bar and meaning in set(Verb) else ():
                found.setdefault(fold(word.strip()), {}).setdefault(meaning, language)
    assert {word: meanings for word, meanings in found.items() if len(meanings) > 1} == {}


@given(st.text(max_size=1_500))
def test_parse_line_survives_any_text(line: str) -> None:
    for command in parse_line(line, WORDS):
        assert command.value is None or len(command.value) <= VALUE_MAX
