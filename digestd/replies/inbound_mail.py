"""Parse an inbound mail both as a bounce report and as a command mail. Pure."""

from digestd.replies.bounces.classification import classify
from digestd.replies.bounces.parsed_mail import parse_mail
from digestd.replies.bounces.report import Classification
from digestd.replies.commands.command_mail import CommandMail, parse_command_mail


def parse_inbound_mail(raw: bytes, sent_to: tuple[str, ...] = ()) -> tuple[Classification, CommandMail]:
    """Return the bounce classification and the command mail of a raw mail.

    Args:
        raw: The mail as received.
        sent_to: Recipients of the SMTP envelope, if known.

    Raises:
        UnreadableMail: The mail cannot be parsed within the size limits.
    """
    mail = parse_mail(raw)
    return classify(mail, sent_to), parse_command_mail(mail)
