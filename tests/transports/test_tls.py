"""Test TLS to the relay: required if the URL says so, without any downgrade."""

import contextlib
import ssl
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import trustme

from digestd.errors import RelayFailed
from tests.support.relay import Fault, Relay
from tests.support.smtp import MAIL, transport
from tests.support.tls import server_side


async def test_tls_is_used_if_required(served: ssl.SSLContext, trusting: ssl.SSLContext) -> None:
    async with Relay(tls=served).serving() as relay:
        channel = await transport(relay.port, "starttls", trusting).connect()
        assert await channel.offer(MAIL) is None
        await channel.commit()
        await channel.close()
    assert (len(relay.taken), relay.commands["STARTTLS"]) == (1, 1)


async def test_tls_rejects_stripped_starttls(trusting: ssl.SSLContext) -> None:
    async with Relay().serving() as relay:
        with pytest.raises(RelayFailed):
            await transport(relay.port, "starttls", trusting).connect()
    assert relay.commands["MAIL"] == 0


async def test_tls_rejects_an_untrusted_certificate(served: ssl.SSLContext) -> None:
    async with Relay(tls=served).serving() as relay:
        with pytest.raises(RelayFailed, match=r"certificate|SSL"):
            await transport(relay.port, "starttls").connect()
    assert relay.commands["MAIL"] == 0


async def test_tls_rejects_a_certificate_for_another_name(authority: trustme.CA, trusting: ssl.SSLContext) -> None:
    async with Relay(tls=server_side(authority, "elsewhere.example.org")).serving() as relay:
        with pytest.raises(RelayFailed):
            await transport(relay.port, "starttls", trusting).connect()


async def test_tls_rejects_an_expired_certificate(authority: trustme.CA, trusting: ssl.SSLContext) -> None:
    past = datetime.now(UTC) - timedelta(days=1)  # noqa: TID251  # what TLS goes by
    old = server_side(authority, not_before=past - timedelta(days=9), not_after=past)
    async with Relay(tls=old).serving() as relay:
        with pytest.raises(RelayFailed, match="expired"):
            await transport(relay.port, "starttls", trusting).connect()
    assert relay.commands["MAIL"] == 0


@pytest.mark.filterwarnings("ignore:.*TLSv1.*:DeprecationWarning")
async def test_tls_rejects_tls_1_0(authority: trustme.CA) -> None:
    old, careless, ours = aged(ssl.Purpose.CLIENT_AUTH), aged(ssl.Purpose.SERVER_AUTH), ssl.create_default_context()
    authority.issue_cert("127.0.0.1").configure_cert(old)
    for context in (careless, ours):
        authority.configure_trust(context)
    async with Relay(tls=old).serving() as relay:
        channel = await transport(relay.port, "starttls", careless).connect()  # it does serve whoever is content
        await channel.close()
        with pytest.raises(RelayFailed):
            await transport(relay.port, "starttls", ours).connect()
    assert relay.commands["MAIL"] == 0


def aged(purpose: ssl.Purpose) -> ssl.SSLContext:
    """TLS 1.0 and nothing newer."""
    context = ssl.create_default_context(purpose)
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1
    context.set_ciphers("ALL:@SECLEVEL=0")
    return context


async def test_tls_discards_replies_before_the_handshake(served: ssl.SSLContext, trusting: ssl.SSLContext) -> None:
    """An attacker may append replies to the STARTTLS reply (CVE-2011-0411)."""
    slipped_in = Fault("220 go on\r\n250-relay.example.org\r\n250 DSN")
    async with Relay({"STARTTLS": slipped_in}, tls=served, offers=()).serving() as relay:
        with contextlib.suppress(RelayFailed):
            channel = await transport(relay.port, "starttls", trusting).connect()
            await channel.offer(replace(MAIL, envid="1.1"))
            await channel.close()
    assert not any("ENVID" in envelope for envelope in relay.envelopes)
