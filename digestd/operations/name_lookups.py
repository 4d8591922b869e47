"""Look up what mail_dns wants to know, by dnspython."""

import asyncio
from ipaddress import ip_address
from typing import Any

import dns.asyncresolver
import dns.exception
import dns.resolver

from digestd.errors import BadInput
from digestd.operations.mail_dns import DnsAnswer, DnsRecords, Lookup, MailSetup, wanted_lookups

LOOKUP_SECONDS = 5.0
ROUNDS = 8
"""An SPF record that includes others, which include others, takes a round each."""
_PORT = 53


def open_resolver(server: str = "") -> dns.asyncresolver.Resolver:
    """Return a resolver that asks this server (`ADDRESS` or `ADDRESS:PORT`), by default those of the system.

    Raises:
        BadInput: the server is not an address, or the system names none.
    """
    try:
        resolver = dns.asyncresolver.Resolver(configure=not server)
    except dns.resolver.NoResolverConfiguration as error:
        raise BadInput("this system names no DNS server; give one, as in --resolver 9.9.9.9") from error
    if server:
        host, _, port = server.rpartition(":") if server.count(":") == 1 else (server, "", "")
        try:
            resolver.nameservers = [str(ip_address(host))]
            resolver.port = int(port or _PORT)
        except ValueError as error:
            raise BadInput(f"--resolver: {server[:60]!r} is not an address; write 9.9.9.9 or 127.0.0.1:5353") from error
    resolver.lifetime = LOOKUP_SECONDS
    return resolver


async def look_up_all(setup: MailSetup, resolver: dns.asyncresolver.Resolver) -> DnsRecords:
    """Return the records that are needed to judge a setup; those of one round are asked at once."""
    known: dict[Lookup, DnsAnswer] = {}
    for _ in range(ROUNDS):
        wanted = sorted(wanted_lookups(setup, known))
        if not wanted:
            break
        answers = await asyncio.gather(*(_look_up(resolver, name, kind) for name, kind in wanted))
        known.update(zip(wanted, answers, strict=True))
    return known


async def _look_up(resolver: dns.asyncresolver.Resolver, name: str, kind: str) -> DnsAnswer:
    try:
        found = await resolver.resolve(name, kind, raise_on_no_answer=False)
    except dns.resolver.NXDOMAIN:
        return DnsAnswer()
    except (dns.exception.DNSException, OSError, ValueError) as error:
        return DnsAnswer(failed=_REASONS.get(type(error), type(error).__name__))
    if found.rrset is None:
        return DnsAnswer()
    return DnsAnswer(tuple(_text(record) if kind == "TXT" else record.to_text() for record in found.rrset))


_REASONS: dict[type[Exception], str] = {
    dns.resolver.LifetimeTimeout: "no answer in time",
    dns.resolver.NoNameservers: "all name servers failed",
}


def _text(record: Any) -> str:
    return b"".join(record.strings).decode("utf-8", "replace")
