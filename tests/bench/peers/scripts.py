"""Mail digests one after another with smtplib, as scripts do.

`mimetext` is the form of most arXiv scripts, `reconnect` opens a connection for each mail as rss2email does, and
`emailmessage` uses the newer classes of the standard library.
"""

import smtplib
import sys
from collections.abc import Iterable
from email.message import EmailMessage
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from pathlib import Path
from typing import Any

from tests.bench.peers.digests import SENDER, headers, read_digests, render


def main(form: str, port: int, folder: Path, count: int) -> None:
    """Mail the first `count` digests."""
    digests = read_digests(folder, count)
    if form == "reconnect":
        for digest in digests:
            send(form, port, [digest])
    else:
        send(form, port, digests)


def send(form: str, port: int, digests: Iterable[dict[str, Any]]) -> None:
    """Mail digests over one connection."""
    with smtplib.SMTP("127.0.0.1", port) as relay:
        for digest in digests:
            if form == "emailmessage":
                relay.send_message(email_message(digest))
            else:
                relay.sendmail(SENDER, digest["address"], mime_text(digest).as_string())


def mime_text(digest: dict[str, Any]) -> MIMEMultipart:
    """Return a mail of MIMEText parts, which are in base64."""
    html, text = render(digest)
    mail = MIMEMultipart("alternative")
    for name, value in headers(digest).items():
        mail[name] = value
    mail.attach(MIMEText(text, "plain", "utf-8"))
    mail.attach(MIMEText(html, "html", "utf-8"))
    return mail


def email_message(digest: dict[str, Any]) -> EmailMessage:
    """Return an EmailMessage."""
    html, text = render(digest)
    mail = EmailMessage()
    for name, value in headers(digest).items():
        mail[name] = value
    mail.set_content(text)
    mail.add_alternative(html, subtype="html")
    return mail


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]))
