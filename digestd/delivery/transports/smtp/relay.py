"""A relay: its address and credentials, and how long to wait for its answers."""

import ssl
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class RelayTimeouts:
    """Seconds to wait for answers (RFC 5321 section 4.5.3.2).

    A shorter wait for the answer to the final dot causes uncertain deliveries, and with them duplicates.

    Attributes:
        connect: For connecting, TLS and login.
        command: For each answer before the final dot.
        mail: For everything before the final dot together.
        final_dot: For the answer to the final dot.
    """

    connect: float = 30.0
    command: float = 300.0
    mail: float = 600.0
    final_dot: float = 600.0


@dataclass(frozen=True, slots=True)
class Relay:
    """Address, credentials and TLS mode (`none`, `starttls` or `implicit`) of a relay."""

    host: str
    port: int
    tls: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ehlo: str = "localhost"
    context: ssl.SSLContext | None = None
    timeouts: RelayTimeouts = RelayTimeouts()

    @property
    def name(self) -> str:
        """Return `host:port`, the name for the operator; it contains no credential."""
        return f"{self.host}:{self.port}"
