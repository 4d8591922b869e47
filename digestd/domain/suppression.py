"""Suppressions: an address never to write to, and why. They outlive the subscriber."""

from enum import StrEnum


class SuppressionReason(StrEnum):
    """Why an address is never written to."""

    HARD_BOUNCE = "hard_bounce"
    COMPLAINT = "complaint"
    REQUEST = "request"
    ERASED = "erased"
