"""One mail that came back: whose it is, what follows, and that nothing forged does anything."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select

from digestd.domain.bounce import Bounce, BounceKind, InboundOutcome
from digestd.domain.delivery import State
from digestd.domain.subscriber import Status
from digestd.domain.suppression import SuppressionReason
from digestd.security.links import Keys, Purpose, address_key, envelope_from, token
from digestd.store import bounce_surge, bounces, core, subscribers, suppressions
from digestd.store.timestamps import to_us
from digestd.subscribers.erasure import erase
from digestd.subscribers.signup import confirm, request_signup
from digestd.subscribers.subscriber_record import parse
from digestd.subscribers.suppression import unsuppress
from tests.inbound.conftest import BOUNCE, READERS, Returned

TAKEN = InboundOutcome.TAKEN


@pytest.mark.parametrize(
    "sample",
    ["postfix-hard", "exim-hard", "exim-old-hard", "exchange-hard", "gmail-hard", "qmail-hard", "encoded-hard"],
)
def test_a_hard_bounce_suppresses_its_reader_and_nobody_else(on_file: Returned, sample: str) -> None:
    assert on_file.take(on_file.mail(sample)) is TAKEN
    assert (on_file.status(1), on_file.suppression(1)) == (Status.SUPPRESSED, SuppressionReason.HARD_BOUNCE)
    assert [on_file.status(n) for n in (2, 3)] == [Status.ACTIVE] * 2
    assert on_file.made.broken == {}


def test_it_does_so_on_each_engine_and_once(sent: Returned) -> None:
    raw = sent.mail("postfix-hard")
    assert [sent.take(raw), sent.take(raw), sent.take(sent.mail("gmail-hard"))] == [
        TAKEN,
        InboundOutcome.KNOWN,
        InboundOutcome.KNOWN,
    ]
    assert sent.suppression() is SuppressionReason.HARD_BOUNCE
    assert sent.counts == {TAKEN: 1, InboundOutcome.KNOWN: 2}
    (kept,) = sent.bounces()
    assert (kept.kind, kept.status, kept.via, kept.delivery, kept.attempt) == (BounceKind.HARD, "5.1.1", "dsn", 1, 1)
    assert sent.state() is State.ACCEPTED


def test_a_complaint_ends_the_subscription(sent: Returned) -> None:
    assert sent.take(sent.mail("loop-complaint")) is TAKEN
    assert (sent.status(), sent.suppression()) == (Status.SUPPRESSED, SuppressionReason.COMPLAINT)
    assert [sent.status(n) for n in (2, 3)] == [Status.ACTIVE] * 2


@pytest.mark.parametrize("sample", ["exchange-policy", "postfix-delayed", "gmail-full-soft"])
def test_what_is_no_verdict_on_the_address_is_kept_and_suppresses_nobody(on_file: Returned, sample: str) -> None:
    assert on_file.take(on_file.mail(sample)) is TAKEN
    assert on_file.status() is Status.ACTIVE
    assert len(on_file.bounces()) == 1


@pytest.mark.parametrize(
    "sample", ["out-of-office-nothing", "out-of-office-old-nothing", "challenge-nothing", "dmarc-nothing"]
)
def test_automatic_answers_are_ignored(on_file: Returned, sample: str) -> None:
    assert on_file.take(on_file.mail(sample)) is InboundOutcome.AUTOMATIC
    assert on_file.bounces() == []


@pytest.mark.parametrize("sample", ["person-unread", "strange-system-unread"])
def test_what_is_not_understood_is_for_a_person(on_file: Returned, sample: str) -> None:
    assert on_file.take(on_file.mail(sample)) is InboundOutcome.UNREAD


def test_a_reader_who_cannot_be_reached_for_a_week_is_suppressed(on_file: Returned) -> None:
    made = on_file.made
    for day in range(7):
        raw = on_file.mail("qmail-full-soft", verp=on_file.verp(1, day + 1))
        assert on_file.take(raw, later=timedelta(days=day)) is TAKEN
    # the same delivery counts once, however often it is tried
    assert on_file.suppression() is None
    with made.db.write() as session:
        for day in range(7):
            bounces.record(session, _soft(on_file, day), made.clock.now + timedelta(days=day))
    assert on_file.suppression() is SuppressionReason.SOFT_BOUNCE
    assert on_file.status() is Status.SUPPRESSED


def _soft(back: Returned, day: int) -> Bounce:
    return Bounce(
        key=bounces.key_of("test", day),
        address_key=back.key(),
        kind=BounceKind.SOFT,
        via="ses",
        status="4.2.2",
        delivery=None,
        attempt=None,
        at=back.made.clock.now + timedelta(days=day, hours=1),
    )


# Forgery


FORGED = [
    "bounce+1.1.aaaaaaaaaaaaaaaaaaaaaaaa@example.org",
    "bounce+1.2.{mac}@example.org",
    "bounce+2.1.{mac}@example.org",
    "bounce+01.1.{mac}@example.org",
]


@pytest.mark.parametrize("address", FORGED)
@pytest.mark.parametrize("sample", ["postfix-hard", "qmail-hard"])
def test_a_forged_return_path_suppresses_nobody(on_file: Returned, address: str, sample: str) -> None:
    mac = on_file.verp(1).partition("@")[0].rpartition(".")[2]
    raw = on_file.mail(sample, verp=address.format(mac=mac)).replace(b"example.org>\nSubject", b"x>\nSubject")
    raw = raw.replace(b"Message-ID: ", b"X-Was: ").replace(b"In-Reply-To: ", b"X-Was: ")
    assert on_file.take(raw) in {InboundOutcome.FORGED, InboundOutcome.FOREIGN}
    assert on_file.suppression() is None
    assert on_file.counts.get(TAKEN, 0) == 0


def test_a_return_path_of_another_secret_is_forged(on_file: Returned) -> None:
    other = envelope_from(Keys(b"the secret of somebody else, 32 b"), 1, 1, BOUNCE)
    raw = on_file.mail("postfix-hard", verp=other)
    assert on_file.take(raw) is InboundOutcome.FORGED
    assert on_file.suppression() is None


def test_no_changed_mac_does_anything(on_file: Returned) -> None:
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
        on_file.take(on_file.mail("exchange-policy", verp=one).replace(b"<digest.", b"<x.")) for one in changed[::15]
    }
    assert outcomes == {InboundOutcome.FORGED}


def test_backscatter_about_mails_of_others_is_foreign(on_file: Returned) -> None:
    raw = on_file.mail("postfix-hard", verp="bounce@example.org").replace(b"<digest.", b"<other.")
    assert on_file.take(raw) is InboundOutcome.FOREIGN


def test_an_unknown_delivery_is_foreign_although_its_mac_is_right(on_file: Returned) -> None:
    raw = on_file.mail("exchange-policy", verp=on_file.verp(999)).replace(b"<digest.", b"<other.")
    assert on_file.take(raw) in {InboundOutcome.FOREIGN, InboundOutcome.FORGED}
    assert on_file.suppression() is None


# Waves and contradictions


def held(back: Returned) -> int:
    with back.made.db.read() as session:
        return len(bounce_surge.held_addresses(session, back.made.clock.now))


def test_wave_of_reports_by_mail_suppresses_nobody(sent: Returned) -> None:
    """All readers of a lab come back as unknown: nobody is lost, and the wave's first are taken back."""
    for delivery in range(1, READERS + 1):
        assert sent.take(sent.mail("postfix-hard", delivery=delivery)) is TAKEN
        sent.made.clock.go(timedelta(minutes=1))
    assert [sent.status(n) for n in range(1, READERS + 1)] == [Status.ACTIVE] * READERS
    assert [sent.suppression(n) for n in range(1, READERS + 1)] == [None] * READERS
    assert held(sent) == READERS
    with sent.made.db.read() as session:
        (lifting,) = suppressions.lifted(session, sent.key(1))
    assert lifting.why.startswith("held:")
    assert sent.made.broken == {}


def test_report_is_held_after_its_reader_gave_feedback(on_file: Returned) -> None:
    """Whoever has the mail can read its return path, and forge a report; but somebody has read that mail."""
    on_file.made.clock.go(timedelta(minutes=5))
    with on_file.made.db.write() as session:
        paper = session.connection().execute(select(core.paper.c.id).limit(1)).scalar_one()
        values = {"subscriber_id": 1, "paper": paper, "verdict": "more", "at_us": to_us(on_file.made.clock.now)}
        session.connection().execute(core.feedback.insert().values(values))
    assert on_file.take(on_file.mail("postfix-hard"), later=timedelta(minutes=1)) is TAKEN
    assert (on_file.status(), on_file.suppression()) == (Status.ACTIVE, None)
    assert [bounce.held for bounce in on_file.bounces()] == [True]


@pytest.mark.parametrize(("days", "suppressed"), [(13, True), (15, False)])
def test_report_is_held_when_no_server_tries_so_long(on_file: Returned, days: int, suppressed: bool) -> None:
    assert on_file.take(on_file.mail("postfix-hard"), later=timedelta(days=days)) is TAKEN
    assert (on_file.suppression() is not None) is suppressed


# Evidence


@pytest.mark.parametrize("case", [str.upper, str.title])
def test_a_mail_system_that_changes_the_case_of_addresses_is_understood(
    on_file: Returned, case: Callable[[str], str]
) -> None:
    raw = on_file.mail("sendmail-hard", verp=case(on_file.verp(1)))
    assert on_file.take(raw) is TAKEN


def test_the_envelope_names_it_where_the_mail_does_not(on_file: Returned) -> None:
    raw = b"From: MAILER-DAEMON@example.net\nSubject: failure notice\n\n<a@example.net>:\nNo such user\n"
    qmail = (
        b"From: MAILER-DAEMON@example.net\n\nHi. This is the qmail-send program.\n\n<a@example.net>:\nno such user\n"
    )
    assert on_file.take(qmail, on_file.verp(2)) is TAKEN
    assert on_file.suppression(2) is SuppressionReason.HARD_BOUNCE
    assert on_file.take(raw) is InboundOutcome.FOREIGN


def test_the_envelope_id_names_it(on_file: Returned) -> None:
    tag = on_file.verp(2).partition("+")[2].partition("@")[0]
    raw = on_file.mail("postfix-hard", verp="someone@example.org").replace(b"<digest.", b"<other.")
    raw = raw.replace(b"Reporting-MTA:", f"Original-Envelope-Id: {tag}\nReporting-MTA:".encode())
    assert on_file.take(raw) is TAKEN
    assert on_file.suppression(2) is SuppressionReason.HARD_BOUNCE


@pytest.mark.parametrize("sample", ["postfix-hard", "gmail-hard", "loop-complaint"])
def test_bounce_with_message_id_alone_changes_nothing(sent: Returned, sample: str) -> None:
    """Everybody who was forwarded a digest knows its Message-ID."""
    raw = sent.mail(sample, verp=BOUNCE, delivery=3)
    assert sent.take(raw, BOUNCE) is InboundOutcome.UNTAGGED
    assert (sent.status(3), sent.suppression(3), sent.bounces(3)) == (Status.ACTIVE, None, [])
    assert sent.counts == {InboundOutcome.UNTAGGED: 1}


def test_bounce_with_message_id_alone_settles_nothing(sent: Returned) -> None:
    sent.lose_the_answer(3)
    raw = sent.mail("postfix-delayed", verp=BOUNCE, delivery=3)
    assert sent.take(raw) is InboundOutcome.UNTAGGED
    assert sent.desk.settle(sent.made.clock.now) == 0
    assert sent.state(3) is State.UNCERTAIN


def test_complaint_with_unsubscribe_link_alone_changes_nothing(sent: Returned) -> None:
    assert sent.take(sent.mail("blacked-out-complaint")) is InboundOutcome.FOREIGN
    assert (sent.status(), sent.suppression()) == (Status.ACTIVE, None)


def test_complaint_proves_itself_by_original_mail_from(on_file: Returned) -> None:
    raw = on_file.mail("blacked-out-complaint")
    raw = raw.replace(b"Version: 0.1", f"Version: 0.1\nOriginal-Mail-From: <{on_file.verp(2)}>".encode())
    assert on_file.take(raw) is TAKEN
    assert on_file.suppression(2) is SuppressionReason.COMPLAINT
    assert [on_file.status(n) for n in (1, 3)] == [Status.ACTIVE] * 2


def test_a_bounce_settles_what_was_uncertain(sent: Returned) -> None:
    sent.lose_the_answer()
    assert sent.take(sent.mail("postfix-delayed")) is TAKEN
    assert sent.state() is State.ACCEPTED
    assert sent.made.unsafe == {}
    with sent.made.db.read() as session:
        entry = bounces.of_delivery(session, 1)
    assert [bounce.kind for bounce in entry] == [BounceKind.DELAYED]


def test_a_bounce_that_came_before_anybody_knew_settles_it_later(on_file: Returned) -> None:
    assert on_file.take(on_file.mail("gmail-full-soft")) is TAKEN
    on_file.lose_the_answer()
    assert on_file.desk.settle(on_file.made.clock.now) == 1
    assert on_file.desk.settle(on_file.made.clock.now) == 0
    assert on_file.state() is State.ACCEPTED


def test_a_bounce_of_an_earlier_attempt_settles_nothing(on_file: Returned) -> None:
    on_file.lose_the_answer()
    raw = on_file.mail("gmail-full-soft", verp=on_file.verp(1, 7)).replace(b"<digest.", b"<other.")
    assert on_file.take(raw) is TAKEN
    assert on_file.state() is State.UNCERTAIN


# After it


def test_a_suppression_outlives_erasure_and_later_bounces_change_nothing(sent: Returned) -> None:
    address = sent.address()
    assert sent.take(sent.mail("postfix-hard", verp=sent.verp(1, 2))) is TAKEN
    unsuppress(sent.made.db, sent.made.app.keys, address, f"{address} wrote to us", sent.made.clock.now)
    assert sent.take(sent.mail("loop-complaint")) is TAKEN
    erase(sent.made.db, sent.made.app.keys, address, sent.made.clock.now)
    assert sent.take(sent.mail("postfix-hard")) is TAKEN
    assert (sent.status(), sent.suppression()) == (Status.ERASED, None)
    key = address_key(sent.made.app.keys, address)
    with sent.made.db.read() as session:
        assert suppressions.reason_for(session, key) is SuppressionReason.ERASED
        assert suppressions.count(session)[SuppressionReason.HARD_BOUNCE] == 0
        assert [lifting.why for lifting in suppressions.lifted(session, key)] == [""]
    assert sent.made.broken == {}


def test_an_operator_takes_a_bounce_back_and_things_are_as_they_were(sent: Returned) -> None:
    made = sent.made
    assert sent.take(sent.mail("postfix-hard")) is TAKEN
    made.clock.go(timedelta(hours=1))
    assert (
        unsuppress(made.db, made.app.keys, sent.address(), "their server was broken", made.clock.now) is Status.ACTIVE
    )
    assert sent.suppression() is None
    # what still comes in about mails from before says nothing new
    assert sent.take(sent.mail("postfix-hard", verp=sent.verp(1, 2))) is TAKEN
    assert sent.status() is Status.ACTIVE
    assert made.broken == {}


def test_a_complaint_taken_back_needs_fresh_consent(on_file: Returned) -> None:
    made = on_file.made
    on_file.take(on_file.mail("loop-complaint"))
    back = unsuppress(made.db, made.app.keys, on_file.address(), "they pressed the wrong button", made.clock.now)
    assert back is Status.UNSUBSCRIBED


def test_who_signs_up_anew_after_a_bounce_starts_without_points(on_file: Returned) -> None:
    made = on_file.made
    on_file.take(on_file.mail("postfix-hard"))
    made.clock.go(timedelta(days=3))
    request_signup(made.db, made.app.notices, parse({"email": on_file.address()}), made.clock.now)
    assert (on_file.status(), on_file.suppression()) == (Status.SUPPRESSED, SuppressionReason.HARD_BOUNCE)
    with made.db.read() as session:
        known = subscribers.by_address_key(session, on_file.key())
    assert known is not None
    confirm(made.db, made.app.keys, token(made.app.keys, Purpose.CONFIRM, known.key, made.clock.now, 1), made.clock.now)
    assert (on_file.status(), on_file.suppression()) == (Status.ACTIVE, None)
    with made.db.read() as session:
        assert bounces.score_of(session, on_file.key(), made.clock.now).points == 0
        (lifting,) = suppressions.lifted(session, on_file.key())
    assert lifting.why == "signed up again and confirmed"


async def test_a_suppressed_reader_gets_nothing_more(sent: Returned) -> None:
    made = sent.made
    sent.take(sent.mail("postfix-hard"))
    made.clock.go(timedelta(days=1))
    made.papers(
        [{"id": f"x:{n}", "title": f"A new paper number {n} on graphs", "categories": ["cs.LG"]} for n in range(9)]
    )
    assert made.plan().due == 2
    assert (await made.deliver()).skipped == 0
