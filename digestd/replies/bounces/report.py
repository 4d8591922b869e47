"""Values that describe an inbound mail before anything in it is proven."""

from dataclasses import dataclass

from digestd.domain.bounce import BounceKind


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
