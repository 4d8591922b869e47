"""Mails of those who left, must not be written to, or were erased."""

from digestd.domain.bounce import InboundOutcome
from digestd.domain.subscriber import Status
from digestd.domain.suppression import SuppressionReason
from digestd.store import erasure
from digestd.subscribers.erasure import erase
from digestd.subscribers.suppression import suppress, unsuppress
from tests.commands.conftest import ADA, ADDRESS, Office, digest, text

COMMAND, UNPROVEN = InboundOutcome.COMMAND, InboundOutcome.UNPROVEN


async def test_who_left_is_told_how_to_come_back_and_does(read_by_ada: Office) -> None:
    to = (await digest(read_by_ada))["Reply-To"]
    read_by_ada.write("unsubscribe", to=to)
    read_by_ada.write("resume", to=to)
    assert "write “subscribe”" in " ".join(" ".join(map(text, await read_by_ada.answers())).split())
    assert read_by_ada.write("subscribe", to=to) is UNPROVEN
    assert read_by_ada.status() is Status.UNSUBSCRIBED
    (asked,) = await read_by_ada.answers()
    assert read_by_ada.write("yes", to=asked["Reply-To"]) is COMMAND
    assert read_by_ada.status() is Status.ACTIVE


async def test_the_suppressed_and_the_erased_are_never_answered(read_by_ada: Office) -> None:
    to = (await digest(read_by_ada))["Reply-To"]
    made = read_by_ada.made
    suppress(made.db, made.app.keys, ADA, SuppressionReason.REQUEST, made.clock.now)
    for address in (to, ADDRESS):
        read_by_ada.write("help\nsubscribe", to=address)
    assert read_by_ada.status() is Status.SUPPRESSED
    erase(made.db, made.app.keys, ADA, made.clock.now)
    for address in (to, ADDRESS):
        read_by_ada.write("help\nsubscribe", to=address)
    assert await read_by_ada.answers() == []
    assert made.broken == {}


async def test_the_suppressed_unsubscribe_without_an_answer(read_by_ada: Office) -> None:
    await digest(read_by_ada)
    made = read_by_ada.made
    suppress(made.db, made.app.keys, ADA, SuppressionReason.HARD_BOUNCE, made.clock.now)
    read_by_ada.write("", to=read_by_ada.leaving())
    assert read_by_ada.status() is Status.UNSUBSCRIBED
    assert await read_by_ada.answers() == []
    unsuppress(made.db, made.app.keys, ADA, "wrong map", made.clock.now)
    assert read_by_ada.status() is Status.UNSUBSCRIBED
    assert made.broken == {}


async def test_erasing_takes_what_was_answered_too(read_by_ada: Office) -> None:
    to = (await digest(read_by_ada))["Reply-To"]
    read_by_ada.write("add topic my secret wish", to=to)
    made = read_by_ada.made
    erase(made.db, made.app.keys, ADA, made.clock.now)
    erasure.scrub(made.db)
    assert b"my secret wish" not in (made.folder / "digestd.db").read_bytes()
    assert made.broken == {}
