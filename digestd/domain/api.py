"""The API's words: what a token may do."""

from enum import StrEnum


class Scope(StrEnum):
    """What a token may do; one does not include another."""

    READ = "read"
    WRITE = "write"
    ERASE = "erase"  # forget subscribers, which cannot be undone
    VOUCH = "vouch"  # add subscribers without asking them to confirm; the operator answers for their consent
