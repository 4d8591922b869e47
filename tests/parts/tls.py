"""Both sides of a TLS connection, by an authority that nobody else trusts."""

import ssl
from datetime import datetime

import trustme


def server_side(
    authority: trustme.CA, *names: str, not_before: datetime | None = None, not_after: datetime | None = None
) -> ssl.SSLContext:
    """For a server of these names; of 127.0.0.1 if none is given."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    made = authority.issue_cert(*(names or ("127.0.0.1",)), not_before=not_before, not_after=not_after)
    made.configure_cert(context)
    return context


def client_side(authority: trustme.CA) -> ssl.SSLContext:
    """For whoever trusts the authority."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context
