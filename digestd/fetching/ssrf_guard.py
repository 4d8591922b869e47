"""Guard against SSRF: tell public addresses from those of this machine or its network.

The networks are those of IANA's registries of special-purpose addresses (RFC 6890 and its updates),
written out here because Python's `is_global` has changed its mind between releases
(python/cpython#113171). An IPv6 address that carries an IPv4 address is judged by both.
"""

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address

PORTS = frozenset({80, 443})
"""Ports that a redirect may use: the web and no other service."""

_PRIVATE_4 = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",  # this network
            "10.0.0.0/8",  # private
            "100.64.0.0/10",  # carriers' own (CGNAT)
            "127.0.0.0/8",  # this machine
            "169.254.0.0/16",  # this link, and the clouds' metadata
            "172.16.0.0/12",  # private
            "192.0.0.0/24",  # protocol assignments
            "192.0.2.0/24",  # documentation
            "192.31.196.0/24",  # AS112
            "192.52.193.0/24",  # AMT
            "192.88.99.0/24",  # 6to4 relays
            "192.168.0.0/16",  # private
            "192.175.48.0/24",  # AS112
            "198.18.0.0/15",  # benchmarks
            "198.51.100.0/24",  # documentation
            "203.0.113.0/24",  # documentation
            "224.0.0.0/4",  # multicast
            "240.0.0.0/4",  # reserved, and broadcast
        ),
    )
)
_PUBLIC_6 = IPv6Network("2000::/3")
"""Address blocks assigned to the public internet. Everything else is special or unassigned."""
_PRIVATE_6 = tuple(
    map(
        IPv6Network,
        (
            "2001::/23",  # protocol assignments, Teredo among them
            "2001:db8::/32",  # documentation
            "2002::/16",  # 6to4
            "2620:4f:8000::/48",  # AS112
            "3fff::/20",  # documentation
        ),
    )
)
_NAT64 = IPv6Network("64:ff9b::/96")
_MAPPED = IPv6Network("::ffff:0:0/96")
_ISATAP = frozenset({0x00005EFE, 0x02005EFE})
_HERE = frozenset({"localhost", "local", "internal", "intranet", "private", "corp", "home", "lan", "localdomain"})
_HERE |= {"arpa", "onion", "test", "invalid", "example", "alt"}
"""Last parts of names that mean something here or nothing at all (RFC 6761, 6762, 8375, 9476; ICANN's `internal`)."""
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_NUMBER = re.compile(r"\d+|0x[0-9a-f]*")


def is_public(address: Address) -> bool:
    """Return True for an address on the public internet."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _PRIVATE_4)
    if address.scope_id is not None:
        return False
    if address in _NAT64 or address in _MAPPED:
        return is_public(IPv4Address(int(address) & 0xFFFFFFFF))
    if address not in _PUBLIC_6 or any(address in network for network in _PRIVATE_6):
        return False
    if int(address) >> 32 & 0xFFFFFFFF in _ISATAP:
        return is_public(IPv4Address(int(address) & 0xFFFFFFFF))
    return True


def is_forbidden(address: Address) -> bool:
    """Return True for an address that nobody may name as a source.

    Link-local (cloud metadata), multicast, unspecified and reserved addresses.
    """
    if isinstance(address, IPv6Address) and (address in _NAT64 or address in _MAPPED):
        address = IPv4Address(int(address) & 0xFFFFFFFF)
    if address.is_link_local or address.is_multicast or address.is_unspecified:
        return True
    return isinstance(address, IPv4Address) and address.is_reserved


def why_not_public(scheme: str, user: str, host: str, port: int | None) -> str | None:
    """Return what is wrong with an address from outside, or None if it may pass.

    A name that passes still has to be resolved and its addresses checked by `is_public`.
    """
    if scheme not in {"http", "https"} or not host:
        return "what is not a web address"
    if user:
        return "an address with a user's name in it"
    if port is not None and port not in PORTS:
        return f"port {port}, where no web server is to be expected"
    return _why_host(host.lower())


def _why_host(host: str) -> str | None:
    if ":" in host or "%" in host or "[" in host:
        return _why_literal(host)
    labels = host.removesuffix(".").split(".")
    if _NUMBER.fullmatch(labels[-1]):
        return _why_literal(host)
    if not all(_LABEL.fullmatch(label) for label in labels) or len(host) > 253:
        return "what is no name of a host"
    if len(labels) < 2 or labels[-1] in _HERE:
        return f"{host}, which is inside this network"
    return None


def _why_literal(host: str) -> str | None:
    """Check a numeric host: only the form of RFC 3986 passes, not all that inet_aton(3) reads."""
    try:
        address = ip_address(host)
    except ValueError:
        return "an address that is written in no usual form"
    return None if is_public(address) else f"{host}, which is inside this network"
