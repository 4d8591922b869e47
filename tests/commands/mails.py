"""Build mails as mail programs write them."""

from email.message import EmailMessage

from digestd.replies.commands.command_mail import CommandMail
from digestd.replies.inbound_mail import parse_inbound_mail


def mail(body: str = "", subject: str = "", sender: str = "Ada <ada@example.net>", **headers: str) -> bytes:
    """Return a plain-text mail. Write `_` for `-` in the names of `headers`."""
    made = EmailMessage()
    made["From"] = sender
    made["To"] = headers.pop("to", "digest@example.org")
    made["Subject"] = subject
    made["Message-ID"] = headers.pop("message_id", "<a.letter@example.net>")
    for name, value in headers.items():
        made[name.replace("_", "-")] = value
    made.set_content(body)
    return made.as_bytes()


def letter(raw: bytes) -> CommandMail:
    return parse_inbound_mail(raw)[1]
