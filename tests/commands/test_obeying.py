"""Mails to the command address: what is proven is done and answered, what is not is asked back."""

from datetime import timedelta

import pytest

from digestd.domain import mail_budget
from digestd.domain.bounce import InboundOutcome
from digestd.domain.feedback import Verdict
from digestd.domain.interest import Kind, Stance
from digestd.domain.subscriber import Cadence, Status
from digestd.security.links import Purpose
from digestd.store import consent, feedback
from tests.commands.conftest import ADA, ADDRESS, TOPICS, Office, digest, text
from tests.commands.mails import mail

COMMAND, UNPROVEN = InboundOutcome.COMMAND, InboundOutcome.UNPROVEN


async def test_a_whole_life_by_mail_on_each_engine(here: Office) -> None:
    assert here.write(f"subscribe {TOPICS[0]}; {TOPICS[1]}") is UNPROVEN
    assert here.status() is Status.PENDING
    (asked,) = await here.answers()
    assert "http" not in text(asked)
    assert here.write("Yes please\n\n> Confirm?", to=asked["Reply-To"], subject="Re: Confirm") is COMMAND
    assert here.status() is Status.ACTIVE
    assert [i.value for i in here.interests()] == list(TOPICS)
    here.made.plan()
    first = await digest(here)
    assert "http://127" not in first.as_string()
    assert "List-Unsubscribe-Post" not in first
    assert first["List-Unsubscribe"] == f"<mailto:{here.leaving()}?subject=unsubscribe>"
    assert here.write("less 2", to=first["Reply-To"], subject="Re: digest") is COMMAND
    assert here.write("pause", to=first["Reply-To"]) is COMMAND
    assert here.status() is Status.PAUSED
    answers = {str(answer["Subject"]): answer for answer in await here.answers()}
    assert "less like" in text(answers["About your digest"])
    paused = answers["Your digest is paused"]
    assert here.write("resume", to=paused["Reply-To"], subject="Re: Your digest is paused") is COMMAND
    assert here.status() is Status.ACTIVE
    assert here.write("", to=here.leaving(), subject="unsubscribe") is COMMAND
    assert here.status() is Status.UNSUBSCRIBED
    assert "You’ve unsubscribed from" in " ".join(m["Subject"] for m in await here.answers())
    with here.made.db.read() as session:
        known = here.known()
        assert known is not None
        causes = [event.cause for event in consent.history(session, known.key)]
        verdicts = [event.verdict for event in feedback.history(session, known.key)]
    assert causes == ["mail"] * 5
    assert verdicts == [Verdict.LESS]
    assert here.made.broken == {}


async def test_an_answer_is_an_answer(read_by_ada: Office) -> None:
    first = await digest(read_by_ada)
    assert read_by_ada.write("status", to=first["Reply-To"]) is COMMAND
    (answer,) = await read_by_ada.answers()
    assert answer["In-Reply-To"] == answer["References"] == "<1@example.net>"
    assert answer["Auto-Submitted"] == "auto-replied"
    assert answer["To"] == ADA
    assert "every day at 07:00 (UTC), up to 10 papers" in text(answer)


async def test_each_setting_and_interest_can_be_changed(read_by_ada: Office) -> None:
    to = (await digest(read_by_ada))["Reply-To"]
    body = f"add topic dark matter\nremove topic {TOPICS[0]}\nmute author Jane Doe\nmute annealing\nhour 18\n"
    assert read_by_ada.write(body + "zone Europe/Berlin\nweekly friday\nsize 5\nlanguage de\n", to=to) is COMMAND
    known = read_by_ada.known()
    assert known is not None
    assert {(i.kind, i.value, i.stance) for i in known.interests} == {
        (Kind.TOPIC, "dark matter", Stance.LIKED),
        (Kind.AUTHOR, "Jane Doe", Stance.MUTED),
        (Kind.PHRASE, "annealing", Stance.MUTED),
    }
    assert (known.timing.hour, known.timing.timezone, known.timing.cadence, known.timing.weekday) == (
        18,
        "Europe/Berlin",
        Cadence.WEEKLY,
        4,
    )
    assert (known.size, known.language) == (5, "de")
    (answer,) = await read_by_ada.answers()
    assert "Zu deinen Interessen hinzugefügt: „dark matter“." in text(answer)


async def test_what_is_not_understood_is_explained_and_changes_nothing(read_by_ada: Office) -> None:
    to = (await digest(read_by_ada))["Reply-To"]
    before = read_by_ada.known()
    body = "pause sometimes\npause 0001-01-01\nmore 99\nzone Nowhere/Land\nremove topic nothing of mine"
    assert read_by_ada.write(body, to=to) is COMMAND
    assert read_by_ada.known() == before
    (answer,) = await read_by_ada.answers()
    words = " ".join(text(answer).split())
    for said in ("understood “pause”", "pause 7", "no paper 99", "understood “zone”", "isn’t on your list"):
        assert said in words


async def test_a_paper_is_the_one_of_the_digest_that_is_answered(read_by_ada: Office) -> None:
    first = await digest(read_by_ada)
    listed = [line for line in text(first).splitlines() if line.startswith("3 →")]
    assert len(listed) == 1
    assert read_by_ada.write("more 3", to=first["Reply-To"]) is COMMAND
    (answer,) = await read_by_ada.answers()
    title = text(answer).split("“")[1].split("”")[0]
    above = " ".join(text(first).partition(listed[0])[0].split())
    assert " ".join(title.split()) in above[-400:]
    assert read_by_ada.write("undo 3", to=first["Reply-To"]) is COMMAND
    assert read_by_ada.write("undo 3", to=first["Reply-To"]) is COMMAND
    said = " ".join(map(text, await read_by_ada.answers()))
    assert "Undone" in said
    assert "There’s no feedback" in said


async def test_from_alone_is_not_believed_and_is_asked_back_once_a_day(read_by_ada: Office) -> None:
    await digest(read_by_ada)
    evil = "unsubscribe\nadd topic BUY PILLS http://evil.example"
    assert read_by_ada.write(evil) is UNPROVEN
    assert read_by_ada.write(evil) is UNPROVEN
    assert read_by_ada.status() is Status.ACTIVE
    (asked,) = await read_by_ada.answers()
    assert asked["To"] == ADA
    assert "In-Reply-To" not in asked
    assert "PILLS" not in asked.as_string()
    assert "evil" not in asked.as_string()
    assert "unsubscribe, add" in text(asked)
    assert read_by_ada.write("Yes", to=asked["Reply-To"]) is COMMAND
    assert read_by_ada.status() is Status.UNSUBSCRIBED
    read_by_ada.made.clock.go(timedelta(minutes=1))
    assert read_by_ada.write("Yes", to=asked["Reply-To"]) is InboundOutcome.UNREAD


async def test_what_is_asked_back_counts_for_two_days(read_by_ada: Office) -> None:
    await digest(read_by_ada)
    assert read_by_ada.write("unsubscribe") is UNPROVEN
    (asked,) = await read_by_ada.answers()
    read_by_ada.made.clock.go(timedelta(days=3))
    assert read_by_ada.write("yes", to=asked["Reply-To"]) is InboundOutcome.UNREAD
    assert read_by_ada.status() is Status.ACTIVE


async def test_a_confirmation_is_confirmed_in_answer_to_it_alone(here: Office) -> None:
    here.write("subscribe")
    (asked,) = await here.answers()
    assert here.write("yes", to=ADDRESS) is UNPROVEN
    assert here.status() is Status.PENDING
    away = "I am away until Monday. If it is urgent, call my colleague: yes."
    assert here.write(away, to=asked["Reply-To"]) is InboundOutcome.UNREAD
    assert here.status() is Status.PENDING
    assert here.write("ja", to=ADDRESS, In_Reply_To=asked["Message-ID"]) is UNPROVEN
    assert here.status() is Status.PENDING
    assert here.write("ja", to=asked["Reply-To"]) is COMMAND
    assert here.status() is Status.ACTIVE


async def test_who_confirms_too_late_is_asked_anew(here: Office) -> None:
    here.write("subscribe")
    (asked,) = await here.answers()
    here.made.clock.go(timedelta(days=3))
    assert here.write("yes", to=asked["Reply-To"]) is COMMAND
    assert here.status() is Status.PENDING
    (again,) = await here.answers()
    assert here.write("yes", to=again["Reply-To"]) is COMMAND
    assert here.status() is Status.ACTIVE


async def test_many_ask_for_one_address_and_it_gets_one_mail(here: Office) -> None:
    for _ in range(50):
        assert here.write("subscribe") is UNPROVEN
    assert len(await here.answers()) == 1


async def test_many_addresses_are_named_and_only_so_many_are_written_to(
    here: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(mail_budget.PER_CAUSER, mail_budget.BY_MAIL, (mail_budget.Limit(5, timedelta(hours=1)),))
    for n in range(8):
        here.write("subscribe", sender=f"v{n}@example.net")
    assert len(await here.answers()) == 5
    here.made.clock.go(timedelta(hours=2))
    here.write("subscribe", sender="late@example.net")
    assert len(await here.answers()) == 1


LOOPS = [
    {"Auto_Submitted": "auto-replied"},
    {"Precedence": "bulk"},
    {"List_Id": "<l.example.net>"},
    {"Return_Path": "<>"},
    {"sender": "MAILER-DAEMON@example.net"},
    {"sender": ADDRESS},
    {"sender": "bounce@example.org"},
]


@pytest.mark.parametrize("how", LOOPS)
async def test_no_machine_is_answered_obeyed_or_subscribed(read_by_ada: Office, how: dict[str, str]) -> None:
    to = (await digest(read_by_ada))["Reply-To"]
    for address in (to, ADDRESS):
        assert read_by_ada.write("pause\nhelp\nsubscribe", to=address, **how) is InboundOutcome.AUTOMATIC
    assert read_by_ada.status() is Status.ACTIVE
    assert await read_by_ada.answers() == []


async def test_our_own_answer_sent_back_to_us_ends_there(read_by_ada: Office) -> None:
    to = (await digest(read_by_ada))["Reply-To"]
    read_by_ada.write("help", to=to)
    (answer,) = await read_by_ada.answers()
    assert read_by_ada.take(answer.as_bytes(), str(answer["Reply-To"])) is InboundOutcome.AUTOMATIC
    assert await read_by_ada.answers() == []


async def test_a_machine_may_unsubscribe_its_reader_by_the_link_and_gets_no_answer(read_by_ada: Office) -> None:
    await digest(read_by_ada)
    to = read_by_ada.leaving()
    assert read_by_ada.write("", to=to.upper(), Auto_Submitted="auto-generated") is COMMAND
    assert read_by_ada.status() is Status.UNSUBSCRIBED
    assert await read_by_ada.answers() == []
    assert read_by_ada.write("", to=to) is InboundOutcome.KNOWN


async def test_so_many_answers_a_day_and_commands_are_done_all_the_same(read_by_ada: Office) -> None:
    to = (await digest(read_by_ada))["Reply-To"]
    for number in range(14):
        assert read_by_ada.write(f"hour {number}", to=to) is COMMAND
    assert len(await read_by_ada.answers()) == 10
    known = read_by_ada.known()
    assert known is not None
    assert known.timing.hour == 13


async def test_the_same_mail_twice_is_done_once(read_by_ada: Office) -> None:
    to = (await digest(read_by_ada))["Reply-To"]
    raw = mail("more 1")
    assert [read_by_ada.take(raw, to), read_by_ada.take(raw, to)] == [COMMAND, InboundOutcome.KNOWN]
    known = read_by_ada.known()
    assert known is not None
    with read_by_ada.made.db.read() as session:
        assert len(feedback.history(session, known.key)) == 1


async def test_a_tag_of_another_purpose_or_a_changed_one_speaks_for_nobody(read_by_ada: Office) -> None:
    to = str((await digest(read_by_ada))["Reply-To"])
    sender, known = read_by_ada.made.app.sender, read_by_ada.known()
    assert known is not None
    now = read_by_ada.made.app.clock()
    wrong = [sender.command(purpose, known.key, now) for purpose in (Purpose.VIEW, Purpose.PREFERENCES)]
    tag = to.partition("+")[2].partition("@")[0]
    wrong += [to.replace(tag, tag[:n] + ("a" if tag[n] != "a" else "b") + tag[n + 1 :]) for n in range(len(tag))]
    for number, address in enumerate(wrong):
        outcome = read_by_ada.write("unsubscribe", to=address, sender=f"x{number}@example.com")
        assert outcome is UNPROVEN
    assert read_by_ada.status() is Status.ACTIVE


async def test_people_and_strangers_are_left_to_people(read_by_ada: Office) -> None:
    to = (await digest(read_by_ada))["Reply-To"]
    assert read_by_ada.write("What a fine digest today!", to=to) is InboundOutcome.UNREAD
    assert read_by_ada.write("Where is my order?", sender="x@example.com") is InboundOutcome.FOREIGN
    assert read_by_ada.write("help", sender="x@example.com") is UNPROVEN
    assert read_by_ada.write("unsubscribe", to="else@example.org", sender="x@example.com") is InboundOutcome.FOREIGN
    assert await read_by_ada.answers() == []
