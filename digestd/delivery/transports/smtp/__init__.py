"""Fast SMTP.

aiosmtplib connects and authenticates, our own protocol code transfers the mails.

`session` describes a relay (`Relay`) and connects, `stream` sends bytes and knows what has certainly not been sent,
and `connection` carries mails, with pipelined envelopes where the relay allows them.
A library's `send()` cannot tell a stored mail from a refused one when the connection breaks, so it is not used.
TLS is required for other hosts unless the URL says `tls=none`.
"""
