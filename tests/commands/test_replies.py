"""What each command is answered, word for word, in English and German: tests/golden/replies.<language>.txt."""

import re
from datetime import timedelta

import pytest

from digestd.replies.commands.parsing import parse_line
from digestd.replies.commands.vocabulary import Verb
from tests import golden
from tests.commands.conftest import ADDRESS, TOPICS, CommandInstall, digest, text

LINES = {
    "en": (
        "help", "status", "topics", "add topic dark matter", "topics", "add topic " + "x" * 290, "mute author Jane Doe",
        "unmute author Jane Doe", "unmute author Jane Doe", f"remove topic {TOPICS[0]}", "remove topic dark matter",
        "interests", "more 1", "undo 1", "undo 1", "less 2", "save 1", "more 99", "hour 18", "zone Europe/Berlin",
        "weekly friday", "size 5", "pause sometimes", "pause 7", "pause", "resume", "resume", "subscribe",
        "language en", "unsubscribe", "resume",
    ),
    "de": (
        "hilfe", "status", "themen", "thema: dunkle Materie", "themen", "thema: " + "x" * 290, "stumm autor Jane Doe",
        "einblenden autor Jane Doe", "einblenden autor Jane Doe", f"entfernen thema {TOPICS[0]}",
        "entfernen thema dunkle Materie", "interessen", "mehr 1", "zurücknehmen 1", "zurücknehmen 1", "weniger 2",
        "merken 1", "mehr 99", "Uhrzeit 18 Uhr", "zone Europe/Berlin", "wöchentlich freitag", "anzahl 5",
        "pause manchmal", "Pause für eine Woche", "pause", "weiter", "weiter", "abonnieren", "sprache de", "abmelden",
        "weiter",
    ),
}  # fmt: skip
ASKED_BACK = {"en": "unsubscribe\nadd topic dark matter", "de": "abmelden\nthema: dunkle Materie"}
"""From an address alone, which proves nothing."""


def test_golden_lines_cover_every_verb() -> None:
    for lines in LINES.values():
        verbs = {command.verb for line in lines for command in parse_line(line)}
        assert verbs == set(Verb) - {Verb.YES}


@pytest.mark.parametrize("language", LINES)
async def test_reply_to_each_command_matches_golden_file(read_by_ada: CommandInstall, language: str) -> None:
    to = str((await digest(read_by_ada))["Reply-To"])
    read_by_ada.write(f"language {language}", to=to)
    await read_by_ada.answers()
    told = [await _answered(read_by_ada, ASKED_BACK[language], ADDRESS)]
    for line in LINES[language]:
        read_by_ada.install.clock.go(timedelta(hours=3))  # only so many are answered a day
        told.append(await _answered(read_by_ada, line, to))
    golden.check(f"replies.{language}.txt", "\n".join(told).encode())


async def _answered(office: CommandInstall, said: str, to: str) -> str:
    """What was written, and the subject and words of the answer; titles, which ranking chooses, are left out."""
    office.write(said, to=to)
    (answer,) = await office.answers()
    body = re.sub(r"“[^“”]{40,}”|„[^„“]{40,}“", "“…”", text(answer))
    return f"> {said[:60]}\n{answer['Subject']}\n\n{body}"
