"""Classify a mail from the bounce mailbox.

The classification holds its format, its content, and the identifiers that may name a mail of ours.
"""

from digestd.replies.bounces.formats import FORMATS
from digestd.replies.bounces.parsed_mail import HeaderFields, ParsedMail
from digestd.replies.bounces.report import Classification
from digestd.security.links import complaint_tag

CANDIDATES_MAX = 20
"""Number of identifiers that are checked; a mail with more may be an attempt to guess one."""
_RECIPIENT_HEADERS = (
    "delivered-to", "x-original-to", "envelope-to", "x-envelope-to", "x-delivered-to", "to", "apparently-to",
    "x-rcpt-to", "resent-to", "in-reply-to",
)  # fmt: skip
_RETURN_PATH_HEADERS = ("return-path", "x-envelope-from", "errors-to", "x-original-envelope-id")
_MESSAGE_ID_HEADERS = ("message-id", "x-original-message-id", "x-ms-original-message-id")
_REFERENCE_HEADERS = ("in-reply-to", "references")


def classify(mail: ParsedMail, sent_to: tuple[str, ...] = ()) -> Classification:
    """Return the classification by the first format that understands the mail."""
    for via, parse in FORMATS.items():
        report = parse(mail)
        if report is not None:
            return Classification(report, via, _envelopes(mail, (*sent_to, *report.envelopes)), _message_ids(mail))
    return Classification(None, "", _envelopes(mail, sent_to), _message_ids(mail))


def _envelopes(mail: ParsedMail, first: tuple[str, ...]) -> tuple[str, ...]:
    """Return `first` and the addresses in headers that may hold our return path."""
    found = [
        *first,
        *_addresses(mail.fields, _RECIPIENT_HEADERS),
        *_addresses(mail.returned_headers, _RETURN_PATH_HEADERS),
        *map(complaint_tag, mail.returned_headers.all("cfbl-feedback-id")),
    ]
    return tuple(dict.fromkeys(address for address in found if address))[:CANDIDATES_MAX]


def _addresses(fields: HeaderFields, names: tuple[str, ...]) -> list[str]:
    """Return the words of these headers that look like addresses.

    A parser of address lists would fail, because some systems write no valid list.
    """
    words = [word for value in fields.all(*names) for word in value.replace(",", " ").split()]
    return [word.strip("<>;\"'") for word in words if "@" in word or "." in word]


def _message_ids(mail: ParsedMail) -> tuple[str, ...]:
    """Return the Message-IDs of the mails that this one returns or answers."""
    ids = [word for value in mail.returned_headers.all(*_MESSAGE_ID_HEADERS) for word in value.split()]
    ids += [word for value in mail.fields.all(*_REFERENCE_HEADERS) for word in value.split()]
    return tuple(dict.fromkeys(ids))[:CANDIDATES_MAX]
