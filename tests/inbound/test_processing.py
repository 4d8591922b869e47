"""Test the processing of bounces: match, consequence, and resistance to forgery."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select

from digestd.delivery.bounces import record as record_bounce
from digestd.delivery.bounces import score_of
from digestd.domain.bounce import Bounce, BounceKind, InboundOutcome
from digestd.domain.delivery import State, SuppressionReason
from digestd.domain.subscriber import Status
from digestd.security.addresses import address_key, complaint_tag, make_complaint_id, make_envelope_from
from digestd.security.keys import Keys
from digestd.security.tokens import Purpose, make_token
from digestd.store import bounces, core, subscribers, suppressions
from digestd.store.timestamps import to_us
from digestd.subscribers.personal_data import erase
from digestd.subscribers.signup import confirm, request_signup
from digestd.subscribers.subscriber_record import parse
from digestd.subscribers.suppression import unsuppress
from tests.inbound.conftest import BOUNCE, READERS, SentInstall

TAKEN = InboundOutcome.TAKEN


@pytest.mark.parametrize(
    "sample",
    [
        *("postfix-hard", "exim-hard", "exim-old-hard", "exchange-hard", "gmail-hard", "qmail-hard", "encoded-hard"),
        *("dragonfly-hard", "workmail-hard", "exchange-online-hard", "outlook-hard", "wrong-boundary-hard"),
    ],
)
def test_hard_bounce_suppresses_only_its_reader(on_file: SentInstall, sample: str) -> None:
    assert on_file.process(on_file.mail(sample)) is TAKEN
    assert (on_file.status(1), on_file.suppression(1)) == (Status.SUPPRESSED, SuppressionReason.HARD_BOUNCE)
    assert [on_file.status(n) for n in (2, 3)] == [Status.ACTIVE] * 2
    assert on_file.install.broken == {}


def test_hard_bounce_counts_once(sent: SentInstall) -> None:
    raw = sent.mail("postfix-hard")
    assert [sent.process(raw), sent.process(raw), sent.process(sent.mail("gmail-hard"))] == [
        TAKEN,
        InboundOutcome.KNOWN,
        InboundOutcome.KNOWN,
    ]
    assert sent.suppression() is SuppressionReason.HARD_BOUNCE
    assert sent.counts == {TAKEN: 1, InboundOutcome.KNOWN: 2}
    (kept,) = sent.bounces()
    assert (kept.kind, kept.status, kept.via, kept.delivery, kept.attempt) == (BounceKind.HARD, "5.1.1", "dsn", 1, 1)
    assert sent.state() is State.ACCEPTED


def test_complaint_suppresses_its_reader(sent: SentInstall) -> None:
    assert sent.process(sent.mail("loop-complaint")) is TAKEN
    assert (sent.status(), sent.suppression()) == (Status.SUPPRESSED, SuppressionReason.COMPLAINT)
    assert [sent.status(n) for n in (2, 3)] == [Status.ACTIVE] * 2


@pytest.mark.parametrize(
    "sample",
    [
        *("exchange-policy", "postfix-delayed", "gmail-full-soft"),
        *("sendmail-blocklist-policy", "google-groups-policy", "quota-beats-status-soft", "gmail-rate-soft"),
    ],
)
def test_other_bounces_are_recorded_without_suppression(on_file: SentInstall, sample: str) -> None:
    assert on_file.process(on_file.mail(sample)) is TAKEN
    assert on_file.status() is Status.ACTIVE
    assert len(on_file.bounces()) == 1


@pytest.mark.parametrize(
    "sample", ["out-of-office-nothing", "out-of-office-old-nothing", "challenge-nothing", "dmarc-nothing"]
)
def test_automatic_replies_are_ignored(on_file: SentInstall, sample: str) -> None:
    assert on_file.process(on_file.mail(sample)) is InboundOutcome.AUTOMATIC
    assert on_file.bounces() == []


@pytest.mark.parametrize("sample", ["person-unread", "strange-system-unread", "daemon-unclear-unread"])
def test_unknown_formats_are_left_for_review(on_file: SentInstall, sample: str) -> None:
    assert on_file.process(on_file.mail(sample)) is InboundOutcome.UNREAD


def test_week_of_soft_bounces_suppresses(on_file: SentInstall) -> None:
    made = on_file.install
    for day in range(7):
        raw = on_file.mail("qmail-full-soft", verp=on_file.verp(1, day + 1))
        assert on_file.process(raw, later=timedelta(days=day)) is TAKEN
    # the same delivery counts once, however often it is tried
    assert on_file.suppression() is None
    with made.db.write() as session:
        for day in range(7):
            record_bounce(session, _soft(on_file, day), made.clock.now + timedelta(days=day))
    assert on_file.suppression() is SuppressionReason.SOFT_BOUNCE
    assert on_file.status() is Status.SUPPRESSED


def _soft(site: SentInstall, day: int) -> Bounce:
    return Bounce(
        key=bounces.key_of("test", day),
        address_key=site.key(),
        kind=BounceKind.SOFT,
        via="ses",
        status="4.2.2",
        delivery=None,
        attempt=None,
        at=site.install.clock.now + timedelta(days=day, hours=1),
    )


# Forgery


FORGED = [
    "bounce+1.1.aaaaaaaaaaaaaaaaaaaaaaaa@example.org",
    "bounce+1.2.{mac}@example.org",
    "bounce+2.1.{mac}@example.org",
    "bounce+01.1.{mac}@example.org",
]


@pytest.mark.parametrize("sample", ["postfix-hard", "qmail-hard"])
def test_forged_return_path_suppresses_nobody(on_file: SentInstall, sample: str) -> None:
    mac = on_file.verp(1).partition("@")[0].rpartition(".")[2]
    for address in FORGED:
        raw = on_file.mail(sample, verp=address.format(mac=mac)).replace(b"example.org>\nSubject", b"x>\nSubject")
        raw = raw.replace(b"Message-ID: ", b"X-Was: ").replace(b"In-Reply-To: ", b"X-Was: ")
        assert on_file.process(raw) in {InboundOutcome.FORGED, InboundOutcome.FOREIGN}, address
    assert on_file.suppression() is None
    assert on_file.counts.get(TAKEN, 0) == 0


def test_return_path_of_other_key_is_forged(on_file: SentInstall) -> None:
    other = make_envelope_from(Keys(b"the secret of somebody else, 32 b"), 1, 1, BOUNCE)
    raw = on_file.mail("postfix-hard", verp=other)
    assert on_file.process(raw) is InboundOutcome.FORGED
    assert on_file.suppression() is None


def test_changed_mac_is_forged(on_file: SentInstall) -> None:
    genuine = on_file.verp(1)
    local, _, host = genuine.partition("@")
    letters = "abcdefghijklmnopqrstuvwxyz234567"
    changed = [
        f"{local[:place]}{letter}{local[place + 1 :]}@{host}"
        for place in range(len(local) - 24, len(local))
        for letter in letters
        if letter != local[place]
    ]
    outcomes = {
        on_file.process(on_file.mail("exchange-policy", verp=one).replace(b"<digest.", b"<x.")) for one in changed[::15]
    }
    assert outcomes == {InboundOutcome.FORGED}


def test_backscatter_is_foreign(on_file: SentInstall) -> None:
    raw = on_file.mail("postfix-hard", verp="bounce@example.org").replace(b"<digest.", b"<other.")
    assert on_file.process(raw) is InboundOutcome.FOREIGN


def test_unknown_delivery_with_valid_mac_is_foreign(on_file: SentInstall) -> None:
    raw = on_file.mail("exchange-policy", verp=on_file.verp(999)).replace(b"<digest.", b"<other.")
    assert on_file.process(raw) in {InboundOutcome.FOREIGN, InboundOutcome.FORGED}
    assert on_file.suppression() is None


# Waves and contradictions


def held_bounces(site: SentInstall) -> int:
    with site.install.db.read() as session:
        return len(bounces.held_addresses(session, site.install.clock.now))


def test_wave_of_bounces_by_mail_suppresses_nobody(sent: SentInstall) -> None:
    """Show that a wave of hard bounces is held, including those before it was noticed."""
    for delivery in range(1, READERS + 1):
        assert sent.process(sent.mail("postfix-hard", delivery=delivery)) is TAKEN
        sent.install.clock.go(timedelta(minutes=1))
    assert [sent.status(n) for n in range(1, READERS + 1)] == [Status.ACTIVE] * READERS
    assert [sent.suppression(n) for n in range(1, READERS + 1)] == [None] * READERS
    assert held_bounces(sent) == READERS
    with sent.install.db.read() as session:
        (lifting,) = suppressions.lifted(session, sent.key(1))
    assert lifting.why.startswith("held:")
    assert sent.install.broken == {}


def test_bounce_is_held_after_feedback_on_the_mail(on_file: SentInstall) -> None:
    """Show that a hard bounce is held if somebody has read the mail: it may be forged."""
    on_file.install.clock.go(timedelta(minutes=5))
    with on_file.install.db.write() as session:
        paper = session.connection().execute(select(core.paper.c.id).limit(1)).scalar_one()
        values = {"subscriber_id": 1, "paper": paper, "verdict": "more", "at_us": to_us(on_file.install.clock.now)}
        session.connection().execute(core.feedback.insert().values(values))
    assert on_file.process(on_file.mail("postfix-hard"), later=timedelta(minutes=1)) is TAKEN
    assert (on_file.status(), on_file.suppression()) == (Status.ACTIVE, None)
    assert [bounce.held for bounce in on_file.bounces()] == [True]


@pytest.mark.parametrize(("days", "suppressed"), [(13, True), (15, False)])
def test_bounce_is_held_after_two_weeks(on_file: SentInstall, days: int, suppressed: bool) -> None:
    assert on_file.process(on_file.mail("postfix-hard"), later=timedelta(days=days)) is TAKEN
    assert (on_file.suppression() is not None) is suppressed


# Evidence


@pytest.mark.parametrize("case", [str.upper, str.title])
def test_return_path_matches_in_any_case(on_file: SentInstall, case: Callable[[str], str]) -> None:
    raw = on_file.mail("sendmail-hard", verp=case(on_file.verp(1)))
    assert on_file.process(raw) is TAKEN


def test_smtp_recipient_proves_bounce(on_file: SentInstall) -> None:
    raw = b"From: MAILER-DAEMON@example.net\nSubject: failure notice\n\n<a@example.net>:\nNo such user\n"
    qmail = (
        b"From: MAILER-DAEMON@example.net\n\nHi. This is the qmail-send program.\n\n<a@example.net>:\nno such user\n"
    )
    assert on_file.process(qmail, on_file.verp(2)) is TAKEN
    assert on_file.suppression(2) is SuppressionReason.HARD_BOUNCE
    assert on_file.process(raw) is InboundOutcome.FOREIGN


def test_envelope_id_proves_bounce(on_file: SentInstall) -> None:
    tag = on_file.verp(2).partition("+")[2].partition("@")[0]
    raw = on_file.mail("postfix-hard", verp="someone@example.org").replace(b"<digest.", b"<other.")
    raw = raw.replace(b"Reporting-MTA:", f"Original-Envelope-Id: {tag}\nReporting-MTA:".encode())
    assert on_file.process(raw) is TAKEN
    assert on_file.suppression(2) is SuppressionReason.HARD_BOUNCE


@pytest.mark.parametrize("sample", ["postfix-hard", "gmail-hard", "loop-complaint"])
def test_bounce_with_message_id_alone_changes_nothing(sent: SentInstall, sample: str) -> None:
    """Show that a Message-ID proves nothing: every forwarded digest contains it."""
    raw = sent.mail(sample, verp=BOUNCE, delivery=3)
    assert sent.process(raw, BOUNCE) is InboundOutcome.UNTAGGED
    assert (sent.status(3), sent.suppression(3), sent.bounces(3)) == (Status.ACTIVE, None, [])
    assert sent.counts == {InboundOutcome.UNTAGGED: 1}


def test_bounce_with_message_id_alone_settles_nothing(sent: SentInstall) -> None:
    sent.lose_the_answer(3)
    raw = sent.mail("postfix-delayed", verp=BOUNCE, delivery=3)
    assert sent.process(raw) is InboundOutcome.UNTAGGED
    assert sent.processor.settle(sent.install.clock.now) == 0
    assert sent.state(3) is State.UNCERTAIN


def test_complaint_with_unsubscribe_link_alone_changes_nothing(sent: SentInstall) -> None:
    assert sent.process(sent.mail("blacked-out-complaint")) is InboundOutcome.FOREIGN
    assert (sent.status(), sent.suppression()) == (Status.ACTIVE, None)


def test_original_mail_from_proves_complaint(on_file: SentInstall) -> None:
    raw = on_file.mail("blacked-out-complaint")
    raw = raw.replace(b"Version: 0.1", f"Version: 0.1\nOriginal-Mail-From: <{on_file.verp(2)}>".encode())
    assert on_file.process(raw) is TAKEN
    assert on_file.suppression(2) is SuppressionReason.COMPLAINT
    assert [on_file.status(n) for n in (1, 3)] == [Status.ACTIVE] * 2


def test_complaint_id_proves_complaint(on_file: SentInstall) -> None:
    assert on_file.process(_with_complaint_id(on_file, "blacked-out-complaint", delivery=2)) is TAKEN
    assert on_file.suppression(2) is SuppressionReason.COMPLAINT
    assert [on_file.status(n) for n in (1, 3)] == [Status.ACTIVE] * 2


def test_complaint_id_proves_no_bounce(on_file: SentInstall) -> None:
    """Test that whoever holds a forwarded mail cannot forge a bounce."""
    raw = _with_complaint_id(on_file, "postfix-hard", delivery=1).replace(on_file.verp(1).encode(), b"x@example.net")
    assert on_file.process(raw) is InboundOutcome.FORGED
    tag = complaint_tag(make_complaint_id(on_file.install.app.keys, 1))
    assert on_file.process(raw, f"bounce+{tag}@example.org", later=timedelta(hours=1)) is InboundOutcome.FORGED
    assert on_file.bounces() == []


def _with_complaint_id(sent: SentInstall, sample: str, delivery: int) -> bytes:
    """Return a report whose returned headers hold our id for complaints, folded."""
    complaint_id = make_complaint_id(sent.install.app.keys, delivery).replace(":0:", ":0:\n ")
    before, found, after = sent.mail(sample).rpartition(b"\nMessage-ID: ")
    return before + f"\nCFBL-Feedback-ID: {complaint_id}".encode() + found + after


def test_bounce_settles_uncertain_delivery(sent: SentInstall) -> None:
    sent.lose_the_answer()
    assert sent.process(sent.mail("postfix-delayed")) is TAKEN
    assert sent.state() is State.ACCEPTED
    assert sent.install.unsafe == {}
    with sent.install.db.read() as session:
        entry = bounces.of_delivery(session, 1)
    assert [bounce.kind for bounce in entry] == [BounceKind.DELAYED]


def test_early_bounce_settles_delivery_later(on_file: SentInstall) -> None:
    assert on_file.process(on_file.mail("gmail-full-soft")) is TAKEN
    on_file.lose_the_answer()
    assert on_file.processor.settle(on_file.install.clock.now) == 1
    assert on_file.processor.settle(on_file.install.clock.now) == 0
    assert on_file.state() is State.ACCEPTED


def test_bounce_of_other_attempt_settles_nothing(on_file: SentInstall) -> None:
    on_file.lose_the_answer()
    raw = on_file.mail("gmail-full-soft", verp=on_file.verp(1, 7)).replace(b"<digest.", b"<other.")
    assert on_file.process(raw) is TAKEN
    assert on_file.state() is State.UNCERTAIN


# After it


def test_suppression_outlives_erasure(sent: SentInstall) -> None:
    address = sent.address()
    assert sent.process(sent.mail("postfix-hard", verp=sent.verp(1, 2))) is TAKEN
    unsuppress(sent.install.db, sent.install.app.keys, address, f"{address} wrote to us", sent.install.clock.now)
    assert sent.process(sent.mail("loop-complaint")) is TAKEN
    erase(sent.install.db, sent.install.app.keys, address, sent.install.clock.now)
    assert sent.process(sent.mail("postfix-hard")) is TAKEN
    assert (sent.status(), sent.suppression()) == (Status.ERASED, None)
    key = address_key(sent.install.app.keys, address)
    with sent.install.db.read() as session:
        assert suppressions.reason_for(session, key) is SuppressionReason.ERASED
        assert suppressions.count(session)[SuppressionReason.HARD_BOUNCE] == 0
        assert [lifting.why for lifting in suppressions.lifted(session, key)] == [""]
    assert sent.install.broken == {}


def test_unsuppress_restores_status(sent: SentInstall) -> None:
    made = sent.install
    assert sent.process(sent.mail("postfix-hard")) is TAKEN
    made.clock.go(timedelta(hours=1))
    assert (
        unsuppress(made.db, made.app.keys, sent.address(), "their server was broken", made.clock.now) is Status.ACTIVE
    )
    assert sent.suppression() is None
    # what still comes in about mails from before says nothing new
    assert sent.process(sent.mail("postfix-hard", verp=sent.verp(1, 2))) is TAKEN
    assert sent.status() is Status.ACTIVE
    assert made.broken == {}


def test_unsuppressed_complaint_needs_new_consent(on_file: SentInstall) -> None:
    made = on_file.install
    on_file.process(on_file.mail("loop-complaint"))
    status = unsuppress(made.db, made.app.keys, on_file.address(), "they pressed the wrong button", made.clock.now)
    assert status is Status.UNSUBSCRIBED


def test_new_subscription_resets_bounce_score(on_file: SentInstall) -> None:
    made = on_file.install
    on_file.process(on_file.mail("postfix-hard"))
    made.clock.go(timedelta(days=3))
    request_signup(made.db, made.app.notices, parse({"email": on_file.address()}), made.clock.now)
    assert (on_file.status(), on_file.suppression()) == (Status.SUPPRESSED, SuppressionReason.HARD_BOUNCE)
    with made.db.read() as session:
        known = subscribers.by_address_key(session, on_file.key())
    assert known is not None
    confirm(
        made.db, made.app.keys, make_token(made.app.keys, Purpose.CONFIRM, known.key, made.clock.now, 1), made.clock.now
    )
    assert (on_file.status(), on_file.suppression()) == (Status.ACTIVE, None)
    with made.db.read() as session:
        assert score_of(session, on_file.key(), made.clock.now).points == 0
        (lifting,) = suppressions.lifted(session, on_file.key())
    assert lifting.why == "signed up again and confirmed"


async def test_suppressed_reader_gets_no_digest(sent: SentInstall) -> None:
    made = sent.install
    sent.process(sent.mail("postfix-hard"))
    made.clock.go(timedelta(days=1))
    made.papers(
        [{"id": f"x:{n}", "title": f"A new paper number {n} on graphs", "categories": ["cs.LG"]} for n in range(9)]
    )
    assert made.plan().due == 2
    assert (await made.deliver()).skipped == 0
