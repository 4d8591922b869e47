"""Delivery status notifications (RFC 3464): a group of fields for the mail, then one for each recipient.

Ours go to one recipient each, so the weightiest group speaks for the mail.
"""

from digestd.domain.bounce import BounceKind
from digestd.domain.bounce_status import kind_of, status_in
from digestd.replies.bounces.parsed_mail import Fields, Mail
from digestd.replies.bounces.report import Finding

_TYPE = "message/delivery-status"
_FAILED = ("fail", "error")  # OpenSMTPD says error, and some add a comment
_WENT_WELL = ("delivered", "relayed", "expanded")
_NOTHING = Finding(None)
_WEIGHT = (BounceKind.HARD, BounceKind.SOFT, BounceKind.POLICY, BounceKind.DELAYED)


def read(mail: Mail) -> Finding | None:
    """What the report says; a finding of nothing where all went well; None for any other mail."""
    groups = [fields for kind, fields in mail.groups if kind == _TYPE]
    found = [finding for group in groups if (finding := _of_recipient(group, mail)) is not None]
    if not found:
        return _NOTHING if any(group.first("action").lower().startswith(_WENT_WELL) for group in groups) else None
    worst = min(found, key=lambda one: _WEIGHT.index(one.kind) if one.kind in _WEIGHT else len(_WEIGHT))
    envelopes = tuple(value for group in groups for value in group.all("original-envelope-id"))
    return Finding(worst.kind, worst.status, envelopes)


def _of_recipient(group: Fields, mail: Mail) -> Finding | None:
    action = group.first("action").lower()
    words = group.first("diagnostic-code") or mail.words
    status = status_in(group.first("status"))
    if action.startswith("delayed"):
        return Finding(BounceKind.DELAYED, status)
    if action.startswith(_FAILED):
        return Finding(kind_of(status, words), _shown(status, words))
    return None


def _shown(status: str, words: str) -> str:
    """The code that decided: the one in the words where the report's own says nothing."""
    return (status_in(words) or status) if not status or status.endswith(".0.0") else status
