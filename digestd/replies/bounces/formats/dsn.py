"""Parse delivery status notifications (RFC 3464).

A notification has one group of fields for the message and one for each recipient.

Each of our mails has one recipient, so the most severe group counts.
"""

import re

from digestd.domain.bounce import BounceKind
from digestd.domain.bounce_status import kind_of, status_in
from digestd.replies.bounces.formats.free_text import quoted_reply, without_original
from digestd.replies.bounces.parsed_mail import HeaderFields, ParsedMail
from digestd.replies.bounces.report import BounceReport

_TYPE = "message/delivery-status"
_FAILED = ("fail", "error", "expired")  # OpenSMTPD writes "error", SendGrid "expired"; some append a comment
_CHALLENGES = ("x-boxbe-notice",)
"""Types of diagnostic codes of services that ask the sender to confirm, in the form of a failure."""
_PHASE = re.compile(r"\(in reply to [a-z ]{1,30} command\)", re.IGNORECASE)
"""Postfix tells which command was refused, but not in the machine-readable part."""
_SUCCEEDED = ("delivered", "relayed", "expanded")
_IGNORED = BounceReport(None)
_SEVERITY = (BounceKind.HARD, BounceKind.SOFT, BounceKind.POLICY, BounceKind.DELAYED)


def parse(mail: ParsedMail) -> BounceReport | None:
    """Return the most severe failure, or kind None if the report is about a success."""
    groups = [fields for kind, fields in mail.report_groups if kind == _TYPE]
    if any(group.first("diagnostic-code").lower().startswith(_CHALLENGES) for group in groups):
        return _IGNORED
    found = [report for group in groups if (report := _parse_recipient(group, mail)) is not None]
    if not found:
        return _IGNORED if any(group.first("action").lower().startswith(_SUCCEEDED) for group in groups) else None
    worst = min(found, key=lambda report: _SEVERITY.index(report.kind) if report.kind in _SEVERITY else len(_SEVERITY))
    envelopes = tuple(value for group in groups for value in group.all("original-envelope-id"))
    return BounceReport(worst.kind, worst.status, envelopes)


def _parse_recipient(group: HeaderFields, mail: ParsedMail) -> BounceReport | None:
    action, status = group.first("action").lower(), status_in(group.first("status"))
    if action.startswith("delayed"):
        return BounceReport(BounceKind.DELAYED, status)
    if not action.startswith(_FAILED) and (action or not status):
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
