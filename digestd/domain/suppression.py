"""Suppressions: addresses that must get no mail, and why.

They outlive the subscriber.
"""

from enum import StrEnum

from digestd.domain.delivery import MailKind


class SuppressionReason(StrEnum):
    """The reason why an address gets no mail."""

    HARD_BOUNCE = "hard_bounce"
    SOFT_BOUNCE = "soft_bounce"  # could not be reached for too long
    COMPLAINT = "complaint"
    REQUEST = "request"
    ERASED = "erased"


LIFTED_BY_SIGNUP = frozenset({SuppressionReason.HARD_BOUNCE, SuppressionReason.SOFT_BOUNCE})
"""Reasons that a new sign-up disproves; the others are somebody's decision."""

LIFTED_BY_CONSENT = LIFTED_BY_SIGNUP | {SuppressionReason.ERASED}
"""Reasons that a confirmed double opt-in lifts: an erased person may come back, but only by their own confirmation.

"""


def blocks_mail(kind: MailKind, reason: SuppressionReason | None) -> bool:
    """Return True if a suppression for this reason stops a mail of this kind.

    Only the confirmation mail of a new sign-up passes, if consent would lift the suppression.
    """
    return reason is not None and not (kind is MailKind.CONFIRM and reason in LIFTED_BY_CONSENT)
