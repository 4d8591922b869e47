"""Test the composition of a reply that is delayed by a slow mail host."""

from datetime import timedelta

from digestd.delivery.composer import Composer
from digestd.domain.delivery import CommandReply, MailKind, ReplyLine
from digestd.store.ledger import command_answers, queries
from digestd.store.ledger.create import Notice, plan_notice
from tests.commands.conftest import CommandInstall


def test_reply_is_the_same_without_preparation(ada_install: CommandInstall) -> None:
    app, now = ada_install.install.app, ada_install.install.clock.now
    with app.db.write() as session:
        notice = Notice(1, MailKind.REPLY, "k", 1, now + timedelta(days=1))
        delivery = plan_notice(session, notice, "<k@example.org>", now)
        assert delivery is not None
        command_answers.keep(session, delivery, CommandReply((ReplyLine("prove", ("pause",)),)))
        claim = queries.as_claim(session, delivery)
    assert claim is not None
    composer = Composer(app.db, app.sender, app.templates)
    composer.prepare([claim])
    at_once = composer.compose(claim).message
    assert b"pause" in at_once
    assert Composer(app.db, app.sender, app.templates).compose(claim).message == at_once
