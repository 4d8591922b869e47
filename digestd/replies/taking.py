"""One mail or event taken in: read, match, note, settle, in one transaction; safe to repeat.

Logs name deliveries by number, never an address.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from logging import ERROR, INFO, WARNING

import structlog
from sqlmodel import Session

from digestd.domain.bounce import Bounce, BounceKind, InboundOutcome
from digestd.domain.bounce_score import BounceAction
from digestd.replies.bounces.finding import Finding, Reading
from digestd.replies.bounces.mail import BYTES_MAX, Unreadable
from digestd.replies.commands.letter import Incoming, Letter
from digestd.replies.commands.reading import read
from digestd.replies.matching import Match, is_forged, match, named_without_proof
from digestd.security.links import Keys
from digestd.store import bounce_surge, bounces, inbound, ledger
from digestd.store.database import Database

FOR_A_PERSON = frozenset(
    {
        InboundOutcome.FORGED,
        InboundOutcome.UNTAGGED,
        InboundOutcome.FOREIGN,
        InboundOutcome.UNREAD,
        InboundOutcome.TOO_LARGE,
    }
)
"""What is not removed from a mailbox: somebody may want to look at it."""
FINGERPRINT = 32
"""So many hex digits tell one mail from another."""
LATEST = timedelta(days=14)
"""No mail system tries longer (RFC 5321 section 4.5.4.1: 4 to 5 days); what comes later may be made of an old mail."""
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Desk:
    """Takes in what comes back, on one database.

    `read` is how mails are read: here, or by a Reader. `obey` is asked what to make of a mail that is no
    bounce; it says None to what is no command either.
    """

    db: Database
    keys: Keys
    read: Callable[[bytes, tuple[str, ...]], tuple[Reading, Letter]] = read
    obey: Callable[[Session, Incoming, datetime], InboundOutcome | None] = lambda *_: None

    def take(self, raw: bytes | None, now: datetime, sent_to: Sequence[str] = ()) -> InboundOutcome:
        """Take one mail in; `raw` is None for one that was too large to be read, `sent_to` from its envelope."""
        found = self._read(raw, tuple(sent_to))
        with self.db.write() as session:
            outcome = found if isinstance(found, InboundOutcome) else self._hear(session, found, now)
            inbound.add_counts(session, {outcome: 1}, now)
        return outcome

    def settle(self, now: datetime) -> int:
        """Settle what became uncertain after its bounce had come; how many."""
        return ledger.settle_all_bounced(self.db, now)

    def _read(self, raw: bytes | None, sent_to: tuple[str, ...]) -> tuple[Reading, Incoming] | InboundOutcome:
        if raw is None or len(raw) > BYTES_MAX:
            return InboundOutcome.TOO_LARGE
        try:
            reading, letter = self.read(raw, sent_to)
        except Unreadable:
            return InboundOutcome.UNREAD
        return reading, Incoming(letter, reading.envelopes, reading.message_ids, sha256(raw).hexdigest()[:FINGERPRINT])

    def _hear(self, session: Session, found: tuple[Reading, Incoming], now: datetime) -> InboundOutcome:
        """A bounce is none the less one where it comes to the address for commands."""
        reading, incoming = found
        said = None if reading.finding and reading.finding.kind else self.obey(session, incoming, now)
        return said or self._judge(session, reading, now)

    def _judge(self, session: Session, reading: Reading, now: datetime) -> InboundOutcome:
        finding = reading.finding
        if finding is not None and finding.kind is None:
            return InboundOutcome.AUTOMATIC
        whose = match(session, self.keys, reading)
        if whose is None:
            return _unproven(session, reading)
        if finding is None or finding.kind is None:
            log.warning("a bounce in no known form", delivery=whose.delivery)
            return InboundOutcome.UNREAD
        bounce = _bounce(whose, finding.kind, finding, reading.via, now)
        doubtful = bounce.kind is BounceKind.HARD and bounce_surge.is_contradicted(session, bounce, now - LATEST)
        return note(session, bounce, now, doubtful)


def _unproven(session: Session, reading: Reading) -> InboundOutcome:
    """Return what a mail is that no return path of ours proves to be about a mail of ours."""
    if is_forged(reading):
        outcome = InboundOutcome.FORGED
    elif reading.finding is not None and (delivery := named_without_proof(session, reading)) is not None:
        log.warning("a bounce without the return path of the mail it names is not counted", delivery=delivery)
        return InboundOutcome.UNTAGGED
    else:
        outcome = InboundOutcome.FOREIGN
    log.warning("a mail about nothing of ours", outcome=outcome, via=reading.via or None)
    return outcome


def note(session: Session, bounce: Bounce, now: datetime, doubtful: bool = False) -> InboundOutcome:
    """Keep a bounce, settle its delivery if that was uncertain, and tell the log what followed."""
    noted = bounces.record(session, bounce, now, doubtful)
    if not noted.is_new:
        return InboundOutcome.KNOWN
    if bounce.delivery is not None:
        ledger.settle_bounced(session, [bounce.delivery], now)
    log.log(
        _LEVEL.get(noted.action, INFO),
        "bounce",
        delivery=bounce.delivery,
        kind=bounce.kind,
        status=bounce.status,
        via=bounce.via,
        follows=_FOLLOWS[noted.action],
    )
    return InboundOutcome.TAKEN


_FOLLOWS = {
    BounceAction.FINE: "nothing",
    BounceAction.WARNED: "the address is suppressed if this goes on",
    BounceAction.HARD: "suppressed",
    BounceAction.SOFT: "suppressed",
    BounceAction.COMPLAINT: "suppressed",
    BounceAction.HELD: "held: too many at once, or contradicted; see `digestd subscriber suppress --held --dry-run`",
}
_LEVEL = {BounceAction.WARNED: WARNING, BounceAction.HELD: ERROR}


def _bounce(whose: Match, kind: BounceKind, finding: Finding, via: str, now: datetime) -> Bounce:
    """The same mail bouncing again in the same way is the same bounce, whichever report tells of it."""
    about = whose.delivery if whose.delivery is not None else whose.address_key.hex()
    again = now.date() if whose.delivery is None else whose.attempt
    return Bounce(
        key=bounces.key_of("mail", about, again, kind),
        address_key=whose.address_key,
        kind=kind,
        via=via,
        status=finding.status,
        delivery=whose.delivery,
        attempt=whose.attempt,
        at=now,
    )
