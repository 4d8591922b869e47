"""Test the proofs of a sender: command address, and DMARC of a trusted server."""

from dataclasses import replace
from datetime import timedelta

import pytest

from digestd.domain.bounce import InboundOutcome
from digestd.domain.delivery import SuppressionReason
from digestd.domain.subscriber import Cause, ConsentAction, Status
from digestd.security.addresses import address_key
from digestd.security.tokens import Purpose, make_token
from digestd.store import subscribers
from digestd.subscribers.confirmed_actions import renew_as_requested
from digestd.subscribers.settings_link import VALID
from digestd.subscribers.suppression import suppress, unsuppress
from tests.commands.conftest import ADA, ADDRESS, TOPICS, CommandInstall, digest, text
from tests.commands.mails import mail

COMMAND, UNPROVEN = InboundOutcome.COMMAND, InboundOutcome.UNPROVEN
MX = "mx.example.org"
PASS = f"{MX}; dmarc=pass (p=none) header.from=example.net"
FAIL = f"{MX}; dmarc=fail (p=none) header.from=example.net"


def trusting(site: CommandInstall) -> CommandInstall:
    settings = site.install.app.settings.model_copy(update={"trusted_authserv_id": MX.upper()})
    return CommandInstall(replace(site.install, app=replace(site.install.app, settings=settings)))


@pytest.fixture
def trusted(ada_install: CommandInstall) -> CommandInstall:
    return trusting(ada_install)


async def test_message_id_and_from_prove_nothing(ada_install: CommandInstall) -> None:
    first = await digest(ada_install)
    for more in ({}, {"Authentication_Results": FAIL}, {"Authentication_Results": PASS}):
        outcome = ada_install.write(
            "unsubscribe", In_Reply_To=first["Message-ID"], References=first["Message-ID"], **more
        )
        assert outcome is UNPROVEN
    assert ada_install.status() is Status.ACTIVE
    (confirmation,) = await ada_install.answers()
    assert confirmation["To"] == ADA
    assert "unsubscribe" in text(confirmation)


async def test_dmarc_pass_of_trusted_server_is_proof(trusted: CommandInstall) -> None:
    await digest(trusted)
    assert trusted.write("pause 7", Authentication_Results=PASS) is COMMAND
    by_lmtp = mail("pause 7", message_id="<lmtp@example.net>", Authentication_Results=PASS).replace(b"\n", b"\r\n")
    assert trusted.process(by_lmtp) is COMMAND
    assert trusted.status() is Status.PAUSED
    assert {answer["Subject"] for answer in await trusted.answers()} == {"Your digest is paused"}


async def test_message_id_selects_digest_of_proven_sender(trusted: CommandInstall) -> None:
    first = await digest(trusted)
    assert trusted.write("more 1", Authentication_Results=PASS, In_Reply_To=first["Message-ID"]) is COMMAND
    (answer,) = await trusted.answers()
    assert "more like" in text(answer)


FORGED = [
    {"Authentication_Results": FAIL},
    {"Authentication_Results": PASS.replace("example.net", "example.com")},
    {"Authentication_Results": PASS.replace(MX, "mx.evil.example")},
    {"Authentication_Results": PASS.replace(MX, f"{MX}.evil.example")},
    {"Authentication_Results": f'{MX}; dkim=pass header.i="@x; dmarc=pass header.from=example.net"'},
    {"ARC_Authentication_Results": f"i=1; {PASS}"},
    {"X_Authentication_Results": PASS},
    {"Received_SPF": "pass"},
    {},
]


async def test_other_authentication_headers_prove_nothing(trusted: CommandInstall) -> None:
    first = await digest(trusted)
    for how in FORGED:
        assert trusted.write("unsubscribe", In_Reply_To=first["Message-ID"], **how) is UNPROVEN, how
    assert trusted.status() is Status.ACTIVE


async def test_forged_result_beside_genuine_one_is_refused(trusted: CommandInstall) -> None:
    await digest(trusted)
    own, forged = f"Authentication-Results: {FAIL}\n".encode(), f"Authentication-Results: {PASS}\n".encode()
    relayed = b"Received: from evil.example by mx.example.org; Tue, 24 Nov 2026 07:00:00 +0000\n"
    other = b"Authentication-Results: mx.evil.example; dmarc=pass header.from=example.net\n"
    letter = mail("unsubscribe")
    for results in (own + relayed + forged, forged + own, other + forged, relayed + forged + forged):
        assert trusted.process(results + letter) is UNPROVEN
    assert trusted.status() is Status.ACTIVE


SENDERS = [
    "eve@example.net",
    "ada@example.net, eve@example.com",
    '"ada@example.net" <eve@example.net>',
    "ada@example.net (eve@example.net)",
    "ada@\u212axample.net",
    "eve@example.net, <ada@example.net>",
    "eve@example.net <ada@example.net>",
    f"ada@example.net{' ' * 1_000}, eve@example.net",
]


async def test_dmarc_pass_proves_only_the_exact_sender(trusted: CommandInstall) -> None:
    first = await digest(trusted)
    raw = mail("unsubscribe", In_Reply_To=first["Message-ID"], Authentication_Results=PASS)
    for sender in SENDERS:
        trusted.process(raw.replace(b"From: Ada <ada@example.net>", f"From: {sender}".encode()))
        assert trusted.status() is Status.ACTIVE, sender


async def test_second_from_header_is_refused(trusted: CommandInstall) -> None:
    await digest(trusted)
    for raw in (
        b"From: eve@example.net\n" + mail("unsubscribe", Authentication_Results=PASS),
        mail("unsubscribe", Authentication_Results=PASS).replace(b"\n\n", b"\nFrom: eve@example.net\n\n", 1),
    ):
        trusted.process(raw)
    assert trusted.status() is Status.ACTIVE


@pytest.mark.parametrize("is_renewed", [True, False])
async def test_command_address_expires_with_settings_link(ada_install: CommandInstall, is_renewed: bool) -> None:
    """Show that a forwarded mail loses its power after 30 days or with renewed links."""
    to = (await digest(ada_install))["Reply-To"]
    assert ada_install.write("more 1", to=to) is COMMAND
    ada_install.install.clock.go(timedelta(minutes=1) if is_renewed else timedelta(days=30, minutes=1))
    if is_renewed:
        with ada_install.install.db.write() as session:
            subscribers.invalidate_links(session, 1, ada_install.install.clock.now)
    for command in ("unsubscribe", "add topic bees", "less 1"):
        assert ada_install.write(command, to=to) is UNPROVEN
    assert ada_install.status() is Status.ACTIVE
    assert len(ada_install.interests()) == 1


HIDDEN = {
    "behind more fields than are read": b"X-Filler: 1\n" * 200,
    "behind a bare carriage return": b"X-Filler: 1\r\runsubscribe\r\n",
    "behind another line end": b"X-Filler: 1\r\n\r\n",
    "behind a line that is no field": b"no field\n",
    "behind a field without a name": b": 1\n",
    "by a space before the colon": b"From : Eve <eve@example.net>\n",
    "behind a NUL": b"X-\0Filler: 1\n",
}


async def test_authenticated_sender_cannot_be_hidden(trusted: CommandInstall) -> None:
    """Show that Eve cannot place her authenticated `From` where our parser misses it."""
    await digest(trusted)
    named = b"From: Ada <ada@example.net>\nTo: " + ADDRESS.encode() + b"\n"
    result = f"Authentication-Results: {PASS}\n".encode()
    eve = b"From: Eve <eve@example.net>\n"
    own = mail("unsubscribe").replace(b"From: Ada <ada@example.net>\n", eve)
    for how, hiding in HIDDEN.items():
        trusted.process(result + named + hiding + (own.replace(eve, b"") if how.startswith("by") else own))
        assert trusted.status() is Status.ACTIVE, how


async def test_authenticated_mail_to_others_is_no_command(trusted: CommandInstall) -> None:
    """Show that a signed mail to another list is no command if a stranger forwards it."""
    await digest(trusted)
    raw = mail("unsubscribe", to="another-list@example.com", Authentication_Results=PASS)
    assert trusted.process(raw, ADDRESS) is UNPROVEN
    assert trusted.status() is Status.ACTIVE


async def test_authenticated_confirmation_needs_message_id(mail_install: CommandInstall) -> None:
    site = trusting(mail_install)
    site.write("subscribe")
    (confirmation,) = await site.answers()
    assert site.write("yes", Authentication_Results=PASS) is UNPROVEN
    assert site.write("yes", Authentication_Results=FAIL, In_Reply_To=confirmation["Message-ID"]) is UNPROVEN
    assert site.status() is Status.PENDING
    assert site.write("yes", Authentication_Results=PASS, In_Reply_To=confirmation["Message-ID"]) is COMMAND
    assert site.status() is Status.ACTIVE


async def test_mails_to_former_address_prove_no_new_owner(mail_install: CommandInstall) -> None:
    """Show that an old mail proves nothing after its address got a new subscriber."""
    mail_install.write(f"subscribe {TOPICS[0]}")
    (confirmation,) = await mail_install.answers()
    assert mail_install.write("yes", to=confirmation["Reply-To"]) is COMMAND
    mail_install.install.plan()
    former = [await digest(mail_install), confirmation]
    known, now = mail_install.known(), mail_install.install.clock.now
    assert known is not None
    with mail_install.install.db.write() as session:
        key = address_key(mail_install.install.app.keys, "ada@example.com")
        subscribers.change_address(session, known.key, ("ada@example.com", key), ConsentAction(Cause.MOVED), now)
    mail_install.install.clock.go(timedelta(days=2))
    assert mail_install.write("subscribe cheap pills") is UNPROVEN
    for old in former:
        mail_install.write("yes", to=old["Reply-To"])
        assert mail_install.status() is Status.PENDING
    (fresh,) = await mail_install.answers()
    assert mail_install.write("yes", to=fresh["Reply-To"]) is COMMAND
    assert mail_install.status() is Status.ACTIVE
    mail_install.write("pause", to=former[0]["Reply-To"])
    assert mail_install.status() is Status.ACTIVE


async def test_unsubscribe_counts_while_suppressed(ada_install: CommandInstall) -> None:
    await digest(ada_install)
    app, now = ada_install.install.app, ada_install.install.clock.now
    suppress(app.db, app.keys, ADA, SuppressionReason.HARD_BOUNCE, now)
    assert ada_install.write("", to=ada_install.leaving(), subject="unsubscribe") is COMMAND
    assert ada_install.status() is Status.UNSUBSCRIBED
    assert await ada_install.answers() == []
    assert unsuppress(app.db, app.keys, ADA, "wrong map", now) is Status.UNSUBSCRIBED


async def test_renewed_links_revoke_earlier_command_addresses(ada_install: CommandInstall) -> None:
    """Show that renewed links also revoke the command address of forwarded mails."""
    first, app = await digest(ada_install), ada_install.install.app
    known = ada_install.known()
    assert known is not None
    ada_install.install.clock.go(timedelta(minutes=5))
    renew_as_requested(
        app.db, app.keys, make_token(app.keys, Purpose.RENEW, known.key, app.clock(), 1), app.clock(), shelf=True
    )
    assert ada_install.write("pause", to=first["Reply-To"]) is UNPROVEN
    assert ada_install.status() is Status.ACTIVE
    (confirmation,) = await ada_install.answers()
    assert ada_install.write("yes", to=confirmation["Reply-To"]) is COMMAND
    assert ada_install.status() is Status.PAUSED


async def test_command_address_is_valid_like_settings_link(ada_install: CommandInstall) -> None:
    first = await digest(ada_install)
    ada_install.install.clock.go(VALID)
    assert ada_install.write("pause", to=first["Reply-To"]) is COMMAND
    ada_install.install.clock.go(timedelta(seconds=1))
    assert ada_install.write("resume", to=first["Reply-To"]) is UNPROVEN
    assert ada_install.status() is Status.PAUSED
