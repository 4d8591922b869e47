"""SMTP near the wire's limit: aiosmtplib connects, our own protocol carries the mails.

relay     where a relay is, and how long it is waited for
session   connect, EHLO, TLS and AUTH by aiosmtplib; what the relay offers
replies   bytes → replies
wire      one connection: what is written, what is answered, what has certainly not left
channel   mails over a session: envelopes in one write where the relay takes that, else command by command

`send()` and `sendmail()` of a library cannot tell a mail stored from one refused when the line
drops, so they are never used. TLS is required off this machine unless the URL says `tls=none`.
"""

from digestd.transports.smtp.connection import SmtpConnection, SmtpTransport
from digestd.transports.smtp.relay import Relay, RelayTimeouts

__all__ = ["Relay", "RelayTimeouts", "SmtpConnection", "SmtpTransport"]
