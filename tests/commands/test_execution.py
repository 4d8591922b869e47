"""Test command execution: proven commands run, others need a confirmation."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from digestd.digests.topic_hints import TopicHinter
from digestd.domain import mail_budget
from digestd.domain.bounce import InboundOutcome
from digestd.domain.interest import Kind, Stance, TopicHint, Verdict
from digestd.domain.subscriber import Status
from digestd.replies.commands.parsing import Verb
from digestd.security.tokens import Purpose
from digestd.store import consent, feedback
from tests.commands.conftest import ADA, ADDRESS, TOPICS, CommandInstall, digest, text
from tests.commands.mails import mail

COMMAND, UNPROVEN = InboundOutcome.COMMAND, InboundOutcome.UNPROVEN


async def test_subscription_life_cycle_by_mail(mail_install: CommandInstall) -> None:
    assert mail_install.write(f"subscribe {TOPICS[0]}; {TOPICS[1]}") is UNPROVEN
    assert mail_install.status() is Status.PENDING
    (confirmation,) = await mail_install.answers()
    assert "http" not in text(confirmation)
    assert mail_install.write("Yes please\n\n> Confirm?", to=confirmation["Reply-To"], subject="Re: Confirm") is COMMAND
    assert mail_install.status() is Status.ACTIVE
    assert [i.value for i in mail_install.interests()] == list(TOPICS)
    mail_install.install.plan()
    first = await digest(mail_install)
    assert "http://127" not in first.as_string()
    assert "List-Unsubscribe-Post" not in first
    assert first["List-Unsubscribe"] == f"<mailto:{mail_install.leaving()}?subject=unsubscribe>"
    assert mail_install.write("less 2", to=first["Reply-To"], subject="Re: digest") is COMMAND
    assert mail_install.write("pause", to=first["Reply-To"]) is COMMAND
    assert mail_install.status() is Status.PAUSED
    answers = {str(answer["Subject"]): answer for answer in await mail_install.answers()}
    assert "less like" in text(answers["About your digest"])
    paused = answers["Your digest is paused"]
    assert mail_install.write("resume", to=paused["Reply-To"], subject="Re: Your digest is paused") is COMMAND
    assert mail_install.status() is Status.ACTIVE
    assert mail_install.write("", to=mail_install.leaving(), subject="unsubscribe") is COMMAND
    assert mail_install.status() is Status.UNSUBSCRIBED
    assert "You’ve unsubscribed from" in " ".join(m["Subject"] for m in await mail_install.answers())
    with mail_install.install.db.read() as session:
        known = mail_install.known()
        assert known is not None
        causes = [event.cause for event in consent.history(session, known.key)]
        verdicts = [event.verdict for event in feedback.history(session, known.key)]
    assert causes == ["mail"] * 5
    assert verdicts == [Verdict.LESS]
    assert mail_install.install.broken == {}


@pytest.mark.parametrize(
    "wish",
    [
        "退订，谢谢",
        "配信停止をお願いします",
        "Darme de baja",
        "Se désabonner",
        "Cancelar inscrição",
        "Bitte abmelden",
        "stop",
    ],
)
async def test_wish_to_leave_is_followed_in_every_language(ada_install: CommandInstall, wish: str) -> None:
    to = str((await digest(ada_install))["Reply-To"])
    assert ada_install.write(f"{wish}\n\n> 2026-11-24", to=to) is COMMAND
    assert ada_install.status() is Status.UNSUBSCRIBED
    assert len(await ada_install.answers()) == 1


async def test_reply_has_headers_of_a_reply(ada_install: CommandInstall) -> None:
    first = await digest(ada_install)
    assert ada_install.write("pause", to=first["Reply-To"]) is COMMAND
    (answer,) = await ada_install.answers()
    assert answer["In-Reply-To"] == answer["References"] == "<1@example.net>"
    assert answer["Auto-Submitted"] == "auto-replied"
    assert answer["To"] == ADA
    assert "Your digest is paused" in text(answer)


async def test_commands_change_interests(ada_install: CommandInstall) -> None:
    to = (await digest(ada_install))["Reply-To"]
    body = f"add topic dark matter\nremove topic {TOPICS[0]}\nmute author Jane Doe\nmute annealing\n"
    assert ada_install.write(body, to=to) is COMMAND
    assert {(i.kind, i.value, i.stance) for i in ada_install.interests()} == {
        (Kind.TOPIC, "dark matter", Stance.LIKED),
        (Kind.AUTHOR, "Jane Doe", Stance.MUTED),
        (Kind.PHRASE, "annealing", Stance.MUTED),
    }
    (answer,) = await ada_install.answers()
    assert "Added to your interests: “dark matter”." in text(answer)


@pytest.mark.parametrize("is_proven", [True, False])
async def test_settings_are_left_to_their_page(ada_install: CommandInstall, is_proven: bool) -> None:
    to, before = (await digest(ada_install))["Reply-To"], ada_install.known()
    lines = "hour 18\nzone Europe/Berlin\nweekly friday\nundo 3\nunmute author Jane Doe"
    assert ada_install.write(lines, to=to if is_proven else ADDRESS) is (COMMAND if is_proven else UNPROVEN)
    assert ada_install.known() == before
    (answer,) = await ada_install.answers()
    assert "can’t be changed by email. Please ask whoever runs this digest." in " ".join(text(answer).split())
    assert "yes" not in text(answer)


async def test_settings_page_is_linked_if_there_is_one(ada_install: CommandInstall) -> None:
    to = (await digest(ada_install))["Reply-To"]
    made = ada_install.install
    settings = made.app.settings.model_copy(update={"public_url": "https://digest.example.org"})
    site = CommandInstall(replace(made, app=replace(made.app, settings=settings)))
    assert site.write("size 5", to=to) is COMMAND
    (answer,) = await site.answers()
    assert "on your settings page" in " ".join(text(answer).split())
    assert "https://digest.example.org/p/" in text(answer)


async def test_commands_of_earlier_version_are_answered(ada_install: CommandInstall) -> None:
    """Show that commands which an earlier version asked to confirm, and no longer does, break nothing."""
    await digest(ada_install)
    assert ada_install.write("pause") is UNPROVEN
    (confirmation,) = await ada_install.answers()
    with ada_install.install.db.write() as session:
        stored = '[["hour", "18", null], ["unmute", "Jane Doe", "author"], ["pause", "", null]]'
        session.connection().exec_driver_sql(f"UPDATE reply SET asks = '{stored}'")
    assert ada_install.write("yes", to=confirmation["Reply-To"]) is COMMAND
    assert ada_install.status() is Status.PAUSED
    (answer,) = await ada_install.answers()
    assert "can’t be changed by email" in text(answer)


async def test_unproven_yes_is_not_stored(ada_install: CommandInstall) -> None:
    await digest(ada_install)
    assert ada_install.write("yes") is UNPROVEN
    assert await ada_install.answers() == []
    assert ada_install.write("yes\nunsubscribe") is UNPROVEN
    (confirmation,) = await ada_install.answers()
    assert ada_install.write("yes", to=confirmation["Reply-To"]) is COMMAND
    assert ada_install.status() is Status.UNSUBSCRIBED


async def test_stored_command_of_every_verb_is_executed(ada_install: CommandInstall) -> None:
    await digest(ada_install)
    assert ada_install.write("pause") is UNPROVEN
    (confirmation,) = await ada_install.answers()
    verbs = sorted(Verb, key=lambda verb: verb is Verb.UNSUBSCRIBE)  # last, because it stops the others
    stored = json.dumps([[verb, "" if verb is Verb.PAUSE else "1", Kind.TOPIC] for verb in verbs])
    with ada_install.install.db.write() as session:
        session.connection().exec_driver_sql(f"UPDATE reply SET asks = '{stored}'")
    assert ada_install.write("yes", to=confirmation["Reply-To"]) is COMMAND
    assert ada_install.status() is Status.UNSUBSCRIBED


async def test_unclear_commands_are_explained_without_change(ada_install: CommandInstall) -> None:
    to = (await digest(ada_install))["Reply-To"]
    before = ada_install.known()
    body = "pause sometimes\npause 0001-01-01\nmore 99\nless of this\nremove topic nothing of mine"
    assert ada_install.write(body, to=to) is COMMAND
    assert ada_install.known() == before
    (answer,) = await ada_install.answers()
    words = " ".join(text(answer).split())
    for phrase in ("understood “pause”", "pause 7", "no paper 99", "understood “less”", "isn’t on your list"):
        assert phrase in words
    assert all(f"“{said}”: We understood" in words for said in ("pause sometimes", "pause 0001-01-01", "less of this"))


async def test_answer_quotes_no_links_of_strangers(ada_install: CommandInstall) -> None:
    """Whoever holds a forwarded digest may write to its address; the answer goes to Ada."""
    to = (await digest(ada_install))["Reply-To"]
    evil = ("less evil.example", "less at https://evil.example", "mute 3 eve@evil.example")
    assert ada_install.write("\n".join(evil[:2]), to=to) is COMMAND
    (answer,) = await ada_install.answers()
    assert "understood “less”" in " ".join(text(answer).split())
    assert "evil" not in text(answer)


async def test_paper_number_refers_to_answered_digest(ada_install: CommandInstall) -> None:
    first = await digest(ada_install)
    shown = text(first).split("\n3. ")[-1]
    assert ada_install.write("more 3", to=first["Reply-To"]) is COMMAND
    (answer,) = await ada_install.answers()
    title = " ".join(text(answer).split("“")[1].split("”")[0].split())
    assert " ".join(shown.split()).startswith(title)


async def test_unproven_commands_need_confirmation(ada_install: CommandInstall) -> None:
    await digest(ada_install)
    evil = "unsubscribe\nadd topic BUY PILLS http://evil.example"
    assert ada_install.write(evil) is UNPROVEN
    assert ada_install.write(evil) is UNPROVEN
    assert ada_install.status() is Status.ACTIVE
    (confirmation,) = await ada_install.answers()
    assert confirmation["To"] == ADA
    assert "In-Reply-To" not in confirmation
    assert "PILLS" not in confirmation.as_string()
    assert "evil" not in confirmation.as_string()
    assert "unsubscribe, add" in text(confirmation)
    assert ada_install.write("Yes", to=confirmation["Reply-To"]) is COMMAND
    assert ada_install.status() is Status.UNSUBSCRIBED
    ada_install.install.clock.go(timedelta(minutes=1))
    assert ada_install.write("Yes", to=confirmation["Reply-To"]) is InboundOutcome.UNREAD


async def test_confirmation_of_commands_expires_in_two_days(ada_install: CommandInstall) -> None:
    await digest(ada_install)
    assert ada_install.write("unsubscribe") is UNPROVEN
    (confirmation,) = await ada_install.answers()
    ada_install.install.clock.go(timedelta(days=3))
    assert ada_install.write("yes", to=confirmation["Reply-To"]) is InboundOutcome.UNREAD
    assert ada_install.status() is Status.ACTIVE


async def test_subscription_is_confirmed_by_answer_only(mail_install: CommandInstall) -> None:
    mail_install.write("subscribe")
    (confirmation,) = await mail_install.answers()
    assert mail_install.write("yes", to=ADDRESS) is UNPROVEN
    assert mail_install.status() is Status.PENDING
    away = "I am away until Monday. If it is urgent, call my colleague: yes."
    assert mail_install.write(away, to=confirmation["Reply-To"]) is InboundOutcome.UNREAD
    assert mail_install.status() is Status.PENDING
    assert mail_install.write("ja", to=ADDRESS, In_Reply_To=confirmation["Message-ID"]) is UNPROVEN
    assert mail_install.status() is Status.PENDING
    quoting = "ja\nDelete my address now"
    assert mail_install.write(quoting, to=confirmation["Reply-To"]) is COMMAND
    assert mail_install.status() is Status.ACTIVE


async def test_late_confirmation_gets_a_new_request(mail_install: CommandInstall) -> None:
    mail_install.write("subscribe")
    (confirmation,) = await mail_install.answers()
    mail_install.install.clock.go(timedelta(days=3))
    assert mail_install.write("yes", to=confirmation["Reply-To"]) is COMMAND
    assert mail_install.status() is Status.PENDING
    (again,) = await mail_install.answers()
    assert mail_install.write("yes", to=again["Reply-To"]) is COMMAND
    assert mail_install.status() is Status.ACTIVE


async def test_repeated_subscribe_sends_one_mail(mail_install: CommandInstall) -> None:
    for _ in range(50):
        assert mail_install.write("subscribe") is UNPROVEN
    assert len(await mail_install.answers()) == 1


async def test_confirmations_by_mail_are_limited_per_hour(
    mail_install: CommandInstall, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(mail_budget.PER_CAUSER, mail_budget.BY_MAIL, (mail_budget.Limit(5, timedelta(hours=1)),))
    for n in range(8):
        mail_install.write("subscribe", sender=f"v{n}@example.net")
    assert len(await mail_install.answers()) == 5
    mail_install.install.clock.go(timedelta(hours=2))
    mail_install.write("subscribe", sender="late@example.net")
    assert len(await mail_install.answers()) == 1


LOOPS = [
    {"Auto_Submitted": "auto-replied"},
    {"Precedence": "bulk"},
    {"List_Id": "<l.example.net>"},
    {"Return_Path": "<>"},
    {"sender": "MAILER-DAEMON@example.net"},
    {"sender": ADDRESS},
    {"sender": "bounce@example.org"},
]


async def test_automatic_mail_is_neither_executed_nor_answered(ada_install: CommandInstall) -> None:
    to = (await digest(ada_install))["Reply-To"]
    for how in LOOPS:
        for address in (to, ADDRESS):
            assert ada_install.write("pause\nhelp\nsubscribe", to=address, **how) is InboundOutcome.AUTOMATIC, how
    assert ada_install.status() is Status.ACTIVE
    assert await ada_install.answers() == []


async def test_returned_own_reply_is_ignored(ada_install: CommandInstall) -> None:
    to = (await digest(ada_install))["Reply-To"]
    ada_install.write("help", to=to)
    (answer,) = await ada_install.answers()
    assert ada_install.process(answer.as_bytes(), str(answer["Reply-To"])) is InboundOutcome.AUTOMATIC
    assert await ada_install.answers() == []


async def test_automatic_unsubscribe_counts_without_reply(ada_install: CommandInstall) -> None:
    await digest(ada_install)
    to = ada_install.leaving()
    assert ada_install.write("", to=to.upper(), Auto_Submitted="auto-generated") is COMMAND
    assert ada_install.status() is Status.UNSUBSCRIBED
    assert await ada_install.answers() == []
    assert ada_install.write("", to=to) is InboundOutcome.KNOWN


async def test_reply_limit_does_not_stop_commands(ada_install: CommandInstall) -> None:
    to = (await digest(ada_install))["Reply-To"]
    for number in range(14):
        assert ada_install.write(f"topic: lakes {number}", to=to) is COMMAND
    assert len(await ada_install.answers()) == 10
    assert "lakes 13" in {one.value for one in ada_install.interests()}


async def test_duplicate_mail_is_executed_once(ada_install: CommandInstall) -> None:
    to = (await digest(ada_install))["Reply-To"]
    raw = mail("more 1")
    assert [ada_install.process(raw, to), ada_install.process(raw, to)] == [COMMAND, InboundOutcome.KNOWN]
    known = ada_install.known()
    assert known is not None
    with ada_install.install.db.read() as session:
        assert len(feedback.history(session, known.key)) == 1


async def test_wrong_or_changed_token_proves_nothing(ada_install: CommandInstall) -> None:
    to = str((await digest(ada_install))["Reply-To"])
    sender, known = ada_install.install.app.sender, ada_install.known()
    assert known is not None
    now = ada_install.install.app.clock()
    wrong = [sender.command(purpose, known.key, now) for purpose in (Purpose.VIEW, Purpose.PREFERENCES)]
    tag = to.partition("+")[2].partition("@")[0]
    wrong += [to.replace(tag, tag[:n] + ("a" if tag[n] != "a" else "b") + tag[n + 1 :]) for n in range(len(tag))]
    for number, address in enumerate(wrong):
        outcome = ada_install.write("unsubscribe", to=address, sender=f"x{number}@example.com")
        assert outcome is InboundOutcome.UNREAD
    assert ada_install.status() is Status.ACTIVE


async def test_other_mails_are_left_for_review(ada_install: CommandInstall) -> None:
    to = (await digest(ada_install))["Reply-To"]
    assert ada_install.write("What a fine digest today!", to=to) is InboundOutcome.UNREAD
    assert ada_install.write("What a fine digest today!") is InboundOutcome.UNREAD
    assert ada_install.write("Where is my order?", sender="x@example.com") is InboundOutcome.FOREIGN
    assert ada_install.write("Take me off your list", sender="x@example.com") is InboundOutcome.UNREAD
    assert ada_install.write("help", sender="x@example.com") is UNPROVEN
    assert ada_install.write("unsubscribe", to="else@example.org", sender="x@example.com") is InboundOutcome.FOREIGN
    assert await ada_install.answers() == []


@pytest.mark.parametrize("is_proven", [True, False])
async def test_doubtful_wish_to_leave_gets_an_answer(ada_install: CommandInstall, is_proven: bool) -> None:
    to = str((await digest(ada_install))["Reply-To"])
    made = ada_install.install
    settings = made.app.settings.model_copy(update={"public_url": "https://digest.example.org"})
    site = CommandInstall(replace(made, app=replace(made.app, settings=settings)))
    assert site.write("登録解除の方法を教えてください", to=to if is_proven else ADDRESS) is (
        COMMAND if is_proven else UNPROVEN
    )
    assert site.status() is Status.ACTIVE
    (answer,) = await site.answers()
    assert "Do you want to leave? Reply with “unsubscribe”" in " ".join(text(answer).split())
    assert "https://digest.example.org/p/" in text(answer)


@pytest.mark.parametrize(
    "body",
    [
        "Stop! This paper is great",
        "Unsubscribe | Preferences | Imprint",
        "Thanks!\n\nTo unsubscribe from the LAB list, click the following link:\nhttps://lab.example.net/leave",
    ],
)
async def test_harmless_reply_is_asked_back_and_yes_leaves(ada_install: CommandInstall, body: str) -> None:
    to = str((await digest(ada_install))["Reply-To"])
    assert ada_install.write(body, to=to) is COMMAND
    assert ada_install.status() is Status.ACTIVE
    (question,) = await ada_install.answers()
    assert "Do you want to leave?" in text(question)
    assert ada_install.write("yes", to=question["Reply-To"]) is COMMAND
    assert ada_install.status() is Status.UNSUBSCRIBED


async def test_automatic_subject_leaves_for_nobody(ada_install: CommandInstall) -> None:
    to = str((await digest(ada_install))["Reply-To"])
    subject = "Automatic reply: 2 papers"
    for body in ("Please take me off your list.", "I am away. To unsubscribe from my notes, write to Bob."):
        assert ada_install.write(body, to=to, subject=subject) is InboundOutcome.AUTOMATIC
    assert ada_install.status() is Status.ACTIVE
    assert await ada_install.answers() == []


async def test_automatic_subject_is_ignored_unless_commands_follow(ada_install: CommandInstall) -> None:
    to = str((await digest(ada_install))["Reply-To"])
    away = "=?utf-8?B?6Ieq5Yqo5Zue5aSN77ya5oKo5aW9?="
    assert ada_install.write("I am away.", to=to, subject=away) is InboundOutcome.AUTOMATIC
    assert await ada_install.answers() == []
    assert ada_install.write("pause 180", to=to, subject="Parental leave until May") is COMMAND
    assert ada_install.status() is Status.PAUSED


async def test_reply_tells_how_topic_is_understood(ada_install: CommandInstall) -> None:
    to = (await digest(ada_install))["Reply-To"]
    assert ada_install.write(f"topic: NLP\ntopic: {TOPICS[1]}", to=to) is COMMAND
    (answer,) = await ada_install.answers()
    words = " ".join(text(answer).split())
    assert (
        "We read “NLP” as “natural language processing”, and found no paper of the last week that is surely about it"
        in words
    )
    assert f"Added to your interests: “{TOPICS[1]}”. ---" in words


async def test_refused_topic_is_muted_and_said(ada_install: CommandInstall) -> None:
    to = (await digest(ada_install))["Reply-To"]
    assert ada_install.write("topic: not self driving cars\nadd topic robots, but not drones", to=to) is COMMAND
    stances = {i.value: i.stance for i in ada_install.interests()}
    assert (stances["self driving cars"], stances["robots"]) == (Stance.MUTED, Stance.LIKED)
    assert stances["drones"] is Stance.MUTED
    words = " ".join(text((await ada_install.answers())[0]).split())
    assert "Muted: “self driving cars”." in words
    assert "Added to your interests: “robots”. Muted: “drones”." in words


async def test_unproven_topics_cause_no_work(ada_install: CommandInstall, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def hints(_hinter: TopicHinter, topics: Sequence[str], _now: datetime) -> list[TopicHint]:
        asked.extend(topics)
        return []

    monkeypatch.setattr(TopicHinter, "hints", hints)
    to = (await digest(ada_install))["Reply-To"]
    assert ada_install.write("topic: dark matter") is UNPROVEN
    assert asked == []
    assert ada_install.write("topic: dark matter", to=to) is COMMAND
    assert asked == ["dark matter"]
