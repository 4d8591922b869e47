"""Who a command by mail is believed to come from, with and without a mail server that vouches for its sender."""

from dataclasses import replace
from datetime import timedelta

import pytest

from digestd.domain.bounce import InboundOutcome
from digestd.domain.subscriber import Cause, ConsentAction, Status
from digestd.domain.suppression import SuppressionReason
from digestd.security.links import Purpose, address_key, token
from digestd.store import subscribers
from digestd.subscribers.confirmed_actions import renew_as_requested
from digestd.subscribers.preferences import VALID
from digestd.subscribers.suppression import suppress, unsuppress
from tests.commands.conftest import ADA, ADDRESS, TOPICS, Office, digest, text
from tests.commands.mails import mail

COMMAND, UNPROVEN = InboundOutcome.COMMAND, InboundOutcome.UNPROVEN
MX = "mx.example.org"
PASS = f"{MX}; dmarc=pass (p=none) header.from=example.net"
FAIL = f"{MX}; dmarc=fail (p=none) header.from=example.net"


def trusting(office: Office) -> Office:
    """The same install, which believes its own mail server."""
    settings = office.made.app.settings.model_copy(update={"trusted_authserv_id": MX.upper()})
    return Office(replace(office.made, app=replace(office.made.app, settings=settings)))


@pytest.fixture
def trusted(read_by_ada: Office) -> Office:
    return trusting(read_by_ada)


async def test_message_id_and_from_prove_nothing(read_by_ada: Office) -> None:
    first = await digest(read_by_ada)
    for more in ({}, {"Authentication_Results": FAIL}, {"Authentication_Results": PASS}):
        outcome = read_by_ada.write(
            "unsubscribe", In_Reply_To=first["Message-ID"], References=first["Message-ID"], **more
        )
        assert outcome is UNPROVEN
    assert read_by_ada.status() is Status.ACTIVE
    (asked,) = await read_by_ada.answers()
    assert asked["To"] == ADA
    assert "unsubscribe" in text(asked)


async def test_dmarc_pass_by_trusted_server_is_obeyed(trusted: Office) -> None:
    await digest(trusted)
    assert trusted.write("pause 7", Authentication_Results=PASS) is COMMAND
    assert trusted.status() is Status.PAUSED
    (answer,) = await trusted.answers()
    assert answer["Subject"] == "Your digest is paused"


async def test_message_id_tells_an_authenticated_sender_s_digest(trusted: Office) -> None:
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


@pytest.mark.parametrize("how", FORGED)
async def test_no_other_stamp_is_believed(trusted: Office, how: dict[str, str]) -> None:
    first = await digest(trusted)
    assert trusted.write("unsubscribe", In_Reply_To=first["Message-ID"], **how) is UNPROVEN
    assert trusted.status() is Status.ACTIVE


async def test_forged_stamp_beside_the_server_s_own_is_refused(trusted: Office) -> None:
    await digest(trusted)
    own, forged = f"Authentication-Results: {FAIL}\n".encode(), f"Authentication-Results: {PASS}\n".encode()
    relayed = b"Received: from evil.example by mx.example.org; Tue, 24 Nov 2026 07:00:00 +0000\n"
    other = b"Authentication-Results: mx.evil.example; dmarc=pass header.from=example.net\n"
    letter = mail("unsubscribe")
    for stamps in (own + relayed + forged, forged + own, other + forged, relayed + forged + forged):
        assert trusted.take(stamps + letter) is UNPROVEN
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


@pytest.mark.parametrize("sender", SENDERS)
async def test_dmarc_pass_speaks_for_the_sender_alone(trusted: Office, sender: str) -> None:
    first = await digest(trusted)
    raw = mail("unsubscribe", In_Reply_To=first["Message-ID"], Authentication_Results=PASS)
    raw = raw.replace(b"From: Ada <ada@example.net>", f"From: {sender}".encode())
    trusted.take(raw)
    assert trusted.status() is Status.ACTIVE


async def test_second_from_header_is_refused(trusted: Office) -> None:
    await digest(trusted)
    for raw in (
        b"From: eve@example.net\n" + mail("unsubscribe", Authentication_Results=PASS),
        mail("unsubscribe", Authentication_Results=PASS).replace(b"\n\n", b"\nFrom: eve@example.net\n\n", 1),
    ):
        trusted.take(raw)
    assert trusted.status() is Status.ACTIVE


@pytest.mark.parametrize("is_renewed", [True, False])
async def test_tagged_address_ends_with_settings_links(read_by_ada: Office, is_renewed: bool) -> None:
    """A mail that was passed on gives no commands once Ada has made her links void, or after 30 days."""
    to = (await digest(read_by_ada))["Reply-To"]
    assert read_by_ada.write("hour 9", to=to) is COMMAND
    read_by_ada.made.clock.go(timedelta(minutes=1) if is_renewed else timedelta(days=30, minutes=1))
    if is_renewed:
        with read_by_ada.made.db.write() as session:
            subscribers.invalidate_links(session, 1, read_by_ada.made.clock.now)
    for command in ("unsubscribe", "add topic bees", "less 1"):
        assert read_by_ada.write(command, to=to) is UNPROVEN
    assert read_by_ada.status() is Status.ACTIVE
    assert len(read_by_ada.interests()) == 1


HIDDEN = {
    "behind more fields than are read": b"X-Filler: 1\n" * 200,
    "behind a bare carriage return": b"X-Filler: 1\r\runsubscribe\r\n",
    "behind a line that is no field": b"no field\n",
    "behind a field without a name": b": 1\n",
    "by a space before the colon": b"From : Eve <eve@example.net>\n",
    "behind a NUL": b"X-\0Filler: 1\n",
}


@pytest.mark.parametrize("how", HIDDEN)
async def test_signed_sender_cannot_be_hidden(trusted: Office, how: str) -> None:
    """The server vouches for Eve, whose own field stands where it reads and we might not."""
    await digest(trusted)
    named = b"From: Ada <ada@example.net>\nTo: " + ADDRESS.encode() + b"\n"
    stamp = f"Authentication-Results: {PASS}\n".encode()
    own = mail("unsubscribe").replace(b"From: Ada <ada@example.net>", b"From: Eve <eve@example.net>")
    if how.startswith("by"):
        own = own.replace(b"From: Eve <eve@example.net>\n", b"")
    trusted.take(stamp + named + HIDDEN[how] + own)
    assert trusted.status() is Status.ACTIVE


async def test_signed_mail_to_somebody_else_is_no_command(trusted: Office) -> None:
    """A stranger can send on what Ada once wrote to another list: its signature stays valid."""
    await digest(trusted)
    raw = mail("unsubscribe", to="another-list@example.com", Authentication_Results=PASS)
    assert trusted.take(raw, ADDRESS) is UNPROVEN
    assert trusted.status() is Status.ACTIVE


async def test_authenticated_confirmation_counts(here: Office) -> None:
    office = trusting(here)
    office.write("subscribe")
    (asked,) = await office.answers()
    assert office.write("yes", Authentication_Results=PASS) is UNPROVEN
    assert office.write("yes", Authentication_Results=FAIL, In_Reply_To=asked["Message-ID"]) is UNPROVEN
    assert office.status() is Status.PENDING
    assert office.write("yes", Authentication_Results=PASS, In_Reply_To=asked["Message-ID"]) is COMMAND
    assert office.status() is Status.ACTIVE


async def test_mails_to_a_former_address_speak_for_nobody_new(here: Office) -> None:
    """Ada moved away; somebody signs her old address up, and holds an old mail that went there."""
    here.write(f"subscribe {TOPICS[0]}")
    (asked,) = await here.answers()
    assert here.write("yes", to=asked["Reply-To"]) is COMMAND
    here.made.plan()
    former = [await digest(here), asked]
    known, now = here.known(), here.made.clock.now
    assert known is not None
    with here.made.db.write() as session:
        key = address_key(here.made.app.keys, "ada@example.com")
        subscribers.change_address(session, known.key, ("ada@example.com", key), ConsentAction(Cause.MOVED), now)
    here.made.clock.go(timedelta(days=2))
    assert here.write("subscribe cheap pills") is UNPROVEN
    for old in former:
        here.write("yes", to=old["Reply-To"])
        assert here.status() is Status.PENDING
    (fresh,) = await here.answers()
    assert here.write("yes", to=fresh["Reply-To"]) is COMMAND
    assert here.status() is Status.ACTIVE
    here.write("pause", to=former[0]["Reply-To"])
    assert here.status() is Status.ACTIVE


async def test_unsubscribing_by_mail_counts_while_suppressed(read_by_ada: Office) -> None:
    await digest(read_by_ada)
    app, now = read_by_ada.made.app, read_by_ada.made.clock.now
    suppress(app.db, app.keys, ADA, SuppressionReason.HARD_BOUNCE, now)
    assert read_by_ada.write("", to=read_by_ada.leaving(), subject="unsubscribe") is COMMAND
    assert read_by_ada.status() is Status.UNSUBSCRIBED
    assert await read_by_ada.answers() == []
    assert unsuppress(app.db, app.keys, ADA, "wrong map", now) is Status.UNSUBSCRIBED


async def test_renewed_links_void_the_address_of_earlier_mails(read_by_ada: Office) -> None:
    """Whoever was forwarded a digest holds its command address, too."""
    first, app = await digest(read_by_ada), read_by_ada.made.app
    known = read_by_ada.known()
    assert known is not None
    read_by_ada.made.clock.go(timedelta(minutes=5))
    renew_as_requested(
        app.db, app.keys, token(app.keys, Purpose.RENEW, known.key, app.clock(), 1), app.clock(), shelf=True
    )
    assert read_by_ada.write("pause", to=first["Reply-To"]) is UNPROVEN
    assert read_by_ada.status() is Status.ACTIVE
    (asked,) = await read_by_ada.answers()
    assert read_by_ada.write("yes", to=asked["Reply-To"]) is COMMAND
    assert read_by_ada.status() is Status.PAUSED


async def test_command_address_counts_as_long_as_the_settings_link(read_by_ada: Office) -> None:
    first = await digest(read_by_ada)
    read_by_ada.made.clock.go(VALID)
    assert read_by_ada.write("pause", to=first["Reply-To"]) is COMMAND
    read_by_ada.made.clock.go(timedelta(seconds=1))
    assert read_by_ada.write("resume", to=first["Reply-To"]) is UNPROVEN
    assert read_by_ada.status() is Status.PAUSED
