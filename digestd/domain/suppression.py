"""Suppressions: an address never to write to, and why. They outlive the subscriber."""

from enum import StrEnum


class SuppressionReason(StrEnum):
    """Why an address is never written to."""

    HARD_BOUNCE = "hard_bounce"
    SOFT_BOUNCE = "soft_bounce"  # could not be reached for too long
    COMPLAINT = "complaint"
    REQUEST = "request"
    ERASED = "erased"


HEALED_BY_CONSENT = frozenset({SuppressionReason.HARD_BOUNCE, SuppressionReason.SOFT_BOUNCE})
"""Who signs up anew shows that the address works; the other reasons are somebody's will."""
