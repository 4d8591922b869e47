"""What a mail that came in says, before anybody has checked whether it may say so."""

from dataclasses import dataclass

from digestd.domain.bounce import BounceKind


@dataclass(frozen=True, slots=True)
class Finding:
    """What one form of mail was understood to say. `kind` is None for what needs no reading at all."""

    kind: BounceKind | None
    status: str = ""
    envelopes: tuple[str, ...] = ()
    """Return paths and envelope ids (RFC 3461) that the report itself names."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A mail as read: what was found in it, by which form, and everything in it that may name a mail of ours.

    `finding` is None where no form understood it. `envelopes` are addresses and ids that may be a
    return path of ours; `message_ids` come from the mail that was returned in it, and prove nothing.
    """

    finding: Finding | None
    via: str
    envelopes: tuple[str, ...]
    message_ids: tuple[str, ...]
