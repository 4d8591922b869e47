"""Short ways to send mail to a test relay."""

import ssl

from digestd.delivery.transports import open_routes
from digestd.delivery.transports.smtp.connection import SmtpTransport
from digestd.delivery.transports.smtp.session import Relay, RelayTimeouts
from digestd.delivery.transports.transport import OutgoingMail, Transport

LONG_TIMEOUTS = RelayTimeouts(connect=60, command=60, mail=120, final_dot=60)
SHORT_TIMEOUTS = RelayTimeouts(connect=1.5, command=1.5, mail=60, final_dot=1.5)
"""Timeouts for a silent relay; with others a busy machine must not count as silent."""
MAIL = OutgoingMail(
    "bounce+1.1.x@example.org",
    "ada@example.net",
    b"Message-ID: <one@example.org>\r\nSubject: x\r\n\r\nHello.\r\n",
)


def transport(
    port: int, tls: str = "none", context: ssl.SSLContext | None = None, patience: RelayTimeouts = LONG_TIMEOUTS
) -> Transport:
    """Return a transport to 127.0.0.1."""
    return SmtpTransport(Relay("127.0.0.1", port, tls, context=context, timeouts=patience))


def timeouts_for(act: str) -> RelayTimeouts:
    """Return short timeouts for a relay that falls silent, else long ones."""
    return SHORT_TIMEOUTS if act == "silence" else LONG_TIMEOUTS


def one_route(url: str) -> Transport:
    """Return the transport of a URL with a single route."""
    [route] = open_routes(url)
    return route.transport
