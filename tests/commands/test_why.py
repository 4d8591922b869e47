"""Test the answer to the question why somebody gets the digest."""

# ruff: noqa: E501  # questions as people write them

from dataclasses import replace

import pytest

from digestd.domain.bounce import InboundOutcome
from digestd.domain.subscriber import Cause, Status
from digestd.replies.commands.parsing import Command, Verb, parse_commands
from digestd.store import consent, subscribers
from tests.commands.conftest import ADA, CommandInstall, digest, text
from tests.commands.mails import letter, mail
from tests.commands.test_parsing import WORDS

WHY = Command(Verb.WHY)
QUESTIONS = {
    "en": "Hello,\nwhy am I receiving these emails?",
    "de": "Warum bekomme ich diese E-Mails?",
    "fr": "Bonjour, pourquoi est-ce que je reçois ces e-mails ?",
    "es": "¿Por qué recibo estos correos?",
    "pt": "Por que estou recebendo estes e-mails?",
    "ja": "なぜこのメールが届くのですか。",
    "zh": "为什么我会收到这封邮件？",
}
ANSWERS = {
    "en": "You get this digest because", "de": "Du bekommst diesen Digest, weil", "fr": "Vous recevez ce digest parce que",
    "es": "Recibes este boletín porque", "pt": "Você recebe este boletim porque", "ja": "お届けしています", "zh": "你收到这份简报",
}  # fmt: skip
OTHERS = (
    "Why do I get this?", "Why did I receive this email?", "Why are you emailing me?", "How did you get my email address?",
    "Who signed me up?", "Hi, why am I getting this? Thanks\nAda", "Wieso erhalte ich das?", "Woher haben Sie meine Adresse?",
    "Warum schicken Sie mir diese Mails?", "Pourquoi je reçois ça ?", "Comment avez-vous eu mon adresse ?",
    "Pourquoi m'envoyez-vous des messages ?", "¿Por qué me llegan estos mensajes?", "¿Cómo consiguieron mi correo?",
    "Porque recebo este boletim?", "Como conseguiram meu e-mail?", "どうしてこのダイジェストが届くのですか", "你们从哪里得到我的邮箱？",
)  # fmt: skip
DIFFERENT = (
    "Why do I get so few papers on lakes?", "Why don't I get these emails any more?", "I wonder why this paper was chosen",
    "Warum bekomme ich keine Mails?", "Pourquoi je ne reçois pas ces e-mails ?", "为什么我没有收到邮件？", "なぜメールが届かないのですか",
    "Why did I get this mail twice?", "more 1\nwhy do I get this?",
)  # fmt: skip


@pytest.mark.parametrize("body", [*QUESTIONS.values(), *OTHERS])
def test_question_why_is_understood(body: str) -> None:
    assert parse_commands(letter(mail(body)), WORDS)[:1] == (WHY,)


@pytest.mark.parametrize("body", DIFFERENT)
def test_other_questions_are_not(body: str) -> None:
    assert WHY not in parse_commands(letter(mail(body)), WORDS)


@pytest.mark.parametrize("language", QUESTIONS)
async def test_why_is_answered_from_the_consent_record(ada_install: CommandInstall, language: str) -> None:
    known, now = ada_install.known(), ada_install.install.clock.now
    assert known is not None
    with ada_install.install.db.write() as session:
        subscribers.update_many(
            session, [replace(known, preferences=known.preferences.model_copy(update={"language": language}))], now
        )
    to = (await digest(ada_install))["Reply-To"]
    assert ada_install.write(QUESTIONS[language], to=to) is InboundOutcome.COMMAND
    (answer,) = await ada_install.answers()
    with ada_install.install.db.read() as session:
        at = consent.basis(session, known.key).at
    words = " ".join(text(answer).split())
    assert ANSWERS[language].replace(" ", "") in words.replace(" ", "")
    assert str(at.year) in words


async def test_why_of_an_unproven_sender_is_answered_to_the_subscriber(ada_install: CommandInstall) -> None:
    await digest(ada_install)
    assert ada_install.write("Why do I get this?") is InboundOutcome.UNPROVEN
    assert ada_install.write("Why do I get this?\n") is InboundOutcome.UNPROVEN
    (answer,) = await ada_install.answers()
    assert answer["To"] == ADA
    assert "You get this digest because" in " ".join(text(answer).split())
    assert ada_install.write("Why do I get this?", sender="eve@example.org") is InboundOutcome.UNREAD


@pytest.mark.parametrize(
    ("cause", "says"), [(Cause.CONFIRM, "link in"), (Cause.MAIL, "answered"), (Cause.IMPORT, "runs")]
)
async def test_why_names_how_the_subscription_began(ada_install: CommandInstall, cause: Cause, says: str) -> None:
    to, known, now = (await digest(ada_install))["Reply-To"], ada_install.known(), ada_install.install.clock.now
    assert known is not None
    with ada_install.install.db.write() as session:
        for status, by in ((Status.UNSUBSCRIBED, Cause.MAIL), (Status.ACTIVE, cause), (Status.PAUSED, Cause.WEB)):
            subscribers.change_status(session, known.key, status, by, now)
    assert ada_install.write("Why do I get this?", to=to) is InboundOutcome.COMMAND
    (answer,) = await ada_install.answers()
    assert says in " ".join(text(answer).split())
