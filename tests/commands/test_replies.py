"""Compare the reply to each command with tests/golden/replies.<language>.txt."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest

from digestd.replies.commands.parsing import Verb, parse_line
from digestd.store import subscribers
from tests import golden
from tests.commands.conftest import ADDRESS, TOPICS, CommandInstall, digest, text
from tests.commands.test_parsing import WORDS

LINES = {
    "en": (
        "help", "add topic dark matter", "add topic " + "x" * 290, "mute author Jane Doe", f"remove topic {TOPICS[0]}",
        "remove topic dark matter", "more 1", "less 2", "save 1", "more 99", "hour 18", "pause sometimes", "pause 7",
        "pause", "resume", "resume", "subscribe", "How do I unsubscribe?", "unsubscribe", "resume",
    ),
    "de": (
        "hilfe", "thema: dunkle Materie", "thema: " + "x" * 290, "stumm autor Jane Doe", f"entfernen thema {TOPICS[0]}",
        "entfernen thema dunkle Materie", "mehr 1", "weniger 2", "merken 1", "mehr 99", "Uhrzeit 18 Uhr",
        "pause manchmal", "Pause für eine Woche", "pause", "weiter", "weiter", "abonnieren",
        "Wie kann ich mich abmelden?", "abmelden", "weiter",
    ),
}  # fmt: skip
UNPROVEN_LINES = {"en": "unsubscribe\nadd topic dark matter", "de": "abmelden\nthema: dunkle Materie"}
"""From an address alone, which proves nothing."""


def test_golden_lines_cover_every_verb() -> None:
    for lines in LINES.values():
        verbs = {command.verb for line in lines for command in parse_line(line, WORDS)}
        assert verbs == set(Verb) - {Verb.YES, Verb.LEAVING, Verb.WHY}


@pytest.mark.parametrize("language", LINES)
async def test_reply_to_each_command_matches_golden_file(ada_install: CommandInstall, language: str) -> None:
    to = str((await digest(ada_install))["Reply-To"])
    known = ada_install.known()
    assert known is not None
    with ada_install.install.db.write() as session:
        subscribers.update_many(
            session,
            [replace(known, preferences=known.preferences.model_copy(update={"language": language}))],
            ada_install.install.clock.now,
        )
    replies = [await _reply_to(ada_install, UNPROVEN_LINES[language], ADDRESS)]
    for line in LINES[language]:
        ada_install.install.clock.go(timedelta(hours=3))  # only so many are answered a day
        replies.append(await _reply_to(ada_install, line, to))
    golden.check(f"replies.{language}.txt", "\n".join(replies).encode())


async def _reply_to(site: CommandInstall, line: str, to: str) -> str:
    """Send a line and return the subject and text of the reply without paper titles.

    Titles are left out because ranking chooses them.
    """
    site.write(line, to=to)
    (answer,) = await site.answers()
    body = re.sub(r"“[^“”]{40,}”|„[^„“]{40,}“", "“…”", text(answer))
    return f"> {line[:60]}\n{answer['Subject']}\n\n{body}"
