"""Process inbound mails and the events of provider webhooks: match, record and settle. Idempotent.

Everything after parsing happens in one transaction. Our own keys prove a mail. The provider's signature proves a
webhook, so an event may name its subscriber by the address alone. Logs name deliveries by number, never an address.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from logging import ERROR, INFO, WARNING

import structlog
from sqlmodel import Session

from digestd.delivery.bounces import is_doubtful, record
from digestd.domain.bounce import Bounce, BounceAction, BounceKind, InboundOutcome
from digestd.errors import BadRecord, NotInitialised, Unavailable
from digestd.replies.bounces.formats import BounceReport, Classification
from digestd.replies.bounces.providers import AGE_MAX, CLOCK_SKEW_MAX, BounceEvent, WebhookPayload
from digestd.replies.inbound_mail import InboundMail, ReceivedMail, parse_inbound_mail
from digestd.replies.matching import (
    Match,
    find_unproven_delivery,
    is_forged,
    match_envelope,
    match_message_id,
    match_report,
)
from digestd.replies.parsed_mail import BYTES_MAX, UnreadableMail
from digestd.security.addresses import address_key
from digestd.security.keys import Keys
from digestd.store import bounces, ledger, monitoring, subscribers
from digestd.store.bulk import by_halves
from digestd.store.database import Database

NEEDS_REVIEW = frozenset(
    {
        InboundOutcome.FORGED,
        InboundOutcome.UNTAGGED,
        InboundOutcome.FOREIGN,
        InboundOutcome.UNREAD,
        InboundOutcome.TOO_LARGE,
    }
)
"""Outcomes whose mails stay in the mailbox for the operator."""
FINGERPRINT_DIGITS = 32
"""Hex digits of the SHA-256 hash that identifies a mail."""
TRUSTED_FOR = timedelta(days=14)
"""Mail systems give up after 4 to 5 days (RFC 5321 section 4.5.4.1); a later hard bounce may be a forged replay."""
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ReplyProcessor:
    """Process inbound mails on one database.

    Attributes:
        parse: Parser of raw mails: in this process, or a confined `MailParser`.
        prepare: Reads what the handler needs before its transaction begins.
        run_commands: Handler for mails that are no bounces; returns None if the mail is no command either.
    """

    db: Database
    keys: Keys
    parse: Callable[[bytes, tuple[str, ...]], InboundMail] = parse_inbound_mail
    prepare: Callable[[Database, ReceivedMail, datetime], ReceivedMail] = lambda _db, mail, _now: mail
    run_commands: Callable[[Session, ReceivedMail, datetime], InboundOutcome | None] = lambda *_: None

    def process(self, raw: bytes | None, now: datetime, sent_to: Sequence[str] = ()) -> InboundOutcome:
        """Process one mail and count its outcome.

        Args:
            raw: The mail; None if it was too large to be read.
            sent_to: Recipients of the SMTP envelope, if known.
        """
        parsed = self._parse(raw, tuple(sent_to))
        try:
            return self._act(parsed, now)
        except (Unavailable, NotInitialised):
            raise
        except Exception as error:  # one odd mail must not keep the others waiting
            log.exception("a mail cannot be processed; it is kept for review", kind=type(error).__name__)
            return self._act(InboundOutcome.UNREAD, now)

    def _act(self, parsed: tuple[Classification, ReceivedMail] | InboundOutcome, now: datetime) -> InboundOutcome:
        if not isinstance(parsed, InboundOutcome):
            parsed = (parsed[0], self.prepare(self.db, parsed[1], now))
        with self.db.write() as session:
            outcome = parsed if isinstance(parsed, InboundOutcome) else self._apply(session, parsed, now)
            monitoring.add_inbound_counts(session, {outcome: 1}, now)
        return outcome

    def settle(self, now: datetime) -> int:
        """Settle deliveries that became uncertain after their bounce; return the number."""
        return ledger.settle_all_bounced(self.db, now)

    def _parse(
        self, raw: bytes | None, sent_to: tuple[str, ...]
    ) -> tuple[Classification, ReceivedMail] | InboundOutcome:
        if raw is None or len(raw) > BYTES_MAX:
            return InboundOutcome.TOO_LARGE
        try:
            classified, mail = self.parse(raw, sent_to)
        except UnreadableMail:
            return InboundOutcome.UNREAD
        except Exception as error:  # of a kind that nobody foresaw
            log.exception("a mail cannot be parsed; it is kept for review", kind=type(error).__name__)
            return InboundOutcome.UNREAD
        fingerprint = sha256(raw).hexdigest()[:FINGERPRINT_DIGITS]
        return classified, ReceivedMail(mail, classified.envelopes, classified.message_ids, fingerprint)

    def _apply(self, session: Session, parsed: tuple[Classification, ReceivedMail], now: datetime) -> InboundOutcome:
        """Run the commands of a mail, or record its bounce.

        A bounce counts as such even if it was sent to the command address.
        """
        classified, received = parsed
        is_bounce = classified.report is not None and classified.report.kind is not None
        outcome = None if is_bounce else self.run_commands(session, received, now)
        return outcome or self._apply_report(session, classified, now)

    def _apply_report(self, session: Session, classified: Classification, now: datetime) -> InboundOutcome:
        report = classified.report
        if report is not None and report.kind is None:
            return InboundOutcome.AUTOMATIC
        found = match_report(session, self.keys, classified)
        if found is None:
            return _report_unproven(session, classified)
        if report is None or report.kind is None:
            log.warning("bounce in an unknown format; it stays in the mailbox for review", delivery=found.delivery)
            return InboundOutcome.UNREAD
        bounce = _bounce(found, report.kind, report, classified.via, now)
        doubtful = bounce.kind is BounceKind.HARD and is_doubtful(session, bounce, now - TRUSTED_FOR)
        return record_bounce(session, bounce, now, doubtful)


def record_bounce(session: Session, bounce: Bounce, now: datetime, doubtful: bool = False) -> InboundOutcome:
    """Store a bounce, settle an uncertain delivery, and log the consequence.

    Args:
        bounce: The bounce; one that is stored already changes nothing.
        doubtful: True to hold the bounce instead of suppressing the address.
    """
    recorded = record(session, bounce, now, doubtful)
    if not recorded.is_new:
        return InboundOutcome.KNOWN
    if bounce.delivery is not None:
        ledger.settle_bounced(session, [bounce.delivery], now)
    log.log(
        _LOG_LEVELS.get(recorded.action, INFO),
        "bounce",
        delivery=bounce.delivery,
        kind=bounce.kind,
        status=bounce.status,
        via=bounce.via,
        consequence=_CONSEQUENCES[recorded.action],
    )
    return InboundOutcome.TAKEN


_CONSEQUENCES = {
    BounceAction.FINE: "none",
    BounceAction.WARNED: "the address is suppressed if this continues",
    BounceAction.HARD: "suppressed",
    BounceAction.SOFT: "suppressed",
    BounceAction.COMPLAINT: "suppressed",
    BounceAction.HELD: "held: too many at once, or contradicted; see `digestd subscriber suppress --held --dry-run`",
}
_LOG_LEVELS = {BounceAction.WARNED: WARNING, BounceAction.HELD: ERROR}


def _report_unproven(session: Session, classified: Classification) -> InboundOutcome:
    """Log a mail in which no return path is proven to be ours, and return its outcome."""
    if is_forged(classified):
        outcome = InboundOutcome.FORGED
    elif classified.report is not None and (delivery := find_unproven_delivery(session, classified)) is not None:
        log.warning("bounce ignored: it does not contain the return path of the mail it names", delivery=delivery)
        return InboundOutcome.UNTAGGED
    else:
        outcome = InboundOutcome.FOREIGN
    log.warning("mail ignored: no return path in it is ours", outcome=outcome, via=classified.via or None)
    return outcome


def _bounce(found: Match, kind: BounceKind, report: BounceReport, via: str, now: datetime) -> Bounce:
    """Return the bounce of a report. Repeated reports of the same failure of one attempt get the same key."""
    about = found.delivery if found.delivery is not None else found.address_key.hex()
    again = now.date() if found.delivery is None else found.attempt
    return Bounce(
        key=bounces.key_of("mail", about, again, kind),
        address_key=found.address_key,
        kind=kind,
        via=via,
        status=report.status,
        delivery=found.delivery,
        attempt=found.attempt,
        at=now,
    )


def process_events(
    db: Database, keys: Keys, provider: str, payload: WebhookPayload, now: datetime
) -> dict[InboundOutcome, int]:
    """Record the bounces of one webhook; return the number of events by outcome.

    An event that cannot be recorded counts as unread, and the others are recorded. A token that was accepted before is
    a replay, and its events count as known.
    """
    counts: Counter[InboundOutcome] = Counter()

    def refuse(_event: BounceEvent, error: Exception) -> None:
        log.exception("an event cannot be recorded", provider=provider, exc_info=error)
        counts[InboundOutcome.UNREAD] += 1

    def record(events: Sequence[BounceEvent]) -> Counter[InboundOutcome]:
        return _record_events(db, keys, (provider, payload.token), events, now)

    if payload.token and not payload.events:
        record(())
    for part in by_halves(payload.events, record, refuse):
        counts.update(part)
    return dict(counts)


def _record_events(
    db: Database, keys: Keys, sender: tuple[str, str], events: Sequence[BounceEvent], now: datetime
) -> Counter[InboundOutcome]:
    """Record events; `sender`: the provider, and the token of its webhook, which comes with one event at most."""
    provider, token = sender
    counts: Counter[InboundOutcome] = Counter()
    with db.write() as session:
        if token and not bounces.take_token(session, provider, token, now, TOKENS_KEPT):
            counts[InboundOutcome.KNOWN] += len(events)
            events = ()
        matched = [(event, _match(session, keys, event)) for event in events]
        bounces.lock(session, {found.address_key for _, found in matched if found is not None})
        for event, found in matched:
            outcome = InboundOutcome.FOREIGN
            if found is not None:
                outcome = record_bounce(session, _event_bounce(provider, event, found, now), now)
            counts[outcome] += 1
        monitoring.add_inbound_counts(session, counts, now)
    return counts


TOKENS_KEPT = AGE_MAX + 2 * CLOCK_SKEW_MAX
"""Longer than a signature is accepted."""


def _match(session: Session, keys: Keys, event: BounceEvent) -> Match | None:
    found = match_envelope(session, keys, event.envelope) or match_message_id(session, event.message_id)
    return found or _match_address(session, keys, event.address)


def _match_address(session: Session, keys: Keys, address: str) -> Match | None:
    try:
        key = address_key(keys, address)
    except BadRecord:
        return None
    return None if subscribers.by_address_key(session, key) is None else Match(key, None, None)


def _event_bounce(provider: str, event: BounceEvent, found: Match, now: datetime) -> Bounce:
    return Bounce(
        key=bounces.key_of("event", provider, event.id or f"{event.address} {event.kind} {now.date()}"),
        address_key=found.address_key,
        kind=event.kind,
        via=provider,
        status=event.status[:12],
        delivery=found.delivery,
        attempt=found.attempt,
        at=now,
    )
