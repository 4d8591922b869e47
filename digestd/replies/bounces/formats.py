"""Read a returned mail: the formats of bounces and complaints, and the identifiers that may name a mail of ours. Pure.

arf        complaint of a recipient, sent by their provider (RFC 5965)
dsn        report of a mail system (RFC 3464)
text       free text of older mail systems
automatic  out of office and other automatic replies: ignored

The first format of FORMATS that understands a mail decides, so strict ones come first.

A complaint is a report in the abuse reporting format (RFC 5965, RFC 6430), or the mail itself with the recipient in
`X-HmXmrOriginalRecipient`, as Outlook.com's Junk Mail Reporting Program (JMRP) returns it. Reports about DKIM or DMARC
use the same format (RFC 6591) but are no complaints; neither is `not-spam`.

A notification (RFC 3464) has one group of fields for the message and one for each recipient. Each of our mails has one
recipient, so the most severe group counts.

Text is of qmail, Exim, Postfix, DragonFly, Yahoo, gateways and others. A mail from a mail system is a bounce if its
text says so, in the words of cues and rules or in a form that flufl.bounce (https://fluflbounce.readthedocs.io/) knows.
A mail from anybody else needs a subject of a bounce as well, and is never a hard bounce, because a person may quote
anything. flufl.bounce gets a new message that holds only the text, bounded in size and line length: its patterns were
not written for hostile input. It finds addresses that failed, but not why; the kind comes from the table of bounce
rules.

Automatic replies (RFC 3834), read receipts and challenges go to the return path like bounces, but say nothing about the
address. Mail systems (Exim, DragonFly) mark bounces as automatic replies too, so their mails count as such only by
other signs.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.message import Message
from email.policy import compat32

from flufl.bounce import all_failures

from digestd.domain.bounce import BounceKind
from digestd.domain.bounce_rules import kind_of, names_failure, status_in
from digestd.replies.bounces import cues
from digestd.replies.bounces.cues import any_of
from digestd.replies.parsed_mail import HeaderFields, ParsedMail
from digestd.replies.subjects import is_automatic, read_subject
from digestd.security.addresses import complaint_tag


@dataclass(frozen=True, slots=True)
class BounceReport:
    """The content of a report as one format understood it.

    Attributes:
        kind: Kind of failure; None for mail to ignore, such as an automatic reply.
        status: RFC 3463 status such as `5.1.1`, or "".
        envelopes: Return paths and envelope ids (RFC 3461) that the report itself names.
    """

    kind: BounceKind | None
    status: str = ""
    envelopes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Classification:
    """An inbound mail as classified by the first format that understood it.

    Attributes:
        report: Content of the report; None if no format understood the mail.
        via: Name of that format (a key of FORMATS), or "".
        envelopes: Addresses and ids that may be a return path of ours.
        message_ids: Message-IDs of the returned mail. They prove nothing, because they travel with forwarded mails.
    """

    report: BounceReport | None
    via: str
    envelopes: tuple[str, ...]
    message_ids: tuple[str, ...]


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
    ids = [word for value in mail.returned_headers.all(*_MESSAGE_ID_HEADERS) for word in value.split()]
    ids += [word for value in mail.fields.all(*_REFERENCE_HEADERS) for word in value.split()]
    return tuple(dict.fromkeys(ids))[:CANDIDATES_MAX]


_ARF_TYPE = "message/feedback-report"
_COMPLAINTS = frozenset({"abuse", "fraud", "virus", "opt-out", "opt-out-list", "miscategorized"})
_JMRP_RECIPIENT = "x-hmxmroriginalrecipient"
_NO_COMPLAINTS = frozenset({"not-spam", "auth-failure", "dmarc", "dkim"})


def parse_arf(mail: ParsedMail) -> BounceReport | None:
    """Return the complaint, or kind None for other feedback types."""
    if any(fields.first(_JMRP_RECIPIENT) for fields in (mail.fields, mail.returned_headers)):
        return BounceReport(BounceKind.COMPLAINT)
    groups = [fields for kind, fields in mail.report_groups if kind == _ARF_TYPE]
    if not groups:
        return None
    feedback_types = {value.split(";")[0].strip().lower() for group in groups for value in group.all("feedback-type")}
    envelopes = tuple(value for group in groups for value in group.all("original-mail-from", "original-envelope-id"))
    if feedback_types & _COMPLAINTS:
        return BounceReport(BounceKind.COMPLAINT, "", envelopes)
    return BounceReport(None) if feedback_types & _NO_COMPLAINTS else None


_DSN_TYPE = "message/delivery-status"
_FAILED_ACTIONS = ("fail", "error", "expired")  # OpenSMTPD writes "error", SendGrid "expired"; some append a comment
_CHALLENGES = ("x-boxbe-notice",)
"""Types of diagnostic codes of services that ask the sender to confirm, in the form of a failure."""
_PHASE = re.compile(r"\(in reply to [a-z ]{1,30} command\)", re.IGNORECASE)
"""Postfix tells which command was refused, but not in the machine-readable part."""
_SUCCEEDED_ACTIONS = ("delivered", "relayed", "expanded")
_SEVERITY = (BounceKind.HARD, BounceKind.SOFT, BounceKind.POLICY, BounceKind.DELAYED)


def parse_dsn(mail: ParsedMail) -> BounceReport | None:
    """Return the most severe failure, or kind None if the report is about a success."""
    groups = [fields for kind, fields in mail.report_groups if kind == _DSN_TYPE]
    if any(group.first("diagnostic-code").lower().startswith(_CHALLENGES) for group in groups):
        return _IGNORED
    found = [report for group in groups if (report := _parse_recipient(group, mail)) is not None]
    if not found:
        return (
            _IGNORED if any(group.first("action").lower().startswith(_SUCCEEDED_ACTIONS) for group in groups) else None
        )
    worst = min(found, key=lambda report: _SEVERITY.index(report.kind) if report.kind in _SEVERITY else len(_SEVERITY))
    envelopes = tuple(value for group in groups for value in group.all("original-envelope-id"))
    return BounceReport(worst.kind, worst.status, envelopes)


def _parse_recipient(group: HeaderFields, mail: ParsedMail) -> BounceReport | None:
    action, status = group.first("action").lower(), status_in(group.first("status"))
    if action.startswith("delayed"):
        return BounceReport(BounceKind.DELAYED, status)
    if not action.startswith(_FAILED_ACTIONS) and (action or not status):
        return None
    diagnosis = group.first("diagnostic-code") or group.first("x-supplementary-info")  # IronPort
    text = without_original(mail.plain_text)
    phase = _PHASE.search(" ".join(text.split()))
    if diagnosis and phase is not None and phase[0] not in diagnosis:
        diagnosis = f"{diagnosis} {phase[0]}"
    kind = kind_of(status, diagnosis or f"{group.first('status')} {quoted_reply(text) or text}", text)
    return BounceReport(kind, _best_status(status, diagnosis or text))


def _best_status(status: str, text: str) -> str:
    """Return the specific status in the text, else the status field, else what there is."""
    said = status_in(text)
    return said if said and (not status or not said.endswith(".0.0")) else status or said


_HEADERS = ("from", "subject", "x-failed-recipients", "to", "x-mailer")
_TEXT_CHARS_MAX = 16 * 1024
_COPY, _QUOTED = any_of(cues.COPY), any_of(cues.QUOTED)
_REFUSAL = re.compile(r"\W{0,3}[45]\d\d[ -]")
"""A quoted reply that begins with its code decides alone: what stands around it are hints for readers."""
_OUR_SUBJECT = re.compile(r"^.{0,30}\b(subject|betreff|objet|asunto)\b.{0,10}:.*$", re.IGNORECASE | re.MULTILINE)
_BOUNCE_SUBJECT = any_of(cues.SUBJECT, r"\A(?!(?:re|fwd?|aw|wg|tr|rv):).{0,200}")
_FAILED, _DELAYED = any_of(cues.FAILED), any_of(cues.DELAYED)


def parse_text(mail: ParsedMail) -> BounceReport | None:
    """Return the failure that the text describes, or None if it is not recognised."""
    by_system = mail.is_from_mail_system or mail.report_type == "delivery-status"
    has_subject = _BOUNCE_SUBJECT.search(read_subject(mail.fields)) is not None
    if parse_automatic(mail) is not None or not (by_system or has_subject):
        return None
    text = without_original(mail.plain_text[:_TEXT_CHARS_MAX])
    delayed, failed = _find_addresses(mail)
    if not delayed and not failed:
        delayed = _DELAYED.search(text) is not None
        failed = (
            _FAILED.search(text) is not None
            or bool(mail.fields.first("x-failed-recipients"))
            or (by_system and (has_subject or names_failure(text)))
        )
    if delayed and not (failed and by_system and "permanent" in text.lower()):
        return BounceReport(BounceKind.DELAYED, status_in(text))
    if not failed:
        return None
    quoted = quoted_reply(text)
    kind = kind_of("", quoted) if _REFUSAL.match(quoted) else kind_of("", quoted, text)
    return BounceReport(kind if by_system or kind is not BounceKind.HARD else BounceKind.SOFT, status_in(text))


def without_original(text: str) -> str:
    """Cut off the copy of our own mail and its subject, whose words would be misread as a bounce."""
    copy = _COPY.search(text)
    return _OUR_SUBJECT.sub("", text[: copy.start()] if copy else text)


def quoted_reply(text: str) -> str:
    """Return the paragraph with the first quoted reply of another server, or "" if none is quoted."""
    found = _QUOTED.search(text)
    return text[found.end() :].lstrip().partition("\n\n")[0] if found else ""


def _find_addresses(mail: ParsedMail) -> tuple[bool, bool]:
    """Return whether flufl.bounce finds an address that is delayed, and one that failed."""
    try:
        delayed, failed = all_failures(_bounded_message(mail))
    except Exception:  # a detector that fails has not understood the mail
        return False, False
    return bool(delayed), bool(failed)


def _bounded_message(mail: ParsedMail) -> "Message[str, str]":
    """Return a new message with the plain text and few headers, for flufl.bounce."""
    message: Message[str, str] = Message(policy=compat32)
    if not mail.fields.first("from"):
        message["from"] = "<>"
    for name in _HEADERS:
        for value in mail.fields.all(name)[:1]:
            message[name] = value
    message.set_type(mail.content_type if mail.content_type.startswith("text/") else "text/plain")
    message.set_payload(mail.plain_text[:_TEXT_CHARS_MAX].encode("ascii", "replace").decode())
    return message


_IGNORED = BounceReport(None)
_AUTO_REPLY_HEADERS = (
    "x-autoreply", "x-autorespond", "x-autoresponse", "x-auto-reply-from", "x-mail-autoreply", "x-boxtrapper",
    "x-tmda-fingerprint", "x-challenge",
)  # fmt: skip
_PRECEDENCE = frozenset({"auto_reply", "auto-reply", "junk"})
_REPORT_TYPES = frozenset({"disposition-notification"})


def parse_automatic(mail: ParsedMail) -> BounceReport | None:
    """Return a report of kind None for an automatic reply; None for any other mail."""
    return _IGNORED if has_automatic_headers(mail) or is_automatic(read_subject(mail.fields)) else None


def has_automatic_headers(mail: ParsedMail) -> bool:
    """Return True if the headers, and not only the subject, tell that a program replied."""
    fields = mail.fields
    if any(fields.first(name) for name in _AUTO_REPLY_HEADERS):
        return True
    if mail.is_from_mail_system:
        return False
    submitted = fields.first("auto-submitted").lower()
    return bool(
        (submitted and not submitted.startswith("no"))
        or fields.first("x-auto-response-suppress")
        or mail.report_type in _REPORT_TYPES
        or fields.first("precedence").lower() in _PRECEDENCE
    )


FORMATS: Mapping[str, Callable[[ParsedMail], BounceReport | None]] = {
    "arf": parse_arf,
    "dsn": parse_dsn,
    "text": parse_text,
    "automatic": parse_automatic,
}
"""Each parser returns None for a mail in another format, and a report of kind None for a mail to ignore."""
