"""Where a relay is, and how long it is waited for."""

import ssl
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class RelayTimeouts:
    """How many seconds an answer is waited for (RFC 5321 section 4.5.3.2).

    A shorter wait for the answer to the dot manufactures uncertainty, and with it duplicates.
    `mail`: everything before the dot together, however slowly a relay answers each command.
    """

    connect: float = 30.0
    command: float = 300.0
    mail: float = 600.0
    dot: float = 600.0


@dataclass(frozen=True, slots=True)
class Relay:
    """Where the relay is and how it is spoken to. `tls`: `none`, `starttls` or `implicit`."""

    host: str
    port: int
    tls: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ehlo: str = "localhost"
    context: ssl.SSLContext | None = None
    patience: RelayTimeouts = RelayTimeouts()

    @property
    def name(self) -> str:
        """What the operator knows it by; never a credential."""
        return f"{self.host}:{self.port}"
