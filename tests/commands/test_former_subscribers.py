"""Test mails of unsubscribed, suppressed and erased subscribers."""

from digestd.domain.bounce import InboundOutcome
from digestd.domain.delivery import SuppressionReason
from digestd.domain.subscriber import Status
from digestd.store import personal_data
from digestd.subscribers.personal_data import erase
from digestd.subscribers.suppression import suppress, unsuppress
from tests.commands.conftest import ADA, ADDRESS, CommandInstall, digest, text

COMMAND, UNPROVEN = InboundOutcome.COMMAND, InboundOutcome.UNPROVEN


async def test_unsubscribed_can_subscribe_again_by_mail(ada_install: CommandInstall) -> None:
    to = (await digest(ada_install))["Reply-To"]
    ada_install.write("unsubscribe", to=to)
    ada_install.write("resume", to=to)
    assert "write “subscribe”" in " ".join(" ".join(map(text, await ada_install.answers())).split())
    assert ada_install.write("subscribe", to=to) is UNPROVEN
    assert ada_install.status() is Status.UNSUBSCRIBED
    (confirmation,) = await ada_install.answers()
    assert ada_install.write("yes", to=confirmation["Reply-To"]) is COMMAND
    assert ada_install.status() is Status.ACTIVE


async def test_suppressed_and_erased_are_never_answered(ada_install: CommandInstall) -> None:
    to = (await digest(ada_install))["Reply-To"]
    made = ada_install.install
    suppress(made.db, made.app.keys, ADA, SuppressionReason.REQUEST, made.clock.now)
    for address in (to, ADDRESS):
        ada_install.write("help\nsubscribe", to=address)
    assert ada_install.status() is Status.SUPPRESSED
    erase(made.db, made.app.keys, ADA, made.clock.now)
    for address in (to, ADDRESS):
        ada_install.write("help\nsubscribe", to=address)
    assert await ada_install.answers() == []
    assert made.broken == {}


async def test_suppressed_unsubscribe_without_reply(ada_install: CommandInstall) -> None:
    await digest(ada_install)
    made = ada_install.install
    suppress(made.db, made.app.keys, ADA, SuppressionReason.HARD_BOUNCE, made.clock.now)
    ada_install.write("", to=ada_install.leaving())
    assert ada_install.status() is Status.UNSUBSCRIBED
    assert await ada_install.answers() == []
    unsuppress(made.db, made.app.keys, ADA, "wrong map", made.clock.now)
    assert ada_install.status() is Status.UNSUBSCRIBED
    assert made.broken == {}


async def test_erasure_deletes_replies(ada_install: CommandInstall) -> None:
    to = (await digest(ada_install))["Reply-To"]
    ada_install.write("add topic my secret wish", to=to)
    made = ada_install.install
    erase(made.db, made.app.keys, ADA, made.clock.now)
    personal_data.scrub(made.db)
    assert b"my secret wish" not in (made.folder / "digestd.db").read_bytes()
    assert made.broken == {}
