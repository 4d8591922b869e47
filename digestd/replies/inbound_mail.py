"""Parse an inbound mail, both as a bounce report and as a command. Pure."""

from dataclasses import dataclass
from typing import TypeAlias

from digestd.domain.interest import TopicHint
from digestd.replies.bounces.formats import Classification, classify
from digestd.replies.commands.command_mail import CommandMail, parse_command_mail
from digestd.replies.parsed_mail import parse_mail


@dataclass(frozen=True, slots=True)
class ReceivedMail:
    """A mail, a bounce or a command, with the context of its delivery.

    Attributes:
        sent_to: Addresses that it may have been delivered to, from the envelope and the headers.
        message_ids: Message-IDs that it refers to.
        fingerprint: Hash of the raw mail, to recognise duplicates.
        hints: Hints about the topics that it adds.
    """

    mail: CommandMail
    sent_to: tuple[str, ...]
    message_ids: tuple[str, ...]
    fingerprint: str
    hints: tuple[TopicHint, ...] = ()


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
