"""Decide what to do after an SMTP reply other than success.

Pure decisions on reply codes.

Problems of the relay are not problems of a subscriber: only a reply to RCPT or to the final dot is about this mail,
unless unusually many get one. Any other refusal pauses the relay. A request for fewer mails that answers RCPT, such as
greylisting, comes from the recipient's domain and slows that domain only. A lost or absurd answer to RCPT is about
this mail too.
Source: RFC 5321 sections 4.2 and 4.5.4, RFC 3463.
"""

from datetime import timedelta
from enum import StrEnum

from digestd.delivery.transports.transport import SESSION_ENDS, SmtpReply, Stage
from digestd.domain.backoff import Backoff

MAIL_BACKOFF = Backoff.doubling(timedelta(minutes=5), timedelta(hours=1), jitter=0.2)
"""For a delivery that was refused for now."""
RELAY_BACKOFF = Backoff(tuple(timedelta(minutes=m) for m in (1, 2, 5, 10, 20, 40, 60)))
"""For a relay whose connections fail."""


SAME_REFUSALS_STOP = {Stage.FINAL_DOT: 5, Stage.RCPT: 25}
"""Number of equal 5xx replies in a row that stop a run: the mail is broken or the relay misconfigured."""
REFUSED_STOP = 25
"""Number of 5xx replies of any kind in a run that stop a relay, if they outnumber the accepted mails."""


class ReplyVerdict(StrEnum):
    """Meaning of a reply for the delivery and for the relay."""

    RETRY = "retry"  # retry this delivery later
    REJECT = "reject"  # give up, once other mails show that the refusal is about this one
    PAUSE_RELAY = "pause relay"  # the relay refuses service: pause it; no subscriber is to blame
    SLOW_RELAY = "slow relay"  # pause the relay and send fewer mails per second
    SLOW_DOMAIN = "slow domain"  # retry later, and send fewer mails per second to the recipient's domain


def classify_reply(stage: Stage, reply: SmtpReply) -> ReplyVerdict:
    """Return what a reply other than success at `stage` means."""
    if stage is Stage.FINAL_DOT and (reply.code == SESSION_ENDS or not 400 <= reply.code < 600):
        return ReplyVerdict.SLOW_RELAY if reply.code == SESSION_ENDS else ReplyVerdict.PAUSE_RELAY
    if stage in {Stage.RCPT, Stage.FINAL_DOT}:
        if 500 <= reply.code < 600:
            return ReplyVerdict.REJECT
        return ReplyVerdict.SLOW_DOMAIN if _slows_down(reply) else ReplyVerdict.RETRY
    return ReplyVerdict.SLOW_RELAY if _slows_down(reply) else ReplyVerdict.PAUSE_RELAY


def _slows_down(reply: SmtpReply) -> bool:
    """Return True for 421, 454, 4.7.x, and 452 unless a mailbox is full (4.2.x)."""
    if reply.code == 452:
        return not reply.enhanced.startswith("4.2.")
    return reply.code in {SESSION_ENDS, 454} or reply.enhanced.startswith("4.7.")
