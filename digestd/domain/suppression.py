"""Suppressions: an address never to write to, and why. They outlive the subscriber."""

from enum import StrEnum

from digestd.domain.delivery import MailKind


class SuppressionReason(StrEnum):
    """Why an address is never written to."""

    HARD_BOUNCE = "hard_bounce"
    SOFT_BOUNCE = "soft_bounce"  # could not be reached for too long
    COMPLAINT = "complaint"
    REQUEST = "request"
    ERASED = "erased"


LIFTED_BY_SIGNUP = frozenset({SuppressionReason.HARD_BOUNCE, SuppressionReason.SOFT_BOUNCE})
"""Who signs up anew shows that the address works; the other reasons are somebody's will."""

LIFTED_BY_CONSENT = LIFTED_BY_SIGNUP | {SuppressionReason.ERASED}
"""The reasons that a confirmed double opt-in removes: who was erased may come back, but nobody else can bring them."""


def blocks_mail(kind: MailKind, reason: SuppressionReason | None) -> bool:
    """True if a mail of this kind must not go to an address that is suppressed for this reason.

    Only the mail that asks to confirm a new sign-up passes, and only where consent would heal the suppression.
    """
    return reason is not None and not (kind is MailKind.CONFIRM and reason in LIFTED_BY_CONSENT)
