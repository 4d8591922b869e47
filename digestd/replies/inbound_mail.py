"""Parse an inbound mail once, both as a bounce report and as a command mail. Pure."""

from typing import TypeAlias

from digestd.replies.bounces.formats import Classification, classify
from digestd.replies.commands.command_mail import CommandMail, parse_command_mail
from digestd.replies.parsed_mail import parse_mail

InboundMail: TypeAlias = tuple[Classification, CommandMail]


def parse_inbound_mail(raw: bytes, sent_to: tuple[str, ...] = ()) -> InboundMail:
    """Return the bounce classification and the command mail of a raw mail.

    Args:
        raw: The mail as received.
        sent_to: Recipients of the SMTP envelope, if known.

    Raises:
        UnreadableMail: The mail cannot be parsed within the size limits.
    """
    mail = parse_mail(raw)
    return classify(mail, sent_to), parse_command_mail(mail)
