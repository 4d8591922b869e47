"""Open a session to a relay with aiosmtplib: connect, EHLO, TLS and AUTH.

`Relay` is its address, its credentials and how long to wait for its answers.
"""

import asyncio
import ssl
from dataclasses import dataclass, field
from typing import cast

from aiosmtplib import SMTP, SMTPException
from aiosmtplib.errors import SMTPAuthenticationError

from digestd.delivery.transports.smtp.stream import SmtpStream, printable
from digestd.errors import ConnectionFailed, RelayFailed


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


@dataclass(frozen=True, slots=True)
class SmtpSession:
    """A session ready for mails.

    It records whether the relay offers PIPELINING (RFC 2920) and DSN (RFC 3461).
    """

    stream: SmtpStream
    pipelining: bool
    dsn: bool


async def open_session(relay: Relay) -> SmtpSession:
    """Connect, start TLS and log in.

    Raises:
        ConnectionFailed: It cannot be reached or refuses this connection.
        RelayFailed: It does not accept the credentials.
    """
    client = SMTP(
        hostname=relay.host,
        port=relay.port,
        username=relay.username,
        password=relay.password,
        local_hostname=relay.ehlo,
        timeout=relay.timeouts.connect,
        use_tls=relay.tls == "implicit",
        start_tls=relay.tls == "starttls",
        tls_context=relay.context,
    )
    try:
        await client.connect()
        if client.is_ehlo_or_helo_needed:  # aiosmtplib sends EHLO only before its own commands
            await client.ehlo()
    except SMTPAuthenticationError as error:
        client.close()
        raise RelayFailed(
            f"relay {relay.name} refuses the user name or password ({error.code} {error.message}); "
            "correct DIGESTD_TRANSPORT_URL"
        ) from error
    except (SMTPException, OSError, EOFError) as error:
        client.close()
        raise ConnectionFailed(f"relay {relay.name}: {error_text(error)}; digestd will retry later") from error
    except BaseException:
        client.close()
        raise
    transport = cast("asyncio.Transport | None", client.transport)  # other event loops have classes of their own
    if transport is None or transport.is_closing():
        raise ConnectionFailed(f"relay {relay.name} closed the connection; digestd will retry later")
    return SmtpSession(
        SmtpStream(transport, asyncio.get_running_loop()),
        client.supports_extension("pipelining"),
        client.supports_extension("dsn"),
    )


def error_text(error: BaseException) -> str:
    return printable(str(error).encode("utf-8", "surrogateescape"), 300) or type(error).__name__
