"""Check the DNS records of our mail: MX, SPF (RFC 7208), DKIM (RFC 6376), DMARC (RFC 7489) and PTR.

Pure. `wanted_lookups` names the next names to look up, given what is known; `diagnose` judges the records. Each fault
comes with the record to publish.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from digestd.operations.diagnosis import Diagnosis, error, ok, warning

Lookup = tuple[str, str]
"""A name and a type of record."""
LOOKUPS_MAX = 10
"""RFC 7208 section 4.6.4: more terms that need DNS make the record an error."""
_DEPTH = 5
_TXT_STRING = 255
_SPF_TERM = re.compile(
    r"([+?~-]?)(all|include|a|mx|ip4|ip6|ptr|exists|redirect)(?:[:=]([^/\s]+))?(/\S+)?", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class DnsAnswer:
    """The values of a lookup; `failed` says why there is no answer. A name that does not exist has no values."""

    values: tuple[str, ...] = ()
    failed: str = ""


DnsRecords = Mapping[Lookup, DnsAnswer]


@dataclass(frozen=True, slots=True)
class MailSetup:
    """Settings that DNS must agree with.

    Attributes:
        sender: the domain of the From address.
        bounce: the domain of the envelope sender.
        dkim: name and value of the DNS record of our DKIM key; None if the relay signs.
        signs_for: the domain that digestd signs for; empty if the relay signs.
        relays: host names of relays on other machines.
        ehlo: the name of this host, if a relay on it sends to the receivers; else empty.
    """

    sender: str
    bounce: str
    dkim: tuple[str, str] | None = None
    signs_for: str = ""
    relays: tuple[str, ...] = ()
    ehlo: str = ""


def wanted_lookups(setup: MailSetup, records: DnsRecords) -> set[Lookup]:
    """Return the lookups that are needed and not in `records` yet; call it again with their answers."""
    return {one for one in _needed(setup, records) if one not in records}


def diagnose(setup: MailSetup, records: DnsRecords) -> Iterator[Diagnosis]:
    """Yield what DNS says about mail of this setup, and what to publish where something is missing."""
    failed = sorted({f"{name} {kind}: {answer.failed}" for (name, kind), answer in records.items() if answer.failed})
    if failed:
        yield warning(
            "dns",
            f"{len(failed)} lookups failed: {failed[0]}",
            "check this machine's resolver, or ask another: `digestd doctor --resolver 9.9.9.9`",
        )
    for domain, what in _mail_domains(setup).items():
        yield from _mx(domain, what, records)
    yield from _spf(setup, records)
    yield from _dkim(setup, records)
    yield from _dmarc(setup, records)
    yield from _ptr(setup, records)


def zone_line(name: str, kind: str, value: str) -> str:
    """Return a record as a line of a zone file; text in strings of at most 255 characters (RFC 1035 section 3.3)."""
    if kind == "TXT":
        value = " ".join(f'"{value[n : n + _TXT_STRING]}"' for n in range(0, len(value), _TXT_STRING))
    return f"{name}. {kind} {value}"


def _needed(setup: MailSetup, records: DnsRecords) -> Iterator[Lookup]:
    for domain in _mail_domains(setup):
        yield from ((domain, kind) for kind in ("MX", "A", "TXT"))
    if setup.dkim:
        yield setup.dkim[0], "TXT"
    for domain in {setup.sender, setup.bounce}:
        yield from ((f"_dmarc.{one}", "TXT") for one in _parents(domain))
    for host in (*setup.relays, *([setup.ehlo] if setup.ehlo else [])):
        yield from ((host, kind) for kind in ("A", "AAAA"))
    if setup.ehlo:
        for address in _addresses(setup.ehlo, records):
            pointer = ip_address(address).reverse_pointer
            yield pointer, "PTR"
            for name in _values(records, pointer, "PTR"):
                yield from ((name, kind) for kind in ("A", "AAAA"))
    yield from _read_spf(setup.bounce, records).needed


def _mail_domains(setup: MailSetup) -> dict[str, str]:
    return {setup.sender: "replies to digests", setup.bounce: "bounces"}


def _mx(domain: str, what: str, records: DnsRecords) -> Iterator[Diagnosis]:
    answer = records.get((domain, "MX"), DnsAnswer())
    if answer.failed:
        return
    hosts = [value.split()[-1].rstrip(".") for value in answer.values]
    publish = f"publish {zone_line(domain, 'MX', '10 HOST.')} with the name of its mail server, or use another domain"
    if hosts == [""]:
        yield error("dns", f"{domain} accepts no mail (null MX), so {what} are lost", publish)
    elif not hosts and not _values(records, domain, "A"):
        yield error("dns", f"{domain} has no MX record, so {what} are lost", publish)
    elif not hosts:
        yield warning("dns", f"{domain} has no MX record; {what} go to its A record", publish)
    else:
        yield ok("dns", f"MX of {domain}: {', '.join(sorted(hosts))}")


@dataclass(frozen=True, slots=True)
class _Spf:
    """An SPF record with all that it includes.

    Attributes:
        networks: what it lets send.
        needed: every lookup on the way.
        terms: number of terms that cost a lookup.
        unknown: terms that are not evaluated: exists, ptr and macros.
        faults: what makes it an error.
    """

    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    needed: tuple[Lookup, ...] = ()
    terms: int = 0
    unknown: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    passes_all: bool = False

    def __add__(self, other: "_Spf") -> "_Spf":
        return _Spf(
            self.networks + other.networks,
            self.needed + other.needed,
            self.terms + other.terms,
            self.unknown + other.unknown,
            self.faults + other.faults,
            self.passes_all or other.passes_all,
        )


def _read_spf(domain: str, records: DnsRecords, depth: int = 0) -> _Spf:
    """Return the SPF record of a domain, as far as its lookups are known."""
    found = _Spf(needed=((domain, "TXT"),))
    texts = [text for text in _values(records, domain, "TXT") if re.match(r"v=spf1( |$)", text, re.IGNORECASE)]
    if len(texts) > 1:
        return found + _Spf(faults=(f"{domain} has {len(texts)} SPF records, and only one is allowed",))
    if not texts or depth > _DEPTH:
        if depth and (domain, "TXT") in records:
            return found + _Spf(faults=(f"{domain}, which it includes, has no SPF record",))
        return found
    for term in texts[0].split()[1:]:
        found += _read_term(term, domain, records, depth)
    return found


def _read_term(term: str, domain: str, records: DnsRecords, depth: int) -> _Spf:
    match = _SPF_TERM.fullmatch(term)
    if match is None:
        return _Spf() if "=" in term else _Spf(faults=(f"{term[:60]!r} is not a term",))
    sign, name, value, length = match[1], match[2].lower(), match[3] or "", match[4] or ""
    if "%" in value or name in {"ptr", "exists"}:
        return _Spf(terms=1, unknown=(term,))
    if name == "all":
        return _Spf(passes_all=sign in {"", "+"} and depth == 0)
    if name in {"include", "redirect"}:
        return _Spf(terms=1) + _read_spf(value, records, depth + 1)
    if name in {"ip4", "ip6"}:
        return _network(value + length, term) if not sign or sign == "+" else _Spf()
    host = value or domain
    needed: tuple[Lookup, ...] = ((host, "MX"),) if name == "mx" else ()
    hosts = [one.split()[-1].rstrip(".") for one in _values(records, host, "MX")] if name == "mx" else [host]
    needed += tuple((one, kind) for one in hosts if one for kind in ("A", "AAAA"))
    if length:
        return _Spf(needed=needed, terms=1, unknown=(term,))
    networks = tuple(ip_network(address) for one in hosts for address in _addresses(one, records))
    return _Spf(networks if sign in {"", "+"} else (), needed, 1)


def _network(text: str, term: str) -> _Spf:
    try:
        return _Spf(networks=(ip_network(text, strict=False),))
    except ValueError:
        return _Spf(faults=(f"{term[:60]!r} is not a network",))


def _spf(setup: MailSetup, records: DnsRecords) -> Iterator[Diagnosis]:
    domain = setup.bounce
    if records.get((domain, "TXT"), DnsAnswer()).failed:
        return
    spf = _read_spf(domain, records)
    texts = [text for text in _values(records, domain, "TXT") if text.lower().startswith("v=spf1")]
    publish = f"publish {zone_line(domain, 'TXT', _spf_record(setup, records))}"
    if not texts:
        yield error("dns", f"{domain} has no SPF record, so receivers distrust the sender", publish)
        return
    if spf.terms > LOOKUPS_MAX:
        fault = f"it needs {spf.terms} lookups, and {LOOKUPS_MAX} are allowed"
        yield error("dns", f"the SPF record of {domain} is an error: {fault}", "replace some include: by ip4: and ip6:")
    elif spf.faults:
        yield error("dns", f"the SPF record of {domain} is an error: {spf.faults[0]}", f"{publish} as the only one")
    elif spf.passes_all:
        yield warning("dns", f"the SPF record of {domain} lets everybody send (+all)", "end it with ~all or -all")
    else:
        yield from _spf_allows(setup, spf, records, publish)


def _spf_allows(setup: MailSetup, spf: _Spf, records: DnsRecords, publish: str) -> Iterator[Diagnosis]:
    """Compare the networks of the record with the addresses of the relays."""
    senders = (*setup.relays, *([setup.ehlo] if setup.ehlo else []))
    left_out = [
        f"{host} ({address})"
        for host in senders
        for address in _addresses(host, records)
        if not any(ip_address(address) in network for network in spf.networks)
    ]
    if left_out and not spf.unknown:
        yield warning(
            "dns",
            f"the SPF record of {setup.bounce} does not name {left_out[0]}",
            f"if your mail leaves from there, {publish}; a relay's provider may name another include:",
        )
    else:
        yield ok("dns", f"SPF of {setup.bounce}: {spf.terms} of {LOOKUPS_MAX} lookups")


def _spf_record(setup: MailSetup, records: DnsRecords) -> str:
    own = [f"ip{ip_address(one).version}:{one}" for one in _addresses(setup.ehlo, records)] if setup.ehlo else []
    senders = [*own, *(f"a:{host}" for host in setup.relays)]
    return " ".join(["v=spf1", *(senders or ["ip4:ADDRESS"]), "~all"])


def _dkim(setup: MailSetup, records: DnsRecords) -> Iterator[Diagnosis]:
    if setup.dkim is None:
        yield warning(
            "dns",
            "digestd does not sign with DKIM, so the relay must",
            f"check `dkim=pass` and the domain {setup.sender} in Authentication-Results of a digest that you got, or "
            "set DIGESTD_DKIM_DOMAIN, DIGESTD_DKIM_SELECTOR and DIGESTD_DKIM_KEY_FILE",
        )
        return
    name, value = setup.dkim
    answer = records.get((name, "TXT"), DnsAnswer())
    if answer.failed:
        return
    publish = f"publish {zone_line(name, 'TXT', value)}"
    keys = [_tags(text) for text in answer.values if "p=" in text]
    if not keys:
        yield error("dns", f"{name} has no DKIM key, so every signature fails", publish)
    elif len(keys) > 1:
        yield error("dns", f"{name} has {len(keys)} DKIM keys, and only one is allowed", f"{publish} as the only one")
    elif keys[0]["p"] != _tags(value)["p"]:
        yield error("dns", f"{name} has another DKIM key than DIGESTD_DKIM_KEY_FILE, so every signature fails", publish)
    elif "y" in keys[0].get("t", "").split(":"):
        yield warning("dns", f"the DKIM key at {name} is marked as a test (t=y)", publish)
    else:
        yield ok("dns", f"DKIM key at {name}")


def _dmarc(setup: MailSetup, records: DnsRecords) -> Iterator[Diagnosis]:
    names = [f"_dmarc.{domain}" for domain in _parents(setup.sender)]
    if any(records.get((name, "TXT"), DnsAnswer()).failed for name in names):
        return
    home, policy = _dmarc_policy(setup.sender, records)
    if policy is None:
        record = f"v=DMARC1; p=none; rua=mailto:postmaster@{setup.sender}"
        yield warning(
            "dns",
            f"{setup.sender} has no DMARC record, which large receivers require",
            f"publish {zone_line(f'_dmarc.{setup.sender}', 'TXT', record)}",
        )
        return
    by_dkim = bool(setup.signs_for) and _is_aligned(setup.signs_for, setup.sender, home, policy.get("adkim"))
    by_spf = _is_aligned(setup.bounce, setup.sender, home, policy.get("aspf"))
    if by_dkim or by_spf:
        yield ok("dns", f"DMARC of {home}: p={policy.get('p', 'none')}, aligned by {'DKIM' if by_dkim else 'SPF'}")
        return
    judge = error if policy.get("p", "none").lower() in {"quarantine", "reject"} else warning
    yield judge(
        "dns",
        f"mail from {setup.sender} fails DMARC: bounces go to {setup.bounce} and DKIM signs for "
        f"{setup.signs_for or 'an unknown domain'}",
        f"set DIGESTD_BOUNCE_ADDRESS or DIGESTD_DKIM_DOMAIN to {setup.sender} or a domain below it",
    )


def _dmarc_policy(domain: str, records: DnsRecords) -> tuple[str, dict[str, str] | None]:
    """Return the domain that has a DMARC record, from `domain` upwards, with its tags."""
    for one in _parents(domain):
        for text in _values(records, f"_dmarc.{one}", "TXT"):
            if text.lower().startswith("v=dmarc1"):
                return one, _tags(text)
    return domain, None


def _is_aligned(domain: str, sender: str, home: str, mode: str | None) -> bool:
    """Return True if a domain speaks for the sender; strictly (`s`) it must be the same."""
    return domain == sender if mode == "s" else domain == home or domain.endswith(f".{home}")


def _ptr(setup: MailSetup, records: DnsRecords) -> Iterator[Diagnosis]:
    """Check that the addresses of the sending host have names that lead back (FCrDNS)."""
    if not setup.ehlo:
        return
    if any(records.get((setup.ehlo, kind), DnsAnswer()).failed for kind in ("A", "AAAA")):
        return
    addresses = _addresses(setup.ehlo, records)
    if not addresses:
        yield warning(
            "dns",
            f"{setup.ehlo} has no address",
            f"publish {zone_line(setup.ehlo, 'A', 'ADDRESS')} with the address that your mail leaves from",
        )
    for address in addresses:
        pointer = ip_address(address).reverse_pointer
        names = _values(records, pointer, "PTR")
        remedy = f"let your provider publish {zone_line(pointer, 'PTR', f'{setup.ehlo}.')}"
        if records.get((pointer, "PTR"), DnsAnswer()).failed:
            continue
        if not names:
            yield warning("dns", f"{address} has no PTR record; many receivers refuse mail from it", remedy)
        elif not any(address in _addresses(name, records) for name in names):
            yield warning("dns", f"the PTR record of {address} names {names[0]}, which has another address", remedy)
        else:
            yield ok("dns", f"PTR of {address}: {names[0]}")


def _parents(domain: str) -> Sequence[str]:
    """Return a domain and those above it, without the top level."""
    labels = domain.split(".")
    return [".".join(labels[n:]) for n in range(max(1, len(labels) - 1))]


def _addresses(host: str, records: DnsRecords) -> list[str]:
    return [value for kind in ("A", "AAAA") for value in _values(records, host, kind)]


def _values(records: DnsRecords, name: str, kind: str) -> tuple[str, ...]:
    answer = records.get((name, kind), DnsAnswer())
    return tuple(value.rstrip(".") for value in answer.values) if kind == "PTR" else answer.values


def _tags(text: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in text.split(";"))
    return {name.strip().lower(): "".join(value.split()) for name, _, value in pairs if name.strip()}
