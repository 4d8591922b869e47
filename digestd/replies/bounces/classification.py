"""A mail from the bounce mailbox, read: which form, what it says, and what in it may name a mail of ours."""

from digestd.replies.bounces.formats import FORMATS
from digestd.replies.bounces.parsed_mail import Fields, Mail, read_mail
from digestd.replies.bounces.report import Reading

NAMES_MAX = 20
"""So many addresses are looked at; whoever writes more hopes that one fits."""
_SENT_TO = (
    "delivered-to", "x-original-to", "envelope-to", "x-envelope-to", "x-delivered-to", "to", "apparently-to",
    "x-rcpt-to", "resent-to", "in-reply-to",
)  # fmt: skip
_RETURNED = ("return-path", "x-envelope-from", "errors-to", "x-original-envelope-id")
_IDS = ("message-id", "x-original-message-id", "x-ms-original-message-id")
_ALSO_OUTSIDE = ("in-reply-to", "references")


def read(raw: bytes, sent_to: tuple[str, ...] = ()) -> Reading:
    """Read a mail; `sent_to`: the recipients that the envelope named. Raises Unreadable."""
    return read_taken_apart(read_mail(raw), sent_to)


def read_taken_apart(mail: Mail, sent_to: tuple[str, ...] = ()) -> Reading:
    """The same of a mail that was taken apart already."""
    for via, form in FORMATS.items():
        finding = form(mail)
        if finding is not None:
            return Reading(finding, via, _envelopes(mail, (*sent_to, *finding.envelopes)), _ids(mail))
    return Reading(None, "", _envelopes(mail, sent_to), _ids(mail))


def _envelopes(mail: Mail, first: tuple[str, ...]) -> tuple[str, ...]:
    named = [*first, *_addresses(mail.fields, _SENT_TO), *_addresses(mail.returned, _RETURNED)]
    return tuple(dict.fromkeys(address for address in named if address))[:NAMES_MAX]


def _addresses(fields: Fields, names: tuple[str, ...]) -> list[str]:
    """What stands in these fields, word by word: some systems write no valid list of addresses."""
    words = [word for value in fields.all(*names) for word in value.replace(",", " ").split()]
    return [word.strip("<>;\"'") for word in words if "@" in word or "." in word]


def _ids(mail: Mail) -> tuple[str, ...]:
    """Return the Message-IDs of the mails that it answers or brings back."""
    ids = [word for value in mail.returned.all(*_IDS) for word in value.split()]
    ids += [word for value in mail.fields.all(*_ALSO_OUTSIDE) for word in value.split()]
    return tuple(dict.fromkeys(ids))[:NAMES_MAX]
