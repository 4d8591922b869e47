"""What to do after a reply that was not 250: pure decisions on SMTP codes.

Relay problems are not subscriber problems: only a 5xx to RCPT or to the dot is about this
mail, unless unusually many get one; everything before stops the lane.
Source: RFC 5321 sections 4.2 and 4.5.4, RFC 3463.
"""

import re
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from digestd.domain.backoff import Backoff

MAIL_BACKOFF = Backoff.doubling(timedelta(minutes=5), timedelta(hours=1), jitter=0.2)
"""For a delivery that was refused for now."""
RELAY_BACKOFF = Backoff(tuple(timedelta(minutes=m) for m in (1, 2, 5, 10, 20, 40, 60)))
"""For a relay whose connections fail."""


class Stage(StrEnum):
    """How far a transaction had come."""

    SESSION = "session"  # connect, banner, EHLO, TLS, AUTH
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    DOT = "dot"


SAME_REFUSALS_STOP = {Stage.DOT: 5, Stage.RCPT: 25}
"""So many 5xx with one code in one run and nothing accepted in between: a broken mail, or a relay that is set up
wrongly, not bad subscribers."""
REFUSED_STOP = 25
"""5xx answers in one run that stop the relay whatever their codes, if they outnumber the accepted mails."""


class Verdict(StrEnum):
    """What a reply means for the delivery and for the lane."""

    LATER = "later"  # this delivery again later
    NEVER = "never"  # this delivery never, once others show that the refusal is about it
    LANE = "lane"  # the relay will not serve us now: stop, no subscriber is to blame
    LESS = "less"  # likewise, and it asks for fewer mails


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply of the relay. `code` 0 or below: none, or none that could be read."""

    code: int
    text: str = ""

    @property
    def enhanced(self) -> str:
        """The RFC 3463 status, as `5.1.1`; empty if there is none."""
        match = re.match(r"([245]\.\d{1,3}\.\d{1,3})\b", self.text)
        return match[1] if match else ""

    @property
    def queue_id(self) -> str | None:
        """The relay's name for the message, where its 250 tells (Postfix: `queued as ABC123`)."""
        match = re.search(r"\bqueued as ([A-Za-z0-9]{4,60})\b", self.text)
        return match[1] if match else None


def verdict(stage: Stage, reply: Reply) -> Verdict:
    """What a reply other than success at `stage` means (reliability: SMTP outcome classes)."""
    if _slows_down(reply):
        return Verdict.LESS
    if stage not in {Stage.RCPT, Stage.DOT}:
        return Verdict.LANE
    if 400 <= reply.code < 500:
        return Verdict.LATER
    if 500 <= reply.code < 600:
        return Verdict.NEVER
    return Verdict.LANE


def _slows_down(reply: Reply) -> bool:
    """Whether the relay asks for less of everything: 421, 454, 4.7.x, and 452 unless one mailbox is full (4.2.x)."""
    if reply.code == 452:
        return not reply.enhanced.startswith("4.2.")
    return reply.code in {421, 454} or reply.enhanced.startswith("4.7.")
