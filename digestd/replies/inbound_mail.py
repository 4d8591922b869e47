"""A mail that came in, read once for both that it may be: a report on a mail of ours, and a letter of a person."""

from digestd.replies.bounces.classification import read_taken_apart
from digestd.replies.bounces.parsed_mail import read_mail
from digestd.replies.bounces.report import Reading
from digestd.replies.commands.command_mail import Letter, read_letter


def read(raw: bytes, sent_to: tuple[str, ...] = ()) -> tuple[Reading, Letter]:
    """Read a mail; `sent_to`: the recipients that the envelope named. Raises Unreadable."""
    mail = read_mail(raw)
    return read_taken_apart(mail, sent_to), read_letter(mail)
