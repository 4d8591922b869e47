"""TLS contexts of both sides, from an authority that only tests trust."""

import ssl
from datetime import datetime

import trustme


def server_side(
    authority: trustme.CA, *names: str, not_before: datetime | None = None, not_after: datetime | None = None
) -> ssl.SSLContext:
    """Return the context of a server with these names, 127.0.0.1 if none."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    made = authority.issue_cert(*(names or ("127.0.0.1",)), not_before=not_before, not_after=not_after)
    made.configure_cert(context)
    return context


def client_side(authority: trustme.CA) -> ssl.SSLContext:
    """Return the context of a client that trusts the authority."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context
