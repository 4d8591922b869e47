"""Scopes of API tokens."""

from enum import StrEnum


class Scope(StrEnum):
    """A permission of a token.

    A token without `read` learns nothing about a subscriber.
    """

    READ = "read"  # papers, digests, deliveries, and subscribers with their addresses and interests
    WRITE = "write"  # add and change subscribers, pause, resume and unsubscribe them; sign people up
    SIGNUP = "signup"  # sign people up, as the form on the front page does
    VOUCH = "vouch"  # with write: act without a subscriber's confirmation; the operator answers for their consent
    ERASE = "erase"  # erase subscribers, which cannot be undone
    METRICS = "metrics"  # /metrics and /readyz
    ADMIN = "admin"  # /admin, the operators' page
