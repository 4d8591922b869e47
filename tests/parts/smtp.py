"""Short ways to hand mail to a relay of ours."""

import ssl

from digestd.transports import Mail, Transport, open_routes
from digestd.transports.smtp import Patience, Relay, SmtpTransport

SHORT = Patience(connect=5, command=1.5, dot=1.5)
MAIL = Mail(
    "bounce+1.1.x@example.org",
    "ada@example.net",
    b"Message-ID: <one@example.org>\r\nSubject: x\r\n\r\nHello.\r\n",
)


def transport(port: int, tls: str = "none", context: ssl.SSLContext | None = None) -> Transport:
    """A transport to 127.0.0.1 that loses its patience soon."""
    return SmtpTransport(Relay("127.0.0.1", port, tls, context=context, patience=SHORT))


def one_route(url: str) -> Transport:
    """The transport of an URL that names one."""
    [route] = open_routes(url)
    return route.transport
